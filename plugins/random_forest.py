"""The regression forest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from bike_traffic.data.schema import COUNT
from bike_traffic.metrics import Task
from bike_traffic.plugins.forest import ForestPipeline


class RFPipeline(ForestPipeline):
    """Random forest on the square root of the count, which weighs quiet and busy counters alike."""

    name: ClassVar[str] = "rf"
    task: ClassVar[Task] = "regression"
    forest_class = RandomForestRegressor

    def __init__(
        self,
        n_estimators: int = 20,
        min_samples_leaf: int = 10,
        max_features: float = 1.0,
        random_state: int = 0,
        n_jobs: int = -1,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _target(self, cleaned: pd.DataFrame) -> NDArray[np.float64]:
        return np.asarray(np.sqrt(cleaned[COUNT].to_numpy(np.float64)))

    def predict(self, counts: pd.DataFrame) -> pd.Series:
        """Predict bikes per hour, shape (n,)."""
        if not len(counts):
            return pd.Series(np.empty(0), index=counts.index)
        return pd.Series(self.forest_.predict(self._design(counts)) ** 2, index=counts.index)
