"""Registries whose truth is a ``summary.json``: a plain JSON array that anything can read."""

from __future__ import annotations

import contextlib
import shutil
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from bike_traffic.aliases import AliasChange
from bike_traffic.artifacts import digest_directory, model_folder, verify
from bike_traffic.errors import (
    IntegrityError,
    NoRecord,
    RegistryConflict,
    RegistryCorrupt,
    RegistryUnavailable,
    SettingsError,
)
from bike_traffic.metrics import metric_named
from bike_traffic.registry import QUERIED_KEYS, ModelRecord, Query, RegistryBackend, best_entry, folder_of
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.foreign_files import bring_foreign_files
from bike_traffic.registry_backends.store import LocalStore, Store, sync

if TYPE_CHECKING:
    from bike_traffic.registry_backends.signed_head import SignedHead
    from bike_traffic.signing import PublicKeys, SigningKey
    from bike_traffic.upkeep import Finding


class SummaryRegistry(RegistryBackend):
    """Records in an append-only array on a store; how files of models move is the subclass's part."""

    def __init__(self, uri: str, **options: Any) -> None:
        if not uri.endswith(".json"):
            uri = f"{uri.rstrip('/')}/summary.json"
        root, _, name = uri.rpartition("/")
        self.root = root or "."
        self.place = uri if "://" in uri else str(Path(uri).absolute())
        store = self._open_store(options)
        self.log = AppendLog(store, path=name, entries_prefix="records/", identity="run_id")
        self.alias_log = AppendLog(store, path="aliases.json", entries_prefix="aliases/", identity="change_id")
        self._store = store

    @abstractmethod
    def _open_store(self, options: Mapping[str, Any]) -> Store:
        """Return the store at ``self.root``; `options` are those of the backend's table in ``bt.toml``."""

    def append(self, record: ModelRecord) -> None:
        """Add a record; see `AppendLog.append`."""
        self.log.append(record.to_json())

    def reconcile(self) -> int:
        """Merge what is durable and not in its array, records and alias changes; see `AppendLog.reconcile`."""
        return self.log.reconcile() + self.alias_log.reconcile()

    def append_alias_change(self, change: AliasChange) -> None:
        """Add a change of an alias to ``aliases.json``; see `AppendLog.append`."""
        self.alias_log.append(change.to_json())

    def alias_changes(self) -> list[AliasChange]:
        """Return every change of every alias, in the order of ``aliases.json``."""
        return [AliasChange.from_json(entry) for entry in self.alias_log.entries()]

    def verify_records(self) -> Iterator[Finding]:
        """Compare ``records/`` with ``summary.json`` and ``aliases/`` with ``aliases.json``, entry by entry."""
        yield from _differences(self.log)
        yield from _differences(self.alias_log)

    def sign_head(self, key: SigningKey) -> None:
        """Sign how many records there are, and which; see `SignedHead.sign`."""
        self._head().sign(key)

    def verify_head(self, keys: PublicKeys) -> Iterator[Finding]:
        """Find whether records are gone that the signed head answers for."""
        return self._head().verify(keys)

    def _head(self) -> SignedHead:
        from bike_traffic.registry_backends.signed_head import SignedHead

        return SignedHead(self._store, self.log)

    def records_to_verify(self) -> Iterator[ModelRecord]:
        """Give each run's record as it was first written, where it can be read, else as the array has it."""
        merged = {str(entry.get("run_id")): entry for entry in self.log.entries()}
        durable = {str(entry.get("run_id")): entry for entry in self.log.durable_entries()}
        for run_id in [*merged, *sorted(durable.keys() - merged.keys())]:
            for entry in (durable.get(run_id), merged.get(run_id)):
                with contextlib.suppress(RegistryCorrupt):
                    if entry is not None:
                        yield ModelRecord.from_json(entry)
                        break

    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Give the records that `query` admits, in the order of the array."""
        for number, entry in enumerate(self.log.entries(), start=1):
            try:
                if query.admits(entry):
                    yield ModelRecord.from_json(entry)
            except RegistryCorrupt as error:
                raise RegistryCorrupt(f"{self.root}/{self.log.path}, entry {number}: {error}") from None

    def best(self, metric: str, query: Query) -> ModelRecord:
        """Return the best record; only the winner becomes a `ModelRecord`, which keeps long logs fast."""
        measured = metric_named(metric)

        def choose(rows: list[dict[str, Any]]) -> int:
            best = best_entry(rows, measured, query)
            return next(place for place, row in enumerate(rows) if row is best)

        return ModelRecord.from_json(self.log.pick([*QUERIED_KEYS, metric], choose))


class LocalRegistry(SummaryRegistry):
    """``models/summary.json`` and ``models/{model_type}/{timestamp}-{short id}/`` on this machine."""

    name: ClassVar[str] = "local"

    def _open_store(self, options: Mapping[str, Any]) -> Store:
        if options:
            raise SettingsError(f"backend 'local' has no option '{min(options)}'")
        if "://" in self.root:
            if not self.root.startswith("file://"):
                raise SettingsError(f"backend 'local' keeps a registry in a folder, not at {self.root}")
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
            if not target.exists():
                shutil.copytree(directory, incoming)
                for path in incoming.rglob("*"):
                    sync(path)
                sync(incoming)
                if digest_directory(incoming) != digests:
                    raise IntegrityError(f"{target}: what was read back is not what was stored")
                incoming.rename(target)
                sync(target.parent)
            elif digest_directory(target) != digests:
                raise RegistryConflict(f"{target} holds other files than those of run {run_id}")
        except OSError as error:
            raise RegistryUnavailable(f"{target}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
        return f"{self.root}/{folder}/"

    def verify_files(self, record: ModelRecord) -> None:
        """Check the files where they are."""
        verify(self._folder(record), record.artifacts or {}, str(self._folder(record)))

    def _folder(self, record: ModelRecord) -> Path:
        """Return where a model's files are: by the layout, so a moved registry keeps working."""
        folder = Path(self.root, folder_of(record))
        if not folder.is_dir():
            raise NoRecord(f"the files of run {record.run_id} are gone: {folder} does not exist")
        return folder

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Copy the files of `record`."""
        if record.artifacts is None and not Path(self.root, folder_of(record)).is_dir():
            bring_foreign_files(record, directory)
            return
        source = self._folder(record)
        try:
            shutil.copytree(source, directory, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise RegistryUnavailable(f"{source}: {error}") from error
        if record.artifacts is not None:
            verify(directory, record.artifacts, str(source))


def _differences(log: AppendLog) -> Iterator[Finding]:
    """Find what an array and the durable entries behind it say differently."""
    from bike_traffic.upkeep import Finding

    merged = log.entries()
    durable = {str(entry.get(log.identity)): entry for entry in log.durable_entries()}
    for entry in merged:
        name = str(entry.get(log.identity))
        if name not in durable:
            if log.identity == "run_id" and "artifacts" not in entry:
                continue  # a record that we did not write, which `verify` says of its files
            yield Finding("unrecorded", name, f"it stands in {log.path}, but not under {log.entries_prefix}")
        elif durable[name] != entry:
            first = durable[name]
            keys = sorted(key for key in entry.keys() | first.keys() if entry.get(key, ...) != first.get(key, ...))
            yield Finding("edited", name, f"{', '.join(keys)} in {log.path} and under {log.entries_prefix} differ")
    for name in sorted(durable.keys() - {str(entry.get(log.identity)) for entry in merged}):
        yield Finding("pending", name, f"it stands under {log.entries_prefix}, but not in {log.path}")
