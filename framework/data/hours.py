"""Clean rows that no file gave: the coming hours of counters; and clean rows in the City's columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bike_traffic.columns import CLEAN_COLUMNS, COUNTER, LATITUDE, LONGITUDE, TIME, TIME_ZONE
from bike_traffic.data.cleaning import time_parts
from bike_traffic.data.schema import CITY_HEADERS


def hours_of_days(first_day: pd.Timestamp, days: int) -> pd.DatetimeIndex:
    """Return every hour of some local days in Europe/Paris: 23 or 25 hours where the clock changes.

    Parameters
    ----------
    first_day : any time of the first day; without a time zone it is local.
    """
    local = first_day.tz_convert(TIME_ZONE) if first_day.tzinfo else first_day.tz_localize(TIME_ZONE)
    start = local.normalize()
    return pd.date_range(start, start + pd.DateOffset(days=days), freq="h", inclusive="left")


def hours_of_counters(
    names: Sequence[str],
    times: pd.DatetimeIndex,
    latitudes: Sequence[float | None],
    longitudes: Sequence[float | None],
) -> pd.DataFrame:
    """Return a clean frame without counts: each of the times for each counter, one counter after the other.

    Parameters
    ----------
    names : clean names of counters.
    times : in Europe/Paris.
    latitudes, longitudes : of the counters, in degrees; ``None`` where unknown.
    """
    number, size = len(names), len(times)
    columns: dict[str, object] = {
        COUNTER: pd.Categorical.from_codes(np.repeat(np.arange(number), size), pd.Index(list(names), dtype="str")),
        TIME: times.take(np.tile(np.arange(size), number)),
        **{name: np.tile(values.to_numpy(np.int16), number) for name, values in time_parts(times).items()},
        LATITUDE: np.repeat(np.array(latitudes, np.float32), size),
        LONGITUDE: np.repeat(np.array(longitudes, np.float32), size),
    }
    return pd.DataFrame(columns)[list(CLEAN_COLUMNS)]


def as_published(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return counter and time of clean rows under the City's headers, the time as local ISO 8601 with its offset."""
    return pd.DataFrame(
        {CITY_HEADERS[COUNTER]: cleaned[COUNTER].astype("str"), CITY_HEADERS[TIME]: local_stamps(cleaned[TIME])},
        index=cleaned.index,
    )


def local_stamps(times: pd.Series) -> pd.Series:
    """Return times as local ISO 8601 text with the offset, on the same index."""
    codes, distinct = pd.factorize(times)
    stamps = np.array([time.isoformat() for time in distinct], dtype=object)
    return pd.Series(stamps[codes], index=times.index, dtype="str")
