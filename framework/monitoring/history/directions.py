"""Weeks in which the two directions of a place have exchanged their counts, over a whole history."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.states import FAR_BIKES
from bike_traffic.monitoring.swaps import ALIKE, CLOSER
from bike_traffic.places import counters_by_place

SWAP_DAYS, SWAP_WEEKS = 8, 2
"""A swap has this many working days in a row that show it, from the first to the last at least as many weeks.

Three are in the City's file and that of Münster: 20 Avenue de Clichy after its outage, 90 rue de Sèvres (July 2021),
Weißenburgstraße (June to August 2025); no other of their 45 places of two directions has one.
"""
LEAST_DAYS = 28
"""Working days that both directions counted; of fewer nothing is called usual."""

Parts = NDArray[np.float64]


@attrs.frozen(kw_only=True)
class Swap:
    """Days, since 1970, on which two counters have exchanged their counts."""

    numbers: tuple[int, int]
    first_day: int
    last_day: int
    told: int
    """Working days that show it."""


def swaps(days: CounterDays) -> Iterator[Swap]:
    """Yield the times in which the two directions of a place were exchanged.

    The bikes of morning, evening and the rest of each working day are compared with what is usual for the direction,
    which is the median of its history, and with what is usual for the other one, as `swapped_since` does by the hour:
    as shares of the place's bikes, and as shares of the direction's own. What most of the history shows is the right
    way round.
    """
    parts = {number: days.part(part) for number, part in days.slices()}
    numbers = {name: number for number, name in enumerate(days.names) if number in parts}
    for own in counters_by_place(numbers).values():
        if len(own) == 2:
            one, other = (numbers[name] for name in own.values())
            yield from _of_place((one, other), parts[one], parts[other])


def _of_place(numbers: tuple[int, int], one: CounterDays, other: CounterDays) -> Iterator[Swap]:
    common, first, second = np.intersect1d(one.day, other.day, return_indices=True)
    usable = (common + 3) % 7 < 5  # a Monday is 4 days before the start of 1970
    for part, place in ((one, first), (other, second)):
        usable &= (part.live & (part.bikes >= FAR_BIKES))[place]
    if usable.sum() < LEAST_DAYS:
        return
    day = common[usable]
    signs = _signs(_parts(one)[first[usable]], _parts(other)[second[usable]])
    told = np.flatnonzero(signs)
    ends = np.append(np.flatnonzero(np.diff(signs[told])) + 1, len(told))
    for begin, end in zip(np.append(0, ends[:-1]), ends, strict=True):
        run = day[told[begin:end]]
        if len(run) >= SWAP_DAYS and signs[told[begin]] > 0 and run[-1] - run[0] >= 7 * SWAP_WEEKS:
            yield Swap(numbers=numbers, first_day=int(run[0]), last_day=int(run[-1]), told=len(run))


def _parts(days: CounterDays) -> Parts:
    """Return the bikes of morning, evening and the rest of each day, shape (n, 3)."""
    bikes, morning, evening = (values.astype(np.float64) for values in (days.bikes, days.morning, days.evening))
    return np.stack([morning, evening, bikes - morning - evening], axis=1)


def _signs(one: Parts, other: Parts) -> NDArray[np.int64]:
    """Return for each day 1 if the directions are exchanged, -1 if not, 0 if it cannot be told."""
    both = (one.sum(axis=1) + other.sum(axis=1))[:, None]
    bikes = _closer(one / both, other / both)
    shares = _closer(one / one.sum(axis=1)[:, None], other / other.sum(axis=1)[:, None])
    return np.select([(bikes > CLOSER) & (shares > ALIKE), (bikes < -CLOSER) & (shares < -ALIKE)], [1, -1], 0)


def _closer(one: Parts, other: Parts) -> NDArray[np.float64]:
    """Return how much closer each day is to what is usual for the other direction: -1 to 1."""
    usual, usual_other = np.median(one, axis=0), np.median(other, axis=0)
    own = np.abs(one - usual).sum(axis=1) + np.abs(other - usual_other).sum(axis=1)
    exchanged = np.abs(one - usual_other).sum(axis=1) + np.abs(other - usual).sum(axis=1)
    return np.asarray((own - exchanged) / np.maximum(own + exchanged, 1e-9))
