"""Metrics of a fitted pipeline, and of the baselines, on rows that the pipeline did not learn from."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.errors import SplitError
from bike_traffic.evaluation.intervals import LEVEL
from bike_traffic.evaluation.metrics import interval_scores, metrics_of, skill
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.rows import BASELINE, RECENT, SCORE, TRUTH
from bike_traffic.names import Task
from bike_traffic.pipeline import LOWER, PREDICTION, PROBABILITY, UPPER, Pipeline


@attrs.frozen(kw_only=True, eq=False)
class Evaluation:
    """Metrics of a pipeline and of the baselines on the same rows, and these rows.

    Parameters
    ----------
    metrics : of the pipeline, by name; a metric that the rows do not define (r2 of equal counts) is left out.
    baseline : of the four-week mean; empty if there is none.
    recent : of the recent level; empty if there is none.
    rows : shape (n, …): counter, time, hour and weekday, ``truth``, what the pipeline predicted (see
        `Pipeline.predict_frame`), and ``baseline`` and ``recent``, what the baselines predict, if there are any.
    """

    metrics: dict[str, float]
    baseline: dict[str, float]
    recent: dict[str, float]
    rows: pd.DataFrame

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

    def of(column: str, probability: str) -> dict[str, float]:
        if column not in rows:
            return {}
        values = [rows[name].to_numpy(np.float64) if name in rows else None for name in (column, probability)]
        return scores(task, truth, rows[column].to_numpy(np.float64), values[1])

    truth = rows[TRUTH].to_numpy(np.float64)
    metrics, baseline, recent = (
        of(PREDICTION, PROBABILITY),
        of(BASELINE, BASELINE + SCORE),
        of(RECENT, RECENT + SCORE),
    )
    for one in (metrics, recent):
        if one and baseline and math.isfinite(value := skill(one, baseline)):
            one["skill"] = value
    if LOWER in rows:
        metrics |= interval_scores(truth, rows[LOWER].to_numpy(), rows[UPPER].to_numpy(), LEVEL)
    return Evaluation(metrics=metrics, baseline=baseline, recent=recent, rows=rows)


def measurable_rows(pipeline: Pipeline, held_out: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out rows of counters in training; raise `SplitError` if there is none."""
    measurable = held_out[pipeline.known_counters(held_out)]
    if measurable.empty:
        raise SplitError(
            "every held-out row is of a counter that the training rows do not have", "held-out-counters-unknown"
        )
    return measurable


def scores(
    task: Task,
    truth: NDArray[np.float64],
    predicted: NDArray[np.float64],
    probability: NDArray[np.float64] | None,
) -> dict[str, float]:
    """Return the metrics of the task, without those that these values, each of shape (n,), do not define."""
    defined = {}
    for metric in metrics_of(task):
        given = probability if metric.of_probability else predicted
        value = math.nan if given is None or metric.score is None else metric.score(truth, given)
        if math.isfinite(value):
            defined[metric.name] = value
    return defined
