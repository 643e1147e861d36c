"""Times of counts, as the City has written them over the years."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.cities import PARIS
from bike_traffic.data.parsing.distinct import Codes, distinct_values, text_of

YEARS = (2000, 2100)
"""A time in any other year is a typing error."""

MALFORMED, WITHOUT_HOUR, NONEXISTENT = "time-malformed", "time-without-hour", "hour-nonexistent"
OUT_OF_RANGE = "time-out-of-range"
"""Why a time cannot be read: it is none, it is a day alone, the clock skipped its hour in spring, or its year is not
one of `YEARS`."""

# Some years are outside of what pandas' times can hold.
_OTHER_YEAR = re.compile(r"(?!20)\d{4}-\d\d-\d\d[T ]\d\d")
_WITH_HOUR = re.compile(r"\d[T ]\d\d")
# An offset follows a time of day, so that the hyphens of a plain date do not match.
_OFFSET = re.compile(r"\d[T ]\d.*(?:Z|[+-]\d\d(?::?\d\d)?)$")


def distinct_times(column: pd.Series, zone: str) -> tuple[Codes, pd.DatetimeIndex, NDArray[np.bool_]]:
    """Return the position of each row's time among the distinct times, and these in the city's time.

    A time without an offset is taken as that of its wall clock. A time that cannot be read, that has no hour, or
    whose hour the clock skips in spring is ``NaT``.

    Parameters
    ----------
    zone : the time zone, as `City` names it.

    Returns
    -------
    codes : shape (rows,), -1 where the time is missing.
    times : the distinct ones.
    twice : shape (distinct times,): whether a time without offset is of the hour that comes twice in autumn, of which
        it is taken as the first; see `SecondHours`.
    """
    codes, values = distinct_values(column)
    if isinstance(values, pd.DatetimeIndex):
        naive = np.full(len(values), values.tz is None)
        times = values.tz_convert(zone) if values.tz is not None else _from_wall_clock(values, zone)
    else:
        texts = pd.Index([text_of(value).strip() for value in values.tolist()], dtype=object)
        naive = np.array([not _OFFSET.search(text) for text in texts], dtype=bool)
        with_hour = ~naive  # an offset follows an hour
        with_hour[naive] = [bool(_WITH_HOUR.search(text)) for text in texts[naive]]
        stamps = pd.to_datetime(texts.where(with_hour), format="ISO8601", utc=True, errors="coerce")
        times = pd.DatetimeIndex(stamps).tz_convert(zone)
        if naive.any():
            times = times.where(~naive, _from_wall_clock(stamps.tz_localize(None), zone))
    times = pd.DatetimeIndex(times.where((times.year >= YEARS[0]) & (times.year < YEARS[1])))
    return codes, times, naive & _comes_twice(times) if naive.any() else naive


def _from_wall_clock(times: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    first = np.ones(len(times), dtype=bool)
    return times.tz_localize(zone, ambiguous=first, nonexistent="NaT")


def _comes_twice(times: pd.DatetimeIndex) -> NDArray[np.bool_]:
    later = times + pd.Timedelta(hours=1)
    return np.asarray(times.tz_localize(None) == later.tz_localize(None))  # False where there is no time


class SecondHours:
    """Tell the second hour 02:00 of an autumn Sunday from the first, where times have no offset.

    Of two rows of one counter with the same time, the second is the hour after the clock was set back. One object
    serves all chunks of a file: it remembers the few such hours of each counter.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()

    def of(self, names: pd.Series, times: pd.DatetimeIndex, twice: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which rows are of the second hour, shape (rows,).

        Parameters
        ----------
        names, times : clean names and times of the rows; those of `twice` are of the first hour.
        twice : which rows have a time without offset in the hour that comes twice.
        """
        second = np.zeros(len(names), dtype=bool)
        positions = np.flatnonzero(twice)
        for position, name, time in zip(positions, names.iloc[positions], times[positions].asi8, strict=True):
            key = (str(name), int(time))
            second[position] = key in self._seen
            self._seen.add(key)
        return second


def take_times(times: pd.DatetimeIndex, codes: Codes) -> pd.DatetimeIndex:
    """Spread distinct times over the rows, ``NaT`` where the code is -1."""
    return pd.DatetimeIndex(times.append(pd.DatetimeIndex([pd.NaT]).tz_localize(times.tz)).take(codes))


def parse_times(column: pd.Series, zone: str = PARIS.time_zone) -> pd.Series:
    """Return the times of a column in the time of a zone, ``NaT`` where they cannot be read."""
    codes, times, _ = distinct_times(column, zone)
    return pd.Series(take_times(times, codes), index=column.index)


def why_unreadable(value: object) -> str:
    """Return the reason of a time that `distinct_times` cannot read, such as `MALFORMED`."""
    text = text_of(value).strip()
    time = pd.to_datetime(text, format="ISO8601", errors="coerce")
    if pd.isna(time):
        return OUT_OF_RANGE if _OTHER_YEAR.match(text) else MALFORMED
    if not YEARS[0] <= time.year < YEARS[1]:
        return OUT_OF_RANGE
    if not isinstance(value, pd.Timestamp) and not _WITH_HOUR.search(text):
        return WITHOUT_HOUR
    return NONEXISTENT
