"""``bt registry``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.completion import complete_names
from bike_traffic.cli.groups import SuggestingGroup
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import note
from bike_traffic.cli.records import added_by_events, as_of_time, document_of, record_named
from bike_traffic.cli.registry_best import best
from bike_traffic.cli.registry_compare import compare
from bike_traffic.cli.registry_events import history, promote, restore, rollback, withdraw
from bike_traffic.cli.registry_list import list_records
from bike_traffic.cli.registry_sign import sign
from bike_traffic.cli.registry_upkeep import copy, keygen, reconcile, verify
from bike_traffic.cli.session import elsewhere_option, format_option, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace

_DIGEST = re.compile("[0-9a-f]{64}")
"""A SHA-256 digest, of which a table shows the beginning; JSON has it whole."""
_SMALL = 0.01
"""What is smaller has too few digits if it is rounded to four places."""


@click.group(cls=SuggestingGroup, epilog="Example: bt registry best --metric r2 --format uri")
def registry() -> None:
    """Find, list, show and pull registered models; promote or withdraw them, and maintain the registry."""


@registry.command(epilog="Example: bt registry show champion --as-of 2026-06-01")
@click.argument("name", metavar="RUN_ID|ALIAS", shell_complete=complete_names)
@with_workspace()
@click.option("--as-of", metavar="TIME", help="The run of the alias at this time, or at the end of this day (UTC).")
@format_option("table", "json")
def show(
    workspace: Workspace,
    name: str,
    as_of: str | None,
    output_format: str,
) -> None:
    """Show a whole record by an alias or by a run id; the first letters of a run id are enough."""
    with stdout_to_stderr():
        time = as_of_time(as_of)
        record = record_named(workspace.registry, name, time)
        entry = document_of(record, added_by_events(workspace.registry.events(), time))
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
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return f"{value[:16]}…"
    if isinstance(value, float):  # a small one, such as a learning rate, is not nought
        return str(round(value, 4)) if abs(value) >= _SMALL or not value else f"{value:.4g}"
    return str(value)


@registry.command(epilog="Example: bt registry pull 4f2a91c0 ./model")
@click.argument("name", metavar="RUN_ID|ALIAS", shell_complete=complete_names)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@with_workspace()
@elsewhere_option
def pull(workspace: Workspace, name: str, directory: Path) -> None:
    """Copy a model's files into DIRECTORY, each checked against its digest."""
    with stdout_to_stderr():
        record = record_named(workspace.registry, name, None)
        withdrawal = workspace.registry.withdrawn().get(record.run_id)
        workspace.pull(record, directory)
    if withdrawal is not None:
        note(f"run {record.run_id[:8]} was withdrawn {withdrawal.origin}")
    unverified = "" if record.artifacts else "; the record has no digests, so they could not be checked"
    note(f"{record.model_type} of run {record.run_id[:8]}: files in {directory}{unverified}")


for command in (
    best,
    list_records,
    compare,
    promote,
    rollback,
    history,
    withdraw,
    restore,
    sign,
    verify,
    reconcile,
    copy,
    keygen,
):
    registry.add_command(command)
