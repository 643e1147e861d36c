"""Registries that keep their records in a ``summary.json``: a plain JSON array that any program can read."""

from __future__ import annotations

import json
import shutil
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from bike_traffic.addresses import shown
from bike_traffic.comparison import Divided, Division
from bike_traffic.errors import RegistryCorrupt, RegistryUnavailable, RegistryWarning, SettingsError
from bike_traffic.evaluation.metrics import Metric
from bike_traffic.folders import reason_of, sweep, sync
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.files.artifacts import (
    copy_tree,
    digest_directory,
    model_folder,
    verify,
    verify_manifest,
)
from bike_traffic.registry.queries import QUERIED_KEYS, Query, best_entry, compared_entries
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.file_errors import files_conflict, files_gone, read_back_differs
from bike_traffic.registry_backends.foreign_files import fetch_foreign_files, require_below
from bike_traffic.registry_backends.listing import listed
from bike_traffic.registry_backends.store import LocalStore, Store
from bike_traffic.registry_backends.verifying import verifiable

if TYPE_CHECKING:
    from bike_traffic.registry.files.findings import Finding, Verifiable
    from bike_traffic.registry.signing import PublicKeys, SigningKey
    from bike_traffic.registry_backends.signed_head import SignedHead


_HARMLESS = ("promote", "rollback", "restore", "sign")
"""Events of which none makes a run the best that is withdrawn."""
_WHOLE = "\0whole"
"""The key of an entry's bytes beside some of its values; no record has a NUL in a key that is read."""


class SummaryRegistry(RegistryBackend):
    """Records in an append-only array on a store; subclasses transfer the files of models."""

    def __init__(self, uri: str) -> None:
        if not uri.endswith(".json"):
            uri = f"{uri.rstrip('/')}/summary.json"
        root, _, name = uri.rpartition("/")
        self.root = root or "."
        self.registry_id = uri if "://" in uri else str(Path(uri).absolute())
        store = self._open_store()
        self.log = AppendLog(store, path=name, entries_prefix="records/", identity="run_id")
        self.event_log = AppendLog(store, path="aliases.json", entries_prefix="aliases/", identity="change_id")
        self._store = store

    @abstractmethod
    def _open_store(self) -> Store:
        """Return the store at ``self.root``."""

    def append(self, record: ModelRecord) -> None:
        """Add a record; see `AppendLog.append`."""
        self.log.append(record.to_json())

    def reconcile(self) -> int:
        """Merge the pending records and events into their arrays; see `AppendLog.reconcile`."""
        return self.log.reconcile() + self.event_log.reconcile()

    def exists(self) -> bool:
        """Return whether there is an array of records or events, or a record that waits to be merged."""
        arrays = self._store.versions(self.log.path, self.event_log.path)
        return bool(arrays) or bool(self._store.list(self.log.entries_prefix))

    def version(self) -> str:
        """Return the versions of ``summary.json`` and ``aliases.json``, which are not read."""
        return json.dumps(self._store.versions(self.log.path, self.event_log.path), sort_keys=True)

    def append_event(self, event: RegistryEvent) -> None:
        """Add an event to ``aliases.json``; see `AppendLog.append`."""
        self.event_log.append(event.to_json())

    def events(self) -> list[RegistryEvent]:
        """Return every event, in the order of ``aliases.json``."""
        events = []
        for number, entry in enumerate(self.event_log.entries(), start=1):
            try:
                events.append(RegistryEvent.from_json(entry))
            except RegistryCorrupt as error:
                if entry.get("kind", "promote") not in _HARMLESS:
                    raise  # it may withdraw the run, also in words of a later version, and the run could be the best
                self._leave_out(self.event_log, number, error)
        return events

    def _leave_out(self, log: AppendLog, number: int, error: RegistryCorrupt) -> None:
        """Warn that one entry, which another program wrote, is left out; the others are read."""
        warnings.warn(
            f"{shown(self.root)}/{log.path}: entry {number} was left out: {error}", RegistryWarning, stacklevel=3
        )

    def verify_records(self) -> Iterator[Finding]:
        """Compare ``aliases/`` with ``aliases.json``, entry by entry; `records_to_verify` does it for the records."""
        for event in verifiable(self.event_log, RegistryEvent.from_json):
            yield from event.findings

    def sign_head(self, key: SigningKey) -> None:
        """Sign the number of the records and their ids; see `SignedHead.sign`."""
        self._head().sign(key)

    def verify_head(self, keys: PublicKeys) -> Iterator[Finding]:
        """Find whether records are gone that the signed head counts."""
        return self._head().verify(keys)

    def _head(self) -> SignedHead:
        from bike_traffic.registry_backends.signed_head import SignedHead

        return SignedHead(self._store, self.log)

    def download_anywhere(self, record: ModelRecord, directory: Path) -> None:
        """Copy the files of a record without digests from wherever its `model_uri` says."""
        if record.artifacts is None and not self._stores(record):
            self._fetch_foreign(record, directory)
        else:
            self.download(record, directory)

    def _stores(self, record: ModelRecord) -> bool:  # noqa: ARG002
        """Return whether the files of a record without digests are where our layout has them."""
        return False

    def _fetch_foreign(self, record: ModelRecord, directory: Path) -> None:
        fetch_foreign_files(record, directory)

    def records_to_verify(self, after: int = 0) -> Iterator[Verifiable]:
        """Yield each run, from number `after` on, with its record as it was first written if that can be read."""
        return verifiable(self.log, ModelRecord.from_json, after)

    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Yield the records that `query` admits, in the order of the array."""
        return self._chosen(_keys_of(query), query.admits)

    def _beginning(self, run_id: str) -> Iterator[ModelRecord]:
        return self._chosen(("run_id",), lambda row: str(row.get("run_id")).startswith(run_id))

    def _chosen(self, keys: Sequence[str], admits: Callable[[Mapping[str, Any]], bool]) -> Iterator[ModelRecord]:
        """Yield the records that `admits` takes by these keys; only these are decoded whole."""
        for number, (row, raw) in enumerate(self.log.rows(keys), start=1):
            try:
                if isinstance(row, RegistryCorrupt):
                    raise row
                if admits(row):
                    yield ModelRecord.from_json(self.log.whole(raw))
            except RegistryCorrupt as error:
                self._leave_out(self.log, number, error)

    def listed(self, query: Query) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield what `RegistryBackend.listed` does; no entry is decoded whole."""
        for number, row, document in listed(self.log, query):
            if isinstance(row, RegistryCorrupt):
                self._leave_out(self.log, number, row)
            else:
                yield row, document

    def _compare(self, metric: Metric, query: Query) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
        """Decode only the queried keys, once, and the whole best record, of which one at a time is in memory."""

        def rows() -> Iterator[dict[str, Any]]:
            for row, raw in self.log.rows([*_keys_of(query), metric.name], check=False):
                if isinstance(row, RegistryCorrupt):
                    raise row
                row[_WHOLE] = raw  # of which `best_entry` keeps one
                yield row

        division = Division(metric)
        try:
            best = ModelRecord.from_json(self.log.whole(best_entry(rows(), metric, query, division.add)[_WHOLE]))
        except RegistryCorrupt:
            return super()._compare(metric, query)  # which leaves out what is no record
        return best, Divided(lambda: compared_entries(rows(), metric, query), division)


