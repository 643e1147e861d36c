"""Verification of a registry: records, files, signatures and events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bike_traffic.errors import IntegrityError, MissingFile, NoRecord
from bike_traffic.progress import progress
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.files.findings import Finding, FindingKind
from bike_traffic.registry.records import ModelRecord

if TYPE_CHECKING:
    from bike_traffic.registry.signing import PublicKeys, Signature


def verify(registry: RegistryBackend, keys: PublicKeys | None = None) -> Iterator[Finding]:
    """Compare all redundant copies of the records, every file with its digest, and each signature with `keys`.

    Records of withdrawn runs are checked like any other. Each run that an event names must have a record.
    """
    yield from registry.verify_records()
    if keys is not None:
        yield from registry.verify_head(keys)
    records, later = list(registry.records_to_verify()), registry.signatures() if keys is not None else {}
    with progress("verifying files", len(records)) as advance:
        for record in records:
            yield from verify_record(registry, record, keys, later)
            advance(1)
    yield from _unknown_runs(registry.events(), {record.run_id for record in records})


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
    except IntegrityError as error:
        yield Finding("changed-files", record.run_id, str(error), {"cause": error.id, **error.parts})


def _unknown_runs(events: Iterable[RegistryEvent], known: Collection[str]) -> Iterator[Finding]:
    first = {event.run_id: event for event in reversed(list(events)) if event.run_id not in known}
    for run_id, event in sorted(first.items()):
        what = f"{event.kind} of alias {event.alias}" if event.alias else event.kind
        detail = f"an event names it ({what}, {event.origin}), but no record has this run id"
        yield Finding("unknown-run", run_id, detail, {"kind": event.kind, "alias": event.alias})
