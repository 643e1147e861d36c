"""Weeks in which a counter suddenly counts far less, or far more, than before and after them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from bike_traffic.features.outages import UNUSUAL_FACTOR
from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.states import CITY, FAR_BIKES

WINDOW = 21
"""Days before and after a change, of which the medians are compared: three whole weeks.

Shorter weather, strikes and holidays move no median of three weeks, and the median over the counters takes away what
lasts longer, such as a lockdown. With two weeks the snow of February 2021 in Münster makes many false alarms.
"""
LEAST_DAYS = 14
"""Counted days of a window; with fewer, nothing is compared."""
FACTOR = UNUSUAL_FACTOR
"""How much more a counter must change than the median counter: a third of the traffic is not lost to a detour.

On the City's file that is Voie Georges Pompidou under water (February 2021), 90 rue de Sèvres and 20 Avenue de
Clichy; in seven years of Münster 12 times, each of which can be seen. With a factor of 2, the seasons and the
lockdowns of riverside paths are found as well.
"""
MOST_CELLS = 4_000_000
"""Counters times days of the table that says how the city changes; of more counters some are left out of it."""

Values = NDArray[np.float64]


@attrs.frozen(eq=False)
class City:
    """How the median counter changes.

    Parameters
    ----------
    change : logarithm of the median of the `WINDOW` days from each day on, over that of the days before it.
    factor : of each day, bikes over the median of the three weeks around it.
    """

    first_day: int
    change: Values
    factor: Values


@attrs.frozen(kw_only=True)
class LevelChange:
    """Days on which a counter had another level.

    Parameters
    ----------
    entries : the places of its days in the `CounterDays`.
    usual, level : median bikes a day before (or after) these days, and on them.
    factor : the change over that of the median counter.
    """

    number: int
    entries: slice
    usual: float
    level: float
    factor: float


def city_of(days: CounterDays) -> City:
    """Return how the median counter changes from day to day; not at all where fewer than `CITY` counters count."""
    every = days.day
    first, size = int(every.min()), int(every.max() - every.min()) + 1
    parts = [part for _, part in days.slices() if part.stop - part.start >= 2 * LEAST_DAYS]
    parts = parts[:: max(1, -(-len(parts) * size // MOST_CELLS))]
    changes, factors = (np.full((max(len(parts), 1), size), np.nan, np.float32) for _ in range(2))
    for row, part in enumerate(parts):
        series = _series(days, part)
        start = int(every[part.start]) - first
        own = slice(start, start + len(series))
        changes[row, own] = _change(series)
        factors[row, own] = _around(series)
    return City(first, _median(changes, 0.0), np.exp(_median(factors, 0.0)))


def level_changes(days: CounterDays, city: City) -> Iterator[LevelChange]:
    """Yield the times in which the level of a counter was another one, by counter and time.

    The level changes where the median of the next `WINDOW` days differs from that of the days before by more than
    `FACTOR`, over the change of the city. It lasts until it changes back. If it does not, the side of the change that
    is further from the median of the counter's history is the unusual one.
    """
    for number, part in days.slices():
        if part.stop - part.start >= 2 * LEAST_DAYS:
            yield from _of_counter(days, number, part, city)


def _of_counter(days: CounterDays, number: int, part: slice, city: City) -> Iterator[LevelChange]:
    series = _series(days, part)
    day = days.part(part).day
    start = int(day[0])
    offset = start - city.first_day
    own = city.change[offset : offset + len(series)]
    steps = _steps(series, _change(series) - own)
    counted = np.flatnonzero(np.isfinite(series))
    while steps:
        begin = steps.pop(0)
        while steps and np.sign(steps[0][1]) == np.sign(begin[1]):
            steps.pop(0)  # it falls, and falls again
        stretch = _stretch(counted, begin[0])
        back = steps[0][0] if steps and steps[0][0] <= stretch[1] else None
        if back is not None:
            steps.pop(0)
            first, end = begin[0], back
        elif _further(series, stretch, begin[0]):
            first, end = stretch[0], begin[0]
        else:
            first, end = begin[0], stretch[1]
        inside = (counted >= first) & (counted < end)
        before, after = counted[counted < first][-WINDOW:], counted[counted >= end][:WINDOW]
        around = np.r_[before, after] if back is not None else before if first == begin[0] else after
        if not inside.any() or not len(around):
            continue
        level, usual = (_bikes(np.median(series[place])) for place in (counted[inside], around))
        entries = np.searchsorted(day, start + np.array([first, end])) + part.start
        yield LevelChange(
            number=number,
            entries=slice(int(entries[0]), int(entries[1])),
            usual=usual,
            level=level,
            factor=float(np.exp(begin[1] if first == begin[0] else -begin[1])),
        )


def _further(series: Values, stretch: tuple[int, int], day: int) -> bool:
    """Return whether the days before a change are further from the counter's median than those from it on."""
    before, after = (np.nanmedian(series[slice(*part)]) for part in ((stretch[0], day), (day, stretch[1])))
    return bool(abs(before - np.nanmedian(series)) > abs(after - np.nanmedian(series)))


