"""Registries whose truth is a ``summary.json``: a plain JSON array that anything can read."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from bike_traffic.artifacts import digest_directory, model_folder, verify
from bike_traffic.errors import NoRecord, RegistryConflict, RegistryUnavailable, SettingsError
from bike_traffic.metrics import metric_named
from bike_traffic.registry import ModelRecord, Query, RegistryBackend, best_entry, folder_of
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import LocalStore, Store, sync


class SummaryRegistry(RegistryBackend):
    """Records in an append-only array on a store; how files of models move is the subclass's part."""

    def __init__(self, uri: str, **options: Any) -> None:
        if not uri.endswith(".json"):
            uri = f"{uri.rstrip('/')}/summary.json"
        root, _, name = uri.rpartition("/")
        self.root = root or "."
        self.log = AppendLog(self._open_store(options), path=name, entries_prefix="records/", identity="run_id")

    @abstractmethod
    def _open_store(self, options: Mapping[str, Any]) -> Store:
        """Return the store at ``self.root``; `options` are those of the backend's table in ``bt.toml``."""

    def append(self, record: ModelRecord) -> None:
        """Add a record; see `AppendLog.append`."""
        self.log.append(record.to_json())

    def reconcile(self) -> int:
        """Merge the durable records that are not in the array; see `AppendLog.reconcile`."""
        return self.log.reconcile()

    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Give the records that `query` admits, in the order of the array."""
        return (ModelRecord.from_json(entry) for entry in self.log.entries() if query.admits(entry))

    def best(self, metric: str, query: Query) -> ModelRecord:
        """Return the best record; only the winner becomes a `ModelRecord`, which keeps long logs fast."""
        return ModelRecord.from_json(best_entry(self.log.entries(), metric_named(metric), query))


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
                incoming.rename(target)
                sync(target.parent)
            if digest_directory(target) != digests:
                raise RegistryConflict(f"{target} holds other files than those of run {run_id}")
        except OSError as error:
            raise RegistryUnavailable(f"{target}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
        return f"{self.root}/{folder}/"

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Copy the files of `record`; they are found by the layout, so a moved registry keeps working."""
        source = Path(self.root, folder_of(record))
        if not source.is_dir():
            raise NoRecord(f"the files of run {record.run_id} are gone: {source} does not exist")
        try:
            shutil.copytree(source, directory, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise RegistryUnavailable(f"{source}: {error}") from error
        if record.artifacts is not None:
            verify(directory, record.artifacts, str(source))
