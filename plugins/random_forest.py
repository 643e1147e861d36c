"""The regression forest."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, DAY_OF_MONTH
from bike_traffic.features.calendar import FRANCE
from bike_traffic.names import Task
from bike_traffic.plugins.forest import NUMERIC, ForestPipeline


class RFPipeline(ForestPipeline):
    """Random forest on the square root of the count over the counter's profile for the hour.

    The trees learn by which factor an hour departs from what is usual, so that counters of all sizes share what they
    know of season and calendar; the root weighs quiet and busy hours alike. Hours after training are blended with
    the recent level, see `RecentLevel.blend`.
    """

    name: ClassVar[str] = "rf"
    task: ClassVar[Task] = "regression"
    numeric = (*NUMERIC, DAY_OF_MONTH)

    def __init__(
        self,
        n_estimators: int = 20,
        min_samples_leaf: int = 5,
        max_features: float = 0.33,
        max_samples: float = 0.15,
        max_rows: int = 80_000,
        random_state: int = 0,
        n_jobs: int = -1,
        holidays: str = FRANCE,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.max_samples = max_samples
        self.max_rows = max_rows
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.holidays = holidays

    @classmethod
    def _forest_class(cls) -> type[Any]:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor  # type: ignore[no-any-return]

    def _target(self, cleaned: pd.DataFrame, features: pd.DataFrame) -> NDArray[np.float64]:
        return np.asarray(np.sqrt(cleaned[COUNT].to_numpy(np.float64) / self._usual(features)))

    def _usual(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return the profile in bikes per hour, plus one, so that it is never zero."""
        return np.asarray(features["profile"].to_numpy(np.float64) + 1.0)

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> NDArray[np.float64]:  # noqa: ARG002
        """Predict bikes per hour, shape (n,)."""
        features = self.features_.transform(cleaned)
        factor = self._mean(features) ** 2
        predicted = np.asarray(factor * self._usual(features))
        return predicted if self.recent_ is None else self.recent_.blend(cleaned, predicted)
