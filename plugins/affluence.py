"""The affluence classifier: whether an hour is busier than its counter's mean."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, TIME
from bike_traffic.features.calendar import FRANCE
from bike_traffic.features.recent import RecentLevel
from bike_traffic.names import Task
from bike_traffic.pipeline import PREDICTION, PROBABILITY
from bike_traffic.plugins.forest import ForestPipeline
from bike_traffic.plugins.trees import Trees

EVEN_CHANCE, SLOPE = 0.95, 3.0
"""Level over the mean at which half of the hours are busy, and by how much certainty grows with distance from it."""


class AffluenceClassifierPipeline(ForestPipeline):
    """Random forest classifier of hours above the counter's training mean.

    The means are frozen in the artefact: taken again on later counts they would move the labels.
    """

    name: ClassVar[str] = "rf_class"
    task: ClassVar[Task] = "classification"

    def __init__(
        self,
        n_estimators: int = 30,
        min_samples_leaf: int = 5,
        max_features: float = 0.33,
        max_samples: float = 0.3,
        max_rows: int = 40_000,
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
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier  # type: ignore[no-any-return]

    @classmethod
    def _trees_of(cls, forest: Any) -> Trees:
        """Return the trees with the share of busy hours; it is zero if training had none."""
        classes = list(forest.classes_)
        return Trees.of(forest, classes.index(1.0) if 1.0 in classes else None)

    def _target(self, cleaned: pd.DataFrame, features: pd.DataFrame) -> NDArray[np.float64]:
        return np.asarray(cleaned[COUNT] > features["counter_mean"], dtype=np.float64)

    def _predict(
        self,
        cleaned: pd.DataFrame,
        history: pd.DataFrame | None,  # noqa: ARG002
    ) -> dict[str, NDArray[np.float64]]:
        """Predict the probability that an hour is above its counter's training mean, and label 1 above one half.

        After training it is the weighted mean of the forest's probability and of that which the recent level implies.
        """
        busy = self._mean(self.features_.transform(cleaned))
        if self.recent_ is not None:
            after = (cleaned[TIME] > self.recent_.until_).to_numpy()
            weight = self.recent_.weight_of_model(cleaned)
            blended = weight * busy + (1.0 - weight) * self._busy_by_level(cleaned, self.recent_)
            busy = np.where(after, blended, busy)
        return {PREDICTION: (busy > 0.5).astype(np.float64), PROBABILITY: busy}

    def _busy_by_level(self, cleaned: pd.DataFrame, recent: RecentLevel) -> NDArray[np.float64]:
        """Return a logistic function of the logarithm of the level over the counter's mean, shape (n,)."""
        means = self.features_.history_.means_of(cleaned).to_numpy(np.float64)
        ratio = (recent.seasonal(cleaned) + 1.0) / (means + 1.0) / EVEN_CHANCE
        return np.asarray(1.0 / (1.0 + ratio**-SLOPE))

    def _truth(self, cleaned: pd.DataFrame) -> pd.Series:
        """Return the labels that the counts imply under the frozen means."""
        means = self.features_.history_.means_of(cleaned)
        return (cleaned[COUNT] > means).astype(np.int64)
