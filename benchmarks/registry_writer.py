"""One writer of `registry.py`'s eight: it appends records as fast as it can, and prints the number of its conflicts.

python benchmarks/registry_writer.py KIND URI URL NAME APPENDS own|all
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import attrs

from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import LocalStore, Parts, Store, StoreConflict
from records import make_records


def main() -> None:
    kind, uri, url, name, appends, merges = sys.argv[1:]
    store = open_store(kind, uri, url)
    conflicts = count_conflicts(store)
    log = OwnOnly(store, name) if merges == "own" else AppendLog(store, "summary.json", "records/", "run_id", 600)
    sys.stdin.readline()  # until all writers are there
    for number, record in enumerate(make_records(int(appends))):
        log.append(attrs.evolve(record, run_id=f"{name}-{number}").to_json())
    print(json.dumps({"conflicts": conflicts()}))


def open_store(kind: str, uri: str, url: str) -> Store:
    """Open the store of a registry; `url` is the server of an emulated cloud."""
    if kind == "local":
        return LocalStore(Path(uri).parent)
    from bike_traffic.registry_backends.cloud import GcsRegistry, S3Registry

    return {"gcs": GcsRegistry, "s3": S3Registry}[kind](uri, endpoint_url=url).store


def count_conflicts(store: Store) -> Callable[[], int]:
    """Count the replaces that a store refuses from now on; return a function that returns their number."""
    honest, refused = store.replace, []

    def replace(path: str, parts: Parts, version: str, *, vouch: bool = False) -> str:
        try:
            return honest(path, parts, version, vouch=vouch)
        except StoreConflict:
            refused.append(path)
            raise

    store.replace = replace  # type: ignore[method-assign]
    return lambda: len(refused)


class OwnOnly(AppendLog):
    """The log as it would be if every writer merged its own records alone."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__(store, "summary.json", "records/", "run_id", 600)
        self._name = name

    def _marked(self) -> list[str]:
        return [mark for mark in super()._marked() if mark.startswith(f"{self._name}-")]


if __name__ == "__main__":
    main()
