"""A registered model measured on counts that carry the truth."""

from __future__ import annotations

import attrs
import pandas as pd

from bike_traffic.columns import TIME
from bike_traffic.evaluation.measuring import Evaluation, evaluate
from bike_traffic.loading import LoadedModel
from bike_traffic.prediction import UnknownPolicy, refuse_unknown_counters


@attrs.frozen(kw_only=True, eq=False)
class Measurement:
    """The evaluation of a registered model.

    `seen_rows` is the number of rows that are not later than the last hour that the model was fitted on: it may know
    them. ``None`` if its record does not give this hour.
    """

    evaluation: Evaluation
    seen_rows: int | None


def evaluate_model(
    loaded: LoadedModel,
    cleaned: pd.DataFrame,
    *,
    history: pd.DataFrame | None = None,
    unknown_counters: UnknownPolicy = "refuse",
) -> Measurement:
    """Measure a registered model on a clean frame that carries the truth, beside the baselines of its training.

    Parameters
    ----------
    history : clean counts known before these rows, for a pipeline that needs them.

    Raises
    ------
    UnknownCounters
        Rows of counters that the model was not trained on, unless they are to be predicted.
    MissingInput
    """
    if unknown_counters == "refuse":
        refuse_unknown_counters(loaded.pipeline, cleaned)
    until = loaded.record.known_until
    return Measurement(
        evaluation=evaluate(loaded.pipeline, cleaned, loaded.references, history),
        seen_rows=None if until is None else int((cleaned[TIME] <= pd.Timestamp(until)).sum()),
    )
