"""Honest evaluation: which rows are held out, how good the predictions are there, and beside what."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Literal, Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.cleaning import RawCleanerTransformer
from bike_traffic.data.schema import (
    COUNT,
    COUNTER,
    TIME,
    clean_counter_names,
    column_of,
    headers_of,
    parse_counts,
    parse_times,
)
from bike_traffic.errors import PredictionError, SplitError
from bike_traffic.metrics import Task, metrics_of
from bike_traffic.pipeline import Pipeline

Positions = NDArray[np.intp]
SplitKind = Literal["temporal", "random"]

DEFAULT_HOLDOUT = pd.Timedelta(days=28)
BASELINE_WEEKS = 4
BASELINE_FILE = "four_week_mean.json"
_SPAN = re.compile(r"(\d{1,5})\s*([hdw])")
_UNITS = {"h": pd.Timedelta(hours=1), "d": pd.Timedelta(days=1), "w": pd.Timedelta(weeks=1)}

RANDOM_SHARE = 0.2
"""Share of the rows that a random split holds out."""


@attrs.frozen
class Split:
    """Positions of the training rows and of the held-out rows, and how they were chosen."""

    kind: SplitKind
    training: Positions
    held_out: Positions


def parse_span(text: str) -> pd.Timedelta:
    """Read a span of time such as ``28d``, ``4w`` or ``12h``; raise `SplitError`."""
    found = _SPAN.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise SplitError(f"'{text}' is not a span of time; write one such as 28d, 4w or 12h")
    return int(found[1]) * _UNITS[found[2]]


def temporal_split(counts: pd.DataFrame, holdout: pd.Timedelta) -> Split:
    """Hold out the rows of the last `holdout`; raise `SplitError` when too few hours come before."""
    times = parse_times(column_of(counts, TIME))
    first, last = times.min(), times.max()
    start = last - holdout + pd.Timedelta(hours=1)
    if holdout < pd.Timedelta(hours=1):
        raise SplitError(f"cannot hold out {_span(holdout)}: it must be an hour or more")
    if start - first < holdout:
        raise SplitError(
            f"the counts span {_span(last - first + pd.Timedelta(hours=1))}: holding out the last {_span(holdout)} "
            "leaves less than that to train on; give a shorter --holdout, or more counts"
        )
    held_out = (times >= start).to_numpy()
    return Split("temporal", np.flatnonzero(~held_out), np.flatnonzero(held_out))


def random_split(counts: pd.DataFrame, seed: int) -> Split:
    """Hold out a fifth of the rows at random, as many above each counter's mean as below.

    The held-out rows lie in the same weeks as those learned from: the figures flatter, and are for comparison only.
    """
    from sklearn.model_selection import train_test_split

    count = parse_counts(column_of(counts, COUNT))
    names = clean_counter_names(column_of(counts, COUNTER))
    busy = (count > count.groupby(names, observed=True).transform("mean")).to_numpy()
    try:
        training, held_out = train_test_split(
            np.arange(len(counts)), test_size=RANDOM_SHARE, random_state=seed, stratify=busy
        )
    except ValueError as error:
        raise SplitError(f"{len(counts)} rows are too few for a random split: {error}") from None
    return Split("random", np.sort(training), np.sort(held_out))


def rolling_origin(counts: pd.DataFrame, folds: int, horizon: pd.Timedelta) -> list[Split]:
    """Return `folds` splits, the oldest first: each holds out one `horizon`, and trains on all before it."""
    if folds < 1:
        raise SplitError(f"a backtest needs one fold or more, not {folds}")
    times = parse_times(column_of(counts, TIME))
    end = times.max() + pd.Timedelta(hours=1)
    if end - folds * horizon - times.min() < horizon:
        raise SplitError(
            f"{folds} folds of {_span(horizon)} leave less than one to train the first on; the counts span "
            f"{_span(end - times.min())}"
        )
    splits = []
    for fold in range(folds, 0, -1):
        start = end - fold * horizon
        splits.append(split_at(times, start, start + horizon))
    empty = [number for number, split in enumerate(splits, start=1) if not len(split.held_out)]
    if empty:
        raise SplitError(f"fold {empty[0]} of {folds} has no rows: the counts have a gap of {_span(horizon)} or more")
    return splits


def split_at(times: pd.Series, start: pd.Timestamp, end: pd.Timestamp) -> Split:
    """Train on all rows before `start`, hold out those from `start` to before `end`."""
    before, until = (times < start).to_numpy(), (times < end).to_numpy()
    return Split("temporal", np.flatnonzero(before), np.flatnonzero(until & ~before))


def _span(time: pd.Timedelta) -> str:
    days, hours = time.days, round(time.seconds / 3600)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours or not days else ""]
    return " ".join(part for part in parts if part)


class FourWeekMean:
    """What every model is measured beside: the mean of the last four weeks by counter, weekday and hour.

    A cell without a row takes the counter's four-week mean, a counter without one its mean, any other the overall
    mean. Bikes per hour.
    """

    cells: dict[str, list[float]]
    counter_means: dict[str, float]

    def fit(self, cleaned: pd.DataFrame) -> Self:
        """Learn from clean training rows."""
        start = cleaned[TIME].max() - pd.Timedelta(weeks=BASELINE_WEEKS)
        recent = cleaned[cleaned[TIME] > start]
        hour_of_week = recent["jour_semaine"].to_numpy() * 24 + recent["heure"].to_numpy()
        mean = recent.groupby([recent[COUNTER].astype(str), hour_of_week])[COUNT].mean().unstack()
        mean = mean.reindex(columns=range(168))
        mean = mean.T.fillna(mean.mean(axis=1)).T
        self.cells = {str(name): row.round(4).tolist() for name, row in mean.iterrows()}
        means = cleaned.groupby(cleaned[COUNTER].astype(str))[COUNT].mean().round(4)
        self.counter_means = {str(name): float(value) for name, value in means.items()}
        return self

    def predict(self, cleaned: pd.DataFrame) -> NDArray[np.float64]:
        """Predict bikes per hour for clean rows, shape (n,)."""
        names = cleaned[COUNTER].cat.categories.astype(str)
        overall = float(np.mean(list(self.counter_means.values())))
        table = np.array(
            [self.cells.get(name, [self.counter_means.get(name, overall)] * 168) for name in names]
        ).reshape(-1, 168)
        hour_of_week = cleaned["jour_semaine"].to_numpy(np.intp) * 24 + cleaned["heure"].to_numpy(np.intp)
        return np.asarray(table[cleaned[COUNTER].cat.codes.to_numpy(), hour_of_week])

    def answer(self, pipeline: Pipeline, counts: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what the baseline says where the pipeline predicts, and how sure it is of it.

        To a classifier it answers with the labels that its mean implies under the pipeline's own thresholds.
        """
        cleaned = RawCleanerTransformer().transform(counts)
        predicted = self.predict(cleaned)
        if pipeline.task == "regression":
            return predicted, predicted
        header = headers_of(counts.columns, [COUNT])[COUNT]
        labels = pipeline.truth(counts.assign(**{header: predicted})).to_numpy(np.float64)
        mean = cleaned[COUNTER].astype(str).map(self.counter_means).fillna(np.inf).to_numpy(np.float64)
        return labels, predicted / np.maximum(mean, 1e-9)

    def save(self, directory: Path) -> None:
        """Write the tables beside a model's files."""
        text = json.dumps({"cells": self.cells, "counter_means": self.counter_means}, ensure_ascii=False)
        (directory / BASELINE_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Read what `save` wrote; ``None`` where a model came without."""
        path = directory / BASELINE_FILE
        if not path.exists():
            return None
        baseline = cls()
        tables = json.loads(path.read_text(encoding="utf-8"))
        baseline.cells, baseline.counter_means = tables["cells"], tables["counter_means"]
        return baseline


@attrs.frozen(kw_only=True)
class Evaluation:
    """Metrics of a model on rows it did not learn from, and those of the four-week mean on the same rows."""

    rows: int
    metrics: dict[str, float]
    baseline: dict[str, float]


def evaluate(pipeline: Pipeline, counts: pd.DataFrame, baseline: FourWeekMean | None) -> Evaluation:
    """Measure a fitted pipeline on counts that carry the truth.

    A metric that the rows do not define (r2 of equal counts, an ROC of one class) is left out.
    """
    truth = pipeline.truth(counts).to_numpy(np.float64)
    predicted = checked_prediction(pipeline, counts)
    probability = pipeline.probability(counts)
    score = None if probability is None else probability.to_numpy(np.float64)
    beside: dict[str, float] = {}
    if baseline is not None:
        beside = scores(pipeline.task, truth, *baseline.answer(pipeline, counts))
    metrics = scores(pipeline.task, truth, predicted.to_numpy(np.float64), score)
    return Evaluation(rows=len(counts), metrics=metrics, baseline=beside)


def scores(
    task: Task,
    truth: NDArray[np.float64],
    predicted: NDArray[np.float64],
    probability: NDArray[np.float64] | None,
) -> dict[str, float]:
    """Return the task's metrics that these values, each of shape (n,), define."""
    found = {}
    for metric in metrics_of(task):
        given = probability if metric.of_probability else predicted
        value = math.nan if given is None else metric.score(truth, given)
        if math.isfinite(value):
            found[metric.name] = value
    return found


def checked_prediction(pipeline: Pipeline, counts: pd.DataFrame) -> pd.Series:
    """Return the pipeline's prediction; raise `PredictionError` when it breaks the promise of `predict`."""
    predicted = pipeline.predict(counts)
    if not isinstance(predicted, pd.Series) or not predicted.index.equals(counts.index):
        raise PredictionError(f"pipeline '{pipeline.name}' must predict a Series on the index of its input")
    values = predicted.to_numpy(np.float64)
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        raise PredictionError(
            f"pipeline '{pipeline.name}' predicted {values[wrong][0]} for row {counts.index[wrong][0]}: "
            "predictions must be finite and never negative"
        )
    return predicted
