"""The City's columns: what headers and values mean, whatever the year and the form they come in."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.schema import (
    CITY_HEADERS,
    COORDINATES,
    clean_counter_names,
    column_of,
    has_counts,
    headers_of,
    parse_coordinates,
    parse_counts,
    parse_times,
    standard_name,
)
from bike_traffic.errors import SchemaError


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Nom du compteur", COUNTER),
        ("nom_compteur", COUNTER),
        ("NOM DU COMPTEUR ", COUNTER),
        ("Date et heure de comptage", TIME),
        ("date", TIME),
        ("Coordonnées géographiques", COORDINATES),
        ("Coordonne\N{COMBINING ACUTE ACCENT}es ge\N{COMBINING ACUTE ACCENT}ographiques", COORDINATES),
        ("coordinates", COORDINATES),
        ("Comptage horaire", COUNT),
        ("sum_counts", COUNT),
        ("Date d'installation du site de comptage", "date_d_installation_du_site_de_comptage"),
        ("test_lien_vers_photos_du_site_de_comptage_", "test_lien_vers_photos_du_site_de_comptage"),
    ],
)
def test_a_header_has_one_standard_name(header: str, name: str) -> None:
    assert standard_name(header) == name


def test_wanted_headers_are_found_as_they_stand() -> None:
    columns = ["mois_annee_comptage", "nom_compteur", "Comptage horaire"]
    assert headers_of(columns, [COUNT, COUNTER]) == {COUNT: "Comptage horaire", COUNTER: "nom_compteur"}


def test_a_missing_header_is_named_with_those_there_are() -> None:
    close = "there are Comptage horraire, date (did you mean 'Comptage horraire'?)"
    message = f"counts.csv: no column 'Comptage horaire'; {close}"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        headers_of(["date", "Comptage horraire"], [TIME, COUNT], "counts.csv")


def test_a_column_is_found_by_its_standard_name() -> None:
    counts = pd.DataFrame({"date": ["x"], "Comptage horaire": [3]})
    assert_series_equal(column_of(counts, TIME), counts["date"])
    assert has_counts(counts)
    assert not has_counts(counts[["date"]])


def texts(*values: str | None, categorical: bool) -> pd.Series:
    column = pd.Series(values, dtype=object, index=range(10, 10 + len(values)))
    return column.astype("category") if categorical else column


@pytest.mark.parametrize("categorical", [False, True])
def test_times_are_read_into_paris_time_on_the_same_index(categorical: bool) -> None:
    column = texts(
        "2024-06-01T08:00:00+02:00",
        "2024-06-01T06:00:00+00:00",
        "2024-06-01T06:00:00Z",
        "2024-06-01 06:00+0000",
        " 2024-06-01T08:00:00+02:00 ",
        "2024-06-01T08:00:00",
        None,
        "demain",
        "01/06/2024 08:00",
        "2024-13-01T08:00:00+02:00",
        categorical=categorical,
    )
    times = parse_times(column)
    assert times.index.equals(column.index)
    assert str(times.dt.tz) == "Europe/Paris"
    assert times.isna().tolist() == [False] * 6 + [True] * 4
    assert [time.isoformat() for time in times[:6]] == ["2024-06-01T08:00:00+02:00"] * 6


@pytest.mark.parametrize(
    ("wall_clock", "moment"),
    [
        ("2024-10-27T02:00:00", "2024-10-27T02:00:00+02:00"),
        ("2024-03-31T02:30:00", "2024-03-31T03:00:00+02:00"),
        ("2024-01-01T00:00:00", "2024-01-01T00:00:00+01:00"),
    ],
)
def test_a_time_without_offset_is_paris_time(wall_clock: str, moment: str) -> None:
    from_text = parse_times(pd.Series([wall_clock]))
    from_stamp = parse_times(pd.Series([pd.Timestamp(wall_clock)]))
    assert [from_text[0].isoformat(), from_stamp[0].isoformat()] == [moment, moment]


def test_stamps_with_a_zone_are_converted_and_both_autumn_hours_kept_apart() -> None:
    stamps = pd.Series(pd.date_range("2024-10-26T23:00:00", periods=4, freq="h", tz="UTC"))
    assert [time.isoformat() for time in parse_times(stamps)] == [
        "2024-10-27T01:00:00+02:00",
        "2024-10-27T02:00:00+02:00",
        "2024-10-27T02:00:00+01:00",
        "2024-10-27T03:00:00+01:00",
    ]


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["3", "3.0", " 4 ", "0"], [3.0, 3.0, 4.0, 0.0]),
        (["-1", "1.5", "1e2"], [-1.0, 1.5, 100.0]),
        (["trois", "", None, "1,5"], [math.nan] * 4),
        ([3, 4], [3.0, 4.0]),
        ([3.0, math.nan], [3.0, math.nan]),
    ],
)
def test_counts_are_read_as_bikes_per_hour(values: Sequence[str | float | None], numbers: list[float]) -> None:
    index = range(10, 10 + len(values))
    expected = pd.Series(numbers, index=index, dtype="float64")
    assert_series_equal(parse_counts(pd.Series(values, index=index)), expected)
    if isinstance(values[0], str):
        assert_series_equal(parse_counts(pd.Series(values, index=index, dtype="category")), expected)


@pytest.mark.parametrize("categorical", [False, True])
def test_coordinates_are_latitude_then_longitude_in_float32(categorical: bool) -> None:
    column = texts("48.85,2.35", " 48 , -2.5 ", None, "", "Paris", "48.85;2.35", "48.85", categorical=categorical)
    missing = [math.nan] * 5
    expected = pd.DataFrame(
        {"latitude": [48.85, 48.0, *missing], "longitude": [2.35, -2.5, *missing]},
        index=column.index,
        dtype="float32",
    )
    assert_frame_equal(parse_coordinates(column), expected)


@pytest.mark.parametrize("categorical", [False, True])
def test_counter_names_are_composed_with_single_spaces(categorical: bool) -> None:
    column = texts(
        "48 allée du Lac",
        "48 alle\N{COMBINING ACUTE ACCENT}e du Lac",
        "  48  allée\tdu\N{NO-BREAK SPACE}Lac ",
        None,
        "Pont",
        categorical=categorical,
    )
    names = clean_counter_names(column)
    assert isinstance(names.dtype, pd.CategoricalDtype)
    assert sorted(names.cat.categories) == ["48 allée du Lac", "Pont"]
    assert names.index.equals(column.index)
    assert names.astype(object).where(names.notna(), "none").tolist() == ["48 allée du Lac"] * 3 + ["none", "Pont"]


def test_a_new_standard_name_has_a_header_of_the_city() -> None:
    assert {standard_name(header): header for header in CITY_HEADERS.values()} == dict(CITY_HEADERS)


@pytest.mark.parametrize("offset", ["+02", "+0200", "+02:00"])
def test_an_offset_is_understood_in_each_of_its_forms(offset: str) -> None:
    (time,) = parse_times(pd.Series([f"2021-06-01T08:00:00{offset}"]))
    assert time == pd.Timestamp("2021-06-01T08:00:00+02:00")
