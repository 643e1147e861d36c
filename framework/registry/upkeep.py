"""Maintenance of a registry: verification, and copying one registry into another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from bike_traffic.errors import IntegrityError, MissingFile, NoRecord, RegistryConflict
from bike_traffic.progress import progress
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import digest_directory, write_manifest
from bike_traffic.registry.findings import Finding, FindingKind
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.records import ModelRecord

if TYPE_CHECKING:
    from bike_traffic.registry.signing import PublicKeys


def verify(registry: RegistryBackend, keys: PublicKeys | None = None) -> Iterator[Finding]:
    """Compare all redundant copies of the records, every file with its digest, and each signature with `keys`."""
    yield from registry.verify_records()
    if keys is not None:
        yield from registry.verify_head(keys)
    records = list(registry.records_to_verify())
    with progress("verifying files", len(records)) as advance:
        for record in records:
            if keys is not None and (fault := keys.fault_of(record)):
                kind: FindingKind = "forged" if keys.is_signed(record) else "unsigned"
                yield Finding(kind, record.run_id, fault, {"reason": fault})
            yield from _verify_files(registry, record)
            advance(1)


def _verify_files(registry: RegistryBackend, record: ModelRecord) -> Iterator[Finding]:
    if record.artifacts is None:
        yield Finding("unverified", record.run_id, "the record has no digests; bike-traffic did not write it")
        return
    try:
        registry.verify_files(record)
    except (NoRecord, MissingFile) as error:
        yield Finding("missing-files", record.run_id, str(error), {"cause": error.id, **error.parts})
    except IntegrityError as error:
        yield Finding("changed-files", record.run_id, str(error), {"cause": error.id, **error.parts})


@attrs.frozen
class Copied:
    """What `copy` did with one record; `verified` is False if it had no digests."""

    record: ModelRecord
    copied: bool
    verified: bool


def copy(source: RegistryBackend, target: RegistryBackend) -> Iterator[Copied]:
    """Copy every record that `target` does not have, its files first, and then the history of the aliases.

    A copy that broke off continues where it stopped when it is called again.

    Raises
    ------
    IntegrityError
        A file of the source is not the one that was registered; earlier records are copied.
    RegistryConflict
        The target has another record under the same run id.
    """
    present = {record.run_id: record for record in target.records(EVERYTHING)}
    records = list(source.records(EVERYTHING))
    with progress("copying models", len(records)) as advance:
        for record in records:
            existing = present.get(record.run_id)
            if existing is not None:
                if attrs.evolve(existing, model_uri="") != attrs.evolve(record, model_uri=""):
                    raise RegistryConflict(
                        f"the target has another record under the run id {record.run_id}",
                        "copy-record-conflict",
                        run_id=record.run_id,
                    )
            else:
                _copy_one(record, source, target)
            advance(1)
            yield Copied(record, copied=existing is None, verified=record.artifacts is not None)
    changes = source.alias_changes()
    ids, target_changes = {change.change_id for change in changes}, target.alias_changes()
    target_ids = {change.change_id for change in target_changes}
    targets_own = {change.alias for change in target_changes if change.change_id not in ids}
    for change in changes:
        if change.change_id not in target_ids and change.alias not in targets_own:
            target.append_alias_change(change)


def _copy_one(record: ModelRecord, source: RegistryBackend, target: RegistryBackend) -> None:
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        directory = Path(folder, record.model_type)
        directory.mkdir()
        source.download(record, directory)
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
