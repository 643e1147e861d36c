"""A city is a value: its time zone, region, holidays and columns reach everything that is done with its counts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pandas as pd
import pytest

import bike_traffic
from bike_traffic.cities import PARIS, City, CityColumns
from bike_traffic.columns import COUNT, COUNTER, HOUR, LATITUDE, TIME
from bike_traffic.data.checking.file import check_file
from bike_traffic.data.cleaning import RawCleanerTransformer, clean
from bike_traffic.data.loading import load_counts
from bike_traffic.data.window import Window
from bike_traffic.errors import NoRecord, ParameterError, WrongCity
from bike_traffic.features.calendar import calendar_features, day_numbers
from bike_traffic.monitoring.findings.search import findings
from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.states import states
from bike_traffic.registry.records import ModelRecord
from bike_traffic.workspace import Workspace
from tests.conftest import Bt

MONTREAL = City(
    name="montreal",
    title="Montréal",
    time_zone="America/Montreal",
    latitudes=(45.0, 46.0),
    longitudes=(-74.5, -73.0),
    holidays="CA-QC",
    columns=CityColumns(counter="name", time="when", count="bikes", identifier=None, coordinates=None),
)
TABLE = """
[cities.montreal]
title = "Montréal"
time_zone = "America/Montreal"
latitudes = [45, 46]
longitudes = [-74.5, -73.0]
holidays = "CA-QC"
columns = { counter = "name", time = "when", count = "bikes" }
"""


def of_montreal(small_counts: pd.DataFrame) -> pd.DataFrame:
    """Return the small counts as a city in another time zone would have counted them, in its own columns."""
    cleaned = clean(small_counts)
    wall = cleaned[TIME].dt.tz_localize(None).dt.tz_localize("America/Montreal", ambiguous="NaT", nonexistent="NaT")
    rows = pd.DataFrame({"name": cleaned[COUNTER].astype(str), "when": wall, "bikes": cleaned[COUNT]}).dropna()
    return rows.drop_duplicates(["name", "when"])  # the hour that comes twice in Paris comes once there


@pytest.fixture
def montreal(small_counts: pd.DataFrame, clean_place: Path) -> Path:
    """Return a file of the city, whose table is in the settings."""
    rows = of_montreal(small_counts)
    rows["when"] = rows["when"].map(lambda time: time.isoformat())
    rows.to_csv("montreal.csv", index=False)
    Path("bt.toml").write_text(TABLE, encoding="utf-8")
    return clean_place / "montreal.csv"


def test_a_table_of_the_settings_is_a_whole_city(montreal: Path) -> None:
    assert Workspace.open(city="montreal").city == MONTREAL
    assert Workspace.open().city == PARIS


def test_hours_and_days_are_those_of_the_city(montreal: Path, small_counts: pd.DataFrame) -> None:
    """They are computed as those of the same counts in Paris."""
    cleaned = load_counts(str(montreal), city=MONTREAL)
    assert str(cleaned[TIME].dt.tz) == "America/Montreal"
    given = of_montreal(small_counts)
    assert cleaned[HOUR].tolist() == given["when"].dt.hour.tolist()
    days = [(time.tz_localize(None) - pd.Timestamp(0)).days for time in cleaned[TIME]]
    assert day_numbers(cleaned[TIME]).tolist() == days


def test_a_time_without_an_offset_is_of_the_wall_clock_of_the_city() -> None:
    rows = pd.DataFrame({"nom_compteur": ["a"], "date": ["2024-11-03T01:00:00"], "sum_counts": [1]})
    assert clean(rows, city=MONTREAL)[TIME].tolist() == [pd.Timestamp("2024-11-03T01:00:00-04:00")]
    assert clean(rows)[TIME].tolist() == [pd.Timestamp("2024-11-03T01:00:00+01:00")]
    transformed = RawCleanerTransformer(city=MONTREAL).fit_transform(rows)
    assert transformed[TIME].tolist() == clean(rows, city=MONTREAL)[TIME].tolist()


def test_a_frame_too_may_have_the_columns_of_its_city(montreal: Path) -> None:
    rows = pd.read_csv(montreal, sep=None, engine="python")
    assert load_counts(rows, city=MONTREAL)[COUNT].sum() == load_counts(str(montreal), city=MONTREAL)[COUNT].sum()


def test_coordinates_are_those_of_the_region_of_the_city() -> None:
    rows = pd.DataFrame(
        {"nom_compteur": ["a", "b"], "date": "2024-06-03T08:00:00-04:00", "coordinates": ["45.5,-73.6", "48.8,2.3"]}
    )
    assert clean(rows, city=MONTREAL)[LATITUDE].isna().tolist() == [False, True]
    assert clean(rows)[LATITUDE].isna().tolist() == [True, False]
    rows.to_csv("rows.csv", index=False)
    (fault,) = check_file("rows.csv", city=MONTREAL).faults
    assert str(fault) == (
        "column 'coordinates': not coordinates in or near Montréal in row 3 ('48.8,2.3'); write 'latitude,longitude' "
        "in degrees, 45.0 to 46.0 and -74.5 to -73.0, or leave them empty"
    )


def test_days_of_the_window_begin_in_the_city() -> None:
    window = Window.parse("2026-03-15", "2026-04", "America/Montreal")
    assert window.since == pd.Timestamp("2026-03-15T00:00:00-04:00")
    assert window.until == pd.Timestamp("2026-04-01T00:00:00-04:00")


def test_monitoring_counts_in_days_of_the_city(montreal: Path) -> None:
    cleaned = load_counts(str(montreal), city=MONTREAL)
    first = cleaned[COUNTER].cat.categories[0]
    day = cleaned[TIME].max().normalize() - pd.DateOffset(days=9)
    gap = cleaned[TIME].between(day, day + pd.DateOffset(days=3), inclusive="left") & (cleaned[COUNTER] == first)
    outage = next(one for one in findings(CounterDays.of(cleaned[~gap])) if one.counter == first)
    assert (outage.first_hour, str(outage.first_hour.tz)) == (day, "America/Montreal")
    assert str(states(cleaned)["last_hour"].dt.tz) == "America/Montreal"


@pytest.mark.parametrize(("zone", "first_day"), {"A": "2024-02-17", "B": "2024-02-24", "C": "2024-02-10"}.items())
def test_the_winter_holidays_of_schools_begin_by_zone(zone: str, first_day: str) -> None:
    city = attrs.evolve(PARIS, school_zone=zone)
    days = pd.Series(pd.date_range("2024-02-01", "2024-03-01", tz="Europe/Paris"))
    off = calendar_features(days, city.calendar)["school_holiday"] > 0
    assert f"{days[off].min():%Y-%m-%d}" == first_day


@pytest.mark.parametrize("place", ["FR:D", "DE-NW:A"])
def test_school_holidays_that_are_not_known_are_refused(place: str) -> None:
    message = f"no school holidays are known for '{place}'; they are for FR:A, FR:B, FR:C"
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        calendar_features(pd.Series(pd.date_range("2024-02-01", periods=2, tz="Europe/Paris")), place)


QUICK = ("--set", "n_estimators=3")


def test_every_command_works_on_another_city(bt: Bt, montreal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_CITY", "montreal")
    checked = bt("data", "check", montreal, "--format", "json")
    assert json.loads(checked.stdout)["first_hour"].endswith("-04:00")
    trained = bt("train", "-m", "rf", *QUICK, "--data", montreal, "--format", "json")
    assert trained.exit_code == 0, trained.stderr
    (record,) = json.loads(trained.stdout)
    assert record["city"] == "montreal"
    assert record["parameters"]["holidays"] == "CA-QC"
    forecast = bt("forecast", "-m", "rf", "--from", "2024-12-26", "--format", "json")
    assert json.loads(forecast.stdout)["first_hour"] == "2024-12-26T00:00:00-05:00"
    assert json.loads(forecast.stdout)["newest_count"].endswith("-05:00")
    for words in (
        ("backtest", "-m", "ahead", "--set", "rows=3000", "--data", montreal, "--folds", "1", "--step", "1d"),
        ("evaluate", "-m", "rf", montreal),
        ("predict", "-m", "rf", montreal, "-o", "predicted.csv"),
        ("data", "clean", montreal, "clean.csv"),
    ):
        done = bt(*words)
        assert done.exit_code == 0, done.stderr
    assert len(pd.read_csv("predicted.csv", sep=";")) == len(pd.read_csv(montreal))
    assert pd.read_csv("clean.csv", sep=";")["Date et heure de comptage"].str[-6:].isin(["-04:00", "-05:00"]).all()


def test_a_model_of_one_city_is_not_used_on_another(bt: Bt, small_file: Path, montreal: Path) -> None:
    assert bt("train", "-m", "rf", *QUICK, "--no-interval", "--data", small_file).exit_code == 0
    run = bt("registry", "best", "--metric", "rmse", "--format", "json")
    run_id = json.loads(run.stdout)["run_id"]
    message = (
        f"Error: rf of run {run_id[:8]} is of the city 'paris', and the city here is 'montreal'; choose a model of "
        "this city, or give --city paris (BT_CITY)\n"
    )
    for words in (["predict", montreal], ["evaluate", montreal], ["forecast"]):
        done = bt(*words, "--run-id", run_id, "--city", "montreal")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.endswith(message)
    best = bt("registry", "best", "--metric", "rmse", "--city", "montreal")
    assert (best.exit_code, best.stdout) == (1, "")
    assert best.stderr.startswith(
        "Error: no record with rmse for city montreal; left out: 1 of another city (--city names it)"
    )


def test_a_record_that_names_no_city_is_used_everywhere(bt: Bt, small_file: Path, montreal: Path) -> None:
    """It is of an earlier version."""
    assert bt("train", "-m", "rf", *QUICK, "--no-interval", "--data", small_file).exit_code == 0
    path = Path("models/summary.json")
    (entry,) = json.loads(path.read_text())
    assert ModelRecord.from_json(entry).city == entry.pop("city") == "paris"
    path.write_text(json.dumps([entry]))
    assert ModelRecord.from_json(entry).to_json() == entry
    for city in ("paris", "montreal"):
        done = bt("forecast", "-m", "rf", "--city", city, "--from", "2024-12-26", "--format", "json")
        assert done.exit_code == 0, done.stderr


def test_in_python_too_a_model_of_another_city_is_refused(
    bt: Bt, small_file: Path, montreal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = bike_traffic.train("rf", str(small_file), parameters={"n_estimators": 3}, interval=False)
    monkeypatch.setenv("BT_CITY", "montreal")
    with pytest.raises(WrongCity, match=r"^rf of run "):
        bike_traffic.forecast(run_id=result.record.run_id)


def test_python_functions_take_the_city(bt: Bt, montreal: Path) -> None:
    result = bike_traffic.train("rf", str(montreal), city="montreal", parameters={"n_estimators": 3}, interval=False)
    assert result.record.city == "montreal"
    run_id = result.record.run_id
    forecast = bike_traffic.forecast(start="2024-12-26", run_id=run_id, city="montreal")
    assert str(forecast.rows[TIME].dt.tz) == MONTREAL.time_zone
    assert bike_traffic.evaluate(str(montreal), run_id=run_id, city="montreal").evaluation.metrics["rmse"] > 0
    rows = pd.read_csv(montreal, sep=None, engine="python").head(3)
    assert bike_traffic.predict(rows, run_id=run_id, city="montreal")["prediction"].notna().all()
    (fold,) = bike_traffic.backtest(
        "rf", str(montreal), folds=1, parameters={"n_estimators": 3}, interval=False, city="montreal"
    )
    assert str(fold.first_hour.tz) == MONTREAL.time_zone
    with pytest.raises(NoRecord, match="left out: 1 of another city"):
        bike_traffic.load_best("rf")
    assert bike_traffic.load_best("rf", city="montreal").counters_.size == forecast.rows[COUNTER].nunique()


def test_a_list_has_the_records_of_every_city(bt: Bt, small_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = bike_traffic.train("rf", str(small_file), parameters={"n_estimators": 3}, interval=False)
    Path("bt.toml").write_text(TABLE, encoding="utf-8")
    monkeypatch.setenv("BT_CITY", "montreal")
    listed = json.loads(bt("registry", "list", "--format", "json").stdout)
    assert [(entry["run_id"], entry["city"]) for entry in listed] == [(result.record.run_id, "paris")]
    assert bt("registry", "best", "--metric", "r2").exit_code == 1
