"""What is known at an origin, the hour at which a forecast is issued: the base, and how the newest counts compare."""

from __future__ import annotations

from typing import Any, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from bike_traffic.features.outages import OUTAGE_HOURS
from bike_traffic.plugins.ahead.cube import Cube, Days, Flags, Floats, Places, Singles, Weather

BASE_DAYS = 140
"""The base of a cell is the weighted mean of this many days, the last twenty weeks."""
WEATHER_DAYS = 56
"""The usual weather of an hour of the day is that of this many days."""
WINDOWS = (1, 3, 7)
"""Days before the origin over which counts are compared with the base."""

_SHAPE_DAYS = 3
_HALF_LIFE_WEEKS = 2.0
_PSEUDO_COUNTS = 8.0
_KEPT_DAYS = 28
"""A counter with fewer days in the history is filled up with the base that was kept at the fit."""
_KEPT_COUNTS = 3.4
"""Observations that the kept base counts for: the sum of the weights of very many weeks."""
_LARGEST_RATIO = 1.5
_DAY_TYPE = np.array([0, 0, 0, 0, 0, 1, 2])
"""Working day, Saturday or Sunday, by day of the week."""


@attrs.frozen(eq=False)
class Origin:
    """What a forecast starts from. Arrays have one value a counter unless it is said otherwise.

    base : shape (7, counters, 24), bikes per hour, by day of the week with public holidays as Sundays.
    city : shape (3,), logarithm of the counts of all counters over their base, of the last 1, 3 and 7 days.
    own : shape (counters, 3), the same of each counter, minus that of the city.
    by_hour : shape (24,), the logarithm of the ratio of the city in each hour of the day over the last 3 days, minus
        that of all hours: a curfew or a change of the clock moves bikes from one hour to another.
    dead : whether the newest hours of the counter, twenty or more, were all zero.
    known : whether the counter has a base of its own.
    school, year_end, sun, season : weighted means over the days of the base; shape (), (), (24,) and (4,).
    usual : shape (24, 5), the usual weather of each hour of the day; ``None`` if none before the origin is known.
    gap : shape (5,), yesterday's weather minus the usual one, weighted by the bikes of the hour.
    """

    base: Singles
    city: Floats
    own: Floats
    by_hour: Floats
    dead: Flags
    known: Flags
    school: float
    year_end: float
    sun: Floats
    season: Floats
    usual: Floats | None
    gap: Floats | None

    @classmethod
    def at(
        cls,
        day: int,
        hour: int,
        cube: Cube,
        days: Days,
        weather: Weather | None = None,
        kept: Singles | None = None,
    ) -> Self:
        """Describe the state at an hour of a local day, from the counts before it.

        The base is that of whole days, the ratios go up to the hour. `cube` and `days` have the `BASE_DAYS` before
        the origin, and its own day. `kept` is the base of an earlier origin, 0 where it has none.
        """
        past = slice(day - BASE_DAYS - cube.first, day - cube.first)
        calendar = slice(day - BASE_DAYS - days.first, day - days.first)
        counted = ~cube.dead[past] & ~days.bridge[calendar][:, None]
        weight = _weights(BASE_DAYS)
        base, known = _base(cube.counts[past], counted, days.cell_day[calendar], weight, kept)
        shares = weight * ~np.isnan(cube.counts[past]).all(axis=(1, 2))
        shares /= max(shares.sum(), 1e-9)
        newest = _newest(cube, days, day, hour, base)
        usual = gap = None
        if weather is not None and day > weather.first:
            usual, gap = _weather_before(weather, day, base[days.cell_day[day - 1 - days.first]].sum(axis=0))
        return cls(
            base=base,
            city=newest[0],
            own=newest[1],
            by_hour=newest[2],
            dead=newest[3],
            known=known,
            school=float(shares @ days.school[calendar]),
            year_end=float(shares @ days.year_end[calendar]),
            sun=shares @ days.sun[calendar],
            season=shares @ days.season[calendar],
            usual=usual,
            gap=gap,
        )


