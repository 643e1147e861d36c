"""How the commands of ``bt registry`` show records: as rows of a table, and as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bike_traffic.cli.output import BEHIND_BASELINE, metric_columns, print_table
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.queries import Mark, marks_of
from bike_traffic.registry.records import ModelRecord

_MARKS: Mapping[Mark, str] = {"test mode": "test", "behind mean": BEHIND_BASELINE}
"""Marks that the tables call by another name."""


def print_records(records: Sequence[ModelRecord], withdrawn: Mapping[str, RegistryEvent]) -> None:
    """Print records as a table, each with the marks that say why it is not, or should not be, the best."""
    metrics = metric_columns(*(record.metrics for record in records))
    rows = [
        [
            record.run_id[:8],
            record.model_type,
            record.env,
            ", ".join(_MARKS.get(mark, mark) for mark in marks_of(record, withdrawn)),
            record.timestamp[:16],
            *(record.metrics.get(name) for name in metrics),
            record.model_uri,
        ]
        for record in records
    ]
    print_table(["run", "model", "env", "", "time (UTC)", *metrics, "files"], rows)


def document_of(record: ModelRecord, withdrawn: Mapping[str, RegistryEvent]) -> dict[str, Any]:
    """Return the entry of a record, and of a withdrawn one also when, by whom and why it was withdrawn."""
    event = withdrawn.get(record.run_id)
    if event is None:
        return record.to_json()
    return record.to_json() | {
        "withdrawn": {"timestamp": event.timestamp, "actor": event.actor, "reason": event.reason}
    }
