"""``bt data clean``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import attrs
import click

from bike_traffic.cli.completion import complete_files
from bike_traffic.cli.early import require_inputs, require_outputs
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import COUNTS_SETTINGS, format_option, reading, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table
from bike_traffic.notices import counted

if TYPE_CHECKING:
    from bike_traffic.data.checking.usable import Usable
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt data clean counts-2022.csv.zip counts-2022.parquet")
@click.argument("source", metavar="INPUT", shell_complete=complete_files)
@click.argument("target", metavar="OUTPUT", shell_complete=complete_files)
@click.option("--sum-to-hours", is_flag=True, help="Sum rows of quarters of an hour, or other parts, to whole hours.")
@with_workspace([*COUNTS_SETTINGS, "city"])
@format_option("table", "json")
def clean(workspace: Workspace, source: str, target: str, sum_to_hours: bool, output_format: str) -> None:
    """Write the usable rows of INPUT to OUTPUT as the City publishes them, and report what was left out.

    OUTPUT is CSV(.gz) or Parquet by its ending, at any URL; it appears whole or not at all. Times get their offset,
    and renamed counters their newest name.
    """
    require_inputs(source)
    require_outputs(target)
    reading(source)
    output = sys.stdout.buffer if target == "-" else target
    with stdout_to_stderr():
        from bike_traffic.data.tidying import clean_file

        found = clean_file(source, output, workspace.tolerance, sum_to_hours=sum_to_hours, city=workspace.city)
    if target == "-":  # standard output is the file
        for line in found.notes(source):
            note(line)
    elif output_format == "json":
        print_json(_document(found, source, target))
    else:
        _print(found, source, target)


def _document(found: Usable, source: str, target: str) -> dict[str, object]:
    return {
        "source": source,
        "target": target,
        "rows": found.rows,
        "written": len(found.cleaned),
        "faults": [attrs.asdict(fault) for fault in found.faults],
        "renamed": dict(found.renames),
    }


def _print(found: Usable, source: str, target: str) -> None:
    echo(f"{source}: {counted(found.rows, 'row')}; {len(found.cleaned):,} written into {target}")
    if found.faults:
        print_table(
            ["column", "left out", "rows", "first rows", "example"],
            [[f.column, f.found, f.rows, ", ".join(map(str, f.first_rows)), f.example] for f in found.faults],
        )
    for old, new in found.renames.items():
        echo(f"'{old}' now bears the name '{new}'")
