"""Copying one registry into another: records with their files, and events."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from bike_traffic.errors import IntegrityError, RegistryConflict
from bike_traffic.progress import progress
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import digest_directory, write_manifest
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.records import ModelRecord


@attrs.frozen
class Copied:
    """What `copy` did with one record; `verified` is False if it had no digests.

    `refused` says why neither the record nor its events were copied: its files are outside of the source.
    """

    record: ModelRecord
    copied: bool
    verified: bool
    refused: IntegrityError | None = None


def copy(source: RegistryBackend, target: RegistryBackend, *, anywhere: bool = False) -> Iterator[Copied]:
    """Copy every record that `target` does not have, its files first, and then the events.

    Parameters
    ----------
    anywhere : whether the files of records without digests are copied from outside of `source`, too.

    Events of an alias or run that the target has changed itself are not copied; signatures always are. A copy that
    broke off continues where it stopped when it is called again.

    Raises
    ------
    IntegrityError
        A file of the source is not the one that was registered; earlier records are copied.
    RegistryConflict
        The target has another record under the same run id.
    """
    present = {record.run_id: record for record in target.records(EVERYTHING)}
    records = list(source.records(EVERYTHING))
    left_out: set[str] = set()
    with progress("copying models", len(records)) as advance:
        for record in records:
            existing, refused = present.get(record.run_id), None
            if existing is not None:
                if attrs.evolve(existing, model_uri="") != attrs.evolve(record, model_uri=""):
                    raise RegistryConflict(
                        f"the target has another record under the run id {record.run_id}",
                        "copy-record-conflict",
                        run_id=record.run_id,
                    )
            else:
                refused = _copy_one(record, source, target, anywhere=anywhere)
            if refused is not None:
                left_out.add(record.run_id)
            advance(1)
            verified = record.artifacts is not None
            yield Copied(record, copied=existing is None and refused is None, verified=verified, refused=refused)
    events, existing_events = source.events(), target.events()
    ids, target_ids = ({event.change_id for event in some} for some in (events, existing_events))
    targets_own = {event.subject for event in existing_events if event.change_id not in ids}
    for event in (event for event in events if event.run_id not in left_out):
        if event.change_id not in target_ids and (event.kind == "sign" or event.subject not in targets_own):
            target.append_event(event)


def _copy_one(
    record: ModelRecord, source: RegistryBackend, target: RegistryBackend, *, anywhere: bool
) -> IntegrityError | None:
    """Copy a record and its files; return the error if its files are outside of the source."""
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        directory = Path(folder, record.model_type)
        directory.mkdir()
        try:
            (source.download_anywhere if anywhere else source.download)(record, directory)
        except IntegrityError as error:
            if error.id == "files-elsewhere":
                return error
            raise
        if not (directory / "manifest.json").exists():
            write_manifest(directory, record.model_type, record.plugin)
        if record.artifacts is not None and digest_directory(directory) != dict(record.artifacts):
            raise IntegrityError(
                f"run {record.run_id}: its files are not those of its record; not copied",
                "copy-files-differ",
                run_id=record.run_id,
            )
        uri = target.upload(directory, model_type=record.model_type, timestamp=record.timestamp, run_id=record.run_id)
    target.append(attrs.evolve(record, model_uri=uri))
    return None
