"""``bt data``."""

from __future__ import annotations

import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import format_option, note


@click.group(epilog="Example: bt data check counts.csv.gz")
def data() -> None:
    """Generate sample counts, check a file of counts."""


@data.command(epilog="Example: bt data sample -o sample.csv.gz")
@click.option("-o", "--output", default="-", metavar="OUTPUT", help="CSV(.gz) or Parquet.  [default: stdout]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other counts.")
def sample(output: str, seed: int) -> None:
    """Generate counts of 20 invented counters over 15 months, in the City's format."""
    from bike_traffic.data.sample import generate_sample
    from bike_traffic.data.writing import write_counts

    counts = generate_sample(seed)
    write_counts(counts, output)
    note(f"{len(counts):,} rows of 20 counters written")


@data.command(epilog="Example: bt data check counts.csv.gz")
@click.argument("source", metavar="INPUT")
@format_option("table", "json")
@click.pass_context
def check(ctx: click.Context, source: str, form: str) -> None:
    """List every fault of INPUT, with how many rows it touches and the first of them.

    Rows are numbered as a spreadsheet shows them: the header is row 1. Leaves with 1 when there are faults.
    """
    from bike_traffic.data.check import describe, faults
    from bike_traffic.data.reading import read_counts

    counts = read_counts(source)
    found = faults(counts)
    summary = describe(counts)
    if form == "json":
        listed = [
            {
                "column": fault.column,
                "found": fault.found,
                "rows": fault.rows,
                "first_rows": fault.first_rows,
                "example": fault.example,
                "advice": fault.advice,
            }
            for fault in found
        ]
        print_json({"source": source, **summary, "faults": listed})
    else:
        click.echo(f"{source}: {summary['rows']:,} rows, {summary['counters']} counters")
        click.echo(f"from {summary['first_hour']} to {summary['last_hour']}")
        if found:
            print_table(
                ["column", "fault", "rows", "first rows", "example", "what to do"],
                [[f.column, f.found, f.rows, ", ".join(map(str, f.first_rows)), f.example, f.advice] for f in found],
            )
        else:
            click.echo("no faults")
    if found:
        ctx.exit(1)
