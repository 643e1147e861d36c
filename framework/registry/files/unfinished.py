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

from bike_traffic.addresses import shown
from bike_traffic.errors import (
    IntegrityError,
    MergePending,
    NoRecord,
    RegistryConflict,
    RegistryCorrupt,
    RegistryError,
    RegistryUnavailable,
)
from bike_traffic.folders import state_directory
from bike_traffic.registry.records import ModelRecord

if TYPE_CHECKING:
    from bike_traffic.registry.backend import RegistryBackend

_KINDS = (IntegrityError, NoRecord, RegistryConflict, RegistryCorrupt, RegistryError, RegistryUnavailable)
_RECORD = "record.json"
_REGISTRY = "registry.json"
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
        RegistryError
            Whatever the backend raised, as an error of the same kind; the message says that the model is kept, and
            how it is registered later.
        """
        write_registry(self.folder, self.registry)
        partial = self.folder / f"{_RECORD}.part"
        partial.write_text(json.dumps(record.to_json(), ensure_ascii=False, allow_nan=False), encoding="utf-8")
        partial.replace(self.folder / _RECORD)
        try:
            return _register(self.registry, record, self.files)
        except Exception as error:
            raise self._kept(error) from error

    def _kept(self, error: Exception) -> RegistryError:
        """Return the error with what becomes of the model; an error of a backend's own kind as `RegistryError`."""
        kind, reason = type(error), str(error)
        if not isinstance(error, RegistryError):
            kind, reason = RegistryError, f"backend '{self.registry.name}' failed: {type(error).__name__}: {error}"
        elif kind not in _KINDS:
            kind = RegistryError
        if not self.registry.registry_id:
            return error if isinstance(error, RegistryError) else kind(reason, "backend-failed", reason=reason)
        if kind is RegistryConflict:
            return kind(
                f"{reason}; the trained model is kept at {self.folder}: `bt registry reconcile` registers it once "
                f"the other one is gone, and with --drop {self.folder.name[:8]} drops it",
                "training-in-conflict",
                reason=reason,
                folder=str(self.folder),
            )
        return kind(
            f"{reason}; the trained model is kept on this machine: `bt registry reconcile` registers it",
            "training-kept",
            reason=reason,
        )


@contextmanager
def unfinished(registry: RegistryBackend, run_id: str) -> Iterator[Unfinished]:
    """Yield a folder for a model until it is registered; after the block it exists only if `finish` can finish it."""
    folder = home_of(registry) / run_id
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock_of(folder)):  # first: a folder without a lock counts as abandoned
        model = Unfinished(folder, registry)
        model.files.mkdir(parents=True)
        kept = False
        try:
            yield model
        except BaseException:
            kept = bool(registry.registry_id) and is_saved(folder)
            raise
        finally:
            if not kept:
                remove(folder)


def finish(registry: RegistryBackend) -> Iterator[ModelRecord | RegistryError]:
    """Register the unfinished models of earlier processes for this registry; running processes keep theirs.

    Yields each record that is registered now, and an error for each model that cannot be, which is kept.

    Raises
    ------
    RegistryUnavailable
        The registry cannot be reached: no model can be registered.
    """
    home = home_of(registry)
    for folder in sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []:
        with suppress(Timeout), FileLock(lock_of(folder), timeout=0):
            if is_saved(folder):
                try:
                    record = Unfinished(folder, registry).register(read_record(folder))[0]
                except RegistryUnavailable:
                    raise
                except RegistryError as error:
                    yield error
                    continue
                yield record
            remove(folder)  # without a record it was killed before the model was saved


def is_saved(folder: Path) -> bool:
    """Return whether a folder has a whole model; otherwise its process was killed before, or is at work."""
    return (folder / _RECORD).exists()


def write_registry(folder: Path, registry: RegistryBackend) -> None:
    """Write down what messages call the registry that a model is kept for, without secrets."""
    words = {"backend": registry.name, "registry": shown(registry.registry_id)}
    (folder / _REGISTRY).write_text(json.dumps(words), encoding="utf-8")


def read_registry(folder: Path) -> str:
    """Return what messages call the registry that a model is kept for."""
    try:
        words = json.loads((folder / _REGISTRY).read_bytes())
        return f"{words['backend']} registry {words['registry']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a registry that is not known"


def read_record(folder: Path) -> ModelRecord:
    """Return the record of a kept model; raise `RegistryCorrupt` if it is not one."""
    path = folder / _RECORD
    try:
        return ModelRecord.from_json(json.loads(path.read_bytes()))
    except (RegistryCorrupt, ValueError, AttributeError, RecursionError) as error:
        raise RegistryCorrupt(
            f"{path} is not a record ({error}); `bt registry reconcile --drop {folder.name[:8]}` drops this model, "
            "which was not registered",
            "kept-record-malformed",
            path=str(path),
            reason=str(error),
        ) from None


def _register(registry: RegistryBackend, record: ModelRecord, files: Path) -> tuple[ModelRecord, MergePending | None]:
    uri = registry.upload(files, model_type=record.model_type, timestamp=record.timestamp, run_id=record.run_id)
    record = attrs.evolve(record, model_uri=uri)
    try:
        registry.append(record)
    except MergePending as error:
        return record, error
    return record, None


def home_of(registry: RegistryBackend) -> Path:
    """Return the folder of the models that are kept for a registry."""
    return state_directory() / hashlib.sha256(registry.registry_id.encode()).hexdigest()[:16]


def lock_of(folder: Path) -> Path:
    """Return the file whose lock the process holds that works in the folder of a model."""
    return folder.with_name(f"{folder.name}.lock")


def remove(folder: Path) -> None:
    """Remove the folder of a model, and its lock."""
    shutil.rmtree(folder, ignore_errors=True)
    lock_of(folder).unlink(missing_ok=True)
