"""Published values: times, counts, coordinates and names, in the forms that exports have."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.data.parsing.times import SecondHours, parse_times, why_unreadable
from bike_traffic.data.parsing.values import clean_texts, parse_coordinates, parse_numbers


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
        "2024-06-01",
        "2024-06",
        "2024-03-31T02:00:00",
        categorical=categorical,
    )
    times = parse_times(column)
    assert times.index.equals(column.index)
    assert str(times.dt.tz) == "Europe/Paris"
    assert times.isna().tolist() == [False] * 6 + [True] * 7
    assert [time.isoformat() for time in times[:6]] == ["2024-06-01T08:00:00+02:00"] * 6


@pytest.mark.parametrize(
    ("wall_clock", "moment"),
    [
        ("2024-10-27T02:00:00", "2024-10-27T02:00:00+02:00"),
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
        (["3,0", " 12,0 ", "1,5"], [3.0, 12.0, 1.5]),
        (["trois", "", None, "1,000,5", "1 000"], [math.nan] * 5),
        ([3, 4], [3.0, 4.0]),
        ([3.0, math.nan], [3.0, math.nan]),
    ],
)
def test_counts_are_read_as_bikes_per_hour(values: Sequence[str | float | None], numbers: list[float]) -> None:
    index = range(10, 10 + len(values))
    expected = pd.Series(numbers, index=index, dtype="float64")
    assert_series_equal(parse_numbers(pd.Series(values, index=index)), expected)
    if isinstance(values[0], str):
        assert_series_equal(parse_numbers(pd.Series(values, index=index, dtype="category")), expected)


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
    names = clean_texts(column)
    assert isinstance(names.dtype, pd.CategoricalDtype)
    assert sorted(names.cat.categories) == ["48 allée du Lac", "Pont"]
    assert names.index.equals(column.index)
    assert names.astype(object).where(names.notna(), "none").tolist() == ["48 allée du Lac"] * 3 + ["none", "Pont"]


@pytest.mark.parametrize("offset", ["+02", "+0200", "+02:00"])
def test_an_offset_is_understood_in_each_of_its_forms(offset: str) -> None:
    (time,) = parse_times(pd.Series([f"2021-06-01T08:00:00{offset}"]))
    assert time == pd.Timestamp("2021-06-01T08:00:00+02:00")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("hier", "time-malformed"),
        ("0204-06-01T00:00:00", "time-out-of-range"),
        ("1999-01-01T08:00:00+01:00", "time-out-of-range"),
        ("2024-06-01", "time-without-hour"),
        (datetime.date(2024, 6, 1), "time-without-hour"),
        ("2024-03-31T02:00:00", "hour-nonexistent"),
        (pd.Timestamp("2024-03-31T02:30:00"), "hour-nonexistent"),
    ],
)
def test_a_time_that_cannot_be_read_has_a_reason(value: object, reason: str) -> None:
    assert parse_times(pd.Series([value], dtype=object)).isna().all()
    assert why_unreadable(value) == reason


def autumn(*rows: tuple[str, int]) -> pd.DataFrame:
    """Return rows of counters and hours of 30 October 2022, whose hour 02:00 comes twice, without offset."""
    times = [f"2022-10-30T{hour:02}:00:00" for _, hour in rows]
    return pd.DataFrame({"nom_compteur": [name for name, _ in rows], "date": times})


@pytest.mark.parametrize("typed", [False, True])
def test_of_two_equal_wall_clock_hours_in_autumn_the_second_is_the_later(typed: bool) -> None:
    rows = autumn(("A", 1), ("A", 2), ("B", 2), ("A", 2), ("B", 2), ("A", 3))
    if typed:
        rows["date"] = pd.to_datetime(rows["date"])
    cleaned = clean(rows)
    moments = [time.isoformat()[11:] for time in cleaned[TIME].dt.tz_convert("UTC")]
    assert moments == [f"{hour:02}:00:00+00:00" for hour in (23, 0, 0, 1, 1, 2)]
    assert cleaned["heure"].tolist() == [1, 2, 2, 2, 2, 3]


def test_the_second_hour_is_known_across_chunks() -> None:
    rows, hours = autumn(("A", 2), ("A", 2)), SecondHours()
    parts = [clean(rows.iloc[[row]], hours) for row in (0, 1)]
    assert pd.concat(parts)[TIME].tolist() == clean(rows)[TIME].tolist()


@pytest.mark.parametrize(
    "text",
    [
        "48.85,2.35",
        "{'lon': 2.35, 'lat': 48.85}",
        '{"lat": 48.85, "lon": 2.35}',
        '{"type": "Point", "coordinates": [2.35, 48.85]}',
        '{"latitude": 48.85, "longitude": 2.35}',
    ],
)
def test_coordinates_are_read_in_each_form_of_an_export(text: str) -> None:
    assert parse_coordinates(pd.Series([text])).iloc[0].tolist() == [np.float32(48.85), np.float32(2.35)]


def test_coordinates_that_are_objects_are_read() -> None:
    places = pd.Series([{"lon": 2.35, "lat": 48.85}, None, {"lon": 2.36, "lat": 48.85}])
    assert parse_coordinates(places)["longitude"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("empty", [np.nan, None])
def test_a_column_of_coordinates_may_be_empty_whatever_its_type(empty: float | None) -> None:
    assert parse_coordinates(pd.Series([empty, empty])).isna().all(axis=None)


def test_names_in_bytes_are_text() -> None:
    names = pd.Series([b"8 rue des Tilleuls", "8 allée".encode(), "8 allée".encode("cp1252")])
    assert clean_texts(names).tolist() == ["8 rue des Tilleuls", "8 allée", "8 allée"]
    assert clean(pd.DataFrame({COUNTER: names, "date": "2024-06-01T08:00:00+02:00"}))[COUNTER].notna().all()
