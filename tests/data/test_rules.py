"""Checking: each rule that values can break is named with its column, its rows, an example and what to do."""

from __future__ import annotations

import re

import attrs
import pandas as pd
import pytest

from bike_traffic.data.checking.description import describe, fingerprint
from bike_traffic.data.checking.rules import SPREADSHEET_ADVICE, Fault, faults
from bike_traffic.data.checking.usable import Tolerance, usable_counts
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import SchemaError

NAME, TIME = "Nom du compteur", "Date et heure de comptage"
PLACE, COUNT = "Coordonnées géographiques", "Comptage horaire"
ROWS = 8


def valid_counts(published: pd.DataFrame, where: str) -> pd.DataFrame:
    return usable_counts(published, where, Tolerance(share=0.0), pytest.fail)


def counts(**changed: object) -> pd.DataFrame:
    """Return eight valid rows of one counter, with the values of ``column_position`` changed: ``count_3=-1``."""
    columns: dict[str, list[object]] = {
        "name": ["Pont"] * ROWS,
        "time": [f"2024-06-01T{hour:02}:00:00+02:00" for hour in range(ROWS)],
        "place": ["48.85,2.35"] * ROWS,
        "count": [str(hour) for hour in range(ROWS)],
    }
    for key, value in changed.items():
        column, _, position = key.rpartition("_")
        columns[column][int(position)] = value
    return pd.DataFrame(dict(zip((NAME, TIME, PLACE, COUNT), columns.values(), strict=True)), dtype=object)


NO_NAME = Fault("counter-missing", NAME, "no name", 1, (2,), "empty", "give each row the name of its counter")
NO_TIME = Fault(
    "time-malformed",
    TIME,
    "not a time",
    1,
    (2,),
    "'hier'",
    "write times as ISO 8601 with their offset, like 2021-06-01T08:00:00+02:00",
)
NO_YEAR = Fault("time-out-of-range", TIME, "a year out of range", 1, (2,), "", "years are 2000 to 2099")
NO_PLACE = Fault(
    "coordinates-elsewhere",
    PLACE,
    "not coordinates in or near Paris",
    1,
    (2,),
    "'2.35,48.85'",
    "write 'latitude,longitude' in degrees, 48.0 to 49.5 and 1.4 to 3.6, or leave them empty",
)
NO_NUMBER = Fault(
    "count-malformed", COUNT, "not a number", 1, (2,), "empty", "give each row its count, or leave the row out"
)
NEGATIVE = Fault("count-negative", COUNT, "a negative count", 1, (2,), "'-3'", "counts are 0 or more bikes per hour")
FRACTIONAL = Fault(
    "count-fractional", COUNT, "a fractional count", 1, (2,), "'1.5'", "counts are whole bikes per hour"
)
AGAIN = Fault(
    "hour-repeated",
    TIME,
    "the same counter and hour again",
    1,
    (3,),
    "'2024-06-01T00:00:00+02:00'",
    "keep one row for each counter and hour",
)


def test_valid_counts_have_no_fault() -> None:
    assert faults(counts()) == []
    valid_counts(counts(), "counts.csv")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"name_0": None}, NO_NAME),
        ({"name_0": " "}, attrs.evolve(NO_NAME, example="' '")),
        ({"time_0": "hier"}, NO_TIME),
        ({"time_0": None}, attrs.evolve(NO_TIME, example="empty")),
        (
            {"time_0": "01/06/2024 00:00"},
            attrs.evolve(NO_TIME, example="'01/06/2024 00:00'", advice=SPREADSHEET_ADVICE),
        ),
        ({"time_0": "0204-06-01T00:00:00+02:00"}, attrs.evolve(NO_YEAR, example="'0204-06-01T00:00:00+02:00'")),
        ({"time_0": "2204-06-01T00:00:00+02:00"}, attrs.evolve(NO_YEAR, example="'2204-06-01T00:00:00+02:00'")),
        ({"place_0": "2.35,48.85"}, NO_PLACE),
        ({"place_0": "48.85"}, attrs.evolve(NO_PLACE, example="'48.85'")),
        ({"place_0": "45.76,4.83"}, attrs.evolve(NO_PLACE, example="'45.76,4.83'")),
        ({"count_0": None}, NO_NUMBER),
        ({"count_0": "trois"}, attrs.evolve(NO_NUMBER, example="'trois'")),
        ({"count_0": "inf"}, attrs.evolve(NO_NUMBER, example="'inf'")),
        ({"count_0": "-3"}, NEGATIVE),
        ({"count_0": "1.5"}, FRACTIONAL),
        ({"time_1": "2024-06-01T00:00:00+02:00"}, AGAIN),
        ({"time_1": "2024-05-31T22:00:00Z"}, attrs.evolve(AGAIN, example="'2024-05-31T22:00:00Z'")),
        ({"name_1": "Pont ", "time_1": "2024-06-01T00:00:00+02:00"}, AGAIN),
    ],
)
def test_each_fault_alone_is_named(changed: dict[str, object], fault: Fault) -> None:
    assert faults(counts(**changed)) == [fault]
    assert faults(counts(**changed).astype("category")) == [fault]


