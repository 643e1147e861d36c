"""Metrics of a fitted pipeline, and of the four-week mean, on rows that the pipeline did not learn from."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.errors import SplitError
from bike_traffic.evaluation.baselines import FourWeekMean
from bike_traffic.evaluation.metrics import metrics_of
from bike_traffic.names import Task
from bike_traffic.pipeline import PREDICTION, PROBABILITY, Pipeline

TRUTH, BASELINE = "truth", "baseline"
"""Columns of `Evaluation.rows` beside those of `Pipeline.predict_frame`."""


@attrs.frozen(kw_only=True, eq=False)
class Evaluation:
    """Metrics of a pipeline and of the four-week mean on the same rows, and these rows.

    Parameters
    ----------
    metrics : of the pipeline, by name; a metric that the rows do not define (r2 of equal counts) is left out.
    baseline : of the four-week mean; empty if there is none.
    rows : shape (n, …): counter, time, hour and weekday, ``truth``, what the pipeline predicted (see
        `Pipeline.predict_frame`), and ``baseline``, what the four-week mean predicts, if there is one.
    """

    metrics: dict[str, float]
    baseline: dict[str, float]
    rows: pd.DataFrame


def evaluate(
    pipeline: Pipeline,
    cleaned: pd.DataFrame,
    baseline: FourWeekMean | None,
    history: pd.DataFrame | None = None,
) -> Evaluation:
    """Measure a fitted pipeline on a clean frame that carries the truth, in one pass over the model.

    Parameters
    ----------
    history : counts known before these rows, for a pipeline that needs them.
    """
    truth = pipeline.truth(cleaned).to_numpy(np.float64)
    predicted = pipeline.predict_frame(cleaned, history)
    rows = cleaned[[COUNTER, TIME, HOUR, WEEKDAY]].assign(**{TRUTH: truth}, **predicted)
    probability = predicted[PROBABILITY].to_numpy(np.float64) if PROBABILITY in predicted else None
    of_baseline: dict[str, float] = {}
    if baseline is not None:
        labels, score = baseline.predict_as(pipeline, cleaned)
        rows[BASELINE] = labels
        of_baseline = scores(pipeline.task, truth, labels, score)
    metrics = scores(pipeline.task, truth, predicted[PREDICTION].to_numpy(np.float64), probability)
    return Evaluation(metrics=metrics, baseline=of_baseline, rows=rows)


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
        value = math.nan if given is None else metric.score(truth, given)
        if math.isfinite(value):
            defined[metric.name] = value
    return defined
