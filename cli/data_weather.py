"""``bt data weather``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt data weather --to weather.csv --since 2025-01")
@click.option("--to", "target", default="weather.csv", show_default=True, metavar="URI", help="CSV(.gz) or Parquet.")
@click.option("--since", metavar="DAY", help="First day, such as 2025-01-01.  [default: 13 months ago]")
@click.option("--provider", type=click.Choice(["open-meteo", "synop"]), default="open-meteo", show_default=True)
@with_workspace(["city"])
@format_option("table", "json")
def weather(workspace: Workspace, target: str, since: str | None, provider: str, output_format: str) -> None:
    """Fetch the hourly weather of the city, for --weather: temperature, rain, wind and cloud.

    open-meteo: past hours have what was forecast for them a day before, as a model knows it that forecasts tomorrow;
    coming hours, to the day after tomorrow, have the newest forecast. There are no such forecasts before 2022.

    synop: what the station of the city observed every three hours, spread over the hours; nothing is forecast.
    """
    with stdout_to_stderr():
        import pandas as pd

        from bike_traffic.data.window import Window
        from bike_traffic.opendata.weather.fetching import PROVIDERS, fetch_weather

        first = Window.parse(since, zone="UTC").since or pd.Timestamp.now("UTC") - pd.DateOffset(months=13)
        fetched = fetch_weather(workspace.city, target, first, PROVIDERS[provider])
    if output_format == "json":
        print_json(attrs.asdict(fetched))
    else:
        echo(f"{fetched.target}: {fetched.hours:,} hours from {fetched.first_hour} to {fetched.last_hour}")
    note(f"licence: {fetched.licence}")
