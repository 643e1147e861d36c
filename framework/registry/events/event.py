"""An event of a registry: where an alias points, a withdrawal of a run, a later signature. Every one is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import uuid4

import attrs

from bike_traffic.errors import RegistryCorrupt
from bike_traffic.registry.records import parse_time
from bike_traffic.registry.signing import SIGNATURE

AliasKind = Literal["promote", "rollback"]
RunKind = Literal["withdraw", "restore"]
SignatureKind = Literal["sign"]
EventKind = AliasKind | RunKind | SignatureKind
KINDS = tuple(kind for kinds in (AliasKind, RunKind, SignatureKind) for kind in get_args(kinds))


@attrs.frozen(kw_only=True)
class RegistryEvent:
    """One event: of which kind, about which run, when, by whom, and why.

    Parameters
    ----------
    alias : what ``promote`` and ``rollback`` point to the run; empty for the others.
    change_id : identifies the event.
    signature : what ``sign`` adds to the record of the run, see `bike_traffic.registry.signing`; else ``None``.
    """

    alias: str = ""
    run_id: str
    kind: EventKind
    timestamp: str
    actor: str
    reason: str = ""
    change_id: str = attrs.field(factory=lambda: uuid4().hex)
    signature: Mapping[str, str] | None = attrs.field(default=None, hash=False)

    @property
    def subject(self) -> tuple[str, str]:
        """What the event changes: an alias, a run, or the signatures of a run."""
        if self.kind in get_args(AliasKind):
            return ("alias", self.alias)
        return ("signatures" if self.kind == "sign" else "run", self.run_id)

    @property
    def origin(self) -> str:
        """By whom, when and why, in one line for messages."""
        reason = f": {self.reason}" if self.reason else ""
        return " ".join(f"by {self.actor} at {self.timestamp[:16]} UTC{reason}".split())

    def to_json(self) -> dict[str, Any]:
        """Return the event as its entry in ``aliases.json``."""
        return {name: value for name, value in attrs.asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> RegistryEvent:
        """Read an entry of ``aliases.json``; raise `RegistryCorrupt` if it is not one."""
        try:
            texts = {field.name: entry[field.name] for field in attrs.fields(cls) if field.name != SIGNATURE}
            event = cls(**texts, signature=entry.get(SIGNATURE))
            parse_time(event.timestamp)
        except KeyError as error:
            raise RegistryCorrupt(
                f"not an event of a registry (it has no {error})", "event-incomplete", reason=str(error)
            ) from None
        except (TypeError, ValueError) as error:
            raise RegistryCorrupt(
                f"not an event of a registry ({type(error).__name__}: {error})", "event-malformed", reason=str(error)
            ) from None
        signature = event.signature
        is_signed = isinstance(signature, Mapping) and all(isinstance(value, str) for value in signature.values())
        for name, value in [*texts.items(), (SIGNATURE, signature)]:
            if name == SIGNATURE:
                is_right = is_signed if event.kind == "sign" else value is None
            else:
                is_right = isinstance(value, str) and (name != "kind" or value in KINDS)
            if not is_right:
                raise RegistryCorrupt(
                    f"not an event of a registry ({name} is {value!r})", "event-value", name=name, value=str(value)
                )
        return event


def until(events: Iterable[RegistryEvent], as_of: datetime | None) -> Iterator[RegistryEvent]:
    """Yield the events up to a time; ``None`` is all of them."""
    return (event for event in events if as_of is None or parse_time(event.timestamp) <= as_of)


def targets(events: Iterable[RegistryEvent], alias: str, as_of: datetime | None = None) -> list[str]:
    """Return the runs that an alias pointed to, the current one last.

    A promotion adds a run. A rollback takes the runs after the one that it names off: so two rollbacks in a row go
    back two promotions.

    Parameters
    ----------
    events : the oldest first.
    as_of : ignore events after this time.
    """
    existing: list[str] = []
    for event in until(events, as_of):
        if event.subject != ("alias", alias):
            continue
        if event.kind == "promote":
            if existing[-1:] != [event.run_id]:
                existing.append(event.run_id)
        elif event.run_id in existing:  # two rollbacks at the same moment name the same run
            while existing[-1] != event.run_id:
                existing.pop()
    return existing


def aliases_of(events: Iterable[RegistryEvent]) -> list[str]:
    """Return the names of all aliases."""
    return sorted({event.alias for event in events if event.subject[0] == "alias"})


def current_aliases(events: Sequence[RegistryEvent], run_id: str) -> list[str]:
    """Return the aliases that point to a run, withdrawn or not."""
    return [alias for alias in aliases_of(events) if targets(events, alias)[-1:] == [run_id]]


def withdrawals(events: Iterable[RegistryEvent], as_of: datetime | None = None) -> dict[str, RegistryEvent]:
    """Return the withdrawn runs, each with the event that withdrew it.

    Parameters
    ----------
    events : the oldest first.
    as_of : ignore events after this time.
    """
    withdrawn: dict[str, RegistryEvent] = {}
    for event in until(events, as_of):
        if event.kind == "withdraw":
            withdrawn.setdefault(event.run_id, event)
        elif event.kind == "restore":
            withdrawn.pop(event.run_id, None)
    return withdrawn


def signatures(events: Iterable[RegistryEvent]) -> dict[str, list[Mapping[str, str]]]:
    """Return the signatures that were added after the registration, by run, the oldest first."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for event in events:
        if event.signature is not None:
            found.setdefault(event.run_id, []).append(event.signature)
    return found
