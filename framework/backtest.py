"""Rolling-origin evaluation: how a pipeline would have done, time after time, beside the four-week mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import pandas as pd

from bike_traffic.cleaning import RawCleanerTransformer
from bike_traffic.data.schema import TIME, column_of, parse_times
from bike_traffic.evaluation import Evaluation, FourWeekMean, Split, evaluate
from bike_traffic.manager import Offer
from bike_traffic.metrics import Task
from bike_traffic.specs import PipelineSpec
from bike_traffic.training import fit, new_pipeline, rows_of_known_counters


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


def backtest(
    offers: Sequence[Offer[PipelineSpec]],
    counts: pd.DataFrame,
    splits: Sequence[Split],
    *,
    parameters: Mapping[str, Any],
    seed: int = 0,
) -> Iterator[Fold]:
    """Fit each pipeline anew before each fold, and measure it on the fold's rows.

    Rows of counters that a fold's training part does not hold are left out. Nothing is registered.

    Parameters
    ----------
    offers : the pipelines; all are measured on the same rows.
    counts : valid counts.
    splits : as `rolling_origin` makes them.

    Raises
    ------
    ParameterError, MissingExtra
    """
    times = parse_times(column_of(counts, TIME))
    for offer in offers:
        new_pipeline(offer, parameters, seed)  # a wrong parameter is said before the first long fit
    for number, split in enumerate(splits, start=1):
        training, held_out = counts.iloc[split.training], counts.iloc[split.held_out]
        baseline = FourWeekMean().fit(RawCleanerTransformer().transform(training))
        for offer in offers:
            pipeline = new_pipeline(offer, parameters, seed)
            fit(pipeline, training)
            yield Fold(
                model=pipeline.name,
                task=pipeline.task,
                number=number,
                training_rows=len(training),
                first_hour=times.iloc[split.held_out].min(),
                last_hour=times.iloc[split.held_out].max(),
                evaluation=evaluate(pipeline, rows_of_known_counters(pipeline, held_out), baseline),
            )
