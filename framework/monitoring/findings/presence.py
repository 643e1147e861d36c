"""When counters were there: late, vanished, renamed, moved; and which single hours they lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bike_traffic.monitoring.findings.finding import DAY, Finding, finding
from bike_traffic.monitoring.history.days import CounterDays, Position
from bike_traffic.monitoring.history.hours import changed_hours, midnights_of, times_of
from bike_traffic.monitoring.outages import GONE, SILENT_HOURS, counted_of_days
from bike_traffic.places import place_of

LATE = 7 * DAY
"""A counter is late if the file is this old at its first row; less is how exports are cut."""
RENAMED = 35 * DAY
"""Two names are one counter if the other begins within these hours of the end of the one: before it, or after it."""
MOVED = 50.0
"""Metres; less is a better measurement of the same place."""
MOVED_DAYS = 7
"""A position that a counter has on fewer days is a mistake in rows, and no move."""
MISSING = 0.01
"""Share of single missing hours that is told: three days and a half in a year."""

Numbers = NDArray[np.int64]


def spans(days: CounterDays) -> dict[str, tuple[int, int]]:
    """Return the first and the last hour, since 1970 UTC, of each counter."""
    first, last = days.bounds()
    return {days.names[number]: (int(first[part.start]), int(last[part.stop - 1])) for number, part in days.slices()}


def presence(days: CounterDays) -> Iterator[Finding]:
    """Yield the counters that are late, vanish, or go on under another name."""
    start, counted = counted_of_days(days)
    hours = np.flatnonzero(counted) + start
    begin, end = int(hours[0]), int(hours[-1])
    known = spans(days)
    renamed = _renamed(known, _alike(days, known), end)
    for name, other in renamed.items():
        last, first = known[name][1], known[other][0]
        yield finding("counter-renamed", name, last, first, {"hours": abs(first - last), "other": other})
    for name, (first, last) in known.items():
        if first - begin >= LATE and name not in renamed.values():
            yield finding("counter-late", name, begin, first - 1, {"hours": first - begin})
        if end - last >= GONE and name not in renamed:
            yield finding("counter-vanished", name, last + 1, end, {"hours": end - last}, lasting=True)


def moves(days: CounterDays) -> Iterator[Finding]:
    """Yield each change of a counter's coordinates."""
    known = spans(days)
    for number, own in days.positions.items():
        name = days.names[number]
        if name not in known:
            continue
        places = sorted(
            (one for one in own.values() if one.last_day - one.first_day >= MOVED_DAYS - 1),
            key=lambda one: one.first_day,
        )
        for before, after in pairwise(places):
            metres = distance(before, after)
            if metres >= MOVED:
                hour = int(midnights_of(np.array([after.first_day]), days.zone)[0])
                numbers = {
                    "hours": max(known[name][1] - hour, 0) + 1,
                    "metres": round(metres),
                    "latitude": round(after.latitude, 5),
                    "longitude": round(after.longitude, 5),
                }
                yield finding("counter-moved", name, hour, known[name][1], numbers)


def missing_hours(days: CounterDays) -> Iterator[Finding]:
    """Yield the counters that lack single hours which others have, in gaps too short for an outage."""
    start, counted = counted_of_days(days)
    before = np.append(0, np.cumsum(counted))
    for part in days.batches():
        numbers, place, rows = np.unique(part.number, return_inverse=True, return_counts=True)
        hours = part.hour - start
        missing = before[hours[1:]] - before[hours[:-1] + 1]
        gap = np.flatnonzero((place[1:] == place[:-1]) & (missing > 0) & (missing < SILENT_HOURS))
        total = np.bincount(place[gap], missing[gap], minlength=len(numbers))
        share = total / (rows + total)
        for at in np.flatnonzero(share >= MISSING):
            first, last = gap[np.searchsorted(place[gap], [at, at + 1]) - [0, 1]]
            bounds = int(part.hour[first]) + 1, int(part.hour[last + 1]) - 1
            own = {"hours": int(total[at]), "share": round(float(share[at]), 4)}
            yield finding("hours-missing", days.names[numbers[at]], *bounds, own)


def clock_changes(days: CounterDays) -> Iterator[Finding]:
    """Yield what the file as a whole lacks, or has twice, of the hours at which the clock changes."""
    first, last = days.bounds()
    start, size = int(first.min()), int(last.max() - first.min()) + 1
    counters = np.zeros(size, np.int64)
    for part in days.batches():
        counters += np.bincount(part.hour - start, minlength=size)
    hours = changed_hours(start + 1, start + size - 1, days.zone)
    usual = np.maximum.reduce([counters[np.clip(hours - start + step, 0, size - 1)] for step in (-2, -1, 1, 2)])
    missing = hours[2 * counters[hours - start] < usual]
    doubled = hours[[2 * days.repeated.get(int(hour), 0) >= counters[hour - start] > 0 for hour in hours]]
    every = np.union1d(missing, doubled)
    if len(every):
        yield finding(
            "hours-of-clock-change",
            None,
            int(every[0]),
            int(every[-1]),
            {
                "hours": len(every),
                "missing": len(missing),
                "doubled": len(doubled),
                "missing_hours": [time.isoformat() for time in times_of(missing, days.zone)],
                "doubled_hours": [time.isoformat() for time in times_of(doubled, days.zone)],
            },
        )


def distance(one: Position, other: Position) -> float:
    """Return the metres between two positions of a city."""
    north = one.latitude - other.latitude
    east = (one.longitude - other.longitude) * np.cos(np.radians((one.latitude + other.latitude) / 2))
    return float(np.hypot(north, east) * 111_195)


def _alike(days: CounterDays, known: Iterable[str]) -> list[list[str]]:
    """Return groups of names that may be one counter: of one place and direction, or of one identifier."""
    identifiers = {days.names[number]: identifier for number, identifier in days.identifiers.items()}
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in known:
        place, direction = place_of(name)
        groups.setdefault((place.casefold(), direction.casefold()), []).append(name)
        if identifier := identifiers.get(name):
            groups.setdefault((identifier,), []).append(name)
    return list(groups.values())


def _renamed(known: dict[str, tuple[int, int]], alike: Iterable[list[str]], end: int) -> dict[str, str]:
    """Return the names that end, with the one of those alike that begins then."""
    return {
        one: other
        for names in alike
        for one, other in pairwise(sorted(names, key=lambda name: known[name]))
        if end - known[one][1] >= DAY and abs(known[other][0] - known[one][1]) <= RENAMED
    }
