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

FEWEST_HELD_OUT = 24
"""Rows, as of a day of one counter, below which the metrics of a hold-out say nothing of a model."""


@attrs.frozen
class Metric:
    """A metric.

    Parameters
    ----------
    task : whose predictions it measures; ``None`` is both.
    higher_is_better : ``None`` if it describes, and does not rank.
    score : of ``(truth, prediction)``, or of ``(truth, probability)`` if `of_probability`; ``None`` if it is computed
        from more than two columns: see `skill` and `interval_scores`.
    """

    name: str
    task: Task | None
    higher_is_better: bool | None
    summary: str
    score: Callable[[Values, Values], float] | None = None
    of_probability: bool = False
    in_tables: bool = True
    """Whether tables on a terminal have room for it; JSON has all."""

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


def skill(metrics: Mapping[str, float], reference: Mapping[str, float]) -> float:
    """Return the skill score: 1 - error / error of a reference on the same rows; 0 is the reference, 1 is perfect.

    The error is the rmse, or a classifier's share of wrong labels. NaN if the reference has none.

    Source: Murphy (1988), Skill scores based on the mean square error and their relationships to the correlation
    coefficient, Monthly Weather Review 116.
    """
    errors = [one["rmse"] if "rmse" in one else 1.0 - one.get("accuracy", math.nan) for one in (metrics, reference)]
    return 1.0 - errors[0] / errors[1] if errors[1] else math.nan


def interval_scores(truth: Values, lower: Values, upper: Values, level: float) -> dict[str, float]:
    """Return coverage, mean width and interval score of central intervals at `level`, such as 0.8.

    Source of the score: Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation,
    Journal of the American Statistical Association 102, section 6.2.
    """
    below, above = (lower - truth).clip(min=0), (truth - upper).clip(min=0)
    return {
        "coverage": float(((truth >= lower) & (truth <= upper)).mean()),
        "interval_width": float((upper - lower).mean()),
        "interval_score": float((upper - lower + 2.0 / (1.0 - level) * (below + above)).mean()),
    }


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("r2", "regression", True, "share of the variance explained", _r2),
        Metric("rmse", "regression", False, "root mean squared error, bikes per hour", _rmse),
        Metric("mae", "regression", False, "mean absolute error, bikes per hour", _mae),
        Metric("wape", "regression", False, "sum of absolute errors over sum of counts", _wape),
        Metric("rmsle", "regression", False, "root mean squared error of log(1 + count)", _rmsle, in_tables=False),
        Metric("accuracy", "classification", True, "share of right labels", _accuracy),
        Metric("precision", "classification", True, "share of predicted busy hours that were", _precision),
        Metric("recall", "classification", True, "share of busy hours that were predicted", _recall),
        Metric("f1_score", "classification", True, "harmonic mean of precision and recall", _f1_score),
        Metric("roc_auc", "classification", True, "area under the ROC curve", _roc_auc, of_probability=True),
        Metric("skill", None, True, "1 - error / error of the 4-week mean on the same rows: compares across data"),
        Metric("coverage", "regression", None, "share of the counts inside their interval"),
        Metric("interval_width", "regression", None, "mean width of the intervals, bikes per hour", in_tables=False),
        Metric(
            "interval_score",
            "regression",
            False,
            "width, plus a penalty for counts outside; bikes per hour",
            in_tables=False,
        ),
    )
}

DEFAULT_METRIC: Mapping[Task, str] = {"regression": "rmse", "classification": "f1_score"}
"""The metric that decides which record of a model is its best, if none is named."""


def metric_named(name: str) -> Metric:
    """Return the metric called `name`; raise `UnknownMetric` if there is none, or it does not rank."""
    ranking = {metric.name for metric in METRICS.values() if metric.higher_is_better is not None}
    if name not in ranking:
        raise UnknownMetric(name, ranking)
    return METRICS[name]


def metrics_of(task: Task) -> list[Metric]:
    """Return the metrics of a task, in the table's order."""
    return [metric for metric in METRICS.values() if metric.task in (task, None)]
