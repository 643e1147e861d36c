"""Trained models whose registration broke off: kept on this machine until it is finished.

Before the first byte is uploaded, a model is saved with its record in a folder of its own, which is removed when the
record is appended. So a broken connection or a killed process leaves a complete model on this machine:
`bt registry reconcile` uploads the missing files and registers it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from filelock import FileLock, Timeout

from bike_traffic.config import cache_directory
from bike_traffic.errors import MergePending, RegistryUnavailable
from bike_traffic.registry.records import ModelRecord

if TYPE_CHECKING:
    from bike_traffic.registry.backend import RegistryBackend

_RECORD = "record.json"
_FILES = "files"


@attrs.frozen
class Unfinished:
    """A model that is not registered yet.

    Parameters
    ----------
    folder : of this run alone; the model's files are in `files`.
    registry : where it is to be registered.
    """

    folder: Path
    registry: RegistryBackend

    @property
    def files(self) -> Path:
        """Where the pipeline saves."""
        return self.folder / _FILES

    def register(self, record: ModelRecord) -> tuple[ModelRecord, MergePending | None]:
        """Upload the files and append the record; return it with its `model_uri`, and why its merge is pending.

        Raises
        ------
        RegistryUnavailable
            The registry cannot be reached; the message says how the model is registered later.
        """
        partial = self.folder / f"{_RECORD}.part"
        partial.write_text(json.dumps(record.to_json(), ensure_ascii=False, allow_nan=False), encoding="utf-8")
        partial.replace(self.folder / _RECORD)
        try:
            return _register(self.registry, record, self.files)
        except RegistryUnavailable as error:
            if not self.registry.registry_id:
                raise
            raise RegistryUnavailable(
                f"{error}; the trained model is kept on this machine: `bt registry reconcile` registers it",
                "training-kept",
                reason=str(error),
            ) from error


@contextmanager
def unfinished(registry: RegistryBackend, run_id: str) -> Iterator[Unfinished]:
    """Yield a folder for a model until it is registered; after the block it exists only if `finish` can finish it."""
    folder = _home(registry) / run_id
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(_lock(folder)):  # first: a folder without a lock counts as abandoned
        model = Unfinished(folder, registry)
        model.files.mkdir(parents=True)
        kept = False
        try:
            yield model
        except (RegistryUnavailable, KeyboardInterrupt):
            kept = bool(registry.registry_id) and (folder / _RECORD).exists()
            raise
        finally:
            if not kept:
                _remove(folder)


def finish(registry: RegistryBackend) -> Iterator[ModelRecord]:
    """Register the unfinished models of earlier processes for this registry; running processes keep theirs."""
    home = _home(registry)
    for folder in sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []:
        with suppress(Timeout), FileLock(_lock(folder), timeout=0):
            if (folder / _RECORD).exists():
                entry = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
                yield _register(registry, ModelRecord.from_json(entry), folder / _FILES)[0]
            _remove(folder)  # without a record it was killed before the model was saved


def _register(registry: RegistryBackend, record: ModelRecord, files: Path) -> tuple[ModelRecord, MergePending | None]:
    uri = registry.upload(files, model_type=record.model_type, timestamp=record.timestamp, run_id=record.run_id)
    record = attrs.evolve(record, model_uri=uri)
    try:
        registry.append(record)
    except MergePending as error:
        return record, error
    return record, None


def _home(registry: RegistryBackend) -> Path:
    return cache_directory() / "unfinished" / hashlib.sha256(registry.registry_id.encode()).hexdigest()[:16]


def _lock(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _lock(folder).unlink(missing_ok=True)
