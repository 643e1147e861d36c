"""How results are printed: tables for people, one JSON document for scripts."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import click

from bike_traffic.cli.session import Session
from bike_traffic.evaluation.metrics import METRICS

_UNBOUNDED = 10_000
BASELINE_NAME = "4-week mean"


def print_json(document: Any) -> None:
    """Print the one JSON document of a command."""
    context = click.get_current_context(silent=True)
    session = context and context.find_object(Session)
    if session:
        session.has_document = True
    click.echo(json.dumps(_plain(document), ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: NaN and infinity are null, and what JSON has no type for is its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in (sorted(value, key=str) if isinstance(value, Set) else value)]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if callable(getattr(value, "tolist", None)):  # numpy
        return _plain(value.tolist())
    return str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are aligned to the right, and only a terminal limits the width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    cells = [list(row) for row in rows]
    for place, column in enumerate(columns):
        numeric = cells and all(isinstance(row[place], int | float | None) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(width=None if sys.stdout.isatty() else _UNBOUNDED, highlight=False)
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def metric_columns(*tables: Mapping[str, float]) -> list[str]:
    """Return the metrics that any of the tables holds, in the order of the one table of metrics."""
    return [name for name in METRICS if any(name in table for table in tables)]


def record_row(entry: Mapping[str, Any]) -> list[object]:
    """Return the columns that identify a record in a table."""
    test = "test" if entry.get("test_mode") else ""
    return [entry["run_id"][:8], entry["model_type"], entry["env"], test, entry["timestamp"][:16]]


RECORD_COLUMNS = ("run", "model", "env", "", "time (UTC)")
