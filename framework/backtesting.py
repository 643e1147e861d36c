"""Rolling-origin evaluation: how good a pipeline would have been, fold after fold, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.data.hours import as_published, local_stamps
from bike_traffic.evaluation.measuring import Evaluation, evaluation_of, measurable_rows, measured_rows
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.rows import DAYS_AHEAD, ORIGIN
from bike_traffic.evaluation.splits import Split
from bike_traffic.features.calendar import days_ahead
from bike_traffic.manager import Declaration
from bike_traffic.names import Task, bare_name
from bike_traffic.origins import (
    CALIBRATION_MONTHS,
    Steps,
    later,
    predicted_month,
    predicted_months,
    rows_from_origins,
)
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import Pipeline
from bike_traffic.processes import ALONE, Call, Workers
from bike_traffic.specs import PipelineSpec


@attrs.frozen(kw_only=True)
class Fold:
    """One fold: the model, the first and last hour held out, and how well they were predicted."""

    model: str
    task: Task
    number: int
    training_rows: int
    first_hour: pd.Timestamp
    last_hour: pd.Timestamp
    evaluation: Evaluation


@attrs.frozen(kw_only=True)
class FoldMean:
    """The mean over the folds of one model: its metrics, and those of the baselines on the same rows.

    `days_ahead` is the day of horizon that it is of; ``None`` is all rows.
    """

    model: str
    task: Task
    folds: int
    days_ahead: int | None
    metrics: dict[str, float]
    baseline: dict[str, float]
    recent: dict[str, float]


@attrs.frozen(kw_only=True)
class _Measured:
    """A fold without its interval, and its rows as a month of a calibration, for the folds after it."""

    task: Task
    holidays: str
    rows: pd.DataFrame
    months: list[pd.DataFrame]


def backtest(
    declarations: Sequence[Declaration[PipelineSpec]],
    cleaned: pd.DataFrame,
    splits: Sequence[Split],
    *,
    parameters: Mapping[str, Any],
    seed: int = 0,
    steps: Steps | None = None,
    interval: bool = True,
    city: City = PARIS,
    workers: Workers = ALONE,
) -> Iterator[Fold]:
    """Fit each pipeline again before each fold, and measure it on the rows of the fold.

    Rows of counters that the training part of a fold does not have are left out. Nothing is registered.

    Parameters
    ----------
    declarations : the pipelines; all are measured on the same rows.
    cleaned : a valid clean frame with the counts.
    splits : as `rolling_origin` makes them.
    steps : measure from many origins inside each fold, see `rows_from_origins`; by default from its first hour.
    interval : whether intervals are measured. They are calibrated on the three months before each fold, which costs
        three more fits of each pipeline in all.
    city : whose counts they are.
    workers : who makes the fits; the result is the same.

    Raises
    ------
    ParameterError, MissingExtra, MissingInput
    WorkerError
        A process ended before it had an answer.
    """
    fits = {one.qualified_name: partial(new_pipeline, one, parameters, seed, city) for one in declarations}
    start, end = _hours_of(cleaned, splits[0])
    before = [later(start, -place * (end - start)) for place in range(CALIBRATION_MONTHS - 1, -1, -1)]
    of_months = [(name, day) for name in fits for day in before] if interval else []
    of_folds = [(name, number) for number in range(len(splits)) for name in fits]
    calls: list[Call] = [partial(_month, fits[name], day, end - start) for name, day in of_months]
    for name, number in of_folds:
        needed = interval and number + 1 < len(splits)  # the month of the last fold is of use to no other
        calls.append(partial(_measured, fits[name], splits[number], steps, needed))
    with workers.sharing(cleaned) as made:
        answers = made(calls)
        months: dict[str, list[pd.DataFrame]] = {name: [] for name in fits}
        for name, _ in of_months:
            months[name] += next(answers)
        for name, number in of_folds:
            measured = next(answers)
            start, end = _hours_of(cleaned, splits[number])
            training = cleaned.iloc[splits[number].training]
            past = months[name][-CALIBRATION_MONTHS:]
            references = References().calibrated(past, training, holidays=measured.holidays)
            rows = _bounded(references, measured.rows, training[TIME].max())
            yield Fold(
                model=bare_name(name),
                task=measured.task,
                number=number + 1,
                training_rows=len(training),
                first_hour=start,
                last_hour=end - pd.Timedelta(hours=1),
                evaluation=evaluation_of(measured.task, rows),
            )
            months[name] += measured.months


def _hours_of(cleaned: pd.DataFrame, split: Split) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first hour of the held-out rows, and the one after the last."""
    times = cleaned[TIME].iloc[split.held_out]
    return times.min(), times.max() + pd.Timedelta(hours=1)


