"""The weather that a station of Météo-France observed every three hours, spread over the hours.

The reports are those of a portal that speaks the Explore API 2.1:
https://public.opendatasoft.com/explore/dataset/donnees-synop-essentielles-omm
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import attrs
import numpy as np
import pandas as pd

from bike_traffic.cities import City
from bike_traffic.data.weather.reading import read_weather
from bike_traffic.errors import SettingsError
from bike_traffic.opendata.weather.asking import answer_of, unexpected
from bike_traffic.opendata.weather.provider import SOURCE, Pause

REPORTS = "https://public.opendatasoft.com/api/explore/v2.1/catalog/datasets/donnees-synop-essentielles-omm"
_SERVICE = "the Explore API"
_FIELDS = ("nom", "date", "t", "rr1", "rr3", "ff", "n")


@attrs.frozen
class Synop:
    """What the station of a city observed; the newest reports are some hours old, and nothing is forecast."""

    name: str = "synop"
    licence: str = "Licence Ouverte 2.0, Météo-France"

    def hours(self, city: City, since: pd.Timestamp, now: pd.Timestamp, pause: Pause) -> pd.DataFrame:
        """See `WeatherProvider`; the portal has the reports of 2010 and later."""
        station = _station(city)
        end = now.date() + timedelta(days=1)
        where = f"date >= date'{since.date()}' AND date < date'{end}' AND nom = \"{station}\""
        total = answer_of(_SERVICE, _url("records", where=where, limit="0"), pause)
        export = _url("exports/json", select=",".join(_FIELDS), where=where, timezone="UTC")
        reports = answer_of(_SERVICE, export, pause)
        if not isinstance(total, dict) or not isinstance(total.get("total_count"), int):
            raise unexpected(_SERVICE, REPORTS, "there is no total_count in its answer")
        if not isinstance(reports, list) or not all(isinstance(one, dict) for one in reports):
            raise unexpected(_SERVICE, REPORTS, "its export is no list of reports")
        if not reports:
            raise unexpected(_SERVICE, REPORTS, f"no report of the station {station} since {since.date()}")
        if len(reports) < total["total_count"]:
            said = f"the export has {len(reports):,} of {total['total_count']:,} reports; try again later"
            raise unexpected(_SERVICE, REPORTS, said)
        hours = read_weather(pd.DataFrame(reports, columns=list(_FIELDS)), city).astype(np.float64)
        return hours.dropna(how="all").assign(**{SOURCE: f"observed, {station}"})


def _station(city: City) -> str:
    station = city.weather_station
    if station is None or set(station) & set('"\\'):
        raise SettingsError(
            f'the weather station of {city.name} is not known; write weather_station = "NAME" under '
            f"[cities.{city.name}] in bt.toml, as Météo-France calls it",
            "city-without-station",
            city=city.name,
        )
    return station


def _url(path: str, **words: str) -> str:
    return f"{REPORTS}/{path}?{urlencode(words)}"
