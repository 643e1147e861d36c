"""Write the weather of a city to a file, with its source and its licence in each row."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import attrs
import pandas as pd

from bike_traffic.addresses import shown
from bike_traffic.cities import City
from bike_traffic.columns import WEATHER_COLUMNS
from bike_traffic.data.files.writing import write_counts
from bike_traffic.data.weather.forms import WEATHER_TIME
from bike_traffic.opendata.weather.open_meteo import OpenMeteo
from bike_traffic.opendata.weather.provider import SOURCE, WeatherProvider
from bike_traffic.opendata.weather.synop import Synop

LICENCE = "licence"
PROVIDERS: Mapping[str, WeatherProvider] = {provider.name: provider for provider in (OpenMeteo(), Synop())}
"""By name; the first one is the default."""
_DECIMALS = 2


@attrs.frozen(kw_only=True)
class FetchedWeather:
    """What was written: the number of hours, and from when to when, ISO 8601 in UTC.

    Parameters
    ----------
    sources : the first hour of each, in the order of time.
    """

    target: str
    provider: str
    hours: int
    first_hour: str
    last_hour: str
    sources: dict[str, str]
    licence: str


def fetch_weather(
    city: City,
    target: str,
    since: pd.Timestamp,
    provider: WeatherProvider = PROVIDERS["open-meteo"],
    *,
    now: pd.Timestamp | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> FetchedWeather:
    """Write hourly weather from a day on, in the plain form of `read_weather`.

    Parameters
    ----------
    target : path or URL of CSV or Parquet, which is written whole or not at all.
    since : any time of the first day.
    now : in UTC, instead of the clock.
    pause : waits between two tries.

    Raises
    ------
    SettingsError
        The city does not say where its weather is.
    ReadError
        The provider cannot be reached, takes no more requests, or does not answer as it should.
    WriteError
    """
    hours = provider.hours(city, since, pd.Timestamp.now("UTC") if now is None else now, pause)
    stamps = [stamp.isoformat() for stamp in hours.index]
    table = hours[list(WEATHER_COLUMNS)].round(_DECIMALS).reset_index(drop=True)
    table.insert(0, WEATHER_TIME, stamps)
    sources = list(hours[SOURCE])
    write_counts(table.assign(**{SOURCE: sources, LICENCE: provider.licence}), target)
    return FetchedWeather(
        target=shown(target),
        provider=provider.name,
        hours=len(hours),
        first_hour=stamps[0],
        last_hour=stamps[-1],
        sources={source: stamps[sources.index(source)] for source in dict.fromkeys(sources)},
        licence=provider.licence,
    )
