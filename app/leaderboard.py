"""The records of a registry: which are listed, in which order, and where two differ. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from bike_traffic.comparison import COMPARABLE, MeasuredRows, measured_rows
from bike_traffic.evaluation.metrics import DEFAULT_METRIC, METRICS, Metric, metric_named
from bike_traffic.names import Task
from bike_traffic.registry.events.event import RegistryEvent, current_aliases
from bike_traffic.registry.queries import Mark, Query, compared_entries, marks_of
from bike_traffic.registry.records import ModelRecord, parse_time

RANKING = tuple(name for name, metric in METRICS.items() if metric.higher_is_better is not None)
"""The metrics by which records can be ordered."""
GENERAL = "record"
"""The part of a record's values that are in no other part."""
_PARTS = (
    GENERAL, "metrics", "baseline", "recent", "interval", "parameters", "split", "data", "registered_fit", "plugin",
    "libraries",
)  # fmt: skip
_NOT_COMPARED = ("artifacts", "signature", "tracking")


@attrs.frozen
class Line:
    """A record of the leaderboard, the aliases that point to it, and its marks."""

    record: ModelRecord
    aliases: tuple[str, ...]
    marks: tuple[Mark, ...]


def task_of(record: ModelRecord) -> Task:
    """Return the task whose metrics a record has."""
    tasks = {METRICS[name].task for name in record.metrics} - {None}
    return "classification" if tasks == {"classification"} else "regression"


def measuring(task: Task, wanted: str | None) -> str | None:
    """Return the wanted metric if it measures a task; else ``None``."""
    return wanted if wanted is not None and METRICS[wanted].task in (task, None) else None


def metric_for(task: Task, wanted: str | None) -> str:
    """Return the metric that is told of records of a task: the wanted one, if it measures this task."""
    return measuring(task, wanted) or DEFAULT_METRIC[task]


def ranking_metric(task: Task, wanted: str | None, lines: Sequence[Line]) -> str:
    """Return the metric that orders the records of a task; if none is wanted, that of `Workspace.compare`."""
    if measuring(task, wanted) is None and any(COMPARABLE in line.record.metrics for line in lines):
        return COMPARABLE
    return metric_for(task, wanted)


def admitted(
    records: Sequence[ModelRecord],
    events: Sequence[RegistryEvent],
    withdrawn: Mapping[str, RegistryEvent],
    query: Query,
    *,
    left_out: bool,
) -> list[Line]:
    """Return the records that a query admits, with those that it leaves out if `left_out`."""
    query = attrs.evolve(query, withdrawn=query.withdrawn | withdrawn.keys())
    lines = []
    for record in records:
        entry = record.to_json()
        if query.asks_for(entry) and (left_out or query.leaves_out(entry) is None):
            aliases = tuple(current_aliases(events, record.run_id))
            lines.append(Line(record, aliases, tuple(marks_of(entry, withdrawn))))
    return lines


def ordered(lines: Sequence[Line], metric: str, *, newest_first: bool) -> list[Line]:
    """Return records with the best first, those without the metric last; or with the newest first."""
    newest = sorted(lines, key=lambda line: parse_time(line.record.timestamp), reverse=True)
    if newest_first:
        return newest
    sign = -1.0 if metric_named(metric).higher_is_better else 1.0
    return sorted(newest, key=lambda line: sign * line.record.metrics.get(metric, sign * float("inf")))


def columns_of(lines: Sequence[Line]) -> list[Metric]:
    """Return the metrics that any of the records has and a table has room for."""
    return [
        metric
        for name, metric in METRICS.items()
        if metric.in_tables and any(name in line.record.metrics for line in lines)
    ]


def different_rows(lines: Sequence[Line], metric: str) -> list[MeasuredRows]:
    """Return the sets of rows that records were measured on; none if all are the same, or if the metric compares."""
    if metric == COMPARABLE:
        return []
    everything = Query(test_mode=None, sample=None, split=None)
    entries = [line.record.to_json() for line in lines]
    measured = metric_named(metric)
    groups = measured_rows(compared_entries(entries, measured, everything), measured)
    return groups if len(groups) > 1 else []


@attrs.frozen
class Row:
    """A value of two records: the part and the name that it has in a record; ``None`` where a record has none."""

    part: str
    name: str
    left: Any
    right: Any

    @property
    def differs(self) -> bool:
        """Whether the records differ here."""
        return bool(self.left != self.right)


def side_by_side(left: ModelRecord, right: ModelRecord) -> list[Row]:
    """Return all values of two records but those of their files."""
    values = [_values(record) for record in (left, right)]
    names = sorted(
        dict.fromkeys([*values[0], *values[1]]),
        key=lambda key: _PARTS.index(key[0]) if key[0] in _PARTS else len(_PARTS),
    )
    return [Row(part, name, *(one.get((part, name)) for one in values)) for part, name in names]


def _values(record: ModelRecord) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for key, value in record.to_json().items():
        if key in _NOT_COMPARED:
            continue
        if isinstance(value, Mapping):
            found |= {(key, str(name)): inner for name, inner in value.items()}
        elif key in METRICS:
            found["metrics", key] = value
        else:
            found[GENERAL, key] = value
    return found
