"""Hours and days as numbers, and the hours at which the clock changes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import TIME_ZONE

Numbers = NDArray[np.int64]


def changed_hours(first: int, last: int, zone: str = TIME_ZONE) -> Numbers:
    """Return the hours, since 1970 UTC, at which the clock changes: in spring the hour after it, in autumn both.

    Parameters
    ----------
    first, last : hours since 1970 UTC.
    zone : the time zone of the clock.
    """
    years = range(int(first // 8766) + 1970 - 1, int(last // 8766) + 1970 + 2)
    hours = np.concatenate([_changed_hours(year, zone) for year in years])
    return np.asarray(hours[(hours >= first) & (hours <= last)])


@lru_cache(maxsize=1024)
def _changed_hours(year: int, zone: str) -> Numbers:
    start = np.datetime64(f"{year:04d}-01-01", "h")
    hours = pd.DatetimeIndex(start + np.arange(366 * 24)).as_unit("s")
    local = hours.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    offset = (local - hours).total_seconds().to_numpy()
    change = np.diff(offset)
    numbers = hours.to_numpy().astype("datetime64[h]").astype(np.int64)
    return np.sort(np.concatenate([numbers[1:][change != 0], numbers[:-1][change < 0]]))


def times_of(hours: Numbers, zone: str = TIME_ZONE) -> pd.DatetimeIndex:
    """Return hours since 1970 UTC as times in a time zone."""
    return pd.DatetimeIndex(hours.astype("datetime64[h]").astype("datetime64[us]"), tz="UTC").tz_convert(zone)


def midnights_of(days: Numbers, zone: str = TIME_ZONE) -> Numbers:
    """Return the first hour, since 1970 UTC, of each local day (since 1970)."""
    distinct, place = np.unique(days, return_inverse=True)
    local = pd.DatetimeIndex(distinct.astype("datetime64[D]").astype("datetime64[s]"))
    moments = local.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(local), bool))
    hours = moments.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[h]").astype(np.int64)
    return np.asarray(hours[place])
