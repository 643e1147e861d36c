"""Metrics of a fitted pipeline, and of the baselines, on rows that the pipeline did not learn from."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.errors import SplitError
from bike_traffic.evaluation.metrics import METRICS, metrics_of, skill
from bike_traffic.evaluation.parts.sums import Sums, sums_of
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.rows import BASELINE, RECENT, SCORE, TRUTH
from bike_traffic.names import Task
from bike_traffic.pipeline import PREDICTION, Pipeline


@attrs.frozen(kw_only=True, eq=False)
class Evaluation:
    """Metrics of a pipeline and of the baselines on the same rows, and these rows.

    Parameters
    ----------
    metrics : of the pipeline, by name; a metric that the rows do not define (r2 of equal counts) is left out.
    baseline : of the four-week mean; empty if there is none.
    recent : of the recent level; empty if there is none.
    rows : shape (n, …): counter, time, hour and weekday, ``truth``, what the pipeline predicted (see
        `Pipeline.predict_frame`), and ``baseline`` and ``recent``, what the baselines predict, if there are any. An
        empty frame if they were measured in parts.
    size : number of measured rows.
    """

    metrics: dict[str, float]
    baseline: dict[str, float]
    recent: dict[str, float]
    rows: pd.DataFrame
    size: int

    @property
    def beats_baseline(self) -> bool | None:
        """Whether the error is smaller than that of the four-week mean; ``None`` without a baseline."""
        return None if "skill" not in self.metrics else self.metrics["skill"] > 0


def evaluate(
    pipeline: Pipeline, cleaned: pd.DataFrame, references: References, history: pd.DataFrame | None = None
) -> Evaluation:
    """Measure a fitted pipeline on a clean frame that carries the truth, in one pass over the model.

    Parameters
    ----------
    references : the baselines, and the interval of a pipeline that has none of its own.
    history : counts known before these rows, for a pipeline that needs them.
    """
    return evaluation_of(pipeline.task, measured_rows(pipeline, cleaned, references, history))


def measured_rows(
    pipeline: Pipeline, cleaned: pd.DataFrame, references: References, history: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Predict a clean frame that carries the truth, and return `Evaluation.rows`."""
    predicted = references.predict(pipeline, cleaned, history)
    truth = pipeline.truth(cleaned).to_numpy(np.float64)
    rows = cleaned[[COUNTER, TIME, HOUR, WEEKDAY]].assign(**{TRUTH: truth}, **predicted)
    for name, means in ((BASELINE, references.four_week_mean), (RECENT, references.recent)):
        if means is None:
            continue
        bikes = means.predict(cleaned)
        rows[name] = bikes
        if pipeline.task == "classification":
            # The labels that the bikes imply under the pipeline's own thresholds, and their ratio to the mean.
            rows[name] = pipeline.truth(cleaned.assign(**{COUNT: bikes})).to_numpy(np.float64)
            rows[name + SCORE] = bikes / np.maximum(references.means_of(cleaned), 1e-9)
    return rows


def evaluation_of(task: Task, rows: pd.DataFrame) -> Evaluation:
    """Return the metrics of measured rows, those of several calls or a part of them."""
    return evaluation_from(task, sums_of(rows), rows)


def evaluation_from(task: Task, sums: Mapping[str, Sums], rows: pd.DataFrame | None = None) -> Evaluation:
    """Return the metrics that follow from the sums of measured rows, as `sums_of` returns them."""
    of = {column: scores(task, one) for column, one in sums.items()}
    metrics, baseline, recent = (of.get(column, {}) for column in (PREDICTION, BASELINE, RECENT))
    for one in (metrics, recent):
        if one and baseline and math.isfinite(value := skill(one, baseline)):
            one["skill"] = value
    return Evaluation(
        metrics={name: metrics[name] for name in METRICS if name in metrics},
        baseline=baseline,
        recent=recent,
        rows=pd.DataFrame() if rows is None else rows,
        size=sums[PREDICTION].rows,
    )


def measurable_rows(pipeline: Pipeline, held_out: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out rows of counters in training; raise `SplitError` if there is none."""
    measurable = held_out[pipeline.known_counters(held_out)]
    if measurable.empty:
        raise no_known_counter()
    return measurable


def no_known_counter() -> SplitError:
    """Return the error of rows without any counter that the pipeline knows."""
    return SplitError(
        "every held-out row is of a counter that the training rows do not have", "held-out-counters-unknown"
    )


def scores(task: Task, sums: Sums) -> dict[str, float]:
    """Return the metrics of the task, without those that the rows of the sums do not define."""
    if not sums.rows:
        return {}
    computed = {metric.name: metric.score(sums) for metric in metrics_of(task) if metric.score is not None}
    return {name: value for name, value in computed.items() if math.isfinite(value)}
