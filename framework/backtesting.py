"""Rolling-origin evaluation: how good a pipeline would have been, fold after fold, beside the four-week mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import pandas as pd

from bike_traffic.columns import TIME
from bike_traffic.evaluation.baselines import FourWeekMean
from bike_traffic.evaluation.measuring import Evaluation, evaluate, measurable_rows
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.evaluation.splits import Split
from bike_traffic.manager import Declaration
from bike_traffic.names import Task
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
    """The mean over the folds of one model: its metrics, and those of the four-week mean on the same rows."""

    model: str
    task: Task
    folds: int
    metrics: dict[str, float]
    baseline: dict[str, float]


def backtest(
    declarations: Sequence[Declaration[PipelineSpec]],
    cleaned: pd.DataFrame,
    splits: Sequence[Split],
    *,
    parameters: Mapping[str, Any],
    seed: int = 0,
) -> Iterator[Fold]:
    """Fit each pipeline again before each fold, and measure it on the rows of the fold.

    Rows of counters that the training part of a fold does not have are left out. Nothing is registered.

    Parameters
    ----------
    declarations : the pipelines; all are measured on the same rows.
    cleaned : a valid clean frame with the counts.
    splits : as `rolling_origin` makes them.

    Raises
    ------
    ParameterError, MissingExtra, MissingInput
    """
    for declaration in declarations:  # a wrong parameter fails before the first long fit
        new_pipeline(declaration, parameters, seed).require_input(history=True)
    for number, split in enumerate(splits, start=1):
        training, held_out = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
        baseline = FourWeekMean().fit(training)
        for declaration in declarations:
            pipeline = new_pipeline(declaration, parameters, seed).fit(training)
            measurable = measurable_rows(pipeline, held_out)
            yield Fold(
                model=pipeline.name,
                task=pipeline.task,
                number=number,
                training_rows=len(training),
                first_hour=held_out[TIME].min(),
                last_hour=held_out[TIME].max(),
                evaluation=evaluate(pipeline, measurable, baseline, history=training),
            )


def means_over_folds(folds: Iterable[Fold]) -> list[FoldMean]:
    """Return the mean of each model over its folds; a metric counts where a fold defines it."""
    by_model: dict[str, list[Fold]] = {}
    for fold in folds:
        by_model.setdefault(fold.model, []).append(fold)
    return [
        FoldMean(
            model=model,
            task=own[0].task,
            folds=len(own),
            metrics=_mean([fold.evaluation.metrics for fold in own]),
            baseline=_mean([fold.evaluation.baseline for fold in own]),
        )
        for model, own in by_model.items()
    ]


def _mean(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    columns = {name: [table[name] for table in tables if name in table] for name in METRICS}
    return {name: sum(values) / len(values) for name, values in columns.items() if values}
