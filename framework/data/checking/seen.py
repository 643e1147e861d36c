"""The hours of counters that were seen already, across the chunks of a file."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNTER, TIME

_HOUR = 3600
# A key is the counter's number, the second of the hour, and the hour since 1970: below 2^21 up to the year 2209.
_HOUR_BITS = 21


class SeenHours:
    """A set of counters and times, as runs of hours without a gap.

    Whole years of a counter are one run of 16 bytes. Hours without a neighbour, the worst case, take 16 bytes each,
    and as much again while rows are added.
    """

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}
        self._starts = np.empty(0, np.int64)
        self._ends = np.empty(0, np.int64)

    def add(self, cleaned: pd.DataFrame) -> NDArray[np.bool_]:
        """Add the rows of a clean frame, and return which of them repeat the counter and time of an earlier row.

        Rows without a name or a time repeat nothing.
        """
        names, times = cleaned[COUNTER], cleaned[TIME]
        known = (names.notna() & (names != "") & times.notna()).to_numpy(dtype=bool)
        again = np.zeros(len(cleaned), dtype=bool)
        keys = self._keys(names[known], times[known])
        order = np.argsort(keys, kind="stable")
        in_order = keys[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = in_order[1:] != in_order[:-1]
        new = first & ~self._holds(in_order)
        repeated = np.empty(len(keys), dtype=bool)
        repeated[order] = ~new
        again[known] = repeated
        self._merge(in_order[new])
        return again

    def _keys(self, names: pd.Series, times: pd.Series) -> NDArray[np.int64]:
        numbers = np.array(
            [self._counters.setdefault(name, len(self._counters)) for name in names.cat.categories], dtype=np.int64
        )
        seconds = seconds_of(times)
        kind = numbers[names.cat.codes.to_numpy()] * _HOUR + seconds % _HOUR if len(names) else seconds
        return np.asarray((kind << _HOUR_BITS) + seconds // _HOUR)

    def _holds(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        if not len(self._starts):
            return np.zeros(len(keys), dtype=bool)
        run = np.searchsorted(self._starts, keys, side="right") - 1
        return np.asarray((run >= 0) & (keys <= self._ends[run]))

    def _merge(self, keys: NDArray[np.int64]) -> None:
        """Add ascending keys, none of which is held yet."""
        gaps = np.flatnonzero(np.diff(keys) != 1)
        starts = np.concatenate([self._starts, keys[:1], keys[gaps + 1]])
        ends = np.concatenate([self._ends, keys[gaps], keys[-1:]])
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], ends[order]
        apart = starts[1:] != ends[:-1] + 1
        self._starts = starts[np.concatenate([[True], apart])] if len(starts) else starts
        self._ends = ends[np.concatenate([apart, [True]])] if len(ends) else ends


def seconds_of(times: pd.Series) -> NDArray[np.int64]:
    """Return times as seconds since 1970."""
    moments = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return np.asarray(moments.astype("datetime64[s]").astype(np.int64))
