"""The metrics: what each measures, for which task, and which direction is better. No other module repeats it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from bike_traffic.errors import UnknownMetric
from bike_traffic.names import Task

if TYPE_CHECKING:
    from bike_traffic.evaluation.parts.sums import Sums

FEWEST_HELD_OUT = 24
"""Rows, as of a day of one counter, below which the metrics of a hold-out say nothing of a model."""


@attrs.frozen
class Metric:
    """A metric.

    Parameters
    ----------
    task : whose predictions it measures; ``None`` is both.
    higher_is_better : ``None`` if it describes, and does not rank.
    score : computes it from the sums of a row or more, NaN if these rows do not define it; ``None`` if it compares
        two predictions: see `skill`.
    """

    name: str
    task: Task | None
    higher_is_better: bool | None
    summary: str
    score: Callable[[Sums], float] | None = None
    in_tables: bool = True
    """Whether tables on a terminal have room for it; JSON has all."""

    def better(self, one: float, other: float) -> bool:
        """Return whether `one` beats `other`."""
        return one > other if self.higher_is_better else one < other


def _r2(sums: Sums) -> float:
    spread = sums.truth_squares - sums.truth * (sums.truth / sums.rows)
    return 1.0 - sums.squared_errors / spread if spread > 0 else math.nan


def _rmse(sums: Sums) -> float:
    return math.sqrt(sums.squared_errors / sums.rows)


def _mae(sums: Sums) -> float:
    return sums.absolute_errors / sums.rows


def _wape(sums: Sums) -> float:
    return sums.absolute_errors / sums.truth if sums.truth else math.nan


def _rmsle(sums: Sums) -> float:
    return math.sqrt(sums.squared_log_errors / sums.rows)


def _accuracy(sums: Sums) -> float:
    return sums.right / sums.rows


def _precision(sums: Sums) -> float:
    return sums.both / sums.predicted if sums.predicted else math.nan


def _recall(sums: Sums) -> float:
    return sums.both / sums.truth if sums.truth else math.nan


def _f1_score(sums: Sums) -> float:
    either = sums.truth + sums.predicted
    return 2.0 * sums.both / either if either else math.nan


def _roc_auc(sums: Sums) -> float:
    """Return the share of the pairs of a busy and a quiet hour in which the busy one is the more probable one.

    A pair in the same step of `bike_traffic.evaluation.parts.sums.STEPS` counts one half: the exact area differs by
    half of the share of such pairs at most.
    """
    quiet, busy = sums.scored
    pairs = float(quiet.sum()) * float(busy.sum())
    return float((busy * (quiet.cumsum() - quiet / 2.0)).sum()) / pairs if pairs else math.nan


def _coverage(sums: Sums) -> float:
    return sums.covered / sums.bounded if sums.bounded else math.nan


def _interval_width(sums: Sums) -> float:
    return sums.widths / sums.bounded if sums.bounded else math.nan


def _interval_score(sums: Sums) -> float:
    return sums.interval_scores / sums.bounded if sums.bounded else math.nan


def skill(metrics: Mapping[str, float], reference: Mapping[str, float]) -> float:
    """Return the skill score: 1 - error / error of a reference on the same rows; 0 is the reference, 1 is perfect.

    The error is the rmse, or a classifier's share of wrong labels. NaN if the reference has none.

    Source: Murphy (1988), Skill scores based on the mean square error and their relationships to the correlation
    coefficient, Monthly Weather Review 116.
    """
    errors = [one["rmse"] if "rmse" in one else 1.0 - one.get("accuracy", math.nan) for one in (metrics, reference)]
    return 1.0 - errors[0] / errors[1] if errors[1] else math.nan


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
        Metric("roc_auc", "classification", True, "area under the ROC curve", _roc_auc),
        Metric("skill", None, True, "1 - error / error of the 4-week mean on the same rows: compares across data"),
        Metric("coverage", "regression", None, "share of the counts inside their interval", _coverage),
        Metric(
            "interval_width",
            "regression",
            None,
            "mean width of the intervals, bikes per hour",
            _interval_width,
            in_tables=False,
        ),
        Metric(
            "interval_score",
            "regression",
            False,
            "width, plus a penalty for counts outside; bikes per hour",
            _interval_score,
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
