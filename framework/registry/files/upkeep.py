"""Verification of a registry: records, files, signatures and events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bike_traffic.errors import IntegrityError, MissingFile, NoRecord, RegistryCorrupt
from bike_traffic.progress import progress
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.bounds.checkpoint import Checkpoint, resumed
from bike_traffic.registry.events.unknown import unknown_runs
from bike_traffic.registry.files.findings import Finding, FindingKind
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.records import ModelRecord

if TYPE_CHECKING:
    from bike_traffic.registry.signing import PublicKeys, Signature


def verify(
    registry: RegistryBackend,
    keys: PublicKeys | None = None,
    *,
    restart: bool = False,
    notify: Callable[[str], None] = lambda _: None,
) -> Iterator[Finding]:
    """Compare all redundant copies of the records, every file with its digest, and each signature with `keys`.

    Records of withdrawn runs are checked like any other. Each run that an event names must have a record. A check
    that broke off within a day goes on where it stopped, which `notify` is told.

    Parameters
    ----------
    restart : check the records again that an interrupted check has done.
    """
    yield from registry.verify_records()
    if keys is not None:
        yield from registry.verify_head(keys)
    events = registry.events()
    unknown = {event.run_id for event in events}
    later = registry.signatures() if keys is not None else {}
    checkpoint = Checkpoint(registry.registry_id, () if keys is None else keys.keys)
    try:
        if restart:
            checkpoint.forget()
        done, records, total = resumed(registry, checkpoint, notify)
        yield from () if done is None else done.findings
        first = 0 if done is None else done.records
        with progress("verifying records and files", total) as advance:
            advance(first)
            for number, one in enumerate(records, start=first + 1):
                unknown.discard(one.run_id)
                of_files = () if one.record is None else verify_record(registry, one.record, keys, later)
                findings = [*one.findings, *of_files]
                yield from findings
                checkpoint.add(number, one.run_id, findings)
                advance(1)
    except BaseException:
        checkpoint.write()
        raise
    checkpoint.forget()
    if done is not None and unknown:
        unknown -= {row["run_id"] for row, _ in registry.listed(EVERYTHING)}
    yield from unknown_runs(events, unknown)


def verify_record(
    registry: RegistryBackend,
    record: ModelRecord,
    keys: PublicKeys | None = None,
    later: Mapping[str, Sequence[Signature]] | None = None,
) -> Iterator[Finding]:
    """Compare every file of one record with its digest, and its signatures with `keys`.

    `later` are the signatures of the registry's events by run, which are read if they are not given.
    """
    if keys is not None:
        own = (registry.signatures() if later is None else later).get(record.run_id, ())
        yield from signature_faults(record, keys, own)
    yield from file_faults(registry, record)


def signature_faults(record: ModelRecord, keys: PublicKeys, later: Sequence[Signature] = ()) -> Iterator[Finding]:
    """Find that none of a record's signatures, its own and later ones, is right."""
    if fault := keys.fault_of(record, later):
        kind: FindingKind = "forged" if keys.is_signed(record, later) else "unsigned"
        yield Finding(kind, record.run_id, fault, {"reason": fault})


def file_faults(registry: RegistryBackend, record: ModelRecord) -> Iterator[Finding]:
    """Compare every file of one record with its digest."""
    if record.artifacts is None:
        yield Finding("unverified", record.run_id, "the record has no digests; bike-traffic did not write it")
        return
    try:
        registry.verify_files(record)
    except (NoRecord, MissingFile) as error:
        yield Finding("missing-files", record.run_id, str(error), {"cause": error.id, **error.parts})
    except RegistryCorrupt as error:
        yield Finding("malformed", record.run_id, str(error), {"cause": error.id, **error.parts})
    except IntegrityError as error:
        yield Finding("changed-files", record.run_id, str(error), {"cause": error.id, **error.parts})
