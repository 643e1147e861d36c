"""Signing of records after their registration: by an event, only if their files and copies verify."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import attrs

from bike_traffic.progress import progress
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.files.upkeep import file_faults, signature_faults
from bike_traffic.registry.records import ModelRecord, utc_now
from bike_traffic.registry.signing import PublicKeys, SigningKey


@attrs.frozen
class Signed:
    """What `sign_records` did with one record: signed it by an event, refused it, or neither.

    In the last case it had a signature with the same key.
    """

    record: ModelRecord
    event: RegistryEvent | None = None
    refused: Finding | None = None


def sign_records(
    registry: RegistryBackend,
    records: Sequence[ModelRecord],
    key: SigningKey,
    *,
    actor: str,
    reason: str = "",
    trusted: PublicKeys | None = None,
) -> Iterator[Signed]:
    """Add a signature with `key` to each record that has none, by an event; the record is not changed.

    A record is refused if `verify` finds anything wrong with it or with its files, or if it has no digests. One that
    another key signed gets a second signature. An interrupted call continues where it stopped when it is repeated.

    Parameters
    ----------
    trusted : further keys; a record whose signature with one of them is not right is refused, too.

    Raises
    ------
    RegistryError
        Nothing can be registered here.
    """
    registry.require_writable()
    own = key.public
    keys = PublicKeys({**(trusted.keys if trusted else {}), **own.keys})
    later = registry.signatures()
    of_copies = (finding for one in registry.records_to_verify() for finding in one.findings)
    wrong = {finding.run_id: finding for finding in chain(registry.verify_records(), of_copies) if finding.is_error}
    with progress("checking and signing", len(records)) as advance:
        for record in records:
            added = later.get(record.run_id, ())
            if record.run_id in wrong:
                yield Signed(record, refused=wrong[record.run_id])
            elif own.fault_of(record, added) is None:
                yield Signed(record)
            elif (refused := _refused(registry, record, keys)) is not None:
                yield Signed(record, refused=refused)
            else:
                event = RegistryEvent(
                    run_id=record.run_id,
                    kind="sign",
                    timestamp=utc_now(),
                    actor=actor,
                    reason=reason,
                    signature=key.signature_of(record),
                )
                registry.append_event(event)
                yield Signed(record, event)
            advance(1)


def _refused(registry: RegistryBackend, record: ModelRecord, keys: PublicKeys) -> Finding | None:
    """Return the first thing that is wrong with a record's files, or with what a known key signed of it."""
    given = str((record.signature or {}).get("key"))
    forged = signature_faults(record, keys) if given in keys.keys else iter(())
    return next(forged, None) or next(file_faults(registry, record), None)