def test_all_faults_are_named_at_once_the_gravest_first() -> None:
    broken = counts(
        name_0=None,
        time_1="hier",
        place_2="2.35,48.85",
        count_3=None,
        count_4="-3",
        count_5="1.5",
        time_7="2024-06-01T06:00:00+02:00",
    )
    assert faults(broken) == [
        NO_NAME,
        attrs.evolve(NO_TIME, first_rows=(3,)),
        attrs.evolve(NO_PLACE, first_rows=(4,)),
        attrs.evolve(NO_NUMBER, first_rows=(5,)),
        attrs.evolve(NEGATIVE, first_rows=(6,)),
        attrs.evolve(FRACTIONAL, first_rows=(7,)),
        attrs.evolve(AGAIN, first_rows=(9,), example="'2024-06-01T06:00:00+02:00'"),
    ]


def test_all_broken_rows_are_counted_and_the_first_five_named() -> None:
    broken = counts(**{f"count_{position}": "-3" for position in range(1, ROWS)})
    assert faults(broken) == [attrs.evolve(NEGATIVE, rows=7, first_rows=(3, 4, 5, 6, 7))]


def test_rows_are_numbered_by_the_index_so_that_a_later_chunk_goes_on() -> None:
    chunk = counts(count_0="-3").set_axis(range(200_000, 200_000 + ROWS))
    assert faults(chunk) == [attrs.evolve(NEGATIVE, first_rows=(200_002,))]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(
            {"time_0": "2024-10-27T02:00:00+02:00", "time_1": "2024-10-27T02:00:00+01:00"}, id="both autumn hours"
        ),
        pytest.param({"name_1": "Quai", "time_1": "2024-06-01T00:00:00+02:00"}, id="another counter"),
        pytest.param({"place_0": None}, id="missing coordinates"),
        pytest.param({"place_0": ""}, id="empty coordinates"),
        pytest.param({f"place_{row}": None for row in range(ROWS)}, id="no coordinates at all"),
        pytest.param({"count_0": "3.0"}, id="a whole count written with a point"),
        pytest.param({"count_0": 3}, id="a count that is a number"),
    ],
)
def test_what_the_city_publishes_is_no_fault(changed: dict[str, object]) -> None:
    assert faults(counts(**changed)) == []


def test_a_file_without_any_coordinates_has_no_fault() -> None:
    published = counts().assign(**{PLACE: None})
    assert faults(published, clean(published)) == []


def test_an_hour_twice_is_no_fault_where_there_is_no_count() -> None:
    assert faults(counts(time_1="2024-06-01T00:00:00+02:00").drop(columns=COUNT)) == []


