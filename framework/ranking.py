"""The newest record of each model measured on the same counts, and ranked by a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs
import pandas as pd

from bike_traffic.columns import TIME
from bike_traffic.errors import BikeTrafficError, UnknownCounters
from bike_traffic.evaluating import evaluate_model
from bike_traffic.evaluation.metrics import METRICS, Metric, metric_named
from bike_traffic.loading import LoadedModel
from bike_traffic.progress import progress
from bike_traffic.registry.queries import LeftOut, Query, nothing_left
from bike_traffic.registry.records import ModelRecord, parse_time
from bike_traffic.workspace import Workspace


@attrs.frozen(kw_only=True)
class RankedModel:
    """A model and its metrics on the measured rows.

    Parameters
    ----------
    metrics, baseline, recent : of the model, and of the baselines of its training rows; see `Evaluation`.
    beats_baseline : whether it is better than the four-week mean; ``None`` if there is none to compare with.
    seen_rows : number of rows that are not later than the last hour that the model was fitted on: it may know them.
        ``None`` if its record does not give this hour.
    """

    record: ModelRecord
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]
    recent: Mapping[str, float]
    beats_baseline: bool | None
    seen_rows: int | None


@attrs.frozen(kw_only=True)
class Ranking:
    """Models ranked by a metric on the same rows.

    Parameters
    ----------
    models : the best one first.
    rows : number of measured rows.
    left_out_rows : rows of counters that not every ranked model knows; they were not measured.
    history_rows : earlier rows, which were not measured because they are the history of models that need it.
    left_out : models that could not be ranked, and why.
    """

    metric: str
    models: list[RankedModel]
    rows: int
    left_out_rows: int
    history_rows: int
    left_out: list[tuple[ModelRecord, str]]


def rank_models(workspace: Workspace, cleaned: pd.DataFrame, metric: str, query: Query) -> Ranking:
    """Measure the newest admitted record of each model on a clean frame that carries the truth, and rank them.

    All are measured on the same rows: those of counters that every ranked model knows. If one of them needs history,
    these are the rows later than the last hour that it was fitted on, and it gets all rows before them as history.
    A model of another task than the metric's is not ranked.

    Raises
    ------
    UnknownMetric
    NoRecord
        The query admits no record of such a model, or none of them can be ranked.
    UnknownCounters
        There is no counter that all these models know.
    """
    measured = metric_named(metric)
    left_out: list[tuple[ModelRecord, str]] = []
    loaded = _load(workspace, _newest(workspace, measured, query, left_out), left_out)
    loaded = [one for one in loaded if _fits(one, cleaned, left_out)]
    known = pd.Series(True, index=cleaned.index)
    for one in loaded:
        known &= one.pipeline.known_counters(cleaned)
    if loaded and not known.any():
        raise UnknownCounters(
            f"no counter of these counts is known to all of {', '.join(one.record.model_type for one in loaded)}; "
            "rank fewer models with --model",
            "ranking-without-counters",
            models=[one.record.model_type for one in loaded],
        )
    start = _start(loaded)
    later = known if start is None else known & (cleaned[TIME] > start)
    history = None if start is None else cleaned[cleaned[TIME] <= start]
    models = _measure(loaded, cleaned[later], history, measured, left_out)
    if not models:
        reasons = "; ".join(f"{record.model_type}: {reason}" for record, reason in left_out)
        raise nothing_left(f"model that can be ranked by {metric}", query, {}, reasons, name=metric)
    return Ranking(
        metric=metric,
        models=models,
        rows=int(later.sum()),
        left_out_rows=int((~known).sum()),
        history_rows=int((known & ~later).sum()),
        left_out=left_out,
    )


def _newest(
    workspace: Workspace, metric: Metric, query: Query, left_out: list[tuple[ModelRecord, str]]
) -> list[ModelRecord]:
    """Return the newest record of each model whose task is the metric's; raise `NoRecord` if there is none.

    Records whose signature a key of the workspace does not confirm are added to those left out.
    """
    registry = workspace.registry
    query = registry.without_withdrawn(query)
    newest: dict[str, ModelRecord] = {}
    skipped: Counter[LeftOut] = Counter()
    fault_of = workspace.trust.fault_finder(registry)
    for record in registry.records(query.with_those_left_out):
        tasks = {METRICS[name].task for name in record.metrics} - {None}
        if tasks and metric.task and metric.task not in tasks:
            continue
        if reason := query.leaves_out(record.to_json()):
            skipped[reason] += 1
            continue
        if fault := fault_of(record):
            left_out.append((record, fault))
            continue
        other = newest.get(record.model_type)
        if other is None or parse_time(record.timestamp) >= parse_time(other.timestamp):
            newest[record.model_type] = record
    if not newest:
        raise nothing_left(f"model with {metric.name}", query, skipped, name=metric.name)
    return list(newest.values())


def _load(
    workspace: Workspace, records: list[ModelRecord], left_out: list[tuple[ModelRecord, str]]
) -> list[LoadedModel]:
    loaded = []
    with progress("loading models", len(records)) as advance:
        for record in records:
            try:
                loaded.append(workspace.load(record))
            except BikeTrafficError as error:
                left_out.append((record, str(error)))
            advance(1)
    return loaded


def _fits(loaded: LoadedModel, cleaned: pd.DataFrame, left_out: list[tuple[ModelRecord, str]]) -> bool:
    """Return whether a model can be measured on some of the rows; if not, add it to those left out."""
    reason = None
    if not loaded.pipeline.known_counters(cleaned).any():
        reason = "it knows none of these counters"
    elif "history" in loaded.pipeline.needs:
        until = loaded.record.known_until
        if until is None:
            reason = "it needs history, and its record does not say which hours it was fitted on"
        elif not cleaned[TIME].min() <= pd.Timestamp(until) < cleaned[TIME].max():
            reason = f"it needs history: give counts from before and after {until}, the last hour it was fitted on"
    if reason is not None:
        left_out.append((loaded.record, reason))
    return reason is None


def _start(loaded: list[LoadedModel]) -> pd.Timestamp | None:
    """Return the last hour that models which need history were fitted on; ``None`` if no model needs it."""
    needing = [one.record.known_until for one in loaded if "history" in one.pipeline.needs]
    return max((pd.Timestamp(until) for until in needing if until is not None), default=None)


def _measure(
    loaded: list[LoadedModel],
    rows: pd.DataFrame,
    history: pd.DataFrame | None,
    metric: Metric,
    left_out: list[tuple[ModelRecord, str]],
) -> list[RankedModel]:
    """Return the models with their metrics, the best one first."""
    models = []
    with progress("measuring models", len(loaded)) as advance:
        for one in loaded:
            try:
                measurement = evaluate_model(one, rows, history=history if "history" in one.pipeline.needs else None)
            except BikeTrafficError as error:
                left_out.append((one.record, str(error)))
                continue
            finally:
                advance(1)
            evaluation = measurement.evaluation
            if metric.name in evaluation.metrics:
                models.append(
                    RankedModel(
                        record=one.record,
                        metrics=evaluation.metrics,
                        baseline=evaluation.baseline,
                        recent=evaluation.recent,
                        beats_baseline=evaluation.beats_baseline,
                        seen_rows=measurement.seen_rows,
                    )
                )
            else:
                left_out.append((one.record, f"it has no {metric.name} on these rows"))
    return sorted(models, key=lambda one: one.metrics[metric.name], reverse=bool(metric.higher_is_better))
