"""The weather of a city as it was forecast a day before, for past hours, and as it is forecast now, for coming ones.

A model that shall forecast tomorrow must learn from what is known a day before. Open-Meteo keeps its forecasts as
they were issued: https://open-meteo.com/en/docs/previous-runs-api. Reanalyses and the first hours of later forecasts
know more than anybody did, and are not used.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import attrs
import numpy as np
import pandas as pd

from bike_traffic.addresses import shown
from bike_traffic.cities import City
from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, WEATHER_COLUMNS
from bike_traffic.data.files.sources import refused
from bike_traffic.data.files.writing import write_counts
from bike_traffic.data.weather.forms import WEATHER_TIME
from bike_traffic.errors import ReadError, SettingsError
from bike_traffic.http.client import SILENT_SECONDS, blocks
from bike_traffic.http.errors import HttpError, HttpStatus
from bike_traffic.http.messages import said_in
from bike_traffic.opendata.portal.client import persistently

FORECASTS = "https://api.open-meteo.com/v1/forecast"
DAY_BEFORE = "https://previous-runs-api.open-meteo.com/v1/forecast"
LICENCE = "CC BY 4.0, Weather data by Open-Meteo.com; without a contract for non-commercial use only"
DAYS_AHEAD = 3
"""Today and the two days after it."""

_VARIABLES = {TEMPERATURE: ("temperature_2m", "°C"), RAIN: ("precipitation", "mm"), CLOUD: ("cloud_cover", "%")}
"""The provider's names and units; its precipitation is the sum of the hour before."""
_MOST_BYTES = 64 << 20
_HOUR = pd.Timedelta(hours=1)


@attrs.frozen(kw_only=True)
class FetchedWeather:
    """What was written: the number of hours, and from when to when, ISO 8601 in UTC.

    Parameters
    ----------
    forecast_from : the first hour that is of the newest forecast, and not of one of the day before.
    """

    target: str
    hours: int
    first_hour: str
    last_hour: str
    forecast_from: str
    licence: str = LICENCE


def fetch_weather(
    city: City,
    target: str,
    since: pd.Timestamp,
    *,
    now: pd.Timestamp | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> FetchedWeather:
    """Write hourly weather from a day to the day after tomorrow, in the plain form of `read_weather`.

    Parameters
    ----------
    target : path or URL of CSV or Parquet, which is written whole or not at all.
    since : any time of the first day; before 2022 there are no forecasts of the day before.
    now : in UTC, instead of the clock.
    pause : waits between two tries.

    Raises
    ------
    SettingsError
        The position of the city is not known.
    ReadError
        The provider cannot be reached, takes no more requests, or does not answer as it should.
    WriteError
    """
    now = pd.Timestamp.now("UTC") if now is None else now
    where = _position(city)
    days = {"start_date": str(since.date()), "end_date": str(now.date())}
    past = _hours(DAY_BEFORE, {**where, **days}, "_previous_day1", pause)
    coming = _hours(FORECASTS, {**where, "forecast_days": str(DAYS_AHEAD)}, "", pause)
    turn = now.floor("h")
    hours = pd.concat([past[past.index < turn], coming[coming.index >= turn]]).dropna(how="all")
    if hours.empty:
        raise _unexpected(DAY_BEFORE, f"no hour since {since.date()} has weather")
    stamps = [stamp.isoformat() for stamp in hours.index]
    write_counts(hours.astype(np.float64).round(2).reset_index(drop=True).assign(**{WEATHER_TIME: stamps}), target)
    return FetchedWeather(
        target=shown(target),
        hours=len(hours),
        first_hour=stamps[0],
        last_hour=stamps[-1],
        forecast_from=turn.isoformat(),
    )


def _position(city: City) -> dict[str, str]:
    latitude, _, longitude = (city.position or "").partition(",")
    if not longitude:
        raise SettingsError(
            f'the position of {city.name} is not known; write position = "latitude,longitude" under '
            f"[cities.{city.name}] in bt.toml",
            "city-without-position",
            city=city.name,
        )
    return {"latitude": latitude.strip(), "longitude": longitude.strip()}


def _hours(url: str, words: dict[str, str], ending: str, pause: Callable[[float], None]) -> pd.DataFrame:
    """Return the weather of hours, on an index of UTC hours: rain is that of the hour which begins at the index."""
    names = {column: name + ending for column, (name, _) in _VARIABLES.items()}
    answer = _json(f"{url}?{urlencode({**words, 'hourly': ','.join(names.values()), 'timezone': 'UTC'})}", pause)
    try:
        for column, (_, unit) in _VARIABLES.items():
            if answer["hourly_units"][names[column]] != unit:
                raise _unexpected(url, f"{names[column]} is in {answer['hourly_units'][names[column]]}, not {unit}")
        stamps = pd.to_datetime(answer["hourly"][WEATHER_TIME], utc=True)
        values = {column: np.array(answer["hourly"][names[column]], np.float64) for column in WEATHER_COLUMNS}
        index = pd.DatetimeIndex(stamps)
        hours = pd.DataFrame(values, index=index)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ReadError):
            raise
        raise _unexpected(
            url, f"no {error}" if isinstance(error, KeyError) else "its columns are no numbers"
        ) from None
    hours[RAIN] = hours[RAIN].set_axis(index - _HOUR).reindex(index)
    return hours.iloc[:-1]  # the rain of the last hour comes with the next


def _json(url: str, pause: Callable[[float], None]) -> Any:
    try:
        body = persistently(lambda: b"".join(blocks(url, _MOST_BYTES, SILENT_SECONDS)), pause)
    except HttpStatus as error:
        raise refused(shown(url), error.status, error.said, error.again) from None
    except HttpError as error:
        raise ReadError(f"{shown(url)}: {error}", "weather-unreachable", uri=shown(url), reason=str(error)) from None
    try:
        return json.loads(body)
    except ValueError:
        raise _unexpected(url, said_in(body)[0]) from None


def _unexpected(url: str, said: str) -> ReadError:
    where = shown(url)
    return ReadError(
        f"{where}: the server does not answer as Open-Meteo does: {said}", "weather-answer", uri=where, reason=said
    )
