"""Clean rows that no file gave: the coming hours of counters; and clean rows in the City's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bike_traffic.cities import PARIS
from bike_traffic.columns import CLEAN_COLUMNS, COUNTER, LATITUDE, LONGITUDE, TIME
from bike_traffic.data.cleaning import time_parts
from bike_traffic.data.schema import CITY_HEADERS, COORDINATES
from bike_traffic.places import Counter, Place


def hours_of_days(first_day: pd.Timestamp, days: int, zone: str | None = None) -> pd.DatetimeIndex:
    """Return every hour of some local days: 23 or 25 hours where the clock changes.

    Parameters
    ----------
    first_day : any time of the first day.
    zone : the time zone; ``None`` is that of the first day, and Paris's if it has none.
    """
    local = first_day if first_day.tzinfo else first_day.tz_localize(zone or PARIS.time_zone)
    local = local if zone is None else local.tz_convert(zone)
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
    times : in the city's time zone.
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
    return pd.DataFrame({name: columns[name] for name in CLEAN_COLUMNS})


def hours_of(counters: Mapping[str, Counter | Place] | Place, first_day: pd.Timestamp, days: int = 1) -> pd.DataFrame:
    """Return every hour of some days as the City publishes them, without counts: rows to predict.

    Parameters
    ----------
    counters : where they are, by name; or a place, for each of its directions.
    first_day, days : as `hours_of_days` takes them; days on which the clock changes have 23 or 25 hours.

    Returns
    -------
    ``Nom du compteur``, ``Date et heure de comptage`` (local ISO 8601 with offset) and ``Coordonnées géographiques``
    (latitude,longitude; empty where unknown), one counter after the other.
    """
    known = dict.fromkeys(counters.counters.values(), counters) if isinstance(counters, Place) else counters
    where = [(position.latitude, position.longitude) for position in known.values()]
    times = hours_of_days(first_day, days)
    cleaned = hours_of_counters(list(known), times, [one for one, _ in where], [other for _, other in where])
    texts = [f"{north},{east}" if None not in (north, east) else "" for north, east in where]
    return as_published(cleaned).assign(**{CITY_HEADERS[COORDINATES]: np.repeat(texts, len(times))})


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
