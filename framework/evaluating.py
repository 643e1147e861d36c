"""A registered model measured on counts that carry the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import pandas as pd

from bike_traffic.answering import UnknownPolicy, refuse_unknown_counters
from bike_traffic.columns import TIME
from bike_traffic.data.checking.doubtful import doubtful_counts
from bike_traffic.data.parsing.renames import under_known_names
from bike_traffic.data.parts.stored import StoredCounts
from bike_traffic.evaluation.grouping import By, Group, groups_of, worst_first
from bike_traffic.evaluation.measuring import Evaluation, evaluation_from, measured_rows, no_known_counter
from bike_traffic.evaluation.parts.sums import Sums, added, sums_of
from bike_traffic.features.parts import Changed, Parts
from bike_traffic.loading import LoadedModel
from bike_traffic.progress import progress


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
    groups : of the same rows as `evaluation`, without the rows themselves.
    """

    evaluation: Evaluation
    seen_rows: int | None
    doubtful_rows: int = 0
    with_doubtful: Mapping[str, float] = attrs.field(factory=dict)
    groups: Sequence[Group] = ()


def evaluate_model(
    loaded: LoadedModel,
    counts: pd.DataFrame | StoredCounts,
    *,
    history: pd.DataFrame | None = None,
    unknown_counters: UnknownPolicy = "refuse",
    keep_doubtful: bool = False,
    by: By | None = None,
) -> Measurement:
    """Measure a registered model on counts that carry the truth, beside the baselines of its training.

    Parameters
    ----------
    counts : a clean frame, or counts in a temporary folder. Of these one part after the other is in memory, and
        `Evaluation.rows` is empty: the sums over each part are kept, from which all metrics follow.
    history : clean counts known before these rows, for a pipeline that needs them.
    keep_doubtful : whether the metrics are those with doubtful counts.
    by : also measure each counter, hour, day or weekday; see `errors_by`.

    Raises
    ------
    UnknownCounters
        Rows of counters that the model was not trained on, unless they are to be predicted.
    MissingInput
    """
    pipeline, references, until = loaded.pipeline, loaded.references, loaded.record.known_until
    history = None if history is None else under_known_names(history, references.counters)
    if unknown_counters == "refuse":
        refuse_unknown_counters(pipeline, counts, references.counters)
    usable: Mapping[str, Sums] = {}
    strange: Mapping[str, Sums] = {}
    groups: dict[str, Mapping[str, Sums]] = {}
    doubtful_rows = seen_rows = 0
    rows: pd.DataFrame | None = None
    for part in _parts(loaded, counts, unknown_counters):
        measured = measured_rows(pipeline, part, references, history)
        doubtful = doubtful_counts(part)
        if doubtful.any() and not keep_doubtful:
            strange = added(strange, sums_of(measured[doubtful]))
            measured = measured[~doubtful]
        usable = added(usable, sums_of(measured))
        for name, own in () if by is None else groups_of(measured, by):
            groups[name] = added(groups.get(name, {}), sums_of(own))
        doubtful_rows += int(doubtful.sum())
        seen_rows += 0 if until is None else int((measured[TIME] <= pd.Timestamp(until)).sum())
        rows = measured if isinstance(counts, pd.DataFrame) else None
    if not usable:
        raise no_known_counter()
    return Measurement(
        evaluation=evaluation_from(pipeline.task, usable, rows),
        seen_rows=None if until is None else seen_rows,
        doubtful_rows=doubtful_rows,
        with_doubtful=evaluation_from(pipeline.task, added(usable, strange)).metrics if doubtful_rows else {},
        groups=worst_first({name: evaluation_from(pipeline.task, sums) for name, sums in groups.items()}),
    )


def _parts(loaded: LoadedModel, counts: pd.DataFrame | StoredCounts, unknown_counters: UnknownPolicy) -> Parts:
    """Return clean frames with all rows of some counters each, under the names that the model knows."""

    def change(part: pd.DataFrame) -> pd.DataFrame:
        part = under_known_names(part, loaded.references.counters)
        return part[loaded.pipeline.known_counters(part)] if unknown_counters == "empty" else part

    return Changed([counts] if isinstance(counts, pd.DataFrame) else _shown(loaded, counts), change)


def _shown(loaded: LoadedModel, counts: StoredCounts) -> Iterator[pd.DataFrame]:
    with progress(f"{loaded.pipeline.name}: measuring", counts.rows) as advance:
        for part in counts.parts():
            yield part
            advance(len(part))
