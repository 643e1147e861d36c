"""The weather of a city as it was forecast a day before, for past hours, and as it is forecast now, for coming ones.

A model that shall forecast tomorrow must learn from what is known a day before. Open-Meteo keeps its forecasts as
they were issued: https://open-meteo.com/en/docs/previous-runs-api. Reanalyses and the first hours of later forecasts
know more than anybody did, and are not used.
"""

from __future__ import annotations

from urllib.parse import urlencode

import attrs
import numpy as np
import pandas as pd

from bike_traffic.cities import City, degrees_of
from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, WEATHER_COLUMNS, WIND
from bike_traffic.data.weather.forms import WEATHER_TIME
from bike_traffic.errors import ReadError, SettingsError
from bike_traffic.opendata.weather.asking import answer_of, unexpected
from bike_traffic.opendata.weather.provider import SOURCE, Pause

FORECASTS = "https://api.open-meteo.com/v1/forecast"
DAY_BEFORE = "https://previous-runs-api.open-meteo.com/v1/forecast"
DAYS_AHEAD = 3
"""Today and the two days after it."""

_SERVICE = "Open-Meteo"
_VARIABLES = {
    TEMPERATURE: ("temperature_2m", "°C"),
    RAIN: ("precipitation", "mm"),
    WIND: ("wind_speed_10m", "m/s"),
    CLOUD: ("cloud_cover", "%"),
}
"""The provider's names and units; its precipitation is the sum of the hour before."""
_UNITS = {"timezone": "UTC", "wind_speed_unit": "ms"}
_HOUR = pd.Timedelta(hours=1)


@attrs.frozen
class OpenMeteo:
    """What was forecast a day before for past hours, and the newest forecast of coming ones."""

    name: str = "open-meteo"
    licence: str = "CC BY 4.0, Weather data by Open-Meteo.com; without a contract for non-commercial use only"

    def hours(self, city: City, since: pd.Timestamp, now: pd.Timestamp, pause: Pause) -> pd.DataFrame:
        """See `WeatherProvider`; before 2022 there are no forecasts of the day before."""
        where = _position(city)
        days = {"start_date": str(since.date()), "end_date": str(now.date())}
        past = _hours(DAY_BEFORE, {**where, **days}, "_previous_day1", pause)
        coming = _hours(FORECASTS, {**where, "forecast_days": str(DAYS_AHEAD)}, "", pause)
        turn = now.floor("h")
        hours = pd.concat([past[past.index < turn], coming[coming.index >= turn]]).dropna(how="all")
        if hours.empty:
            raise unexpected(_SERVICE, DAY_BEFORE, f"no hour since {since.date()} has weather")
        forecast = np.where(hours.index < turn, "forecast of the day before", "newest forecast")
        return hours.assign(**{SOURCE: forecast})


def _position(city: City) -> dict[str, str]:
    if city.position is None:
        raise SettingsError(
            f'the position of {city.name} is not known; write position = "latitude,longitude" under '
            f"[cities.{city.name}] in bt.toml",
            "city-without-position",
            city=city.name,
        )
    latitude, longitude = degrees_of(city.position)
    return {"latitude": str(latitude), "longitude": str(longitude)}


def _hours(url: str, words: dict[str, str], ending: str, pause: Pause) -> pd.DataFrame:
    """Return the weather of hours, on an index of UTC hours: rain is that of the hour which begins at the index."""
    names = {column: name + ending for column, (name, _) in _VARIABLES.items()}
    answer = answer_of(_SERVICE, f"{url}?{urlencode({**words, 'hourly': ','.join(names.values()), **_UNITS})}", pause)
    try:
        for column, (_, unit) in _VARIABLES.items():
            if (other := answer["hourly_units"][names[column]]) != unit:
                raise unexpected(_SERVICE, url, f"{names[column]} is in {other}, not {unit}")
        stamps = pd.to_datetime(answer["hourly"][WEATHER_TIME], utc=True)
        values = {column: np.array(answer["hourly"][names[column]], np.float64) for column in WEATHER_COLUMNS}
        index = pd.DatetimeIndex(stamps)
        hours = pd.DataFrame(values, index=index)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ReadError):
            raise
        raise unexpected(
            _SERVICE, url, f"no {error}" if isinstance(error, KeyError) else "its columns are no numbers"
        ) from None
    hours[RAIN] = hours[RAIN].set_axis(index - _HOUR).reindex(index)
    return hours.iloc[:-1]  # the rain of the last hour comes with the next