def _weights(size: int) -> Floats:
    """Return the weights of so many days before an origin, the newest last."""
    return np.asarray(0.5 ** (np.arange(size)[::-1] // 7 / _HALF_LIFE_WEEKS))


def _base(
    counts: Singles, counted: Flags, cell_day: Places, weight: Floats, kept: Singles | None
) -> tuple[Singles, Flags]:
    """Return the base, and which counters have one of their own.

    The mean of a cell has `_PSEUDO_COUNTS` observations added of the counter's mean for the day type and hour, times
    the city's cell over the same of the city. Weights are relative to the counter's largest, so that a counter that
    is back after a long outage keeps its shape.
    """
    size, counters, _ = counts.shape
    seen = ~np.isnan(counts) & counted[:, :, None]
    by_day = np.zeros((7, size), dtype=np.float32)
    by_day[cell_day, np.arange(size)] = weight
    total = (by_day @ np.where(seen, counts, 0).reshape(size, -1)).reshape(7, counters, 24)
    number = (by_day @ seen.reshape(size, -1).astype(np.float32)).reshape(7, counters, 24)
    some = seen.any(axis=2)
    known = np.asarray(some.any(axis=0))
    largest = np.where(known, (weight[:, None] * some).max(axis=0, initial=0), 1).astype(np.float32)[:, None]
    if kept is not None:
        share_kept = (1 - some.sum(axis=0) / _KEPT_DAYS).clip(0) * (kept.sum(axis=(0, 2)) > 0)
        filled = _KEPT_COUNTS * share_kept.astype(np.float32)[:, None] * largest
        total, number = total + filled * kept, number + filled
    city_total, city_number = total.sum(axis=1), number.sum(axis=1)
    total, number = total / largest, number / largest
    # Where no counter has a count, the city is as in the same hours of the day type, of all days, or of all hours.
    city_hours = _ratio(
        city_total.sum(axis=0), city_number.sum(axis=0), _ratio(city_total.sum(), city_number.sum(), 0)
    )
    city_types = _ratio(_by_type(city_total), _by_type(city_number), city_hours)[_DAY_TYPE]
    city = _ratio(city_total, city_number, city_types)
    types = _ratio(_by_type(total), _by_type(number), np.nan)[_DAY_TYPE]
    size_of = _ratio(total.sum(axis=(0, 2)), (number * city[:, None, :]).sum(axis=(0, 2)), 0)
    prior = types * _ratio(city, city_types, 1)[:, None, :]
    prior = np.where(np.isnan(prior), city[:, None, :] * size_of[:, None], prior)
    base = (total + _PSEUDO_COUNTS * prior) / (number + _PSEUDO_COUNTS)
    return base.astype(np.float32), known


def _by_type(table: Singles) -> Singles:
    """Add up the days of the week of each day type."""
    return np.stack([table[:5].sum(axis=0), table[5], table[6]])


def _ratio(total: Any, number: Any, otherwise: Any) -> Any:
    """Divide, and return something else where the divisor is 0."""
    divided = np.divide(total, number, out=np.full(np.shape(total), np.nan), where=np.asarray(number) > 0)
    return np.where(np.asarray(number) > 0, divided, otherwise)


def _newest(cube: Cube, days: Days, day: int, hour: int, base: Singles) -> tuple[Floats, Floats, Floats, Flags]:
    """Return the ratios of the city, of each counter and of each hour, and which counters are dead; see `Origin`.

    Hours of dead days and of bridge days are left out. A tenth of a day's base and 3 bikes are added to both sides.
    """
    longest = max(WINDOWS)
    rows = slice(day - longest - cube.first, day + 1 - cube.first)
    calendar = slice(day - longest - days.first, day + 1 - days.first)
    seen = ~np.isnan(cube.counts[rows])
    usable = seen & (~cube.dead[rows] & ~days.bridge[calendar][:, None])[:, :, None]
    counted = np.where(seen, cube.counts[rows], 0)

    def hours(table: NDArray[Any]) -> NDArray[Any]:
        """Return the hours before the origin, the newest first, shape (counters, hours)."""
        flat = table.swapaxes(0, 1).reshape(table.shape[1], -1)
        return flat[:, hour : longest * 24 + hour][:, ::-1]

    counts, usual = hours(counted * usable), hours(base[days.cell_day[calendar]] * usable)
    added = base.sum(axis=(0, 2)) / 7 / 10 + 3
    city, own = [], []
    for window in WINDOWS:
        above = counts[:, : window * 24].sum(axis=1, dtype=np.float64)
        below = usual[:, : window * 24].sum(axis=1, dtype=np.float64)
        of_city = np.log((above.sum() + added.sum()) / (below.sum() + added.sum()))
        of_own = np.log((above + added) / (below + added)).clip(-_LARGEST_RATIO, _LARGEST_RATIO)
        city.append(of_city)
        own.append(np.where(below > 0, of_own - of_city, 0))
    # The hours before the origin, the newest first, are folded to days, and these turned to hours of the day.
    shaped = [
        np.roll(side[:, : _SHAPE_DAYS * 24].sum(axis=0, dtype=np.float64).reshape(-1, 24).sum(axis=0)[::-1], hour)
        + added.sum() / 24
        for side in (counts, usual)
    ]
    by_hour = np.log(shaped[0] / shaped[1]) - np.log(shaped[0].sum() / shaped[1].sum())
    known = hours(seen).cumsum(axis=1)
    bikes = hours(counted).cumsum(axis=1)
    enough = (known[:, 23::24] >= OUTAGE_HOURS).argmax(axis=1)  # the first number of whole days that has them
    row = np.arange(len(known))
    dead = (known[row, enough * 24 + 23] >= OUTAGE_HOURS) & (bikes[row, enough * 24 + 23] == 0)
    return np.array(city), np.stack(own, axis=1), by_hour, dead


def _weather_before(weather: Weather, day: int, bikes: Singles) -> tuple[Floats, Floats]:
    """Return the usual weather of each hour of the day, and the gap of yesterday's, weighted by bikes."""
    weight = _weights(min(day - weather.first, WEATHER_DAYS))
    past = slice(day - weather.first - len(weight), day - weather.first)
    usual = np.einsum("d,dhp->hp", weight / weight.sum(), weather.around[past])
    gap = weather.until[day - 1 - weather.first] - usual
    return usual, np.average(gap, axis=0, weights=bikes + 1e-9)
