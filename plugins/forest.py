"""What the two forests share: features, columns, growing with progress, and their file."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import OrdinalEncoder

from bike_traffic.cleaning import RawCleanerTransformer, without_outages
from bike_traffic.data.schema import COUNTER
from bike_traffic.features import CountFeatures
from bike_traffic.pipeline import Pipeline
from bike_traffic.progress import progress

MODEL_FILE = "model.joblib"
_COMPRESSION = 3

NUMERIC = [
    "heure",
    "jour_semaine",
    "mois",
    "annee",
    "public_holiday",
    "school_holiday",
    "bridge_day",
    "previous_day_off",
    "next_day_off",
    "day_type",
    "season_sine",
    "season_cosine",
    "counter_mean",
    "profile",
    "school_profile",
    "level",
]


class ForestPipeline(Pipeline):
    """A forest of scikit-learn behind a ``ColumnTransformer``.

    Parameters
    ----------
    n_estimators : number of trees.
    min_samples_leaf : rows in a leaf at least; the lever on cost and on size.
    max_features : share of the features looked at for a split.
    random_state : seed.
    n_jobs : threads that grow and ask trees; -1 is all.
    """

    n_estimators: int
    min_samples_leaf: int
    max_features: float
    random_state: int
    n_jobs: int

    forest_class: ClassVar[type[Any]]

    @abstractmethod
    def _target(self, cleaned: pd.DataFrame) -> NDArray[np.float64]:
        """Return what the trees learn, for clean rows with their count, once `features_` is fitted."""

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Clean, drop outages, learn the history, and grow the trees."""
        cleaned = without_outages(RawCleanerTransformer().transform(counts))
        self.features_ = CountFeatures().fit(cleaned)
        self.counters_ = self.features_.history_.counters_
        counter = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
        self.columns_ = ColumnTransformer([("counter", counter, [COUNTER]), ("numeric", "passthrough", NUMERIC)])
        design = self.columns_.fit_transform(self.features_.transform(cleaned)).astype(np.float32)
        self.forest_ = self._grow(design, self._target(cleaned))
        return self

    def _grow(self, design: NDArray[np.float32], target: NDArray[np.float64]) -> Any:
        """Grow the trees a few at a time, so that the bar moves; the forest is the same as grown at once."""
        forest = self.forest_class(
            n_estimators=0,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
            warm_start=True,
        )
        at_once = joblib.effective_n_jobs(self.n_jobs)
        with progress(f"{self.name}: growing trees", self.n_estimators) as advance:
            for size in [*range(at_once, self.n_estimators, at_once), self.n_estimators]:
                grown = 0 if forest.n_estimators == 0 else forest.n_estimators
                forest.set_params(n_estimators=size).fit(design, target)
                advance(size - grown)
        return forest

    def _design(self, counts: pd.DataFrame) -> NDArray[np.float32]:
        if not hasattr(self, "forest_"):
            raise NotFittedError(f"pipeline '{self.name}' has not been fitted yet; call fit or load first")
        features = self.features_.transform(RawCleanerTransformer().transform(counts))
        design: NDArray[np.float32] = self.columns_.transform(features).astype(np.float32)
        return design

    def save(self, directory: Path) -> None:
        """Write ``model.joblib``."""
        fitted = {name: getattr(self, name) for name in ("features_", "columns_", "forest_")}
        state = {"parameters": self.get_params(), "fitted": fitted}
        joblib.dump(state, directory / MODEL_FILE, compress=_COMPRESSION)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read ``model.joblib``: a pickle, so only from files whose digest was checked."""
        state = joblib.load(directory / MODEL_FILE)
        pipeline = cls(**state["parameters"])
        for name, value in state["fitted"].items():
            setattr(pipeline, name, value)
        pipeline.counters_ = pipeline.features_.history_.counters_
        return pipeline
