"""Counts, weather and calendar as dense arrays by local day and hour of the wall clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.cities import PARIS_POSITION, degrees_of
from bike_traffic.columns import CLOUD, COUNT, HOUR, RAIN, TEMPERATURE, TIME_ZONE
from bike_traffic.features.calendar import FRANCE, calendar_features
from bike_traffic.features.light import sun_height
from bike_traffic.features.outages import OUTAGE_HOURS
from bike_traffic.features.parts import positions_of

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
Numbers = NDArray[np.int64]

USED_WEATHER = (TEMPERATURE, RAIN, CLOUD)
SUNDAY = 6
TWILIGHT_DEGREES = 6
"""Above and below this height of the sun, more of it changes nothing."""
HARMONICS = 2
"""Sines and cosines that describe the season: of the year and of its half."""


@attrs.frozen(eq=False)
class Days:
    """The calendar of consecutive local days, one value a day.

    `first` is the first day, in days since 1970. `cell_day` is the day of the week, 0 for Monday; a public holiday is
    a Sunday. `before` and `after` mark a working day after and before a day off. `sun` has shape (days, 24): the
    height of the sun, cut off at the ends of twilight, in tens of degrees. `season` has shape (days, 4): harmonics.
    """

    first: int
    cell_day: Places
    off: Flags
    school: Floats
    bridge: Flags
    public: Floats
    before: Floats
    after: Floats
    year_end: Floats
    sun: Floats
    season: Floats

    @classmethod
    def between(
        cls,
        first: int,
        last: int,
        holidays: str = FRANCE,
        zone: str = TIME_ZONE,
        place: tuple[float, float] = degrees_of(PARIS_POSITION),
    ) -> Self:
        """Return the calendar from day `first` to `last` in a time zone; for `holidays` see `calendar_features`.

        The sun is that of a place, its latitude and longitude in degrees.
        """
        days = pd.DatetimeIndex(np.arange(first, last + 1).astype("datetime64[D]"))
        noon = (days + pd.Timedelta(hours=12)).tz_localize(zone)
        features = calendar_features(pd.Series(noon), holidays=holidays)
        calendar = {name: features[name].to_numpy(np.float64) for name in features}
        off = calendar["day_type"] > 0
        noon_hours = noon.tz_convert(None).to_numpy().astype("datetime64[h]").astype(np.int64)
        sun = sun_height((noon_hours[:, None] + np.arange(24) - 11.5).astype(np.float64), *place)
        angle = 2 * np.pi / 365.25 * days.day_of_year.to_numpy()[:, None] * np.arange(1, HARMONICS + 1)
        christmas = (days.month == 12) & (days.day >= 23)
        new_year = (days.month == 1) & (days.day <= 2)
        return cls(
            first=first,
            cell_day=np.where(calendar["public_holiday"] > 0, SUNDAY, days.day_of_week).astype(np.intp),
            off=off,
            school=calendar["school_holiday"],
            bridge=calendar["bridge_day"] > 0,
            public=calendar["public_holiday"],
            before=calendar["previous_day_off"] * ~off,
            after=calendar["next_day_off"] * ~off,
            year_end=np.asarray(christmas | new_year, dtype=np.float64),
            sun=sun.clip(-TWILIGHT_DEGREES, TWILIGHT_DEGREES) / 10,
            season=np.concatenate([np.sin(angle), np.cos(angle)], axis=1),
        )


@attrs.frozen(eq=False)
class Cube:
    """Counts by local day, counter and hour of the wall clock, from day `first` on.

    `counts` has shape (days, counters, 24), in bikes per hour, NaN where there is none, as in the hour that spring
    skips. The hour that comes twice in autumn has the mean of both. `dead`, shape (days, counters), marks the days
    with `OUTAGE_HOURS` or more hours that are all zero.
    """

    first: int
    counts: Singles
    dead: Flags

    @classmethod
    def of(cls, cleaned: pd.DataFrame, days: Numbers, counters: pd.Index, first: int, end: int) -> Self:
        """Gather clean rows, of the local `days`, from day `first` to before day `end`; leave out other counters."""
        counter = positions_of(cleaned, counters)
        day = days - first
        shape = (max(end - first, 0), len(counters), 24)
        kept = (counter >= 0) & (day >= 0) & (day < shape[0])
        cell = ((day * shape[1] + counter) * 24 + cleaned[HOUR].to_numpy(np.intp))[kept]
        total = np.bincount(cell, cleaned[COUNT].to_numpy(np.float64)[kept], int(np.prod(shape)))
        number = np.bincount(cell, minlength=int(np.prod(shape)))
        mean = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
        counts = mean.astype(np.float32).reshape(shape)
        seen = ~np.isnan(counts)
        dead = (seen.sum(axis=2) >= OUTAGE_HOURS) & (np.where(seen, counts, 0).sum(axis=2) == 0)
        return cls(first=first, counts=counts, dead=dead)


@attrs.frozen(eq=False)
class Weather:
    """The weather by local day and hour of the wall clock, from day `first` on, as columns of the regressions.

    Both arrays have shape (days, 24, 5): the square root of the hour's rain (mm/h; at most 2), that of the mean rain
    of 13 hours, the mean temperature of 24 hours (tens of degrees Celsius), the hour's temperature minus this mean,
    and the cloud cover (0 to 1). The means of `around` are centred on the hour, those of `until` end with it.
    """

    first: int
    around: Floats
    until: Floats

    @classmethod
    def of(cls, frames: Sequence[tuple[pd.DataFrame, Numbers]], first: int, end: int) -> Self:
        """Gather the weather of clean rows, each frame with the local days of its rows.

        An hour that no row has is interpolated between its neighbours.
        """
        hourly = np.full(((end - first) * 24, len(USED_WEATHER)), np.nan)
        for cleaned, days in frames:
            hour = (days - first) * 24 + cleaned[HOUR].to_numpy(np.int64)
            kept = (hour >= 0) & (hour < len(hourly))
            hourly[hour[kept]] = cleaned[list(USED_WEATHER)].to_numpy(np.float64)[kept]
        filled = pd.DataFrame(hourly).interpolate(limit_direction="both").to_numpy()
        temperature, rain, cloud = filled.T
        columns = []
        for rain_hours, day_hours in (((6, 6), (12, 11)), ((12, 0), (23, 0))):
            mean = _moving_mean(temperature, *day_hours) / 10
            wet = np.sqrt(_moving_mean(rain, *rain_hours).clip(0))  # sums in another order can end below zero
            parts = [np.sqrt(rain).clip(max=2), wet, mean, temperature / 10 - mean, cloud / 100]
            columns.append(np.stack(parts, axis=1).reshape(-1, 24, len(parts)))
        return cls(first=first, around=columns[0], until=columns[1])


def _moving_mean(values: Floats, before: int, after: int) -> Floats:
    """Return the mean of each value with the ones before and after it, of fewer at both ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    start, end = np.maximum(place - before, 0), np.minimum(place + after + 1, len(values))
    return np.asarray((total[end] - total[start]) / (end - start))
