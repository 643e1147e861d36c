"""What the two forests share: features, columns, growing with progress, and their file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import OrdinalEncoder

from bike_traffic.cleaning import RawCleanerTransformer, training_rows
from bike_traffic.data.schema import COUNTER
from bike_traffic.errors import ParameterError
from bike_traffic.features import CountFeatures
from bike_traffic.pipeline import Pipeline
from bike_traffic.progress import progress

MODEL_FILE = "model.joblib"
_COMPRESSION = 3

NUMERIC = (
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
)


class ForestPipeline(Pipeline):
    """A forest of scikit-learn behind a ``ColumnTransformer``.

    Parameters
    ----------
    n_estimators : number of trees.
    min_samples_leaf : rows in a leaf at least; the lever on cost and on size.
    max_features : share of the features looked at for a split.
    max_samples : share of the rows each tree is grown on; many trees on few rows each vary less than few on many.
    random_state : seed.
    n_jobs : threads that grow and ask trees; -1 is all.
    """

    n_estimators: int
    min_samples_leaf: int
    max_features: float
    max_samples: float
    random_state: int
    n_jobs: int

    forest_class: ClassVar[type[Any]]
    numeric: ClassVar[tuple[str, ...]] = NUMERIC

    @abstractmethod
    def _target(self, cleaned: pd.DataFrame, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return what the trees learn, from clean rows with their count and the features of these."""

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Clean, drop outages, learn the history, and grow the trees."""
        if self.n_jobs == 0:
            raise ParameterError(f"'{self.name}': n_jobs must not be 0; -1 is all processors")
        cleaned = training_rows(counts)
        self.features_ = CountFeatures().fit(cleaned)
        self.counters_ = self.features_.history_.counters_
        counter = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
        self.columns_ = ColumnTransformer(
            [("counter", counter, [COUNTER]), ("numeric", "passthrough", list(self.numeric))]
        )
        features = self.features_.transform(cleaned)
        design = self.columns_.fit_transform(features).astype(np.float32)
        self.forest_ = self._grow(design, self._target(cleaned, features))
        return self

    def _grow(self, design: NDArray[np.float32], target: NDArray[np.float64]) -> Any:
        """Grow the trees a few at a time, so that the bar moves; the forest is the same as grown at once."""
        forest = self.forest_class(
            n_estimators=0,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            max_samples=self.max_samples,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
            warm_start=True,
        )
        at_once = joblib.effective_n_jobs(self.n_jobs)
        with progress(f"{self.name}: growing trees", self.n_estimators) as advance:
            for size in [*range(at_once, self.n_estimators, at_once), self.n_estimators]:
                grown = forest.n_estimators
                forest.set_params(n_estimators=size).fit(design, target)
                advance(size - grown)
        return forest.set_params(n_jobs=1)  # asked in one order by `_ask`, which shares out rows and not trees

    @property
    def feature_names_(self) -> list[str]:
        """The trees' inputs."""
        return [COUNTER, *self.numeric]

    @property
    def feature_importances_(self) -> pd.Series:
        """Each input's share of the decrease of impurity, by name; it flatters inputs of many values."""
        return pd.Series(self.forest_.feature_importances_, index=self.feature_names_)

    def _features_of(self, counts: pd.DataFrame) -> pd.DataFrame:
        if not hasattr(self, "forest_"):
            raise NotFittedError(f"pipeline '{self.name}' has not been fitted yet; call fit or load first")
        features: pd.DataFrame = self.features_.transform(RawCleanerTransformer().transform(counts))
        return features

    def _design(self, features: pd.DataFrame) -> NDArray[np.float32]:
        """Return the trees' input, one row of numbers for each row of features."""
        design: NDArray[np.float32] = self.columns_.transform(features).astype(np.float32)
        return design

    def _ask(self, question: Callable[[NDArray[np.float32]], NDArray[Any]], features: pd.DataFrame) -> NDArray[Any]:
        """Ask the trees on all processors: block by block of rows, so that sums do not depend on the order."""
        blocks = np.array_split(self._design(features), joblib.effective_n_jobs(self.n_jobs))
        answers = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads")(
            joblib.delayed(question)(block) for block in blocks if len(block)
        )
        return np.concatenate(answers)

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
