"""The metrics: what each measures, for which task, and which direction is better. No other module repeats it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from bike_traffic.errors import UnknownMetric
from bike_traffic.names import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


@attrs.frozen
class Metric:
    """A metric: `score(truth, prediction)`, or `score(truth, probability)` if `of_probability`."""

    name: str
    task: Task
    higher_is_better: bool
    summary: str
    score: Callable[[Values, Values], float]
    of_probability: bool = False

    def better(self, one: float, other: float) -> bool:
        """Return whether `one` beats `other`."""
        return one > other if self.higher_is_better else one < other


def _r2(truth: Values, prediction: Values) -> float:
    spread = float(((truth - truth.mean()) ** 2).sum())
    return 1.0 - float(((truth - prediction) ** 2).sum()) / spread if spread else math.nan


def _rmse(truth: Values, prediction: Values) -> float:
    return math.sqrt(((truth - prediction) ** 2).mean())


def _mae(truth: Values, prediction: Values) -> float:
    return float(abs(truth - prediction).mean())


def _wape(truth: Values, prediction: Values) -> float:
    total = float(truth.sum())
    return float(abs(truth - prediction).sum()) / total if total else math.nan


def _rmsle(truth: Values, prediction: Values) -> float:
    import numpy as np

    return _rmse(np.log1p(truth), np.log1p(prediction))


def _accuracy(truth: Values, prediction: Values) -> float:
    return float((truth == prediction).mean())


def _precision(truth: Values, prediction: Values) -> float:
    positive = float(prediction.sum())
    return float((truth * prediction).sum()) / positive if positive else math.nan


def _recall(truth: Values, prediction: Values) -> float:
    positive = float(truth.sum())
    return float((truth * prediction).sum()) / positive if positive else math.nan


def _f1_score(truth: Values, prediction: Values) -> float:
    either = float(truth.sum() + prediction.sum())
    return 2.0 * float((truth * prediction).sum()) / either if either else math.nan


def _roc_auc(truth: Values, probability: Values) -> float:
    if truth.min() == truth.max():
        return math.nan
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, probability))


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("r2", "regression", True, "share of the variance explained", _r2),
        Metric("rmse", "regression", False, "root mean squared error, bikes per hour", _rmse),
        Metric("mae", "regression", False, "mean absolute error, bikes per hour", _mae),
        Metric("wape", "regression", False, "sum of absolute errors over sum of counts", _wape),
        Metric("rmsle", "regression", False, "root mean squared error of log(1 + count)", _rmsle),
        Metric("accuracy", "classification", True, "share of right labels", _accuracy),
        Metric("precision", "classification", True, "share of predicted busy hours that were", _precision),
        Metric("recall", "classification", True, "share of busy hours that were predicted", _recall),
        Metric("f1_score", "classification", True, "harmonic mean of precision and recall", _f1_score),
        Metric("roc_auc", "classification", True, "area under the ROC curve", _roc_auc, of_probability=True),
    )
}

DEFAULT_METRIC: Mapping[Task, str] = {"regression": "rmse", "classification": "f1_score"}
"""The metric that decides which record of a model is its best, if none is named."""


def metric_named(name: str) -> Metric:
    """Return the metric called `name`; raise `UnknownMetric`."""
    if name not in METRICS:
        raise UnknownMetric(name, METRICS)
    return METRICS[name]


def metrics_of(task: Task) -> list[Metric]:
    """Return the metrics of a task, in the table's order."""
    return [metric for metric in METRICS.values() if metric.task == task]
