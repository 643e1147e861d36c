"""``bt data``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import format_option, note

if TYPE_CHECKING:
    import pandas as pd


@click.group(epilog="Example: bt data check counts.csv.gz")
def data() -> None:
    """Generate sample counts, check a file of counts."""


@data.command(epilog="Example: bt data sample -o sample.csv.gz")
@click.option("-o", "--output", default="-", metavar="OUTPUT", help="CSV(.gz) or Parquet.  [default: stdout]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other counts.")
def sample(output: str, seed: int) -> None:
    """Generate counts of 20 invented counters over 15 months, in the City's format."""
    from bike_traffic.data.files.writing import write_counts
    from bike_traffic.data.sample import generate_sample

    counts = generate_sample(seed)
    write_counts(counts, output)
    note(f"{len(counts):,} rows of 20 counters written")


@data.command(epilog="Example: bt data check counts.csv.gz")
@click.argument("source", metavar="INPUT")
@format_option("table", "json")
@click.pass_context
def check(ctx: click.Context, source: str, output_format: str) -> None:
    """List every fault of INPUT, with the number of its rows and the first of them; and outages of its counters.

    Rows are numbered as in a spreadsheet: the header is row 1. Exit code 1 if there are faults. An outage is
    a time in which a counter was silent while others counted, or days of zeros; it is no fault of the file.
    """
    from bike_traffic.data.checking.file import check_file
    from bike_traffic.monitoring.outages import LARGEST, OutagesInParts
    from bike_traffic.progress import progress

    parts = OutagesInParts()
    with progress("checking", None) as advance:
        report = check_file(source, on_rows=advance, on_clean=parts.add)
    outages = parts.outages()
    found = None if outages is None else _documented(outages)
    if found is None:
        note(f"outages are looked for in files of up to {LARGEST:,} rows")
    if output_format == "json":
        print_json({**attrs.asdict(report), "outages": found})
    else:
        click.echo(f"{source}: {report.rows:,} rows, {report.counters} counters")
        click.echo(f"from {report.first_hour} to {report.last_hour}")
        _print_outages(found)
        if report.faults:
            print_table(
                ["column", "fault", "rows", "first rows", "example", "what to do"],
                [
                    [f.column, f.found, f.rows, ", ".join(map(str, f.first_rows)), f.example, f.advice]
                    for f in report.faults
                ],
            )
        else:
            click.echo("no faults")
    if report.faults:
        ctx.exit(1)


def _documented(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return outages as JSON has them."""
    from bike_traffic.columns import COUNTER

    times = {name: [time.isoformat() for time in found[name]] for name in ("first_hour", "last_hour")}
    rows = found.assign(**times).rename(columns={COUNTER: "counter"})
    return [{str(name): value for name, value in one.items()} for one in rows.to_dict("records")]


def _print_outages(found: list[dict[str, Any]] | None) -> None:
    """Print the outages that last until the end, and the number of the others."""
    lasting = [one for one in found or [] if one["lasting"]]
    for one in lasting:
        what = "silent" if one["kind"] == "silent" else "nothing but zeros"
        click.echo(f"{one['counter']}: {what} since {one['first_hour']}")
    if past := len(found or []) - len(lasting):
        click.echo(f"{past} outage{'s' if past > 1 else ''} of counters that count again")
