"""Outages: the days on which a counter was dead. They are dropped before a pipeline learns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.errors import SchemaError
from bike_traffic.features.calendar import day_numbers

OUTAGE_HOURS = 20
"""A counter-day with at least this many hours, all zero, is an outage and not a quiet day."""


def training_rows(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a clean frame without outages; raise `SchemaError` if none is left."""
    kept = without_outages(cleaned)
    if kept.empty:
        raise SchemaError(
            f"no row to learn from: every day of every counter has {OUTAGE_HOURS} hours or more of zeros",
            "only-outages",
            hours=OUTAGE_HOURS,
        )
    return kept


def without_outages(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Drop the counter-days with `OUTAGE_HOURS` or more hours that sum to zero."""
    key = cleaned[COUNTER].cat.codes.to_numpy() * np.int64(1_000_000) + day_numbers(cleaned[TIME])
    codes, distinct = pd.factorize(key)
    hours = np.bincount(codes, minlength=len(distinct))
    bikes = np.bincount(codes, weights=cleaned[COUNT].to_numpy(), minlength=len(distinct))
    dead = (hours >= OUTAGE_HOURS) & (bikes == 0)
    kept: pd.DataFrame = cleaned[~dead[codes]]
    return kept
