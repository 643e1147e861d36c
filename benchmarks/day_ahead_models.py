"""Variants of `ahead` to compare it with: with uncertain weather, and with trees in place of its regressions."""

from __future__ import annotations

from typing import Self
from unittest.mock import patch

import attrs
import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor

from bike_traffic.columns import CLOUD, HOUR, RAIN, TEMPERATURE, TIME
from bike_traffic.features.calendar import day_numbers, days_ahead
from bike_traffic.plugins.ahead import pipeline
from bike_traffic.plugins.ahead.cube import Floats
from bike_traffic.plugins.ahead.pipeline import AheadPipeline
from bike_traffic.plugins.ahead.regression import ADDED

_BLOCK_HOURS = 6
_BLOCKS = 24 // _BLOCK_HOURS


class DegradedWeather(AheadPipeline):
    """Predicts with observed weather that is made as wrong as a forecast of it; learns from observed weather.

    The temperature of each day has a random error of 1.2 degrees and 0.35 more for each day of horizon. A share of
    the blocks of six hours, 15 percent and 6 more for each day, has the rain and the clouds of a random block in
    training. The draw depends on `random_state` and on the day of the origin.
    """

    def _fit(self, cleaned: pd.DataFrame) -> None:
        super()._fit(cleaned)
        hours = cleaned[[TIME, RAIN, CLOUD]].drop_duplicates(TIME).sort_values(TIME)
        blocks = len(hours) // _BLOCK_HOURS
        seen = hours[[RAIN, CLOUD]].to_numpy()[: blocks * _BLOCK_HOURS]
        self.blocks_ = seen.reshape(blocks, _BLOCK_HOURS, 2)

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Floats:
        if history is None:
            raise TypeError("history is needed")
        day = days_ahead(cleaned[TIME], history[TIME].max())
        origin = int(day_numbers(cleaned[TIME])[0] - day[0])
        random = np.random.default_rng([self.random_state, origin])
        days = np.arange(1, day.max() + 1)
        error = random.normal(0, 1.2 + 0.35 * days)[day - 1]
        wrong = random.random((len(days), _BLOCKS)) < (0.15 + 0.06 * days)[:, None]
        other = random.integers(0, len(self.blocks_), (len(days), _BLOCKS))
        block, hour = np.divmod(cleaned[HOUR].to_numpy(np.intp), _BLOCK_HOURS)
        replaced = wrong[day - 1, block]
        drawn = self.blocks_[other[day - 1, block], hour]
        degraded = cleaned.copy()
        degraded[TEMPERATURE] += error
        degraded[RAIN] = np.where(replaced, drawn[:, 0], cleaned[RAIN])
        degraded[CLOUD] = np.where(replaced, drawn[:, 1], cleaned[CLOUD])
        return super()._predict(degraded, history)


@attrs.frozen(eq=False)
class TreeRegression:
    """Gradient-boosted trees with the interface of `FactorRegression`: the same columns, base and weights."""

    model: LGBMRegressor | None

    @classmethod
    def fit(cls, columns: Floats, base: Floats, counts: Floats, alpha: float) -> Self:  # noqa: ARG003
        model = LGBMRegressor(
            objective="poisson", n_estimators=150, num_leaves=15, n_jobs=1, random_state=0, verbose=-1
        )
        return cls(model.fit(columns, (counts + ADDED) / (base + ADDED), sample_weight=base + ADDED))

    @classmethod
    def neutral(cls, columns: int) -> Self:  # noqa: ARG003
        return cls(None)

    def predict(self, of_counters: Floats, of_hours: Floats, base: Floats, power: float = 1.0) -> Floats:
        """Predict bikes per hour, shape (counters, hours)."""
        if self.model is None:
            return base
        counters, hours = base.shape
        columns = np.concatenate([np.repeat(of_counters, hours, axis=0), np.tile(of_hours, (counters, 1))], axis=1)
        factor = np.asarray(self.model.booster_.predict(columns)).reshape(counters, hours) ** power
        return np.asarray(((base + ADDED) * factor - ADDED).clip(0))


class TreesAhead(AheadPipeline):
    """`ahead` with LightGBM's Poisson regression, 150 trees of 15 leaves, in place of its linear regressions."""

    def _fit(self, cleaned: pd.DataFrame) -> None:
        with patch.object(pipeline, "FactorRegression", TreeRegression):
            super()._fit(cleaned)


class DegradedTreesAhead(DegradedWeather, TreesAhead):
    """LightGBM with uncertain weather."""
