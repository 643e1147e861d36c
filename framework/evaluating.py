"""A registered model measured on counts that carry the truth."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import pandas as pd

from bike_traffic.answering import UnknownPolicy, refuse_unknown_counters
from bike_traffic.columns import TIME
from bike_traffic.data.checking.doubtful import doubtful_counts
from bike_traffic.data.parsing.renames import under_known_names
from bike_traffic.evaluation.measuring import Evaluation, evaluate, evaluation_of, measurable_rows
from bike_traffic.loading import LoadedModel


@attrs.frozen(kw_only=True, eq=False)
class Measurement:
    """The evaluation of a registered model.

    Parameters
    ----------
    evaluation : without the doubtful counts, unless they were to be kept.
    seen_rows : the number of rows that are not later than the last hour that the model was fitted on: it may know
        them. ``None`` if its record does not give this hour.
    doubtful_rows : those with a count far above what is usual for their counter and hour.
    with_doubtful : the metrics with them; empty if there are none.
    """

    evaluation: Evaluation
    seen_rows: int | None
    doubtful_rows: int = 0
    with_doubtful: Mapping[str, float] = attrs.field(factory=dict)


def evaluate_model(
    loaded: LoadedModel,
    cleaned: pd.DataFrame,
    *,
    history: pd.DataFrame | None = None,
    unknown_counters: UnknownPolicy = "refuse",
    keep_doubtful: bool = False,
) -> Measurement:
    """Measure a registered model on a clean frame that carries the truth, beside the baselines of its training.

    Parameters
    ----------
    history : clean counts known before these rows, for a pipeline that needs them.
    keep_doubtful : whether the metrics are those with doubtful counts.

    Raises
    ------
    UnknownCounters
        Rows of counters that the model was not trained on, unless they are to be predicted.
    MissingInput
    """
    cleaned = under_known_names(cleaned, loaded.references.counters)
    history = None if history is None else under_known_names(history, loaded.references.counters)
    if unknown_counters == "refuse":
        refuse_unknown_counters(loaded.pipeline, cleaned)
    if unknown_counters == "empty":
        cleaned = measurable_rows(loaded.pipeline, cleaned)
    until = loaded.record.known_until
    evaluation = evaluate(loaded.pipeline, cleaned, loaded.references, history)
    with_doubtful, doubtful = evaluation.metrics, doubtful_counts(cleaned)
    if doubtful.any() and not keep_doubtful:
        evaluation = evaluation_of(loaded.pipeline.task, evaluation.rows[~doubtful])
    return Measurement(
        evaluation=evaluation,
        seen_rows=None if until is None else int((evaluation.rows[TIME] <= pd.Timestamp(until)).sum()),
        doubtful_rows=int(doubtful.sum()),
        with_doubtful=with_doubtful if doubtful.any() else {},
    )
