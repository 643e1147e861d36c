"""`bt data fetch` and `bt data status`: what they print, where the city comes from, and what cron sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.cities import PARIS, CityColumns, city_named
from bike_traffic.errors import SettingsError
from bike_traffic.opendata.portal import client
from tests.conftest import Bt
from tests.opendata.explore_api import LICENCE, RESET, ExploreApi, portal_of, rows_of


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ExploreApi:
    """Return a portal with counts until yesterday, which is asked again without waiting."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.0)
    today = pd.Timestamp.now("UTC").normalize()
    first, yesterday = today - pd.DateOffset(days=20), today - pd.DateOffset(days=1)
    return ExploreApi(rows_of(str(first.date()), str(yesterday.date())))


@pytest.fixture
def url(api: ExploreApi) -> Iterator[str]:
    """Write settings that name the portal, and return its address."""
    with portal_of(api) as city:
        Path("bt.toml").write_text(f'[cities.paris]\nbase_url = "{city.base_url}"\n')
        yield str(city.base_url)


def test_the_months_are_printed_with_the_licence(bt: Bt, api: ExploreApi, url: str) -> None:
    done = bt("data", "fetch")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == f"counts: paris; licence: {LICENCE}\n"
    months = sorted({stamp.strftime("%Y-%m") for stamp in api.rows["date"]})
    assert re.findall(r"(?m)^(\d{4}-\d\d) +fetched +[\d,]+ +[\d,]+$", done.stdout) == months


def test_the_document_has_every_month(bt: Bt, api: ExploreApi, url: str) -> None:
    done = bt("data", "fetch", "--to", "deep/store", "--since", "2026-01", "--format", "json")
    document = json.loads(done.stdout)
    assert (document["store"], document["city"], document["error"]) == ("deep/store", "paris", None)
    assert sum(month["rows"] for month in document["months"]) == len(api.rows)
    assert document["months"][0]["month"] == "2026-01"


def test_a_month_that_fails_is_exit_code_1_and_one_line(bt: Bt, api: ExploreApi, url: str) -> None:
    api.always = {"exports/parquet": "500", "exports/csv": "500"}
    done = bt("data", "fetch")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].endswith(": the server answers 500: An error occurred; try again later")
    assert "failed" in done.stdout


def test_a_quota_is_one_line_with_the_time_it_comes_back(bt: Bt, api: ExploreApi, url: str) -> None:
    api.trouble = {"": ["10005"]}
    done = bt("data", "fetch")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.endswith(f"it does again at {RESET}\n")


def test_counters_are_given_one_by_one_or_in_a_list(bt: Bt, api: ExploreApi, url: str) -> None:
    first, second = sorted(set(api.rows["id_compteur"]))
    assert bt("data", "fetch", "--counters", first).exit_code == 0
    assert bt("data", "fetch", "--to", "both", "--counters", f"{first},{second}").exit_code == 0
    assert bt("data", "fetch", "--to", "both", "--counters", second, "--counters", first).exit_code == 0
    assert json.loads(bt("data", "status", "counts", "--format", "json").stdout)["rows"] == len(api.rows) / 2


