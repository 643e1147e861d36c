"""``bt data``."""

from __future__ import annotations

import attrs
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
    """List every fault of INPUT, with the number of its rows and the first of them.

    Rows are numbered as in a spreadsheet: the header is row 1. Exit code 1 if there are faults.
    """
    from bike_traffic.columns import COUNT
    from bike_traffic.data.check import describe, faults
    from bike_traffic.data.cleaning import clean
    from bike_traffic.data.files.reading import read_counts
    from bike_traffic.data.schema import CITY_HEADERS

    counts = read_counts(source)
    cleaned = clean(counts)
    broken = faults(counts, cleaned)
    summary = {**describe(cleaned), "counts": CITY_HEADERS[COUNT] if COUNT in cleaned else None}
    if output_format == "json":
        print_json({"source": source, **summary, "faults": [attrs.asdict(fault) for fault in broken]})
    else:
        click.echo(f"{source}: {summary['rows']:,} rows, {summary['counters']} counters")
        click.echo(f"from {summary['first_hour']} to {summary['last_hour']}")
        if broken:
            print_table(
                ["column", "fault", "rows", "first rows", "example", "what to do"],
                [[f.column, f.found, f.rows, ", ".join(map(str, f.first_rows)), f.example, f.advice] for f in broken],
            )
        else:
            click.echo("no faults")
    if broken:
        ctx.exit(1)