def _steps(series: Values, excess: Values) -> list[tuple[int, float]]:
    """Return the days from which the level is another one, with the logarithm of the change beyond the city's."""
    far = np.abs(np.nan_to_num(excess)) >= np.log(FACTOR)
    edges = np.flatnonzero(np.diff(np.r_[False, far, False].astype(int)))
    found = []
    for begin, end in edges.reshape(-1, 2):
        run = excess[begin:end]
        for sign in (-1, 1):
            if (run * sign > 0).any():
                at = int(begin + np.argmax(run * sign))
                found.append((_exact(series, at, sign), float(excess[at])))
    return sorted(found)


def _exact(series: Values, at: int, sign: int) -> int:
    """Return the day that parts best what is below the mean of both levels from what is above it."""
    low, high = max(at - WINDOW, 0), min(at + WINDOW, len(series))
    before, after = np.nanmedian(series[low:at]), np.nanmedian(series[at:high])
    sides = np.nan_to_num(np.sign(series[low:high] - (before + after) / 2)) * sign
    return low + int(np.argmin(np.r_[0, np.cumsum(sides)][: high - low]))


def _stretch(counted: NDArray[np.intp], day: int) -> tuple[int, int]:
    """Return the first day of the counted days around a day, and the one after the last, up to long gaps."""
    breaks = np.flatnonzero(np.diff(counted) > WINDOW)
    starts, ends = counted[np.r_[0, breaks + 1]], counted[np.r_[breaks, len(counted) - 1]] + 1
    place = max(int(np.searchsorted(starts, day, side="right")) - 1, 0)
    return int(starts[place]), int(ends[place])


def _series(days: CounterDays, part: slice) -> Values:
    """Return the logarithm of the bikes of each day of a counter; NaN where it did not count."""
    entries = days.part(part)
    place, live = entries.day - entries.day[0], entries.live
    series = np.full(int(place[-1]) + 1, np.nan)
    series[place[live]] = np.log(entries.bikes[live] + FAR_BIKES)
    return series


def _bikes(logarithm: float) -> float:
    return float(np.exp(logarithm) - FAR_BIKES)


def _change(series: Values) -> Values:
    """Return how much the median of the `WINDOW` days from each day on is above that of the days before it."""
    medians = _medians(series)
    return medians[WINDOW : WINDOW + len(series)] - medians[: len(series)]


def _around(series: Values) -> Values:
    half = WINDOW // 2
    return series - _medians(series)[WINDOW - half : WINDOW - half + len(series)]


def _medians(series: Values) -> Values:
    """Return the median of the `WINDOW` days before each day, from the first one to `WINDOW` days after the last."""
    padded = np.pad(series, WINDOW, constant_values=np.nan)
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1)  # NaN last
    size = np.isfinite(windows).sum(axis=1)
    rows = np.arange(len(windows))
    middle = (windows[rows, np.maximum(size - 1, 0) // 2] + windows[rows, np.minimum(size // 2, WINDOW - 1)]) / 2
    return np.where(size >= LEAST_DAYS, middle, np.nan)


def _median(table: NDArray[np.float32], otherwise: float) -> Values:
    """Return the median of each column; another value where fewer than `CITY` are known."""
    size = np.isfinite(table).sum(axis=0)
    ordered = np.sort(table, axis=0)
    columns = np.arange(table.shape[1])
    top = len(table) - 1
    middle = (ordered[np.clip((size - 1) // 2, 0, top), columns] + ordered[np.minimum(size // 2, top), columns]) / 2
    return np.where(size >= CITY, middle, otherwise).astype(np.float64)
