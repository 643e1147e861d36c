"""Days on which a counter was dead, and weeks in which it counted much less or more than usual."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.errors import SchemaError
from bike_traffic.features.calendar import day_numbers

OUTAGE_HOURS = 20
"""A counter-day with at least this many hours, all zero, is an outage and not a quiet day."""

UNUSUAL_FACTOR = 3.0
"""A week in which a counter's share of the traffic differs from its median by this factor is unusual."""


def training_rows(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a clean frame without outages; raise `SchemaError` if none is left."""
    kept = without_outages(cleaned)
    require_counts(bool(kept[COUNT].any()))
    return kept


def require_counts(found: bool) -> None:
    """Raise `SchemaError` if no row without outages has a count above zero."""
    if not found:  # the hours of a day that is cut off may be left, all of them zero
        raise SchemaError(
            f"no row to learn from: every day of every counter has {OUTAGE_HOURS} hours or more of zeros",
            "only-outages",
            hours=OUTAGE_HOURS,
        )


def in_outage(counter: NDArray[np.intp], days: NDArray[np.int64], count: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows are of a counter-day with `OUTAGE_HOURS` or more hours that sum to zero, shape (n,)."""
    if not len(days):
        return np.zeros(0, dtype=bool)
    key = counter * (days.max() - days.min() + 1) + days - days.min()
    hours, bikes = np.bincount(key), np.bincount(key, count)
    return np.asarray(((hours >= OUTAGE_HOURS) & (bikes == 0))[key])


def without_outages(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Drop the counter-days with `OUTAGE_HOURS` or more hours that sum to zero."""
    dead = in_outage(
        cleaned[COUNTER].cat.codes.to_numpy().astype(np.intp), day_numbers(cleaned[TIME]), cleaned[COUNT].to_numpy()
    )
    kept: pd.DataFrame = cleaned[~dead]
    return kept


def usual_weeks(cleaned: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows are of a week with the counter's usual share of the traffic, shape (n,).

    A counter that is half broken, or that a building site has cut off, counts a small part of its bikes for months.
    A model would take that for the season of that counter. What all counters share, such as the season, makes no
    week unusual: each week's mean count is compared with the median over the counters, and the difference of their
    logarithms with its median over the counter's weeks. At least one week of each counter is usual.
    """
    counter = cleaned[COUNTER].cat.codes.to_numpy()
    week = (day_numbers(cleaned[TIME]) + 3) // 7  # from Monday to Sunday
    log = np.log1p(cleaned[COUNT].groupby([counter, week]).mean()).unstack()
    change = log.sub(log.median(axis="columns"), axis="index")
    change -= change.median()
    # "higher": an actual week, so that this one is usual.
    change = change.sub(change.quantile(0.5, axis="columns", interpolation="higher"), axis="index")
    usual = change.abs() <= np.log(UNUSUAL_FACTOR)
    rows, columns = usual.index.get_indexer(counter), usual.columns.get_indexer(week)
    return np.asarray(usual.to_numpy()[rows, columns])
