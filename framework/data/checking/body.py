"""What the days and hours of all rows show: rows weeks away from all others, and sums of days.

The end of the counts is not where one stray stamp is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import HOUR, TIME
from bike_traffic.features.calendar import day_numbers, hour_numbers

FEWEST_DAYS = 3
"""Counts of one hour of the day alone, on as many days or more, are sums of days."""
APART_DAYS = 7
"""Days without any row that separate two parts of the counts; and a part as long as this is no stray stamp."""
APART_SHARE = 0.01
"""A part with a smaller share of the rows may be a stray one."""


class DaysOfRows:
    """The number of rows of each local day, and the hours of the day, learned from any number of parts."""

    def __init__(self) -> None:
        self._rows = pd.Series(dtype=np.int64)
        self._local, self._utc = np.zeros(24, dtype=bool), np.zeros(24, dtype=bool)

    def add(self, cleaned: pd.DataFrame) -> None:
        """Learn from clean rows whose times are known."""
        if cleaned.empty:
            return
        day = day_numbers(cleaned[TIME])
        first = int(day.min())
        rows = np.bincount(day - first)  # years are few days: no need to sort the rows
        days = np.flatnonzero(rows)
        self._local |= np.bincount(cleaned[HOUR].to_numpy(), minlength=24) > 0
        self._utc |= np.bincount(hour_numbers(cleaned[TIME]) % 24, minlength=24) > 0
        self._rows = self._rows.add(pd.Series(rows[days], index=days + first), fill_value=0)

    @property
    def are_sums_of_days(self) -> bool:
        """Whether all rows are of the same hour of the day, of Paris or of UTC, on `FEWEST_DAYS` days or more."""
        return len(self._rows) >= FEWEST_DAYS and min(self._local.sum(), self._utc.sum()) == 1

    @property
    def all(self) -> NDArray[np.int64]:
        """The days, since 1970."""
        return self._rows.index.to_numpy(np.int64)

    def rows_of(self, days: NDArray[np.int64]) -> int:
        """Return the number of rows of some of the days."""
        return int(self._rows[days].sum())

    def apart(self) -> NDArray[np.int64]:
        """Return the days, since 1970, of the parts that are apart from the body of the counts; see `apart_days`."""
        return apart_days(self.all, self._rows.to_numpy(np.int64))


def apart_days(days: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the days, of those with rows, that are apart from the body of the counts.

    Parts are separated by more than `APART_DAYS` days without a row. One is apart if it is shorter than this and has
    less than `APART_SHARE` of the rows; if that would leave less than half of all rows, none is.

    Parameters
    ----------
    days : since 1970, ascending.
    rows : of each day.
    """
    if not len(days):
        return days
    part = np.cumsum(np.diff(days, prepend=days[0]) > APART_DAYS)
    size = np.bincount(part, rows)
    length = np.bincount(part)
    apart = (size < APART_SHARE * rows.sum()) & (length < APART_DAYS)
    stray = days[apart[part]]
    return np.asarray(stray if size[apart].sum() * 2 < rows.sum() else stray[:0])