def test_another_city_is_a_table_of_the_settings(
    bt: Bt, api: ExploreApi, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.rows = api.rows.rename(columns={"nom_compteur": "name", "date": "when", "sum_counts": "counts"})
    api.time = "when"
    Path("bt.toml").write_text(
        f'[cities.rennes]\nbase_url = "{url}"\ncounts = "eco-counter-data"\n'
        'columns = { counter = "name", time = "when", count = "counts", coordinates = "coordinates" }\n'
    )
    assert bt("data", "fetch", "--city", "rennes", "--to", "one").exit_code == 0
    monkeypatch.setenv("BT_CITY", "rennes")
    assert bt("data", "fetch", "--to", "two").exit_code == 0
    assert api.asked_for("/datasets/eco-counter-data/exports/parquet")
    assert len(bt("predict", "--help").stdout) > 0
    assert json.loads(bt("data", "status", "two", "--format", "json").stdout)["city"] == "rennes"
    assert json.loads(bt("config", "--format", "json").stdout)["city"] == {"value": "rennes", "source": "BT_CITY"}


def test_an_unknown_city_is_one_line(bt: Bt) -> None:
    done = bt("data", "fetch", "--city", "pariss")
    assert (done.exit_code, done.stderr) == (1, "Error: no city 'pariss'; there are paris (did you mean 'paris'?)\n")


def test_what_the_settings_say_of_a_city_adds_to_a_built_in_one() -> None:
    city = city_named("paris", {"paris": {"base_url": "https://elsewhere.org", "columns": {"count": "total"}}})
    assert city.base_url == "https://elsewhere.org"
    assert city.columns == CityColumns(count="total")
    assert (city.counts, city.latitudes) == (PARIS.counts, PARIS.latitudes)


WRONG = {
    '{ base_url = "https://x.org", counts = 3 }': "counts must be a string",
    '{ base_url = "https://x.org", counts = "c", columns = "c" }': "columns must be a string",
    '{ base_ur = "https://x.org" }': "no setting 'base_ur'; there are archives, base_url, columns, counters, "
    "counts, holidays, latitudes, longitudes, position, school_zone, time_zone, title, weather_station "
    "(did you mean 'base_url'?)",
    "{ latitudes = [50, 49] }": "latitudes must be two numbers in degrees, such as [48.0, 49.5], not [50, 49]",
    '{ time_zone = "Europe/Pari" }': "no time zone is called 'Europe/Pari'; give one such as Europe/Paris",
    '{ time_zone = "Asia/Kolkata" }': "the hours of Asia/Kolkata do not begin with those of UTC, which is not "
    "supported",
    '{ school_zone = "D" }': "school_zone must be one of A, B, C, not 'D'",
}


@pytest.mark.parametrize(("table", "message"), WRONG.items(), ids=map(str, range(len(WRONG))))
def test_a_malformed_city_is_one_line(bt: Bt, table: str, message: str) -> None:
    Path("bt.toml").write_text(f"[cities]\nx = {table}\n")
    done = bt("data", "fetch", "--city", "x")
    assert (done.exit_code, done.stderr) == (1, f"Error: bt.toml [cities.x]: {message}\n")


def test_a_city_without_a_portal_is_not_fetched(bt: Bt) -> None:
    Path("bt.toml").write_text('[cities.x]\ntime_zone = "Europe/Berlin"\n')
    done = bt("data", "fetch", "--city", "x")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: X has no portal that could be asked; fetch its files from where it publishes them, or write base_url "
        "and counts under [cities.x] in bt.toml\n",
    )


def test_a_column_that_no_city_has_is_named(bt: Bt) -> None:
    with pytest.raises(SettingsError, match=r"^bt.toml \[cities.paris.columns\]: no setting 'when'; there are "):
        city_named("paris", {"paris": {"columns": {"when": "date"}}})


def test_the_status_says_what_is_stored_and_what_is_missing(bt: Bt, api: ExploreApi, url: str) -> None:
    api.rows = rows_of("2026-01-01", "2026-03-05")
    assert bt("data", "fetch", "--since", "2026-01").exit_code == 0
    Path("counts/month=2026-02.parquet").unlink()
    assert bt("data", "fetch", "--since", "2026-04").exit_code == 0  # which makes the manifest of what is there
    document = json.loads(bt("data", "status", "--format", "json").stdout)
    assert (document["missing"], document["damaged"]) == (["2026-02"], [])
    assert document["last_hour"] == "2026-03-04T23:00:00+00:00"
    assert document["age_hours"] == (pd.Timestamp.now("UTC") - pd.Timestamp("2026-03-04T23Z")) // pd.Timedelta("1h")
    Path("counts/month=2026-01.parquet").write_bytes(b"PAR1")
    done = bt("data", "status", "counts")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0].startswith("counts: 192 rows in 1 month, ")
    days, hours = divmod(document["age_hours"], 24)
    assert done.stdout.splitlines()[1].endswith(
        f" to {document['last_hour']}, {days} d{f' {hours} h' * (hours > 0)} ago"
    )
    assert done.stdout.splitlines()[2] == (f"paris, comptage-velo-donnees-compteurs at {url}; licence: {LICENCE}")
    assert done.stdout.splitlines()[3:] == ["missing: 2026-02", "damaged: 2026-01"]
