"""What a pipeline must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import pandas as pd
from sklearn.base import BaseEstimator

from bike_traffic.data.schema import COUNT, column_of, parse_counts
from bike_traffic.metrics import Task


class Pipeline(BaseEstimator, ABC):
    """From counts as the City publishes them to predictions; a scikit-learn estimator.

    A complete one, which predicts each counter's mean (its package declares it with
    ``PipelineSpec(name="mean", target="my_package:MeanPipeline")``)::

        class MeanPipeline(Pipeline):
            name = "mean"
            task = "regression"

            def fit(self, counts, y=None):
                cleaned = RawCleanerTransformer().transform(counts)
                self.means_ = cleaned.groupby(COUNTER, observed=True)[COUNT].mean()
                self.counters_ = self.means_.index.astype(str)
                return self

            def predict(self, counts):
                names = clean_counter_names(column_of(counts, COUNTER)).astype(str)
                return names.map(self.means_).fillna(self.means_.mean()).astype(float)

            def save(self, directory):
                self.means_.to_json(directory / "means.json")

            @classmethod
            def load(cls, directory):
                pipeline = cls()
                pipeline.means_ = pd.read_json(directory / "means.json", typ="series")
                pipeline.counters_ = pipeline.means_.index
                return pipeline

    As scikit-learn asks, ``__init__`` only stores its arguments: they are the parameters that
    ``bt train --set KEY=VALUE`` reaches.

    What a tracked run shows beside the metrics, where a fitted pipeline has it; none is required:

    - ``feature_names_`` : the names of the features that the model sees, a sequence.
    - ``feature_importances_`` : a Series by name of feature, its values summing to 1.
    - ``history_`` : a mapping of a name, such as ``"loss"``, to the values of each epoch; names that begin alike,
      ``"loss/net_1"`` and ``"loss/net_2"``, share a picture.
    """

    name: ClassVar[str]
    """The registry's `model_type`, equal to the name of the spec."""
    task: ClassVar[Task]
    counters_: pd.Index
    """Set by `fit`: the cleaned names of the counters it saw."""

    @abstractmethod
    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:
        """Learn from counts with the City's headers, the hourly count among them, and return the pipeline.

        `y` is there because scikit-learn passes it; it is ignored.
        """

    @abstractmethod
    def predict(self, counts: pd.DataFrame) -> pd.Series:
        """Predict from counter name, time and coordinates, on the same index.

        Returns finite values, never negative: bikes per hour, or the labels 0 and 1 of a classifier. A counter
        that `fit` never saw gets a best effort; it is the caller who refuses it.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        """

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write everything that `load` needs as files into an existing, empty directory."""

    @classmethod
    @abstractmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote, possibly in another process and another working directory."""

    def truth(self, counts: pd.DataFrame) -> pd.Series:
        """Return what `predict` is measured against; a classifier returns the labels that the counts imply."""
        return parse_counts(column_of(counts, COUNT))

    def probability(self, counts: pd.DataFrame) -> pd.Series | None:  # noqa: ARG002
        """Return a classifier's probability of label 1 on the same index; ``None`` where there is none."""
        return None
