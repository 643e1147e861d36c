"""Weather as it was forecast a day before and is forecast, and as a station observed it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pandas as pd
import pytest

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, WIND
from bike_traffic.data.weather.reading import read_weather
from bike_traffic.errors import ReadError, SettingsError
from bike_traffic.opendata.portal import client as requests_to_portals
from bike_traffic.opendata.weather import open_meteo, synop
from bike_traffic.opendata.weather.fetching import PROVIDERS, FetchedWeather, fetch_weather
from tests.conftest import Bt
from tests.servers import answer, serving

NOW = pd.Timestamp("2026-11-27T10:20", tz="UTC")
SINCE = pd.Timestamp("2026-11-20")
UNITS = {"temperature_2m": "°C", "precipitation": "mm", "wind_speed_10m": "m/s", "cloud_cover": "%"}


@attrs.define
class Provider:
    """A server that answers as Open-Meteo: temperatures of a forecast are 10 degrees above those of the day before.

    Parameters
    ----------
    trouble : what is wrong with each of the next answers.
    """

    trouble: list[str] = attrs.field(factory=list)
    units: dict[str, str] = attrs.field(factory=lambda: dict(UNITS))
    unknown_before: str = ""
    now: pd.Timestamp = NOW
    asked: list[dict[str, str]] = attrs.field(factory=list)

    def handle(self, client: BaseHTTPRequestHandler) -> None:
        words = {name: values[0] for name, values in parse_qs(urlsplit(client.path).query).items()}
        self.asked.append(words)
        trouble = self.trouble.pop(0) if self.trouble else ""
        document = self._document(words)
        status = 200
        if trouble == "quota":
            status = 429
            document = {"error": True, "reason": "Daily API request limit exceeded. Please try again tomorrow."}
        data = b"<html><title>Down</title></html>" if trouble == "html" else json.dumps(document).encode()
        if trouble == "500":
            status = 500
        answer(client, status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], data)

    def _document(self, words: dict[str, str]) -> dict[str, Any]:
        if "start_date" in words:
            first, end = pd.Timestamp(words["start_date"]), pd.Timestamp(words["end_date"]) + pd.Timedelta(days=1)
        else:
            first = self.now.tz_localize(None).normalize()
            end = first + pd.Timedelta(days=int(words["forecast_days"]))
        hours = pd.date_range(first, end, freq="h", inclusive="left")
        columns: dict[str, list[float | None]] = {}
        for name in words["hourly"].split(","):
            base = 0.0 if name.endswith("_previous_day1") else 10.0
            values = [base + hour.hour / 10 for hour in hours]
            columns[name] = [None if f"{hour}" < self.unknown_before else one for hour, one in zip(hours, values)]  # noqa: B905
        units = {name: self.units[name.removesuffix("_previous_day1")] for name in columns}
        stamps = [hour.strftime("%Y-%m-%dT%H:%M") for hour in hours]
        return {"hourly_units": {"time": "iso8601", **units}, "hourly": {"time": stamps, **columns}}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Run the provider in place of Open-Meteo."""
    provider = Provider()
    with serving(lambda client: provider.handle(client)) as url:
        monkeypatch.setattr(open_meteo, "FORECASTS", f"{url}/forecast")
        monkeypatch.setattr(open_meteo, "DAY_BEFORE", f"{url}/previous")
        monkeypatch.setattr(requests_to_portals, "FIRST_PAUSE", 0.0)
        yield provider


def run(target: str = "weather.csv", city: City = PARIS, provider: str = "open-meteo") -> FetchedWeather:
    return fetch_weather(city, target, SINCE, PROVIDERS[provider], now=NOW, pause=lambda _: None)


