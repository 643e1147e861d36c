"""Yearly archives in each of their formats become the same months, and fill what a store lacks."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest

from bike_traffic.cities import City
from bike_traffic.columns import TIME_ZONE
from bike_traffic.errors import ReadError
from bike_traffic.opendata.archives import fetch_year
from bike_traffic.opendata.fetching import FetchResult, fetch
from bike_traffic.opendata.portal.client import Portal
from bike_traffic.opendata.stores.status import store_status
from tests.conftest import Bt
from tests.opendata.explore_api import LICENCE, ExploreApi, portal_of, rows_of

STORE = "counts"
NOW = pd.Timestamp("2026-11-27T10:00", tz="UTC")
LABELS = [
    "Identifiant du compteur", "Nom du compteur", "Identifiant du site de comptage", "Nom du site de comptage",
    "Comptage horaire", "Date et heure de comptage", "Date d'installation du site de comptage",
    "Lien vers photo du site de comptage", "Coordonnées géographiques",
]  # fmt: skip
COUNTERS = {"100003097-SC": "97 avenue Denfert Rochereau SO-NE", "100003098-353242251": "2 rue de l'Été N-S"}


@attrs.frozen
class Format:
    """How the lines of an archive are written."""

    stamp: Callable[[pd.Timestamp], str]
    delimiter: str = ";"
    encoding: str = "utf-8"
    quote: str = ""
    number: str = "{}"
    beside: tuple[str, ...] = ()


def _offset(time: pd.Timestamp) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.000 %z")


FORMATS = {
    2016: Format(lambda time: time.tz_localize(None).isoformat()),
    2018: Format(lambda time: time.isoformat(), beside=("__MACOSX/._2018.csv",)),
    2020: Format(lambda time: time.isoformat()),
    2022: Format(lambda time: time.tz_localize(None).isoformat()),
    2023: Format(lambda time: time.strftime("%Y-%m-%d %H:%M:%S.000"), encoding="utf-8-sig", quote='"'),
    2024: Format(_offset, quote='"', number="{}.0"),
    2025: Format(_offset, delimiter=",", encoding="cp1252", quote='"'),
}


def hours_of(year: int) -> pd.DatetimeIndex:
    """Return hours of a year in Paris: the ends of it, and the days on which the clock changes."""
    days = [f"{year}-01-01", f"{year}-12-31"]
    for month in (3, 10):
        last = pd.Timestamp(year, month, 31)
        days.append(str((last - pd.Timedelta(days=(last.day_of_week + 1) % 7)).date()))
    every = [pd.date_range(day, pd.Timestamp(day) + pd.DateOffset(days=1), freq="h", tz=TIME_ZONE, inclusive="left")
             for day in sorted(days)]  # fmt: skip
    return pd.DatetimeIndex(every[0].append(every[1:]))


def archive(year: int, more: tuple[str, ...] = ()) -> bytes:
    """Return the zip of a year; `more` are stamps of further rows of the first counter."""
    how = FORMATS[year]

    def line(*values: str) -> str:
        return how.delimiter.join(f"{how.quote}{value}{how.quote}" for value in values)

    lines = [line(*LABELS)]
    stamps = [*(how.stamp(time) for time in hours_of(year))]
    for number, (identifier, name) in enumerate(COUNTERS.items()):
        for place, stamp in enumerate([*stamps, *(more if not number else ())]):
            where = '"48.83,2.33"' if how.delimiter == "," and not how.quote else "48.83,2.33"
            lines.append(line(identifier, name, "1", name, how.number.format(place), stamp, "2018-01-01", "x", where))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in how.beside:
            zipped.writestr(name, b"\x00\x05\x16\x07")
        zipped.writestr(f"{year}_comptage.csv", ("\r\n".join(lines) + "\r\n").encode(how.encoding))
    return buffer.getvalue()


def name_of(year: int) -> str:
    return f"{year}_comptage_velo_donnees_compteurs{'_csv' if 2018 <= year <= 2021 else ''}_zip"


@pytest.fixture
def api() -> ExploreApi:
    """Return a portal with counts of late 2026, and archives that a test puts in."""
    return ExploreApi(rows_of("2026-11-01", "2026-11-27"))


@pytest.fixture
def city(api: ExploreApi) -> Iterator[City]:
    with portal_of(api) as city:
        yield city


def add(city: City, year: int, **how: object) -> FetchResult:
    return fetch_year(city, STORE, year, now=NOW, portal=Portal(city, pause=lambda _: None), **how)  # type: ignore[arg-type]


def stored() -> pd.DataFrame:
    rows = pd.concat([pd.read_parquet(path) for path in sorted(Path(STORE).glob("month=*.parquet"))])
    return rows.sort_values(["id_compteur", "date"], ignore_index=True)


@pytest.mark.parametrize("year", FORMATS)
def test_each_format_becomes_the_same_months(api: ExploreApi, city: City, year: int) -> None:
    sites = f"{year}_comptage_velo_donnees_sites_comptage_zip"
    api.attachments = {sites: b"not wanted", name_of(year): archive(year)}
    result = add(city, year)
    hours = hours_of(year).tz_convert("UTC")
    rows = stored()
    assert rows["id_compteur"].tolist() == [one for one in COUNTERS for _ in hours]
    assert rows["nom_compteur"].tolist() == [one for one in COUNTERS.values() for _ in hours]
    assert rows["date"].tolist() == [*hours, *hours]
    assert rows["sum_counts"].tolist() == [*np.arange(len(hours)), *np.arange(len(hours))]
    assert set(rows["coordinates"]) == {"48.83,2.33"}
    assert result.notes == ()
    assert [(one.month, one.state) for one in result.months] == [
        (month, "fetched") for month in (f"{year - 1}-12", f"{year}-01", f"{year}-03", f"{year}-10", f"{year}-12")
    ]
    entry = json.loads(Path(STORE, "manifest.json").read_text())["months"][f"{year}-03"]
    assert (entry["where"], entry["licence"]) == (name_of(year), LICENCE)
    assert store_status(STORE, NOW).damaged == ()


def test_the_hour_that_spring_skips_and_strays_are_left_out_and_told(api: ExploreApi, city: City) -> None:
    api.attachments = {name_of(2022): archive(2022, ("2022-03-27T02:00:00", "1999-01-01T00:00:00"))}
    (note,) = add(city, 2022).notes
    said = "rows left out whose time is of no hour of 2022: 2, such as '2022-03-27T02:00:00'"
    assert note == f"{name_of(2022)}: {said}"
    assert len(stored()) == 2 * len(hours_of(2022))


def test_a_counter_and_hour_that_comes_twice_is_stored_once_and_told(api: ExploreApi, city: City) -> None:
    api.attachments = {name_of(2024): archive(2024, ("2024-01-01 05:00:00.000 +0100",))}
    (note,) = add(city, 2024).notes
    assert note == f"{name_of(2024)}: rows of 2024-01 left out whose counter and hour came before: 1"
    assert len(stored()) == 2 * len(hours_of(2024))


def test_years_join_at_their_ends_and_a_second_time_changes_nothing(api: ExploreApi, city: City) -> None:
    api.attachments = {name_of(year): archive(year) for year in (2022, 2023)}
    add(city, 2023)
    add(city, 2022)
    december = pd.read_parquet(f"{STORE}/month=2022-12.parquet")
    assert (
        len(december) == 2 * 25
    )  # the last day in Paris, and the first hour of the next year, which is of UTC's last
    before = Path(STORE, "manifest.json").read_bytes()
    assert {one.state for one in add(city, 2022).months} == {"stored"}
    assert Path(STORE, "manifest.json").read_bytes() == before


def test_the_live_counts_win_over_an_archive_and_both_stay(api: ExploreApi, city: City) -> None:
    api.attachments = {name_of(2025): archive(2025)}
    api.rows = rows_of("2025-12-30", "2026-01-03")
    add(city, 2025)
    result = fetch(city, STORE, since=pd.Period("2025-12", "M"), now=NOW, portal=Portal(city, pause=lambda _: None))
    assert {one.month: one.state for one in result.months if one.state != "absent"} == {
        "2025-12": "fetched",
        "2026-01": "fetched",
    }
    assert set(pd.read_parquet(f"{STORE}/month=2025-12.parquet")["id_compteur"]) == {
        *COUNTERS,
        *api.rows["id_compteur"],
    }
    again = fetch(city, STORE, since=pd.Period("2025-12", "M"), now=NOW, portal=Portal(city, pause=lambda _: None))
    assert again.months[0].state == "stored"
    assert add(city, 2025).months[-1].state == "stored"


def test_only_the_counters_that_are_wanted_are_taken(api: ExploreApi, city: City) -> None:
    api.attachments = {name_of(2016): archive(2016)}
    add(city, 2016, counters=["100003097-SC"])
    assert set(stored()["id_compteur"]) == {"100003097-SC"}


@pytest.mark.parametrize("trouble", ["cut", "500", "reset"])
def test_a_passing_trouble_is_overcome(api: ExploreApi, city: City, trouble: str) -> None:
    api.attachments = {name_of(2016): archive(2016)}
    api.trouble = {f"attachments/{name_of(2016)}": [trouble]}
    assert add(city, 2016).months[0].state == "fetched"


def test_a_year_without_archive_and_a_page_in_its_place_are_one_line(api: ExploreApi, city: City) -> None:
    with pytest.raises(ReadError, match=r"^paris: the portal has no archive of 2015; there are none$"):
        add(city, 2015)
    api.attachments = {name_of(2016): archive(2016)}
    with pytest.raises(ReadError, match=r"^paris: the portal has no archive of 2015; there are 2016$"):
        add(city, 2015)
    api.trouble = {f"attachments/{name_of(2016)}": ["html"]}
    with pytest.raises(ReadError, match=f"^{name_of(2016)}: an HTML or XML page, not a table: 'Maintenance'; "):
        add(city, 2016)


def test_years_are_fetched_from_the_command_line(bt: Bt, api: ExploreApi, city: City) -> None:
    Path("bt.toml").write_text(f'[cities.paris]\nbase_url = "{city.base_url}"\n')
    api.attachments = {name_of(year): archive(year) for year in (2022, 2023)}
    done = bt("data", "fetch", "--year", "2022-2023")
    assert done.exit_code == 0, done.stderr
    assert re.findall(r"(?m)^(\d{4})-12 ", done.stdout) == ["2021", "2022", "2022", "2023"]
    for text in ("22", "2023-2022", "2022-"):
        assert bt("data", "fetch", "--year", text).exit_code == 2
    assert bt("data", "fetch", "--year", "2022", "--since", "2026-01").exit_code == 2
