"""The model."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import joblib
import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic import CountFeatures, Pipeline, RecentLevel, training_rows
from bike_traffic.columns import COUNT, COUNTER
from bike_traffic.errors import ParameterError
from bike_traffic.progress import progress

TREES_FILE, FEATURES_FILE = "trees.txt", "features.joblib"


class LightGBMPipeline(Pipeline):
    """Gradient-boosted trees on the square root of the count, which gives quiet and busy hours equal weight.

    Predictions of hours after training are blended with the recent level.

    Parameters
    ----------
    n_estimators : number of trees.
    learning_rate : weight of each tree.
    num_leaves : leaves of a tree at most.
    min_child_samples : rows in a leaf at least.
    colsample_bytree : share of the features that a tree uses.
    subsample : share of the rows that a tree is grown on.
    extra_trees : whether a split tries one random threshold of a feature instead of all.
    random_state : seed.
    n_jobs : threads, -1 is all; the result does not depend on it.
    holidays : whose public holidays, see `bike_traffic.calendar_features`.
    """

    name = "lightgbm"
    task = "regression"

    def __init__(
        self,
        n_estimators: int = 400,
        learning_rate: float = 0.05,
        num_leaves: int = 31,
        min_child_samples: int = 40,
        colsample_bytree: float = 0.8,
        subsample: float = 0.5,
        extra_trees: bool = True,
        random_state: int = 0,
        n_jobs: int = -1,
        holidays: str = "FR",
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.colsample_bytree = colsample_bytree
        self.subsample = subsample
        self.extra_trees = extra_trees
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.holidays = holidays

    def _fit(self, cleaned: pd.DataFrame) -> None:
        """Learn the recent level and the history of the counters, and grow the trees."""
        self.recent_ = RecentLevel(holidays=self.holidays).fit(cleaned)
        cleaned = training_rows(cleaned)
        self.features_ = CountFeatures(holidays=self.holidays).fit(cleaned)
        self.counters_ = self.features_.history_.counters_
        rows = lightgbm.Dataset(
            self._design(cleaned), np.sqrt(cleaned[COUNT].to_numpy(np.float64)), categorical_feature=["counter"]
        )
        with progress(f"{self.name}: growing trees", self.n_estimators) as advance:
            try:
                self.trees_ = lightgbm.train(
                    self._library_parameters(), rows, self.n_estimators, callbacks=[lambda _: advance(1)]
                )
            except (lightgbm.basic.LightGBMError, ValueError) as error:
                raise ParameterError(f"'{self.name}': {error}") from error

    def _library_parameters(self) -> dict[str, object]:
        return {
            "objective": "regression",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_child_samples": self.min_child_samples,
            "colsample_bytree": self.colsample_bytree,
            "subsample": self.subsample,
            "subsample_freq": 1,
            "extra_trees": self.extra_trees,
            "seed": self.random_state,
            "num_threads": self.n_jobs,
            # Without these two, the order of sums depends on the threads.
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def _design(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        """Return the input of the trees; an unknown counter has the number -1, a missing value to LightGBM."""
        features = self.features_.transform(cleaned).drop(columns=COUNTER)
        counter = self.features_.history_.positions(cleaned)
        return features.assign(counter=counter).astype(np.float32)

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> NDArray[np.float64]:  # noqa: ARG002
        """Predict bikes per hour, shape (n,)."""
        root = np.asarray(self.trees_.predict(self._design(cleaned), num_threads=self.n_jobs))
        return self.recent_.blend(cleaned, root.clip(0.0) ** 2)

    def save(self, directory: Path) -> None:
        """Write the trees in LightGBM's text format, which other versions can read, and the rest with joblib."""
        self.trees_.save_model(directory / TREES_FILE)
        state = {"parameters": self.get_params(), "features": self.features_, "recent": self.recent_}
        joblib.dump(state, directory / FEATURES_FILE)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote."""
        state = joblib.load(directory / FEATURES_FILE)
        pipeline = cls(**state["parameters"])
        pipeline.features_, pipeline.recent_ = state["features"], state["recent"]
        pipeline.counters_ = pipeline.features_.history_.counters_
        pipeline.trees_ = lightgbm.Booster(model_file=directory / TREES_FILE)
        return pipeline
