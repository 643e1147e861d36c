"""The errors that every backend raises about the files of a model, with one wording."""

from __future__ import annotations

from bike_traffic.errors import IntegrityError, NoRecord, RegistryConflict


def files_gone(run_id: str, where: str, *, reason: str = "does not exist") -> NoRecord:
    """Return the error for a registered model without files at `where`."""
    return NoRecord(f"the files of run {run_id} are gone: {where} {reason}", "files-gone", run_id=run_id, where=where)


def files_conflict(run_id: str, where: str) -> RegistryConflict:
    """Return the error if other files than those of the run are stored at `where`."""
    return RegistryConflict(
        f"{where} holds other files than those of run {run_id}", "files-conflict", run_id=run_id, where=where
    )


def read_back_differs(where: str) -> IntegrityError:
    """Return the error for an upload that differs when it is read back."""
    return IntegrityError(
        f"{where}: what was read back is not what was uploaded", "upload-read-back-differs", where=where
    )
