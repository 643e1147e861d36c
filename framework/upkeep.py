"""Looking after a registry: what `verify` finds, and copying one registry into another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from bike_traffic.artifacts import digest_directory, write_manifest
from bike_traffic.errors import IntegrityError, NoRecord, RegistryConflict
from bike_traffic.progress import progress
from bike_traffic.registry import EVERYTHING, ModelRecord, RegistryBackend

if TYPE_CHECKING:
    from bike_traffic.signing import PublicKeys

Trouble = Literal[
    "edited",
    "unrecorded",
    "pending",
    "missing files",
    "changed files",
    "unverified",
    "unsigned",
    "forged",
    "deleted",
]


@attrs.frozen
class Finding:
    """What `verify` found about one record.

    ``edited``: the summary says something else than the record that was written first. ``unrecorded``: it stands in
    the summary alone. ``pending``: it is durable, but not in the summary, because it was not merged yet or was cut
    off. ``missing files`` and ``changed files``: of the model. ``unverified``: the record has no digests to check by.
    ``unsigned`` and ``forged``: a record, or the head, has no signature, or not one that counts. ``deleted``: records
    are gone that the signed head answers for.
    """

    trouble: Trouble
    run_id: str
    detail: str

    @property
    def grave(self) -> bool:
        """Whether something is wrong, and not merely unfinished or unknown."""
        return self.trouble not in ("pending", "unverified")


def verify(registry: RegistryBackend, keys: PublicKeys | None = None) -> Iterator[Finding]:
    """Compare everything that the registry says twice, every file with its digest, and each signature with `keys`."""
    yield from registry.verify_records()
    if keys is not None:
        yield from registry.verify_head(keys)
    records = list(registry.records_to_verify())
    with progress("verifying files", len(records)) as advance:
        for record in records:
            if keys is not None and (fault := keys.fault_of(record)):
                yield Finding("forged" if keys.is_signed(record) else "unsigned", record.run_id, fault)
            yield from _verify_files(registry, record)
            advance(1)


def _verify_files(registry: RegistryBackend, record: ModelRecord) -> Iterator[Finding]:
    if record.artifacts is None:
        yield Finding("unverified", record.run_id, "the record has no digests; bike-traffic did not write it")
        return
    try:
        registry.verify_files(record)
    except NoRecord as error:
        yield Finding("missing files", record.run_id, str(error))
    except IntegrityError as error:
        gone = str(error).endswith(" is missing; nothing was loaded")
        yield Finding("missing files" if gone else "changed files", record.run_id, str(error))


@attrs.frozen
class Copied:
    """What `copy` did with one record; `verified` is False where it had no digests."""

    record: ModelRecord
    copied: bool
    verified: bool


def copy(source: RegistryBackend, target: RegistryBackend) -> Iterator[Copied]:
    """Copy every record that `target` does not have, its files first, and then the history of the aliases.

    A copy that broke off goes on where it stopped when it is called again.

    Raises
    ------
    IntegrityError
        A file of the source is not the one that was registered; what came before is copied.
    RegistryConflict
        The target has another record under the same run id.
    """
    there = {record.run_id: record for record in target.records(EVERYTHING)}
    records = list(source.records(EVERYTHING))
    with progress("copying models", len(records)) as advance:
        for record in records:
            standing = there.get(record.run_id)
            if standing is not None:
                if attrs.evolve(standing, model_uri="") != attrs.evolve(record, model_uri=""):
                    raise RegistryConflict(f"the target has another record under the run id {record.run_id}")
            else:
                _copy_one(record, source, target)
            advance(1)
            yield Copied(record, copied=standing is None, verified=record.artifacts is not None)
    changes = source.alias_changes()
    known = {change.change_id: change.alias for change in target.alias_changes()}
    own = {alias for change_id, alias in known.items() if change_id not in {one.change_id for one in changes}}
    for change in changes:
        if change.change_id not in known and change.alias not in own:
            target.append_alias_change(change)


def _copy_one(record: ModelRecord, source: RegistryBackend, target: RegistryBackend) -> None:
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        directory = Path(folder, record.model_type)
        directory.mkdir()
        source.download(record, directory)
        if not (directory / "manifest.json").exists():
            write_manifest(directory, record.model_type)
        if record.artifacts is not None and digest_directory(directory) != dict(record.artifacts):
            raise IntegrityError(f"run {record.run_id}: its files are not those of its record; not copied")
        uri = target.upload(directory, model_type=record.model_type, timestamp=record.timestamp, run_id=record.run_id)
    target.append(attrs.evolve(record, model_uri=uri))
