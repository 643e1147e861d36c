"""Aliases: names such as ``champion`` for a run, every change of which is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import uuid4

import attrs

from bike_traffic.errors import RegistryCorrupt

Kind = Literal["promote", "rollback"]


@attrs.frozen(kw_only=True)
class AliasChange:
    """One change of an alias: to which run, when, by whom, and why."""

    alias: str
    run_id: str
    kind: Kind
    timestamp: str
    actor: str
    reason: str = ""
    change_id: str = attrs.field(factory=lambda: uuid4().hex)

    def to_json(self) -> dict[str, Any]:
        """Return the change as the entry that stands in ``aliases.json``."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> AliasChange:
        """Read an entry of ``aliases.json``; raise `RegistryCorrupt` when it is not one."""
        from bike_traffic.registry import parse_time

        try:
            change = cls(**{field.name: entry[field.name] for field in attrs.fields(cls)})
            parse_time(change.timestamp)
        except KeyError as error:
            raise RegistryCorrupt(f"not a change of an alias (it has no {error})") from None
        except (TypeError, ValueError) as error:
            raise RegistryCorrupt(f"not a change of an alias ({type(error).__name__}: {error})") from None
        for name, value in attrs.asdict(change).items():
            if not isinstance(value, str) or (name == "kind" and value not in get_args(Kind)):
                raise RegistryCorrupt(f"not a change of an alias ({name} is {value!r})")
        return change


def targets(changes: Iterable[AliasChange], as_of: datetime | None = None) -> list[str]:
    """Return the runs that an alias stood for, the one it stands for last.

    A promotion adds a run, a rollback takes the last one off: so two rollbacks in a row go back two promotions.

    Parameters
    ----------
    changes : of one alias, the oldest first.
    as_of : leave out what came after this time.
    """
    from bike_traffic.registry import parse_time

    standing: list[str] = []
    for change in changes:
        if as_of is not None and parse_time(change.timestamp) > as_of:
            continue
        if change.kind == "promote":
            if standing[-1:] != [change.run_id]:
                standing.append(change.run_id)
        elif change.run_id in standing:  # two rollbacks at one moment name one run, and both go back to it
            while standing[-1] != change.run_id:
                standing.pop()
    return standing