def _keys_of(query: Query) -> list[str]:
    """Return the keys of an entry that this query looks at."""
    return [*QUERIED_KEYS, *([query.measured_by] if query.measured_by else ())]


class LocalRegistry(SummaryRegistry):
    """``models/summary.json`` and ``models/{model_type}/{timestamp}-{short id}/`` on this machine."""

    name: ClassVar[str] = "local"

    def _open_store(self) -> Store:
        if "://" in self.root:
            if not self.root.startswith("file://"):
                raise SettingsError(
                    f"backend 'local' keeps a registry in a folder, not at {self.root}",
                    "registry-uri-no-folder",
                    uri=self.root,
                )
            self.root = self.root.removeprefix("file://")
        return LocalStore(Path(self.root))

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        """Copy the files, check the copies, and only then give the folder its name."""
        folder = model_folder(model_type, timestamp, run_id)
        target = Path(self.root, folder)
        digests = digest_directory(directory)
        incoming = target.with_name(f".incoming-{uuid4().hex}")
        try:
            incoming.parent.mkdir(parents=True, exist_ok=True)
            sweep(incoming.parent.glob(".incoming-*"))
            if not target.exists():
                shutil.copytree(directory, incoming)
                for path in incoming.rglob("*"):
                    sync(path)
                sync(incoming)
                if digest_directory(incoming) != digests:
                    raise read_back_differs(str(target))
                incoming.rename(target)
                sync(target.parent)
            elif digest_directory(target) != digests:
                raise files_conflict(run_id, str(target))
        except OSError as error:
            reason = reason_of(error)
            raise RegistryUnavailable(
                f"{target}: {reason}", "folder-not-writable", target=str(target), reason=reason
            ) from error
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
        return f"{self.root}/{folder}/"

    def verify_files(self, record: ModelRecord) -> None:
        """Check the files where they are."""
        folder, digests = self._folder(record), record.artifacts or {}
        verify(folder, digests, str(folder))
        verify_manifest(folder, record.model_type, record.plugin, digests, str(folder))

    def _stores(self, record: ModelRecord) -> bool:
        return Path(self.root, record.folder).is_dir()

    def _folder(self, record: ModelRecord) -> Path:
        """Return the folder of a model's files by the layout, so that a moved registry keeps working."""
        folder = Path(self.root, record.folder)
        if not folder.is_dir():
            raise files_gone(record.run_id, str(folder))
        return folder

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Copy the files of `record`."""
        if record.artifacts is None and not self._stores(record):
            require_below(record, self.root)
            self._fetch_foreign(record, directory)
            return
        source = self._folder(record)
        copy_tree(source, directory)
        if record.artifacts is not None:
            verify(directory, record.artifacts, str(source))
