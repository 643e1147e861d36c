"""How the commands of ``bt registry`` show records: as rows of a table, and as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import Any

from bike_traffic.cli.output import BEHIND_BASELINE, metric_columns
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.table import print_table
from bike_traffic.errors import NoRecord, RegistryError
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.names import Task
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent, targets
from bike_traffic.registry.queries import Mark, marks_of
from bike_traffic.registry.records import ModelRecord, parse_time

_MARKS: Mapping[Mark, str] = {"test mode": "test", "behind mean": BEHIND_BASELINE}
"""Marks that the tables call by another name."""


def print_records(records: Sequence[ModelRecord], withdrawn: Mapping[str, RegistryEvent]) -> None:
    """Print records in one table a task, each with the marks that say why it is not, or should not be, the best."""
    by_task: dict[Task | None, list[ModelRecord]] = {}
    for record in records:
        by_task.setdefault(_task_of(record), []).append(record)
    for number, own in enumerate(by_task.values()):
        if number:
            echo()
        _print_task(own, withdrawn)


def _task_of(record: ModelRecord) -> Task | None:
    """Return the task that a record's metrics are of; ``None`` if none of them tells."""
    tasks = [METRICS[name].task for name in record.metrics]
    return next((task for task in tasks if task is not None), None)


def _print_task(records: Sequence[ModelRecord], withdrawn: Mapping[str, RegistryEvent]) -> None:
    metrics = metric_columns(*(record.metrics for record in records))
    marks = [", ".join(_MARKS.get(mark, mark) for mark in marks_of(record, withdrawn)) for record in records]
    rows = [
        [
            record.run_id[:8],
            record.model_type,
            record.env,
            *([mark] if any(marks) else []),
            record.timestamp[:16],
            *(record.metrics.get(name) for name in metrics),
            record.model_uri,
        ]
        for record, mark in zip(records, marks, strict=True)
    ]
    mark_title = [""] if any(marks) else []
    print_table(["run", "model", "env", *mark_title, "time (UTC)", *metrics, "files"], rows)


def record_named(opened: RegistryBackend, name: str, as_of: datetime | None) -> ModelRecord:
    """Return the record of an alias, or of a run id; only an alias has a history.

    An alias hides no run whose id is, or begins with, its name: raise `NoRecord` for a name that means two runs.
    """
    if as_of:
        return opened.alias(name, as_of)
    history = opened.alias_history(name)
    if not history:
        return opened.get(name)
    try:
        record = opened.get(name)
    except NoRecord as error:
        if error.id != "run-id-ambiguous":
            return opened.alias(name)
        begun = "several run ids"
    else:
        if record.run_id == name or targets(history, name)[-1:] == [record.run_id]:
            return record if record.run_id == name else opened.alias(name)
        begun = f"run id {record.run_id}"
    raise NoRecord(
        f"'{name}' is an alias, and also begins {begun}; write more letters of the id, or that of the alias, which "
        f"`bt registry history {name}` shows",
        "name-ambiguous",
        name=name,
    )


def as_of_time(as_of: str | None) -> datetime | None:
    """Read the value of ``--as-of``: a date is the end of that day in UTC; raise `RegistryError` if it is no time.

    A note says which time is used, unless the value has an offset.
    """
    if not as_of:
        return None
    try:
        instant = parse_time(as_of)
    except ValueError:
        raise RegistryError(
            f"--as-of {as_of}: not a time; write 2026-06-01 or 2026-06-01T12:00:00+02:00",
            "as-of-malformed",
            as_of=as_of,
        ) from None
    if datetime.fromisoformat(as_of).tzinfo is None:
        with suppress(ValueError):  # it has a time of the day
            instant = datetime.combine(date.fromisoformat(as_of), time.max, UTC)
        note(f"as of {instant:%Y-%m-%d %H:%M:%S} UTC")
    return instant


def document_of(record: ModelRecord, withdrawn: Mapping[str, RegistryEvent]) -> dict[str, Any]:
    """Return the entry of a record, and of a withdrawn one also when, by whom and why it was withdrawn."""
    event = withdrawn.get(record.run_id)
    if event is None:
        return record.to_json()
    return record.to_json() | {
        "withdrawn": {"timestamp": event.timestamp, "actor": event.actor, "reason": event.reason}
    }