def test_unreadable_hours_are_not_called_the_same_hour() -> None:
    assert faults(counts(time_0="hier", time_1="hier")) == [attrs.evolve(NO_TIME, rows=2, first_rows=(2, 3))]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"count_0": "-3"},
            "1 of 8 rows cannot be used: column 'Comptage horaire': a negative count in row 2 ('-3'); counts are 0 "
            "or more bikes per hour",
        ),
        (
            {"name_0": None, "count_0": "-3", "count_1": "1.5", "count_2": "1.5"},
            "3 of 8 rows cannot be used: column 'Comptage horaire': a fractional count in row 3 and 1 more ('1.5'); "
            "counts are whole bikes per hour (and 1 other fault: `bt data check` lists them)",
        ),
        (
            {"place_2": "0.0,0.0"},
            "column 'Coordonnées géographiques': not coordinates in or near Paris in row 4 ('0.0,0.0'); "
            f"{NO_PLACE.advice}",
        ),
    ],
)
def test_invalid_counts_are_refused_with_the_fault_of_most_rows(changed: dict[str, object], message: str) -> None:
    with pytest.raises(SchemaError, match=f"^{re.escape(f'counts.csv: {message}')}$"):
        valid_counts(counts(**changed), "counts.csv")


def test_a_row_without_a_name_is_not_called_faulty_for_its_count_as_well() -> None:
    assert faults(counts(name_0=None, count_0=None)) == [NO_NAME]


def test_a_row_that_cannot_be_used_does_not_claim_its_hour() -> None:
    again = "2024-06-01T00:00:00+02:00"
    assert faults(counts(count_0=None, time_1=again)) == [NO_NUMBER]


@pytest.mark.parametrize(
    ("time", "rule"),
    [
        ("2024-06-01", "time-without-hour"),
        ("2024-03-31T02:00:00", "hour-nonexistent"),
        ("2024-06-01T00:15:00+02:00", "hour-not-whole"),
        ("2024-06-01T00:00:01+02:00", "hour-not-whole"),
    ],
)
def test_a_time_that_is_no_hour_of_the_year_is_a_fault_in_rows_to_predict_as_well(time: str, rule: str) -> None:
    for published in (counts(time_0=time), counts(time_0=time).drop(columns=COUNT)):
        assert [(fault.id, fault.rows) for fault in faults(published)] == [(rule, 1)]


def test_counts_are_required() -> None:
    future = counts().drop(columns=COUNT)
    message = f"future.csv: no column '{COUNT}'; there are {PLACE}, {TIME}, {NAME}"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        valid_counts(future, "future.csv")


@pytest.mark.parametrize(
    ("frame", "summary"),
    [
        (counts(name_3="Quai", time_2=None), (8, 2, "2024-06-01T00:00:00+02:00", "2024-06-01T07:00:00+02:00")),
        (counts().drop(columns=COUNT), (8, 1, "2024-06-01T00:00:00+02:00", "2024-06-01T07:00:00+02:00")),
        (counts().head(0), (0, 0, None, None)),
    ],
)
def test_a_description_says_how_much_there_is(frame: pd.DataFrame, summary: tuple[object, ...]) -> None:
    names = ("rows", "counters", "first_hour", "last_hour")
    assert describe(clean(frame)) == dict(zip(names, summary, strict=True))


def test_a_fingerprint_is_that_of_the_counts_however_a_file_writes_them(small_counts: pd.DataFrame) -> None:
    moments = pd.to_datetime(small_counts["Date et heure de comptage"], utc=True)
    typed = small_counts.assign(more=1)
    typed["Nom du compteur"] = typed["Nom du compteur"].astype("category")
    typed["Date et heure de comptage"] = moments.dt.tz_convert("Europe/Paris")
    typed["Comptage horaire"] = typed["Comptage horaire"].astype(float)
    assert fingerprint(clean(typed)) == fingerprint(clean(small_counts))
    assert len(fingerprint(clean(small_counts))) == 64


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Nom du compteur", "another"),
        ("Date et heure de comptage", "2020-01-01T00:00:00+01:00"),
        ("Comptage horaire", 12345),
    ],
)
def test_a_fingerprint_changes_with_any_counter_hour_or_count(
    small_counts: pd.DataFrame, column: str, value: str | int
) -> None:
    changed = small_counts.copy()
    changed[column] = [*changed[column][:-1], value]
    assert fingerprint(clean(changed)) != fingerprint(clean(small_counts))
