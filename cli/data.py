"""``bt data``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from bike_traffic.cli.completion import complete_files
from bike_traffic.cli.data_clean import clean
from bike_traffic.cli.data_fetch import fetch, status
from bike_traffic.cli.data_weather import weather
from bike_traffic.cli.early import require_inputs, require_outputs
from bike_traffic.cli.findings import print_findings
from bike_traffic.cli.groups import SuggestingGroup
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import format_option, output_option, reading, with_workspace
from bike_traffic.cli.table import print_table
from bike_traffic.notices import counted

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.group(cls=SuggestingGroup, epilog="Example: bt data check counts.csv.gz")
def data() -> None:
    """Fetch the City's counts and weather, generate sample counts, check or clean counts."""


for command in (clean, fetch, status, weather):
    data.add_command(command)


@data.command(epilog="Example: bt data sample -o sample.csv.gz")
@output_option
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other counts.")
def sample(output: str, seed: int) -> None:
    """Generate counts of 20 invented counters over 15 months, in the City's format."""
    require_outputs(output)

    from bike_traffic.data.files.writing import write_counts
    from bike_traffic.data.sample import generate_sample

    counts = generate_sample(seed)
    write_counts(counts, output)
    note(f"{counted(len(counts), 'row')} of 20 counters written")


@data.command(epilog="Example: bt data check counts.csv.gz")
@click.argument("source", metavar="INPUT", shell_complete=complete_files)
@with_workspace(["max_left_out", "city"])
@format_option("table", "json")
@click.option(
    "--html",
    default=None,
    metavar="FILE",
    shell_complete=complete_files,
    help="Also write a page with pictures of the counters.",
)
def check(workspace: Workspace, source: str, output_format: str, html: str | None) -> None:
    """List every fault of INPUT, with the number of its rows and the first of them; and what its counters had.

    Rows are numbered as in a spreadsheet: the header is row 1. Exit code 1 if training refuses INPUT: more than 5 %
    of the rows (--max-left-out) cannot be used, or with --strict any fault. What is found about counters is no fault
    of the file: outages, sudden changes of level or direction, counters that come, go or move.
    """
    require_inputs(source)
    require_outputs(html)
    reading(source)

    from bike_traffic.data.checking.file import check_file
    from bike_traffic.monitoring.findings.search import findings
    from bike_traffic.monitoring.history.days import CounterDays
    from bike_traffic.progress import progress

    days = CounterDays()
    with progress("checking", None) as advance:
        report = check_file(source, on_rows=advance, on_clean=days.add, city=workspace.city)
    found = findings(days)
    if html is not None:
        from bike_traffic.monitoring.report.page import write_page

        write_page(report, days, found, html)
        note(f"{html} written")
    if output_format == "json":
        print_json({**attrs.asdict(report), "findings": [one.document() for one in found]})
    else:
        echo(f"{source}: {counted(report.rows, 'row')}, {counted(report.counters, 'counter')}")
        echo(f"from {report.first_hour} to {report.last_hour}")
        print_findings(found)
        if report.faults:
            print_table(
                ["column", "fault", "rows", "first rows", "what to do", "example"],
                [
                    [f.column, f.found, f.rows, ", ".join(map(str, f.first_rows)), f.advice, f.example]
                    for f in report.faults
                ],
            )
        else:
            echo("no faults in the rows")
    if report.refused(workspace.settings.max_left_out):
        click.get_current_context().exit(1)
