"""The counters of clean rows: where they stand, what they count on average, and from when to when."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, LATITUDE, LONGITUDE, TIME
from bike_traffic.places import Counter


def counters_of(cleaned: pd.DataFrame) -> dict[str, Counter]:
    """Return the counters of clean rows, in the order of their names."""
    groups = cleaned.groupby(COUNTER, observed=True, sort=True)
    identifiers = (
        groups[IDENTIFIER].last().dropna().astype("str") if IDENTIFIER in cleaned else pd.Series(dtype="str")
    )
    table = groups.agg(
        latitude=(LATITUDE, "last"),  # a counter that was moved is where it is now
        longitude=(LONGITUDE, "last"),
        mean=(COUNT, "mean"),
        first_hour=(TIME, "min"),
        last_hour=(TIME, "max"),
    )
    return {
        str(row["index"]): Counter(
            latitude=_degrees(row["latitude"]),
            longitude=_degrees(row["longitude"]),
            mean=round(float(row["mean"]), 3),
            first_hour=row["first_hour"].isoformat(),
            last_hour=row["last_hour"].isoformat(),
            identifier=identifiers.get(row["index"]) or None,
        )
        for row in table.reset_index(names="index").to_dict("records")
    }


def _degrees(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)
