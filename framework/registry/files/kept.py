"""Trained models that are kept on this machine, for whichever registry: found, given to another one, or dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs
from filelock import FileLock, Timeout

from bike_traffic.errors import NoRecord, RegistryCorrupt, RegistryError
from bike_traffic.folders import state_directory
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.unfinished import (
    home_of,
    is_saved,
    lock_of,
    read_record,
    read_registry,
    remove,
    write_registry,
)
from bike_traffic.registry.records import ModelRecord


@attrs.frozen
class Kept:
    """A model that is not registered yet.

    Parameters
    ----------
    record : ``None`` if it cannot be read.
    registry : what messages call the registry that it was trained for.
    """

    folder: Path
    record: ModelRecord | None
    registry: str

    @property
    def run_id(self) -> str:
        """The id of its run."""
        return self.folder.name

    def __str__(self) -> str:
        """Return what messages call it."""
        if self.record is None:
            return f"run {self.run_id[:8]}, whose record cannot be read"
        return f"{self.record.model_type} of run {self.run_id[:8]}, {self.record.timestamp[:16]} UTC"


def kept_models(besides: RegistryBackend | None = None) -> list[Kept]:
    """Return the kept models of this machine, but for those of one registry and of running trainings."""
    own = None if besides is None else home_of(besides)
    found = []
    for folder in sorted(state_directory().glob("*/*/")):
        if folder.parent == own:
            continue
        with suppress(Timeout), FileLock(lock_of(folder), timeout=0):
            if is_saved(folder):
                found.append(_kept(folder))
            else:
                remove(folder)  # killed before the model was saved
    return found


def move_to(registry: RegistryBackend, run_id: str) -> Kept:
    """Keep a model for `registry` instead of the one it was trained for; raise as `drop` does."""
    with _locked(run_id) as kept:
        target = home_of(registry) / kept.run_id
        if target != kept.folder:
            target.parent.mkdir(parents=True, exist_ok=True)
            kept.folder.rename(target)
            write_registry(target, registry)
            lock_of(kept.folder).unlink(missing_ok=True)
    return kept


def drop(run_id: str) -> Kept:
    """Remove a kept model for good.

    Raises
    ------
    NoRecord
        No kept model has this id, or several begin with it.
    RegistryError
        Another process registers it at this moment.
    """
    with _locked(run_id) as kept:
        remove(kept.folder)
    return kept


@contextmanager
def _locked(run_id: str) -> Iterator[Kept]:
    folders = [path for path in state_directory().glob("*/*/") if path.name.startswith(run_id)]
    if len(folders) != 1:
        known = sorted(path.name for path in folders)
        which = f"'{run_id}' begins {len(known)} of them" if known else f"there is no '{run_id}'"
        raise NoRecord(
            f"{which} among the models that are kept on this machine; `bt registry reconcile` shows them",
            "kept-model-unknown",
            run_id=run_id,
            known=known,
        )
    try:
        with FileLock(lock_of(folders[0]), timeout=0):
            yield _kept(folders[0])
    except Timeout:
        raise RegistryError(
            f"run {folders[0].name[:8]} is being registered by another process",
            "kept-model-in-use",
            run_id=folders[0].name,
        ) from None


def _kept(folder: Path) -> Kept:
    record = None
    with suppress(RegistryCorrupt):
        record = read_record(folder)
    return Kept(folder, record, read_registry(folder))
