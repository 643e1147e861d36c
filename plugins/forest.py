"""The base class of the two forests: features, columns, fitting with progress, saving."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from bike_traffic.columns import COUNTER, HOUR, MONTH, WEEKDAY, YEAR
from bike_traffic.errors import ParameterError
from bike_traffic.features.history import CountFeatures
from bike_traffic.features.outages import require_counts, without_outages
from bike_traffic.features.parts import Changed, Parts
from bike_traffic.features.recent import RecentLevel
from bike_traffic.pipeline import Pipeline
from bike_traffic.plugins.growing import Draw, RowSet, grow
from bike_traffic.plugins.trees import FEW_ROWS, Trees
from bike_traffic.search_space import Between, Searched

MODEL_FILE = "model.joblib.zst"
EARLIER_FILE = "model.joblib"
"""Name of the file of earlier versions, which compressed it with zlib; Zstandard is faster and compresses more."""
_COMPRESSION_LEVEL = 1
_FITTED = ("features_", "inputs_", "trees_", "importances_", "recent_")

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


class CounterNumbers:
    """Numbered the counters in files of earlier versions, which name this class."""


class ForestPipeline(Pipeline):
    """A forest that scikit-learn grows; its trees are kept as arrays, see `Trees`.

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

    numeric: ClassVar[tuple[str, ...]] = NUMERIC
    recent_: RecentLevel | None = None
    """``None`` for a model of an earlier version, which predicts without it."""

    @classmethod
    def search_space(cls) -> Mapping[str, Searched]:
        """Return the parameters that decide how much a tree tells apart; more trees are always a little better."""
        return {
            "min_samples_leaf": Between(2, 30, log=True),
            "max_features": Between(0.15, 1.0),
            "max_samples": Between(0.05, 0.6, log=True),
        }

    @classmethod
    @abstractmethod
    def _forest_class(cls) -> type[Any]:
        """Import the class of scikit-learn's forest."""

    @classmethod
    def _trees_of(cls, forest: Any) -> Trees:
        """Return the trees of a fitted forest, which predict what `_mean` returns."""
        return Trees.of(forest)

    @abstractmethod
    def _target(self, cleaned: pd.DataFrame, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return the trees' target, from clean rows with their counts and the features of these rows."""

    def _fit(self, cleaned: pd.DataFrame) -> None:
        self._fit_parts([cleaned.reset_index(drop=True)])

    def _fit_parts(self, parts: Parts) -> None:
        """Learn the recent level, drop outages, learn the history, and grow the trees."""
        if self.n_jobs == 0:
            raise ParameterError(
                f"'{self.name}': n_jobs must not be 0; -1 is all processors", "n-jobs-zero", model_type=self.name
            )
        self.recent_ = RecentLevel(holidays=self.holidays).fit_parts(parts)
        live = Changed(parts, without_outages)
        rows = RowSet()
        for part in live:
            rows.add(part)
        require_counts(rows.with_bikes)
        self.features_ = CountFeatures(holidays=self.holidays).fit_parts(live)
        self.counters_ = self.features_.history_.counters_
        self.inputs_ = [COUNTER, *self.numeric]
        forest = self._grow(live, rows)
        self.trees_, self.importances_ = self._trees_of(forest), forest.feature_importances_

    def _grow(self, live: Parts, rows: RowSet) -> Any:
        """Grow the trees on the rows that are drawn for them; no other row needs its features."""
        number = rows.number
        forest = self._forest_class()(
            n_estimators=self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            max_samples=min(self.max_samples, self.max_rows / number),
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        draw = Draw.of(forest, number)
        positions = draw.positions()
        places = rows.places(positions)
        design = np.empty((len(places), len(self.inputs_)), dtype=np.float32)
        target = np.empty(len(places))
        for part in live:
            drawn = part[np.isin(part.index, places)]
            at = np.searchsorted(places, drawn.index)
            features = self.features_.transform(drawn)
            design[at], target[at] = self._design(features), self._target(drawn, features)
        grow(forest, draw, positions, design, target, f"{self.name}: growing trees")
        return forest

    def for_calibration(self) -> Self:
        """Return a forest of a third of the trees: its errors are hardly larger beside those of any next month."""
        return type(self)(**self.get_params() | {"n_estimators": -(-self.n_estimators // 3)})

    @property
    def feature_names_(self) -> list[str]:
        """The trees' inputs."""
        return self.inputs_

    @property
    def feature_importances_(self) -> pd.Series:
        """Each input's share of the decrease of impurity, by name; biased toward inputs with many values."""
        return pd.Series(self.importances_, index=self.feature_names_)

    def _mean(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return the mean of the trees for rows of features; many rows on all processors.

        Each processor applies all trees, in one order, to a block of rows, so that sums do not depend on threads.
        """
        design = self._design(features)
        if len(design) <= FEW_ROWS:
            return self.trees_.mean(design)
        blocks = np.array_split(design, joblib.effective_n_jobs(self.n_jobs))
        answers = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads")(
            joblib.delayed(self.trees_.mean_compiled)(block) for block in blocks
        )
        return np.concatenate(answers)

    def _design(self, features: pd.DataFrame) -> NDArray[np.float32]:
        """Return the trees' input, one row of numbers for each row of features; -1 for an unknown counter."""
        numbers = self.features_.history_.positions(features)
        columns = [numbers, *(features[name].to_numpy() for name in self.inputs_[1:])]
        return np.column_stack([column.astype(np.float32) for column in columns])

    def save(self, directory: Path) -> None:
        """Write ``model.joblib.zst``."""
        fitted = {name: getattr(self, name) for name in _FITTED}
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
        pipeline, fitted = cls(**state["parameters"]), state["fitted"]
        if "forest_" in fitted:  # an earlier version kept the forest itself, behind a ColumnTransformer
            forest, (_, (_, _, numeric)) = fitted.pop("forest_"), fitted.pop("columns_").transformers
            fitted |= {"inputs_": [COUNTER, *numeric], "trees_": cls._trees_of(forest)}
            fitted["importances_"] = forest.feature_importances_
        for name, value in fitted.items():
            setattr(pipeline, name, value)
        pipeline.counters_ = pipeline.features_.history_.counters_
        return pipeline
