"""Rolling-origin evaluation: how good a pipeline would have been, fold after fold, beside the baselines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.data.hours import as_published, local_stamps
from bike_traffic.evaluation.measuring import Evaluation, evaluate, evaluation_of, measurable_rows
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.rows import DAYS_AHEAD, ORIGIN
from bike_traffic.evaluation.splits import Split
from bike_traffic.manager import Declaration
from bike_traffic.names import Task
from bike_traffic.origins import (
    CALIBRATION_MONTHS,
    Steps,
    predicted_month,
    predicted_months,
    rows_from_origins,
)
from bike_traffic.parameters import new_pipeline
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

    Raises
    ------
    ParameterError, MissingExtra, MissingInput
    """
    months: dict[str, list[pd.DataFrame]] = {}
    for number, split in enumerate(splits, start=1):
        training, held_out = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
        start, end = held_out[TIME].min(), held_out[TIME].max() + pd.Timedelta(hours=1)
        baselines: dict[str, References] = {}
        for declaration in declarations:
            new = partial(new_pipeline, declaration, parameters, seed, city)
            if interval and number == 1:
                months[declaration.spec.name] = predicted_months(
                    new, training, start, end - start, CALIBRATION_MONTHS
                )
            pipeline = new().fit(training)
            past = months.get(declaration.spec.name, [])[-CALIBRATION_MONTHS:]
            holidays = pipeline.holidays
            if holidays not in baselines:
                baselines[holidays] = References.baselines(training, holidays=holidays)
            references = baselines[holidays].calibrated(past, training, holidays=holidays)
            if steps is None:
                measurable = measurable_rows(pipeline, held_out)
                evaluation = evaluate(pipeline, measurable, references, history=training)
                measured = evaluation.rows
            else:
                known = cleaned[(cleaned[TIME] < end).to_numpy()]
                rows = rows_from_origins(pipeline, known, start, end, steps)
                evaluation = evaluation_of(pipeline.task, references.with_bounds(rows))
                measured = None
            if interval and pipeline.task == "regression":
                months[declaration.spec.name].append(predicted_month(pipeline, cleaned, split, measured))
            yield Fold(
                model=pipeline.name,
                task=pipeline.task,
                number=number,
                training_rows=len(training),
                first_hour=start,
                last_hour=held_out[TIME].max(),
                evaluation=evaluation,
            )


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

    The values are those of `Evaluation.rows`, with the origin and the day of horizon if there are several origins.
    """
    parts = []
    for fold in folds:
        rows = fold.evaluation.rows
        table = as_published(rows).assign(model=fold.model, fold=fold.number)
        values = rows.drop(columns=[COUNTER, TIME, HOUR, WEEKDAY])
        if ORIGIN in values:
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