def _month(
    new: Callable[[], Pipeline], end: pd.Timestamp, span: pd.Timedelta, cleaned: pd.DataFrame
) -> list[pd.DataFrame]:
    """Predict the month of a calibration that ends before a time, as `predicted_months` does."""
    return predicted_months(new, cleaned[(cleaned[TIME] < end).to_numpy()], end, span, 1)


def _measured(
    new: Callable[[], Pipeline], split: Split, steps: Steps | None, with_month: bool, cleaned: pd.DataFrame
) -> _Measured:
    training, held_out = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
    pipeline = new().fit(training)
    whole: pd.DataFrame | None = None
    if steps is None:
        baselines = References.baselines(training, holidays=pipeline.holidays)
        rows = whole = measured_rows(pipeline, measurable_rows(pipeline, held_out), baselines, training)
    else:
        start, end = _hours_of(cleaned, split)
        rows = rows_from_origins(pipeline, cleaned[(cleaned[TIME] < end).to_numpy()], start, end, steps)
    months = (
        [predicted_month(pipeline, cleaned, split, whole)] if with_month and pipeline.task == "regression" else []
    )
    return _Measured(task=pipeline.task, holidays=pipeline.holidays, rows=rows, months=months)


def _bounded(references: References, rows: pd.DataFrame, newest: pd.Timestamp) -> pd.DataFrame:
    """Return measured rows with the bounds of the interval, if there is one, for their days after the newest hour."""
    if DAYS_AHEAD in rows:
        return references.with_bounds(rows)
    ahead = rows.assign(**{DAYS_AHEAD: days_ahead(rows[TIME], newest)})
    return references.with_bounds(ahead).drop(columns=DAYS_AHEAD)


def means_over_folds(folds: Iterable[Fold], *, by_day: bool = False) -> list[FoldMean]:
    """Return the mean of each model over its folds; a metric counts where a fold defines it.

    Parameters
    ----------
    by_day : one mean for each day of horizon, of folds that were measured from many origins.
    """
    by_model: dict[tuple[str, int | None], list[tuple[Fold, Evaluation]]] = {}
    for fold in folds:
        parts = _by_day(fold) if by_day else {None: fold.evaluation}
        for day, evaluation in parts.items():
            by_model.setdefault((fold.model, day), []).append((fold, evaluation))
    return [
        FoldMean(
            model=model,
            task=own[0][0].task,
            folds=len(own),
            days_ahead=day,
            metrics=_mean([evaluation.metrics for _, evaluation in own]),
            baseline=_mean([evaluation.baseline for _, evaluation in own]),
            recent=_mean([evaluation.recent for _, evaluation in own]),
        )
        for (model, day), own in by_model.items()
    ]


def predictions_of(folds: Sequence[Fold]) -> pd.DataFrame:
    """Return every prediction of the folds: counter and time as the City writes them, model, fold, and the values.

    The values are those of `Evaluation.rows`, and the origin: the first hour that the model did not know. With
    several origins in a fold there is also the day of horizon.
    """
    parts = []
    for fold in folds:
        rows = fold.evaluation.rows
        table = as_published(rows).assign(model=fold.model, fold=fold.number)
        values = rows.drop(columns=[COUNTER, TIME, HOUR, WEEKDAY])
        if ORIGIN not in values:
            values[ORIGIN] = fold.first_hour
        values[ORIGIN] = local_stamps(values[ORIGIN])
        parts.append(table.join(values))
    return pd.concat(parts, ignore_index=True)


def _by_day(fold: Fold) -> dict[int | None, Evaluation]:
    rows = fold.evaluation.rows
    days = rows[DAYS_AHEAD].to_numpy(np.int64)
    return {int(day): evaluation_of(fold.task, rows[days == day]) for day in np.unique(days)}


def _mean(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    columns = {name: [table[name] for table in tables if name in table] for name in METRICS}
    return {name: sum(values) / len(values) for name, values in columns.items() if values}
