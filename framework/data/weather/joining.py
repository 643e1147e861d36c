"""Join weather to a clean frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bike_traffic.columns import TIME, WEATHER_COLUMNS, WIND
from bike_traffic.errors import SchemaError


def join_weather(cleaned: pd.DataFrame, weather: pd.DataFrame, where: str = "the weather") -> pd.DataFrame:
    """Return a clean frame with the weather of each row's hour as its last four columns.

    Wind that the source has not is missing; of all else each hour must be known.

    Parameters
    ----------
    cleaned : a valid clean frame; weather that it has already is replaced.
    weather : as `read_weather` returns it.
    where : name of the weather in messages.

    Raises
    ------
    SchemaError
        The weather of an hour is not known; the message says what of it, in how many, from when to when.
    """
    codes, distinct = pd.factorize(cleaned[TIME].dt.tz_convert("UTC").dt.floor("h"))
    known = weather.reindex(pd.DatetimeIndex(distinct))
    unknown = known.drop(columns=WIND).isna()
    missing = known.index[unknown.any(axis=1)]
    if len(missing):
        first, last = (time.tz_convert(cleaned[TIME].dt.tz).isoformat() for time in (missing.min(), missing.max()))
        columns = list(unknown.columns[unknown.any()])
        raise SchemaError(
            f"{where}: the weather ({', '.join(columns)}) of {len(missing)} of {len(distinct)} hours is not known, "
            f"the first {first}, the last {last}; give weather that has all hours of the counts",
            "weather-hours-missing",
            where=where,
            columns=columns,
            missing=len(missing),
            hours=len(distinct),
            first=first,
            last=last,
        )
    return cleaned.assign(**{name: known[name].to_numpy(np.float32)[codes] for name in WEATHER_COLUMNS})