@pytest.mark.parametrize("target", ["weather.csv", "weather.csv.gz", "weather.parquet"])
def test_past_hours_have_the_forecast_of_the_day_before_and_coming_ones_the_newest(
    provider: Provider, target: str
) -> None:
    done = run(target)
    hours = read_weather(target)
    assert (str(hours.index[0]), str(hours.index[-1])) == ("2026-11-20 00:00:00+00:00", "2026-11-29 22:00:00+00:00")
    assert done.hours == len(hours)
    assert done.sources == {
        "forecast of the day before": "2026-11-20T00:00:00+00:00",
        "newest forecast": "2026-11-27T10:00:00+00:00",
    }
    turn = pd.Timestamp(done.sources["newest forecast"])
    assert hours[TEMPERATURE][turn - pd.Timedelta(hours=1)] == pytest.approx(0.9)
    assert hours[TEMPERATURE][turn] == pytest.approx(11.0)
    assert not hours.isna().any(axis=None)


def test_rain_is_that_of_the_hour_which_begins_at_the_stamp(provider: Provider) -> None:
    run()
    hours = read_weather("weather.csv")
    assert hours[RAIN][pd.Timestamp("2026-11-22T05:00Z")] == pytest.approx(0.6)  # summed until 06:00
    assert hours[TEMPERATURE][pd.Timestamp("2026-11-22T05:00Z")] == pytest.approx(0.5)


def test_the_provider_is_asked_for_the_city_in_utc(provider: Provider) -> None:
    run()
    past, coming = provider.asked
    assert past["hourly"] == (
        "temperature_2m_previous_day1,precipitation_previous_day1,"
        "wind_speed_10m_previous_day1,cloud_cover_previous_day1"
    )
    assert {one["wind_speed_unit"] for one in (past, coming)} == {"ms"}
    assert (past["start_date"], past["end_date"]) == ("2026-11-20", "2026-11-27")
    assert {(one["latitude"], one["longitude"], one["timezone"]) for one in (past, coming)} == {
        ("48.86", "2.35", "UTC")
    }


def test_hours_before_the_provider_kept_forecasts_are_left_out(provider: Provider) -> None:
    provider.unknown_before = "2026-11-22 00:00:00"
    assert run().first_hour == "2026-11-21T23:00:00+00:00"  # whose rain is known


FAULTS = {
    "quota": "the server answers 429: Daily API request limit exceeded. Please try again tomorrow.; try again later",
    "html": "the server does not answer as Open-Meteo does: Down",
}


@pytest.mark.parametrize(("trouble", "message"), FAULTS.items(), ids=FAULTS)
def test_a_lasting_trouble_is_one_line_and_leaves_the_file(provider: Provider, trouble: str, message: str) -> None:
    Path("weather.csv").write_text("before")
    provider.trouble = [trouble]
    with pytest.raises(ReadError, match=f"^http://127.0.0.1:[0-9]+/previous: {re.escape(message)}$"):
        run()
    assert Path("weather.csv").read_text() == "before"


def test_a_passing_trouble_is_overcome(provider: Provider) -> None:
    provider.trouble = ["500", "500"]
    assert run().hours > 100


@pytest.mark.parametrize(("name", "unit"), [("temperature_2m", "°F"), ("wind_speed_10m", "km/h")])
def test_other_units_are_refused(provider: Provider, name: str, unit: str) -> None:
    right, provider.units[name] = provider.units[name], unit
    with pytest.raises(ReadError, match=rf"{name}_previous_day1 is in {unit}, not {right}$"):
        run()


def test_a_city_without_position_is_told_where_to_write_it() -> None:
    city = City(name="rennes", base_url="https://x.org", counts="counts")
    said = 'write position = "latitude,longitude" under [cities.rennes] in bt.toml'
    with pytest.raises(SettingsError, match=re.escape(said)):
        run(city=city)


def test_the_command_prints_the_span_and_the_licence(bt: Bt, provider: Provider) -> None:
    provider.now = pd.Timestamp.now("UTC")
    done = bt("data", "weather", "--to", "w.csv", "--since", "2026-11")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("w.csv: ")
    assert done.stderr == f"licence: {PROVIDERS['open-meteo'].licence}\n"
    document = json.loads(bt("data", "weather", "--format", "json").stdout)
    assert document["target"] == "weather.csv"


