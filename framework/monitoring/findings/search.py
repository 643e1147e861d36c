"""All findings about the counters of a history."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bike_traffic.features.calendar import day_numbers
from bike_traffic.monitoring.findings.finding import DAY, Finding, finding
from bike_traffic.monitoring.findings.presence import clock_changes, missing_hours, moves, presence
from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.history.directions import swaps
from bike_traffic.monitoring.history.hours import midnights_of
from bike_traffic.monitoring.history.levels import FACTOR, City, city_of, level_changes
from bike_traffic.monitoring.outages import ZEROS, outages_of_days
from bike_traffic.monitoring.states import QUIET

SURE_HOURS = 2 * DAY
"""Longer zeros are told of a counter as well whose quiet days, but not the others, may well be without a bike."""
QUIET_DAYS = 0.05
"""Share of a counter's days that are its quiet ones."""
MOST_COUNTERS = 5_000
"""No city has as many; of more, those with the most days are looked at, so that a hostile file takes no hours."""
AT_END = 7 * DAY
"""A strange level lasts if it goes on up to this many hours before the counter's last one."""


def findings(days: CounterDays) -> list[Finding]:
    """Return what a reader of the counts should know about the counters, in order of time.

    Outages are those of `bike_traffic.monitoring.outages.outages`, without zeros of counters that so few bikes pass
    that none may well come by, for instance in snow.

    Parameters
    ----------
    days : of a whole file; stray days, far from all others, are not looked at.
    """
    body = _most_days(days.body())
    if not len(body):
        return []
    city = city_of(body)
    gone = list(presence(body))
    found = [*gone, *moves(body), *missing_hours(body), *clock_changes(body), *_swapped(body), *_levels(body, city)]
    over = {one.counter for one in gone if one.id in ("counter-vanished", "counter-renamed")}
    found += _outages(body, city, over)
    found = [one.in_zone(days.zone) for one in found]
    return sorted(found, key=lambda one: (one.first_hour, one.counter or "", one.id))


def _most_days(days: CounterDays) -> CounterDays:
    """Return the days of the counters that have the most, of `MOST_COUNTERS` at most."""
    entries = np.bincount(days.number)
    if len(entries) <= MOST_COUNTERS:
        return days
    kept = np.zeros(len(entries), bool)
    kept[np.argsort(-entries, kind="stable")[:MOST_COUNTERS]] = True
    return days.part(kept[days.number])


def _outages(days: CounterDays, city: City, over: set[str | None]) -> Iterator[Finding]:
    """Yield outages, but for the silence after the end of a counter that is found already."""
    usual = _usual(days)
    for counter, first, last, kind, hours, lasting in outages_of_days(days).itertuples(index=False):
        name = str(counter)
        if kind == ZEROS:
            if _may_be_quiet(usual[name], city, first, last, int(hours)):
                continue
        elif lasting and name in over:
            continue
        yield Finding(
            id=f"outage-{kind}",
            counter=name,
            first_hour=first,
            last_hour=last,
            lasting=bool(lasting),
            numbers={"hours": int(hours)},
        )


def _usual(days: CounterDays) -> dict[str, tuple[float, float]]:
    """Return the bikes of each counter's quiet days, and of its median day."""
    found = {}
    for number, part in days.slices():
        entries = days.part(part)
        bikes = entries.bikes[entries.live]
        quiet, median = np.quantile(bikes, [QUIET_DAYS, 0.5]) if len(bikes) else (0.0, 0.0)
        found[days.names[number]] = (float(quiet), float(median))
    return found


def _may_be_quiet(
    usual: tuple[float, float], city: City, first: pd.Timestamp, last: pd.Timestamp, hours: int
) -> bool:
    """Return whether a counter may well have counted no bike.

    Fewer than `QUIET` are to be expected on each day, or each is one of those that stop the whole city, as snow does.
    """
    days = day_numbers(pd.Series([first, last])) - city.first_day
    factor = city.factor[days[0] : days[1] + 1].max()
    return bool(factor < 1 / FACTOR or usual[hours > SURE_HOURS] * factor < QUIET)


def _swapped(days: CounterDays) -> Iterator[Finding]:
    for swap in swaps(days):
        first, end = map(int, midnights_of(np.array([swap.first_day, swap.last_day + 1]), days.zone))
        for one, other in (swap.numbers, swap.numbers[::-1]):
            own = {"hours": end - first, "other": days.names[other], "days_that_show_it": swap.told}
            yield finding("directions-swapped", days.names[one], first, end - 1, own)


def _levels(days: CounterDays, city: City) -> Iterator[Finding]:
    first, last = days.bounds()
    newest = int(last.max())
    ends = {number: int(last[part.stop - 1]) for number, part in days.slices()}
    for change in level_changes(days, city):
        begin, end = int(first[change.entries.start]), int(last[change.entries.stop - 1])
        numbers = {
            "hours": end - begin + 1,
            "usual": round(change.usual),
            "level": round(change.level),
            "factor": round(change.factor, 2),
        }
        lasting = end == ends[change.number] and newest - end < AT_END
        yield finding("level-changed", days.names[change.number], begin, end, numbers, lasting=lasting)
