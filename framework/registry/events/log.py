"""The log of a registry's events: where aliases point, which runs are withdrawn, and what was signed later."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bike_traffic.errors import IntegrityError, NoRecord, RegistryError, no_such
from bike_traffic.names import NAME
from bike_traffic.registry.events.event import (
    AliasKind,
    RegistryEvent,
    RunKind,
    aliases_of,
    signatures,
    targets,
    withdrawals,
)
from bike_traffic.registry.records import ModelRecord, utc_now

if TYPE_CHECKING:
    from bike_traffic.registry.signing import Trust


class EventLog(ABC):
    """The part of `RegistryBackend` that is about events."""

    @abstractmethod
    def append_event(self, event: RegistryEvent) -> None:
        """Add an event; the same `change_id` twice is a no-op."""

    @abstractmethod
    def events(self) -> list[RegistryEvent]:
        """Return every event, in the order of their appending."""

    @abstractmethod
    def get(self, run_id: str) -> ModelRecord:
        """Return the record whose id is, or alone begins with, `run_id`; raise `NoRecord`."""

    @abstractmethod
    def verify_files(self, record: ModelRecord) -> None:
        """Check the stored files of a record against its digests; raise `IntegrityError` or `NoRecord`."""

    def alias_history(self, alias: str) -> list[RegistryEvent]:
        """Return the changes of one alias, the oldest first."""
        return [event for event in self.events() if event.subject == ("alias", alias)]

    def known_history(self, alias: str) -> list[RegistryEvent]:
        """Return the changes of an alias, the oldest first; raise `NoRecord` if there are none."""
        return [event for event in self._events_of(alias) if event.subject == ("alias", alias)]

    def alias(self, alias: str, as_of: datetime | None = None) -> ModelRecord:
        """Return the record that an alias points to, or pointed to at a time.

        Raises
        ------
        NoRecord
            There is no such alias, it pointed to no run yet, or its run is withdrawn.
        """
        events = self._events_of(alias)
        existing = targets(events, alias, as_of)
        if not existing:
            raise NoRecord(
                f"alias '{alias}' pointed to no run at {as_of.isoformat() if as_of else 'any time'}",
                "alias-without-run",
                alias=alias,
                as_of=as_of.isoformat() if as_of else None,
            )
        run_id = existing[-1]
        if event := withdrawals(events, as_of).get(run_id):
            raise NoRecord(
                f"alias '{alias}' points to run {run_id[:8]}, which was withdrawn {event.origin}; "
                f"`bt registry rollback {alias}` goes back, `bt registry restore {run_id[:8]}` takes the run back",
                "alias-run-withdrawn",
                alias=alias,
                **_parts(event),
            )
        return self.get(run_id)

    def promote(
        self, run_id: str, alias: str, *, actor: str, reason: str = "", trust: Trust | None = None
    ) -> RegistryEvent:
        """Point an alias to a run, whose files are checked first, and its signature if `trust` has a key.

        Raises
        ------
        NoRecord, IntegrityError
        RegistryError
            The name cannot be an alias, or begins the id of a run; or the run is withdrawn.
        """
        if not NAME.fullmatch(alias):
            raise RegistryError(
                f"'{alias}' cannot be an alias; it takes letters, digits, '.', '_' and '-'",
                "alias-malformed",
                alias=alias,
            )
        if not self.alias_history(alias) and self._begins_a_run(alias):
            raise RegistryError(
                f"'{alias}' cannot be an alias, since it begins the id of a run, which it would hide",
                "alias-begins-run-id",
                alias=alias,
            )
        record = self.get(run_id)
        if event := self.withdrawn().get(record.run_id):
            raise RegistryError(
                f"run {record.run_id[:8]} was withdrawn {event.origin}; `bt registry restore {record.run_id[:8]}` "
                "takes it back",
                "run-withdrawn",
                **_parts(event),
            )
        return self._change_alias(record, alias, "promote", actor, reason, trust)

    def rollback(self, alias: str, *, actor: str, reason: str = "", trust: Trust | None = None) -> RegistryEvent:
        """Point an alias to the latest earlier run that is not withdrawn, checked first as by `promote`."""
        events = self._events_of(alias)
        *earlier, current = targets(events, alias)
        usable = [run_id for run_id in earlier if run_id != current and run_id not in withdrawals(events)]
        if not usable:
            raise NoRecord(
                f"alias '{alias}' has no earlier run to go back to{' that is not withdrawn' if earlier else ''}",
                "alias-no-earlier-run",
                alias=alias,
            )
        return self._change_alias(self.get(usable[-1]), alias, "rollback", actor, reason, trust)

    def withdrawn(self, as_of: datetime | None = None) -> dict[str, RegistryEvent]:
        """Return the runs that are withdrawn, or were at a time, each with the event that withdrew it."""
        return withdrawals(self.events(), as_of)

    def withdraw(self, run_id: str, *, actor: str, reason: str) -> RegistryEvent:
        """Leave a run out of `best`, and refuse it as the run of an alias; its record and files are kept.

        Raises
        ------
        NoRecord
        RegistryError
            The run is withdrawn already, or the reason is empty.
        """
        if not reason.strip():
            raise RegistryError("a withdrawal needs a reason", "withdrawal-without-reason")
        run_id = self.get(run_id).run_id
        if event := self.withdrawn().get(run_id):
            raise RegistryError(
                f"run {run_id[:8]} is withdrawn already, {event.origin}", "run-withdrawn-already", **_parts(event)
            )
        return self._change_run(run_id, "withdraw", actor, reason)

    def restore(self, run_id: str, *, actor: str, reason: str = "") -> RegistryEvent:
        """End the withdrawal of a run; raise `NoRecord`, or `RegistryError` if it is not withdrawn."""
        run_id = self.get(run_id).run_id
        if run_id not in self.withdrawn():
            raise RegistryError(f"run {run_id[:8]} is not withdrawn", "run-not-withdrawn", run_id=run_id)
        return self._change_run(run_id, "restore", actor, reason)

    def signatures(self) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """Return the signatures that were added to records after their registration, by run."""
        return signatures(self.events())

    def _events_of(self, alias: str) -> list[RegistryEvent]:
        """Return all events; raise `NoRecord` if there is no such alias among them."""
        events = self.events()
        known = aliases_of(events)
        if alias not in known:
            raise NoRecord(no_such("alias", alias, known), "alias-unknown", name=alias, known=known)
        return events

    def _begins_a_run(self, name: str) -> bool:
        try:
            self.get(name)
        except NoRecord as error:
            return error.id == "run-id-ambiguous"
        return True

    def _change_alias(
        self, record: ModelRecord, alias: str, kind: AliasKind, actor: str, reason: str, trust: Trust | None
    ) -> RegistryEvent:
        if trust is not None:
            trust.require_signature(self, record, "nothing was changed")
        if not record.artifacts:
            raise IntegrityError(
                f"record {record.run_id} has no digests (it was not written by bike-traffic): its files cannot be "
                "checked, and nothing was changed",
                "alias-record-without-digests",
                run_id=record.run_id,
            )
        self.verify_files(record)
        event = RegistryEvent(
            alias=alias, run_id=record.run_id, kind=kind, timestamp=utc_now(), actor=actor, reason=reason
        )
        self.append_event(event)
        return event

    def _change_run(self, run_id: str, kind: RunKind, actor: str, reason: str) -> RegistryEvent:
        event = RegistryEvent(run_id=run_id, kind=kind, timestamp=utc_now(), actor=actor, reason=reason)
        self.append_event(event)
        return event


def _parts(event: RegistryEvent) -> dict[str, str]:
    """Return what messages say about a withdrawal."""
    return {"run_id": event.run_id, "timestamp": event.timestamp, "actor": event.actor, "reason": event.reason}