REPORT = {
    "nom": "ORLY",
    "date": "2026-11-20T00:00:00+00:00",
    "t": 280.15,
    "rr1": 0.5,
    "rr3": 2.5,
    "ff": 5.0,
    "n": 50.0,
}


@attrs.define
class Station:
    """A portal that has the reports of one station.

    Parameters
    ----------
    reports : all that it has.
    sent : how many of them an export has; all by default.
    """

    reports: list[dict[str, Any]]
    sent: int | None = None
    asked: list[dict[str, str]] = attrs.field(factory=list)

    def handle(self, client: BaseHTTPRequestHandler) -> None:
        words = {name: values[0] for name, values in parse_qs(urlsplit(client.path).query).items()}
        self.asked.append(words)
        found = self.reports if words["where"].endswith('nom = "ORLY"') else []
        whole: Any = {"total_count": len(found), "results": []}
        data = json.dumps(whole if "limit" in words else found[: self.sent]).encode()
        answer(client, 200, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], data)


@pytest.fixture
def station(monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    """Run the portal in place of that with Météo-France's reports: two reports, three hours apart."""
    later = {**REPORT, "date": "2026-11-20T03:00:00+00:00", "t": 283.15, "ff": 2.0, "n": 80.0, "rr1": 0.0, "rr3": 0.0}
    station = Station([REPORT, later])
    with serving(lambda client: station.handle(client)) as url:
        monkeypatch.setattr(synop, "REPORTS", url)
        yield station


@pytest.mark.parametrize("target", ["weather.csv", "weather.parquet"])
def test_reports_of_a_station_are_spread_over_the_hours(station: Station, target: str) -> None:
    done = run(target, provider="synop")
    assert (done.first_hour, done.last_hour) == ("2026-11-19T21:00:00+00:00", "2026-11-20T03:00:00+00:00")
    assert done.sources == {"observed, ORLY": done.first_hour}
    hours = read_weather(target)
    at_report = hours.loc["2026-11-20T00:00Z"]
    assert (at_report[TEMPERATURE], at_report[WIND], at_report[CLOUD]) == pytest.approx((7, 5, 50))
    assert hours[RAIN].tolist()[:3] == pytest.approx([1, 1, 0.5])
    assert hours[TEMPERATURE].tolist()[3:] == pytest.approx([7, 8, 9, 10])


def test_the_portal_is_asked_for_the_city_s_station_and_days(station: Station) -> None:
    run(provider="synop")
    where = "date >= date'2026-11-20' AND date < date'2026-11-28' AND nom = \"ORLY\""
    assert {one["where"] for one in station.asked} == {where}
    assert station.asked[1]["select"] == "nom,date,t,rr1,rr3,ff,n"


def test_fewer_reports_than_the_portal_has_are_refused(station: Station) -> None:
    station.sent = 1
    with pytest.raises(ReadError, match=r"the export has 1 of 2 reports; try again later$"):
        run(provider="synop")
    assert not Path("weather.csv").exists()


def test_a_station_that_the_portal_has_not_is_named(station: Station) -> None:
    with pytest.raises(ReadError, match=r"no report of the station TOURS since 2026-11-20$"):
        run(city=attrs.evolve(PARIS, weather_station="TOURS"), provider="synop")


@pytest.mark.parametrize("name", [None, 'ORLY" OR nom != "'])
def test_a_city_without_a_station_is_told_where_to_write_it(name: str | None) -> None:
    said = 'write weather_station = "NAME" under [cities.paris] in bt.toml, as Météo-France calls it'
    with pytest.raises(SettingsError, match=re.escape(said)):
        run(city=attrs.evolve(PARIS, weather_station=name), provider="synop")


@pytest.mark.parametrize("provider_name", ["open-meteo", "synop"])
def test_each_row_says_its_source_and_its_licence(provider: Provider, station: Station, provider_name: str) -> None:
    done = run("weather.parquet", provider=provider_name)
    written = pd.read_parquet("weather.parquet")
    assert set(written["licence"]) == {PROVIDERS[provider_name].licence} == {done.licence}
    assert list(written["source"].unique()) == list(done.sources)
