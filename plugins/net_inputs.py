"""The inputs of the nets: which columns they see, and how these are scaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNTER, DAY_OF_MONTH, MONTH

Floats = NDArray[np.float32]
Columns = Mapping[str, NDArray[Any]]

Inputs = dict[str, NDArray[Any]]
"""``counter`` and ``hour_of_week``, shape (n,); ``numbers``, shape (n, numbers); ``log_profile``, shape (n, 1)."""

HOURS_OF_WEEK = 168
CALENDAR = ["public_holiday", "school_holiday", "bridge_day", "previous_day_off", "next_day_off"]
YEAR = ["season_sine", "season_cosine"]
HARMONICS = (2, 3)
SEASON = [*YEAR, *(f"{wave}_{harmonic}" for harmonic in HARMONICS for wave in YEAR), "christmas"]
PROFILES = ["profile", "school_profile"]
_LARGEST = 4.0
"""Scaled inputs are cut off here, in standard deviations."""
_CONSTANT = 1e-6
"""A column with a smaller standard deviation does not vary but for rounding, and is not scaled."""


def continuous(features: pd.DataFrame) -> dict[str, NDArray[np.floating[Any]]]:
    """Return all inputs that are scaled: calendar, season, and log ratios of the counter's history.

    The nets of earlier versions took the level; that of a counter does not vary in training, so that a net cannot
    tell it from the counter's embedding.
    """
    given = {str(name): column.to_numpy() for name, column in features.drop(columns=COUNTER).items()}
    columns = {name: given[name] for name in [*CALENDAR, *YEAR]}
    angle = np.arctan2(given["season_sine"], given["season_cosine"])
    for harmonic in HARMONICS:
        columns[f"season_sine_{harmonic}"] = np.sin(harmonic * angle)
        columns[f"season_cosine_{harmonic}"] = np.cos(harmonic * angle)
    month, day = given[MONTH], given[DAY_OF_MONTH]
    columns["christmas"] = (((month == 12) & (day >= 23)) | ((month == 1) & (day <= 2))).astype(np.float32)
    for name in PROFILES:
        columns[name] = np.log((given[name] + 1.0) / (given["counter_mean"] + 1.0))
    columns["level"] = np.log(given["level"])
    return columns


@attrs.frozen(eq=False)
class Scaling:
    """Brings columns to mean 0 and standard deviation 1, and cuts off what is far from it.

    Parameters
    ----------
    names : of the columns, in the order of the net's inputs.
    mean, deviation : of each column in training, float64.
    """

    names: list[str]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, columns: Columns) -> Self:
        """Learn the scaling from the columns of training."""
        values = _stacked(columns, list(columns))
        deviation = values.std(axis=0)
        deviation[deviation < _CONSTANT] = 1.0
        return cls(list(columns), values.mean(axis=0), deviation)

    @classmethod
    def of_scaler(cls, scaler: Any) -> Self:
        """Take over a fitted ``StandardScaler`` of scikit-learn, which earlier versions stored."""
        return cls([str(name) for name in scaler.feature_names_in_], scaler.mean_, scaler.scale_)

    def __call__(self, columns: Columns) -> Floats:
        """Return the scaled columns, shape (n, columns)."""
        values = (_stacked(columns, self.names) - self.mean) / self.deviation
        return values.clip(-_LARGEST, _LARGEST).astype(np.float32)


def _stacked(columns: Columns, names: list[str]) -> NDArray[np.float64]:
    return np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in names])
