"""A finding about a counter: what it is, from when to when, in numbers and in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bike_traffic.monitoring.history.hours import times_of
from bike_traffic.places import place_of

SENTENCES = {
    "outage-zeros": "only zeros for {days}",
    "outage-silent": "no rows for {days}",
    "directions-swapped": "the two directions have exchanged their counts for {days}",
    "level-changed": "{level:,} bikes a day instead of {usual:,} for {days}",
    "counter-vanished": "ends {days} before the file",
    "counter-moved": "its coordinates move by {metres:,} m",
    "counter-renamed": "goes on as {other}",
    "counter-late": "begins {days} after the file",
    "hours-missing": "{hours:,} single hours are missing ({share:.1%})",
    "hours-of-clock-change": "hours of the clock change: {missing} missing, {doubled} doubled",
}
"""What a finding says, by its id, the most serious first."""
IDS = tuple(SENTENCES)
TROUBLE = IDS[:4]
"""What spoils counts; the others say when a counter was there, and what of it."""
DAY = 24


@attrs.frozen(kw_only=True)
class Finding:
    """Something that a reader of the counts should know about one counter, or about all.

    Parameters
    ----------
    id : one of `IDS`.
    counter : its name; ``None`` for the file as a whole.
    first_hour, last_hour : of the time that is meant, in the city's time zone.
    lasting : whether it goes on at the end of the file.
    numbers : see ``docs/check.md``; ``hours`` is how long it is, always.
    """

    id: str
    counter: str | None
    first_hour: pd.Timestamp
    last_hour: pd.Timestamp
    lasting: bool = False
    numbers: Mapping[str, Any]

    @property
    def message(self) -> str:
        """Return what is found as a sentence, without the counter and the times."""
        return SENTENCES[self.id].format(**{**self.numbers, "days": in_days(int(self.numbers["hours"]))})

    def in_zone(self, zone: str) -> Finding:
        """Return the finding with its times in a time zone."""
        first, last = self.first_hour.tz_convert(zone), self.last_hour.tz_convert(zone)
        return attrs.evolve(self, first_hour=first, last_hour=last)

    def document(self) -> dict[str, Any]:
        """Return the finding as JSON has it."""
        return {
            "id": self.id,
            "counter": self.counter,
            "first_hour": self.first_hour.isoformat(),
            "last_hour": self.last_hour.isoformat(),
            "lasting": self.lasting,
            "numbers": dict(self.numbers),
            "message": self.message,
        }


@attrs.frozen(kw_only=True)
class Trouble:
    """All findings of one kind about one counter, as tables for people have them.

    Counters of one place that have them at the same times are named together.

    Parameters
    ----------
    counters : none for the file as a whole.
    findings : of the first counter, in order of time.
    """

    counters: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """Return the earliest finding."""
        return self.findings[0]

    @property
    def name(self) -> str:
        """Return the name of the counter, or of the place with the directions."""
        if len(self.counters) < 2:
            return "".join(self.counters) or "the whole file"
        return f"{place_of(self.counters[0])[0]} ({', '.join(place_of(name)[1] or '-' for name in self.counters)})"

    @property
    def lasting(self) -> bool:
        """Return whether the latest finding goes on at the end of the file."""
        return self.findings[-1].lasting

    @property
    def hours(self) -> int:
        """Return the hours of all findings."""
        return sum(int(one.numbers["hours"]) for one in self.findings)

    @property
    def message(self) -> str:
        """Return what is found, and how often."""
        if len(self.findings) == 1:
            return self.first.message
        longest = max(self.findings, key=lambda one: int(one.numbers["hours"]))
        return f"{len(self.findings)} times, {in_days(self.hours)} in all; the longest: {longest.message}"


def finding(
    kind: str, counter: str | None, first: int, last: int, numbers: Mapping[str, Any], *, lasting: bool = False
) -> Finding:
    """Return a finding from one hour to another one, since 1970 UTC."""
    first_hour, last_hour = times_of(np.array([first, max(first, last)]))
    return Finding(
        id=kind, counter=counter, first_hour=first_hour, last_hour=last_hour, lasting=lasting, numbers=numbers
    )


def troubles(findings: Iterable[Finding]) -> list[Trouble]:
    """Return findings by counter and kind, the worst first.

    What spoils counts comes before what is good to know; of the former what lasts comes first, then what is longest.
    """
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for one in sorted(findings, key=lambda one: (one.first_hour, one.counter or "")):
        kinds.setdefault((one.id, one.counter or ""), []).append(one)
    together: dict[tuple[Any, ...], list[str]] = {}
    for (kind, counter), own in kinds.items():
        times = tuple((one.first_hour, one.last_hour) for one in own)
        together.setdefault((kind, place_of(counter)[0], times), []).append(counter)
    found = [
        Trouble(counters=tuple(filter(None, names)), findings=tuple(kinds[kind, names[0]]))
        for (kind, *_), names in together.items()
    ]
    return sorted(found, key=_gravity)


def in_days(hours: int) -> str:
    """Return hours as days, or as hours if they are fewer than two days."""
    if hours < 2 * DAY:
        return f"{hours} hour{'s' if hours != 1 else ''}"
    return f"{round(hours / DAY):,} days"


def _gravity(trouble: Trouble) -> tuple[Any, ...]:
    first = trouble.first
    if first.id in TROUBLE:
        return 0, not trouble.lasting, -trouble.hours, trouble.name
    return 1, IDS.index(first.id), -trouble.hours, trouble.name
