"""``bt registry``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.output import RECORD_COLUMNS, metric_columns, print_json, print_table, record_row
from bike_traffic.cli.registry_aliases import history, promote, rollback
from bike_traffic.cli.registry_upkeep import copy, keygen, reconcile, verify
from bike_traffic.cli.session import format_option, note, stdout_to_stderr, with_workspace
from bike_traffic.errors import RegistryError
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.records import ModelRecord, parse_time

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.group(epilog="Example: bt registry best --metric r2 --format uri")
def registry() -> None:
    """Find, list, show and pull registered models; promote them, and maintain the registry."""


def _time(as_of: str | None) -> datetime | None:
    try:
        return parse_time(as_of) if as_of else None
    except ValueError:
        raise RegistryError(
            f"--as-of {as_of}: not a time; write 2026-06-01 or 2026-06-01T12:00:00+02:00",
            "as-of-malformed",
            as_of=as_of,
        ) from None


def _named(opened: RegistryBackend, name: str, as_of: str | None) -> ModelRecord:
    """Return the record of an alias, or of a run id; only an alias has a history."""
    if as_of or opened.alias_history(name):
        return opened.alias(name, _time(as_of))
    return opened.get(name)


@registry.command(epilog="Example: bt registry best --metric rmse --model rf")
@click.option("--metric", required=True, metavar="NAME", help="r2, rmse, mae, wape, rmsle, accuracy, f1_score, …")
@click.option("-m", "--model", metavar="NAME", help="Only models of this name.")
@with_workspace()
@click.option("--test-mode", is_flag=True, help="Search the models of test mode.")
@click.option("--as-of", metavar="TIME", help="Only records registered by this time.")
@format_option("table", "json", "uri")
def best(
    workspace: Workspace,
    metric: str,
    model: str | None,
    test_mode: bool,
    as_of: str | None,
    output_format: str,
) -> None:
    """Show the best model by a metric; for errors such as rmse the lowest value wins.

    Models that were evaluated on a random split are left out: their metrics are too good.
    """
    with stdout_to_stderr():
        record = workspace.registry.best(metric, workspace.query(model, test_mode=test_mode, as_of=_time(as_of)))
    if output_format == "json":
        print_json(record.to_json())
    elif output_format == "uri":
        click.echo(record.model_uri)
    else:
        _print_records([record])


@registry.command("list", epilog="Example: bt registry list --model nn --env prod")
@click.option("-m", "--model", metavar="NAME", help="Only models of this name.")
@with_workspace()
@format_option("table", "json")
def list_records(
    workspace: Workspace,
    model: str | None,
    output_format: str,
) -> None:
    """List the records in the order of their registration, with those of test mode and random splits."""
    with stdout_to_stderr():
        records = list(workspace.registry.records(workspace.query(model, test_mode=None, split=None)))
    if output_format == "json":
        print_json([record.to_json() for record in records])
    elif records:
        _print_records(records)
    else:
        note("no records yet; `bt train` makes the first")


@registry.command(epilog="Example: bt registry show champion --as-of 2026-06-01")
@click.argument("name", metavar="RUN_ID|ALIAS")
@with_workspace()
@click.option("--as-of", metavar="TIME", help="The run of the alias at this time.")
@format_option("table", "json")
def show(
    workspace: Workspace,
    name: str,
    as_of: str | None,
    output_format: str,
) -> None:
    """Show a whole record by an alias or by a run id; the first letters of a run id are enough."""
    with stdout_to_stderr():
        entry = _named(workspace.registry, name, as_of).to_json()
    if output_format == "json":
        print_json(entry)
        return
    rows: list[tuple[str, object]] = []
    for key, value in entry.items():
        if isinstance(value, dict):
            rows += [(f"{key}.{inner}", part) for inner, part in value.items()]
        else:
            rows.append((key, value))
    print_table(["field", "value"], [(key, _as_text(value)) for key, value in rows])


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_as_text(inner)}" for key, inner in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)


@registry.command(epilog="Example: bt registry pull 4f2a91c0 ./model")
@click.argument("name", metavar="RUN_ID|ALIAS")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@with_workspace()
def pull(workspace: Workspace, name: str, directory: Path) -> None:
    """Copy a model's files into DIRECTORY, each checked against its digest."""
    with stdout_to_stderr():
        record = _named(workspace.registry, name, None)
        workspace.pull(record, directory)
    unverified = "" if record.artifacts else "; the record has no digests, so they could not be checked"
    note(f"{record.model_type} of run {record.run_id[:8]}: files in {directory}{unverified}")


for command in (promote, rollback, history, verify, reconcile, copy, keygen):
    registry.add_command(command)


def _print_records(records: list[ModelRecord]) -> None:
    metrics = metric_columns(*(record.metrics for record in records))
    rows = [
        [*record_row(record.to_json()), *(record.metrics.get(name) for name in metrics), record.model_uri]
        for record in records
    ]
    print_table([*RECORD_COLUMNS, *metrics, "files"], rows)
