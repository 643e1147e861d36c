"""Aliases: names such as ``champion`` for a run, every change of which is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import uuid4

import attrs

from bike_traffic.errors import RegistryCorrupt
from bike_traffic.registry.records import parse_time

ChangeKind = Literal["promote", "rollback"]


@attrs.frozen(kw_only=True)
class AliasChange:
    """One change of an alias: to which run, when, by whom, and why."""

    alias: str
    run_id: str
    kind: ChangeKind
    timestamp: str
    actor: str
    reason: str = ""
    change_id: str = attrs.field(factory=lambda: uuid4().hex)

    def to_json(self) -> dict[str, Any]:
        """Return the change as its entry in ``aliases.json``."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> AliasChange:
        """Read an entry of ``aliases.json``; raise `RegistryCorrupt` if it is not one."""
        try:
            change = cls(**{field.name: entry[field.name] for field in attrs.fields(cls)})
            parse_time(change.timestamp)
        except KeyError as error:
            raise RegistryCorrupt(
                f"not a change of an alias (it has no {error})", "alias-change-incomplete", reason=str(error)
            ) from None
        except (TypeError, ValueError) as error:
            raise RegistryCorrupt(
                f"not a change of an alias ({type(error).__name__}: {error})",
                "alias-change-malformed",
                reason=str(error),
            ) from None
        for name, value in attrs.asdict(change).items():
            if not isinstance(value, str) or (name == "kind" and value not in get_args(ChangeKind)):
                raise RegistryCorrupt(
                    f"not a change of an alias ({name} is {value!r})",
                    "alias-change-value",
                    name=name,
                    value=str(value),
                )
        return change


def targets(changes: Iterable[AliasChange], as_of: datetime | None = None) -> list[str]:
    """Return the runs that an alias pointed to, the current one last.

    A promotion adds a run, a rollback takes the last one off: so two rollbacks in a row go back two promotions.

    Parameters
    ----------
    changes : of one alias, the oldest first.
    as_of : ignore changes after this time.
    """
    existing: list[str] = []
    for change in changes:
        if as_of is not None and parse_time(change.timestamp) > as_of:
            continue
        if change.kind == "promote":
            if existing[-1:] != [change.run_id]:
                existing.append(change.run_id)
        elif change.run_id in existing:  # two rollbacks at the same moment name the same run
            while existing[-1] != change.run_id:
                existing.pop()
    return existing
