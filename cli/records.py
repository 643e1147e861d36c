"""How the commands of ``bt registry`` show records: as rows of a table, and as documents."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import Any

import attrs

from bike_traffic.cli.output import BEHIND_BASELINE, metric_columns
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.table import print_table
from bike_traffic.errors import NoRecord, RegistryError
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.names import Task
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent, targets, until, withdrawals
from bike_traffic.registry.queries import Mark, marks_of
from bike_traffic.registry.records import ModelRecord, as_metric, parse_time

_MARKS: Mapping[Mark, str] = {"test mode": "test", "behind mean": BEHIND_BASELINE}
"""Marks that the tables call by another name."""


def print_records(
    rows: Iterable[tuple[Mapping[str, Any], Sequence[str]]],
    withdrawn: Container[str] = (),
    also: str | None = None,
) -> None:
    """Print records in one table a task, each with the marks that say why it is not, or should not be, the best.

    Parameters
    ----------
    rows : records as JSON, with `LISTED_KEYS` at least, and further marks of each.
    also : a metric that is shown although a table usually has no room for it.
    """
    by_task: dict[Task | None, list[_Shown]] = {}
    for row, marks in rows:
        shown = _Shown.of(row, [*(_MARKS.get(mark, mark) for mark in marks_of(row, withdrawn)), *marks])
        by_task.setdefault(shown.task, []).append(shown)
    for number, own in enumerate(by_task.values()):
        if number:
            echo()
        _print_task(own, also)


@attrs.frozen
class _Shown:
    """What a table shows of a record."""

    before: tuple[object, ...]
    mark: str
    time: str
    metrics: Mapping[str, float]
    uri: str

    @classmethod
    def of(cls, row: Mapping[str, Any], marks: Sequence[str]) -> _Shown:
        values = ((name, as_metric(row[name])) for name in METRICS if name in row)
        return cls(
            before=(row["run_id"][:8], row["model_type"], row["env"]),
            mark=", ".join(marks),
            time=row["timestamp"][:16],
            metrics={name: value for name, value in values if value is not None},
            uri=row["model_uri"],
        )

    @property
    def task(self) -> Task | None:
        """The task that the metrics are of; ``None`` if none of them tells."""
        return next((task for name in self.metrics if (task := METRICS[name].task)), None)


def _print_task(records: Sequence[_Shown], also: str | None) -> None:
    metrics = metric_columns(*(record.metrics for record in records))
    if also is not None and also not in metrics and any(also in record.metrics for record in records):
        metrics = [*metrics, also]
    has_marks = any(record.mark for record in records)
    rows = [
        [
            *record.before,
            *([record.mark] if has_marks else []),
            record.time,
            *(record.metrics.get(name) for name in metrics),
            record.uri,
        ]
        for record in records
    ]
    mark_title = [""] if has_marks else []
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
        "alias-or-run",
        name=name,
    )


_HOW = "not a time; write 2026-06-01 or 2026-06-01T12:00:00+02:00"


def as_of_time(as_of: str | None) -> datetime | None:
    """Read the value of ``--as-of``: a date is the end of that day in UTC; raise `RegistryError` if it is no time."""
    try:
        return _instant("as of", as_of, time.max)
    except ValueError:
        raise RegistryError(f"--as-of {as_of}: {_HOW}", "as-of-malformed", as_of=as_of) from None


def since_time(since: str | None) -> datetime | None:
    """Read the value of ``--since``: a date is the beginning of that day in UTC; else as `as_of_time`."""
    try:
        return _instant("since", since, time.min)
    except ValueError:
        raise RegistryError(f"--since {since}: {_HOW}", "since-malformed", since=since) from None


def _instant(what: str, text: str | None, of_day: time) -> datetime | None:
    """Read a time; a note says which one is used, unless the text has an offset."""
    if not text:
        return None
    instant = parse_time(text)
    if datetime.fromisoformat(text).tzinfo is None:
        with suppress(ValueError):  # it has a time of the day
            instant = datetime.combine(date.fromisoformat(text), of_day, UTC)
        note(f"{what} {instant:%Y-%m-%d %H:%M:%S} UTC")
    return instant


def document_of(record: ModelRecord, events: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the entry of a record with what `added_by_events` has for it."""
    return {**record.to_json(), **events.get(record.run_id, {})}


def added_by_events(events: Sequence[RegistryEvent], as_of: datetime | None = None) -> dict[str, dict[str, Any]]:
    """Return what documents of records have in addition, by run: when, by whom and why it was withdrawn or signed.

    Of several signatures that were added to a record the last one is shown.
    """
    added: dict[str, dict[str, Any]] = {}
    for event in until(events, as_of):
        if event.kind == "sign":
            added.setdefault(event.run_id, {})["signed"] = {**_origin(event), "signature": event.signature}
    for run_id, event in withdrawals(events, as_of).items():
        added.setdefault(run_id, {})["withdrawn"] = _origin(event)
    return added


def _origin(event: RegistryEvent) -> dict[str, Any]:
    return {"timestamp": event.timestamp, "actor": event.actor, "reason": event.reason}
