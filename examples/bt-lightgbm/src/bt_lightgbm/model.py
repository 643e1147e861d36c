"""The model."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import joblib
import lightgbm
import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from bike_traffic import CountFeatures, Pipeline, RawCleanerTransformer, training_rows
from bike_traffic.errors import ParameterError
from bike_traffic.progress import progress

COUNTER, COUNT = "nom_du_compteur", "comptage_horaire"
TREES_FILE, FEATURES_FILE = "trees.txt", "features.joblib"


class LightGBMPipeline(Pipeline):
    """Gradient-boosted trees on the square root of the count, which weighs quiet and busy hours alike.

    Parameters
    ----------
    n_estimators : number of trees.
    learning_rate : weight of each tree.
    num_leaves : leaves of a tree at most.
    min_child_samples : rows in a leaf at least.
    colsample_bytree : share of the features that a tree looks at.
    subsample : share of the rows that a tree is grown on.
    extra_trees : whether a split tries one threshold of a feature, drawn at random, and not all of them.
    random_state : seed.
    n_jobs : threads, -1 is all; what is learned does not depend on it.
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

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Learn the history of the counters, and grow the trees."""
        cleaned = training_rows(counts)
        self.features_ = CountFeatures().fit(cleaned)
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
        return self

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
            # Without these two, sums are added up in the order in which threads come.
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def _design(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        """Return the trees' input; a counter that was not seen has the number -1, which LightGBM takes as missing."""
        features = self.features_.transform(cleaned).drop(columns=COUNTER)
        counter = self.features_.history_.positions(cleaned)
        return features.assign(counter=counter).astype(np.float32)

    def predict(self, counts: pd.DataFrame) -> pd.Series:
        """Predict bikes per hour, shape (n,)."""
        check_is_fitted(self, "trees_")
        if not len(counts):
            return pd.Series(0.0, index=counts.index)
        design = self._design(RawCleanerTransformer().transform(counts))
        root = np.maximum(self.trees_.predict(design, num_threads=self.n_jobs), 0.0)
        return pd.Series(root**2, index=counts.index)

    def save(self, directory: Path) -> None:
        """Write the trees in LightGBM's own text format, which other versions read, and the rest beside them."""
        self.trees_.save_model(directory / TREES_FILE)
        joblib.dump({"parameters": self.get_params(), "features": self.features_}, directory / FEATURES_FILE)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote."""
        state = joblib.load(directory / FEATURES_FILE)
        pipeline = cls(**state["parameters"])
        pipeline.features_ = state["features"]
        pipeline.counters_ = pipeline.features_.history_.counters_
        pipeline.trees_ = lightgbm.Booster(model_file=directory / TREES_FILE)
        return pipeline
