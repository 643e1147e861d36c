"""The base class of the two forests: features, columns, fitting with progress, saving."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer

from bike_traffic.columns import COUNTER, HOUR, MONTH, WEEKDAY, YEAR
from bike_traffic.errors import ParameterError
from bike_traffic.features.history import CountFeatures
from bike_traffic.features.outages import training_rows
from bike_traffic.features.recent import RecentLevel
from bike_traffic.pipeline import Pipeline
from bike_traffic.progress import progress

MODEL_FILE = "model.joblib.zst"
EARLIER_FILE = "model.joblib"
"""Name of the file of earlier versions, which compressed it with zlib; Zstandard is faster and compresses more."""
_COMPRESSION_LEVEL = 1

NUMERIC = (
    HOUR,
    WEEKDAY,
    MONTH,
    YEAR,
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


class CounterNumbers(TransformerMixin, BaseEstimator):
    """Numbers of the counters in the order of their names, -1 for a counter that training does not have.

    Those of ``OrdinalEncoder``, which would compare the name of every row instead of every counter.
    """

    def fit(self, counters: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Learn the names from a frame with the column of counters."""
        self.names_ = pd.Index(sorted(counters[COUNTER].cat.remove_unused_categories().cat.categories.astype(str)))
        return self

    def transform(self, counters: pd.DataFrame) -> NDArray[np.float32]:
        """Return the numbers, shape (n, 1)."""
        names = counters[COUNTER].cat
        numbers = self.names_.get_indexer(names.categories.astype(str)).astype(np.float32)
        return np.append(numbers, np.float32(-1))[names.codes.to_numpy()][:, None]


class ForestPipeline(Pipeline):
    """A forest of scikit-learn behind a ``ColumnTransformer``.

    Parameters
    ----------
    n_estimators : number of trees.
    min_samples_leaf : fewest rows in a leaf; it decides most of cost and size.
    max_features : share of the features that are considered for a split.
    max_samples : share of the rows each tree is grown on; many trees on few rows each vary less than few on many.
    max_rows : most rows each tree is grown on, so that years of counts make no larger a model.
    random_state : seed.
    n_jobs : threads that fit and predict; -1 is all processors.
    holidays : whose public holidays, see `calendar_features`.
    """

    n_estimators: int
    min_samples_leaf: int
    max_features: float
    max_samples: float
    max_rows: int
    random_state: int
    n_jobs: int

    forest_class: ClassVar[type[Any]]
    numeric: ClassVar[tuple[str, ...]] = NUMERIC
    recent_: RecentLevel | None = None
    """``None`` for a model of an earlier version, which predicts without it."""

    @abstractmethod
    def _target(self, cleaned: pd.DataFrame, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return the trees' target, from clean rows with their counts and the features of these rows."""

    def _fit(self, cleaned: pd.DataFrame) -> None:
        """Learn the recent level, drop outages, learn the history, and grow the trees."""
        if self.n_jobs == 0:
            raise ParameterError(
                f"'{self.name}': n_jobs must not be 0; -1 is all processors", "n-jobs-zero", model_type=self.name
            )
        self.recent_ = RecentLevel(holidays=self.holidays).fit(cleaned)
        cleaned = training_rows(cleaned)
        self.features_ = CountFeatures(holidays=self.holidays).fit(cleaned)
        self.counters_ = self.features_.history_.counters_
        self.columns_ = ColumnTransformer(
            [("counter", CounterNumbers(), [COUNTER]), ("numeric", "passthrough", list(self.numeric))]
        )
        features = self.features_.transform(cleaned)
        design = self.columns_.fit_transform(features).astype(np.float32)
        self.forest_ = self._grow(design, self._target(cleaned, features))

    def _grow(self, design: NDArray[np.float32], target: NDArray[np.float64]) -> Any:
        """Grow the trees a few at a time, for the progress bar; the forest is the same as if grown at once."""
        forest = self.forest_class(
            n_estimators=0,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            max_samples=min(self.max_samples, self.max_rows / len(design)),
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
        return forest.set_params(n_jobs=1)  # `_apply` distributes rows, not trees

    def for_calibration(self) -> Self:
        """Return a forest of a third of the trees: its errors are hardly larger beside those of any next month."""
        fewer: Self = clone(self).set_params(n_estimators=-(-self.n_estimators // 3))
        return fewer

    @property
    def feature_names_(self) -> list[str]:
        """The trees' inputs."""
        return [COUNTER, *self.numeric]

    @property
    def feature_importances_(self) -> pd.Series:
        """Each input's share of the decrease of impurity, by name; biased toward inputs with many values."""
        return pd.Series(self.forest_.feature_importances_, index=self.feature_names_)

    def _apply(self, method: Callable[[NDArray[np.float32]], NDArray[Any]], features: pd.DataFrame) -> NDArray[Any]:
        """Apply a method of the forest to all rows on all processors.

        Each processor applies all trees, in one order, to a block of rows, so that sums do not depend on threads.
        """
        blocks = np.array_split(self._design(features), joblib.effective_n_jobs(self.n_jobs))
        answers = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads")(
            joblib.delayed(method)(block) for block in blocks if len(block)
        )
        return np.concatenate(answers)

    def _design(self, features: pd.DataFrame) -> NDArray[np.float32]:
        """Return the trees' input, one row of numbers for each row of features."""
        design: NDArray[np.float32] = self.columns_.transform(features).astype(np.float32)
        return design

    def save(self, directory: Path) -> None:
        """Write ``model.joblib.zst``."""
        fitted = {name: getattr(self, name) for name in ("features_", "columns_", "forest_", "recent_")}
        state = {"parameters": self.get_params(), "fitted": fitted}
        pickled = io.BytesIO()
        joblib.dump(state, pickled)
        codec = pa.Codec("zstd", compression_level=_COMPRESSION_LEVEL)
        (directory / MODEL_FILE).write_bytes(codec.compress(pickled.getbuffer(), asbytes=True))

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote. It is a pickle: load only files whose digests were checked."""
        if (directory / EARLIER_FILE).exists():
            state = joblib.load(directory / EARLIER_FILE)
        else:
            with pa.CompressedInputStream(str(directory / MODEL_FILE), "zstd") as file:
                state = joblib.load(io.BytesIO(file.read()))
        pipeline = cls(**state["parameters"])
        for name, value in state["fitted"].items():
            setattr(pipeline, name, value)
        pipeline.counters_ = pipeline.features_.history_.counters_
        return pipeline
