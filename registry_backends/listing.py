"""What a list of records reads of an array: some keys of each entry, and its bytes as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from bike_traffic.errors import RegistryCorrupt
from bike_traffic.registry.files.artifacts import MANIFEST, are_digest
from bike_traffic.registry.queries import LISTED_KEYS, Query
from bike_traffic.registry.records import ModelRecord, parse_time
from bike_traffic.registry_backends.append_log import AppendLog

_FILE_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*")
_DIGEST = {"sha256", "size"}


def listed(log: AppendLog, query: Query) -> Iterator[tuple[int, Mapping[str, Any] | RegistryCorrupt, bytes]]:
    """Yield number, `LISTED_KEYS` and bytes of each entry that `query` admits; of what is no record, the error."""
    for number, (row, raw) in enumerate(log.rows([*LISTED_KEYS, "artifacts"]), start=1):
        try:
            if isinstance(row, RegistryCorrupt):
                raise row
            if query.admits(row):
                if not _is_record(row):
                    ModelRecord.from_json(log.whole(raw))
                yield number, row, raw
        except RegistryCorrupt as error:
            yield number, error, b""


def _is_record(row: Mapping[str, Any]) -> bool:
    """Return whether `ModelRecord.from_json` takes an entry for sure: an answer in a tenth of its time."""
    try:
        parse_time(row["timestamp"])
        are_texts = type(row["model_type"]) is type(row["run_id"]) is type(row["model_uri"]) is str
    except (KeyError, TypeError, ValueError):
        return False
    return are_texts and "env" in row and "test_mode" in row and _are_digests(row.get("artifacts"))


def _are_digests(artifacts: object) -> bool:
    return artifacts is None or (
        isinstance(artifacts, dict)
        and all(
            isinstance(digest, dict) and digest.keys() == _DIGEST and are_digest(digest) and _is_file_name(name)
            for name, digest in artifacts.items()
        )
    )


@lru_cache(maxsize=1024)
def _is_file_name(name: str) -> bool:
    return name != MANIFEST and _FILE_NAME.fullmatch(name) is not None
