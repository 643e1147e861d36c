"""``bt forecast``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.completion import complete_files
from bike_traffic.cli.early import require_inputs, require_outputs
from bike_traffic.cli.printing import note
from bike_traffic.cli.session import (
    COUNTS_SETTINGS,
    REGISTRY_SETTINGS,
    format_option,
    load_chosen,
    model_options,
    require_one_model,
    stdout_to_stderr,
    with_workspace,
)
from bike_traffic.notices import counted

if TYPE_CHECKING:
    from bike_traffic.forecasting import Forecast
    from bike_traffic.loading import LoadedModel
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt forecast --model rf --counter sébastopol --days 7")
@model_options
@with_workspace([*REGISTRY_SETTINGS, "weather", "city", *COUNTS_SETTINGS])
@click.option("--from", "start", metavar="DAY", help="First day, such as 2026-06-15.  [default: tomorrow]")
@click.option("--days", type=click.IntRange(min=1), default=1, show_default=True, help="Number of days.")
@click.option("--counter", "counters", multiple=True, metavar="TEXT", help="Counters whose name contains TEXT.")
@click.option(
    "--history", metavar="COUNTS", shell_complete=complete_files, help="Recent counts, for models that need them."
)
@click.option(
    "-o", "--output", metavar="OUTPUT", shell_complete=complete_files, help="Write every hour: CSV(.gz) or Parquet."
)
@click.option(
    "--plot", metavar="FILE", shell_complete=complete_files, help="Draw the forecast as a picture: PNG, SVG or PDF."
)
@format_option("table", "json", "csv")
def forecast(
    workspace: Workspace,
    start: str | None,
    days: int,
    counters: tuple[str, ...],
    history: str | None,
    output: str | None,
    plot: str | None,
    output_format: str,
    **choice: Any,
) -> None:
    """Forecast the hours of coming days, in bikes per hour, for every counter that the model knows.

    No file of rows is needed: the model knows its counters. Hours and days are those of the city. The interval should
    contain 80 % of the counts.
    """
    require_one_model(**choice)
    require_inputs(history, workspace.settings.weather)
    require_outputs(output)
    require_outputs(plot, pictures=True)
    with stdout_to_stderr():
        from bike_traffic.forecasting import parse_day, tomorrow

        zone = workspace.city.time_zone
        first_day = parse_day(start, zone) if start else tomorrow(zone)
    loaded = load_chosen(workspace, **choice)
    with stdout_to_stderr():
        result = workspace.forecast(
            loaded,
            start=first_day,
            days=days,
            counters=counters,
            history=workspace.counts(history) if history else None,
            weather=workspace.settings.weather,
        )
        if output is not None:
            _write(result, output)
        if plot is not None:
            result.draw(loaded.record.model_type, plot)
            note(f"drawn in {plot}")
    for line in result.notes(loaded.record):
        note(line)
    _print(result, loaded, output_format)


def _print(result: Forecast, loaded: LoadedModel, output_format: str) -> None:
    if output_format == "json":
        from bike_traffic.cli.output import print_json

        print_json(result.to_json(loaded.record))
    elif output_format == "csv":
        import sys

        from bike_traffic.data.files.writing import table_writer

        with table_writer(sys.stdout.buffer, ";") as write:
            write(result.as_published())
    else:
        from bike_traffic.cli.forecast_table import print_forecast

        print_forecast(result)


def _write(result: Forecast, output: str) -> None:
    from bike_traffic.data.files.writing import write_counts

    table = result.as_published()
    write_counts(table, output)
    note(f"{counted(len(table), 'hour')} written into {output}")
