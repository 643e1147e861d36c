"""Counts far above what is usual for their counter and hour: faults of a sensor, or something to look at.

The rule is robust: it is learned from quantiles that such counts hardly change. On the City's year (422,243 rows) no
count is doubtful, on seven years of another city (1,867,029 rows) 41 are, up to 2,600 bikes at night.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, HOUR

QUANTILE = 0.95
FACTOR, BIKES = 3.0, 50.0
"""A count is doubtful above `BIKES` + `FACTOR` × (the quantile of its counter and hour + that of its counter)."""
FEWEST = 20
"""With fewer counts in an hour of the day its quantile says nothing, and that of the counter stands for it."""
FEWEST_OF_COUNTER = 48
"""With fewer counts of a counter nothing is doubtful."""

# Upper bounds of the classes in which counts are kept: each count up to 20, then steps of 5 %.
_BOUNDS = np.unique(np.concatenate([np.arange(21.0), np.ceil(20.0 * 1.05 ** np.arange(1, 230))]))
_CLASSES = len(_BOUNDS) + 1
_CLASS_OF = np.searchsorted(_BOUNDS, np.arange(10_000.0))
"""The class of each count below 10,000, which nearly all are: to look it up is faster than to search."""


_FEW_CELLS = 2_000_000
_SOME = 500
"""Counters whose quantiles are computed at once."""


class UsualCounts:
    """How many bikes are usual in each hour of the day, by counter: learned from rows in any number of parts.

    It keeps numbers of rows by counter, hour and class of count, 25 kB a counter, whatever the number of rows.
    """

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}
        self._rows = np.zeros((0, 24, _CLASSES), np.int32)

    def add(self, cleaned: pd.DataFrame) -> None:
        """Learn from usable clean rows that carry the count."""
        number = self._numbers(cleaned)
        more = len(self._counters) - len(self._rows)
        self._rows = np.concatenate([self._rows, np.zeros((more, 24, _CLASSES), np.int32)])
        of_class = _classes(cleaned[COUNT].to_numpy())
        cell = (number * 24 + cleaned[HOUR].to_numpy()) * _CLASSES + of_class
        if self._rows.size < _FEW_CELLS:
            self._rows += np.bincount(cell, minlength=self._rows.size).astype(np.int32).reshape(self._rows.shape)
        else:  # thousands of counters, of which a chunk has few cells
            cells, rows = np.unique(cell, return_counts=True)
            self._rows.reshape(-1)[cells] += rows.astype(np.int32)

    def _numbers(self, cleaned: pd.DataFrame) -> NDArray[np.int64]:
        names = cleaned[COUNTER].cat.categories
        numbers = np.array([self._counters.setdefault(name, len(self._counters)) for name in names], dtype=np.int64)
        return numbers[cleaned[COUNTER].cat.codes.to_numpy()]

    def limits(self) -> NDArray[np.float64]:
        """Return the count above which one is doubtful, in bikes per hour, shape (counters, 24)."""
        some = [self._rows[start : start + _SOME] for start in range(0, max(len(self._rows), 1), _SOME)]
        of_counter = np.concatenate(
            [_quantile(rows.sum(axis=1, dtype=np.int32), FEWEST_OF_COUNTER) for rows in some]
        )[:, None]
        of_hour = np.concatenate([_quantile(rows, FEWEST) for rows in some])
        of_hour = np.where(np.isnan(of_hour), of_counter, of_hour)
        # A rush hour that shifts by an hour is nothing to doubt.
        of_hour = np.maximum(of_hour, np.maximum(np.roll(of_hour, 1, axis=1), np.roll(of_hour, -1, axis=1)))
        limits = BIKES + FACTOR * (of_hour + of_counter)
        return np.asarray(np.where(np.isnan(limits), np.inf, limits))

    def table(self) -> pd.DataFrame:
        """Return the limits with the names of the counters as index."""
        return pd.DataFrame(self.limits(), index=pd.Index(list(self._counters)[: len(self._rows)]))

    def doubtful(self, cleaned: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows of counters that were learned have a doubtful count, shape (rows,)."""
        limits = self.limits()[self._numbers(cleaned), cleaned[HOUR].to_numpy()]
        return np.asarray(cleaned[COUNT].to_numpy() > limits, dtype=bool)


def _classes(counts: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the class of each usable count: a whole number of bikes, not negative."""
    last = len(_CLASS_OF) - 1
    classes = _CLASS_OF[np.minimum(counts, last).astype(np.int64)]
    large = np.flatnonzero(counts > last)
    classes[large] = np.searchsorted(_BOUNDS, counts[large])
    return np.asarray(classes)


def doubtful_counts(cleaned: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows of a whole clean frame have a doubtful count, shape (rows,)."""
    usual = UsualCounts()
    usual.add(cleaned)
    return usual.doubtful(cleaned)


def _quantile(rows: NDArray[np.int32], fewest: int) -> NDArray[np.float64]:
    """Return the upper bound of the class that holds the quantile, NaN where there are too few rows."""
    known = rows.sum(axis=-1)
    upto = np.cumsum(rows, axis=-1)
    at = (upto >= np.ceil(QUANTILE * known)[..., None]).argmax(axis=-1)
    bounds = np.append(_BOUNDS, np.inf)[at]
    return np.where(known >= fewest, bounds, np.nan)
