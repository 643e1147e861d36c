"""The affluence classifier: is an hour busier than its counter's mean?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from bike_traffic.cleaning import RawCleanerTransformer
from bike_traffic.data.schema import COUNT
from bike_traffic.metrics import Task
from bike_traffic.plugins.forest import ForestPipeline


class AffluenceClassifierPipeline(ForestPipeline):
    """Random forest classifier of hours above the counter's training mean.

    The means are frozen in the artefact: taken anew on later counts they would move the labels.
    """

    name: ClassVar[str] = "rf_class"
    task: ClassVar[Task] = "classification"
    forest_class = RandomForestClassifier

    def __init__(
        self,
        n_estimators: int = 40,
        min_samples_leaf: int = 5,
        max_features: float = 0.33,
        max_samples: float = 0.3,
        random_state: int = 0,
        n_jobs: int = -1,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.max_samples = max_samples
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _target(self, cleaned: pd.DataFrame, features: pd.DataFrame) -> NDArray[np.float64]:
        return np.asarray(cleaned[COUNT] > features["counter_mean"], dtype=np.float64)

    def predict(self, counts: pd.DataFrame) -> pd.Series:
        """Predict the label: 1 where the hour is more likely than not above the mean, shape (n,)."""
        return (self.probability(counts) > 0.5).astype(np.int64)

    def probability(self, counts: pd.DataFrame) -> pd.Series:
        """Return the probability that the hour is above the counter's training mean, shape (n,)."""
        features = self._features_of(counts)
        if not len(counts) or 1.0 not in self.forest_.classes_:  # no busy hour was ever seen
            return pd.Series(0.0, index=counts.index)
        busy = list(self.forest_.classes_).index(1.0)
        return pd.Series(self._ask(self.forest_.predict_proba, features)[:, busy], index=counts.index)

    def truth(self, counts: pd.DataFrame) -> pd.Series:
        """Return the labels that the counts imply under the frozen means."""
        cleaned = RawCleanerTransformer().transform(counts)
        labels = self._target(cleaned, self.features_.transform(cleaned))
        return pd.Series(labels.astype(np.int64), index=counts.index)
