"""The calendar: known days of Paris, and of a city elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from vacances_scolaires_france import SchoolHolidayDates

from bike_traffic.cities import SCHOOL_ZONES
from bike_traffic.errors import ParameterError
from bike_traffic.features.calendar import (
    LOOKED_UP,
    SATURDAY,
    SUNDAY_OR_HOLIDAY,
    WORKING_DAY,
    calendar_features,
    day_numbers,
)

COLUMNS = [
    "public_holiday",
    "school_holiday",
    "bridge_day",
    "previous_day_off",
    "next_day_off",
    "day_type",
    "season_sine",
    "season_cosine",
]


def paris(*texts: str) -> pd.Series:
    return pd.Series(pd.DatetimeIndex(texts).tz_localize("Europe/Paris"))


def feature(name: str, *days: str) -> list[float]:
    return [float(value) for value in calendar_features(paris(*days))[name]]


@pytest.mark.parametrize(
    "day",
    [
        pytest.param("2024-01-01", id="New Year"),
        pytest.param("2024-04-01", id="Easter Monday"),
        pytest.param("2024-05-01", id="1 May"),
        pytest.param("2024-05-08", id="8 May"),
        pytest.param("2024-05-09", id="Ascension"),
        pytest.param("2024-05-20", id="Whit Monday"),
        pytest.param("2023-07-14", id="14 July"),
        pytest.param("2024-07-14", id="14 July, a Sunday"),
        pytest.param("2024-08-15", id="Assumption"),
        pytest.param("2024-11-01", id="All Saints"),
        pytest.param("2023-11-11", id="11 November, a Saturday"),
        pytest.param("2024-12-25", id="Christmas"),
    ],
)
def test_public_holidays_are_known_and_count_as_sundays(day: str) -> None:
    assert feature("public_holiday", day) == [1.0]
    assert feature("day_type", day) == [SUNDAY_OR_HOLIDAY]


def test_other_days_are_no_public_holidays() -> None:
    days = ("2024-05-10", "2024-07-15", "2024-11-02", "2024-12-26", "2024-03-29")
    assert feature("public_holiday", *days) == [0.0] * 5


def test_a_day_is_a_working_day_a_saturday_or_a_sunday() -> None:
    week = [f"2024-06-{day:02}" for day in range(3, 10)]
    assert feature("day_type", *week) == [WORKING_DAY] * 5 + [SATURDAY, SUNDAY_OR_HOLIDAY]


def test_a_working_day_between_two_days_off_is_a_bridge() -> None:
    days = ("2024-05-07", "2024-05-08", "2024-05-09", "2024-05-10", "2024-05-11", "2024-08-16", "2024-08-14")
    assert feature("bridge_day", *days) == [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]


def test_the_days_off_around_a_day_are_known_also_at_the_ends() -> None:
    assert feature("next_day_off", "2024-04-30") == [1.0]
    assert feature("previous_day_off", "2024-05-02") == [1.0]
    assert feature("previous_day_off", "2025-01-02") == [1.0]
    assert feature("next_day_off", "2024-12-31") == [1.0]
    assert feature("previous_day_off", "2024-06-05") == feature("next_day_off", "2024-06-05") == [0.0]


def test_a_day_is_described_the_same_whatever_other_days_are_asked_for() -> None:
    days = paris("2019-12-31", "2020-02-29", "2023-01-01", "2024-05-10", "2024-12-31")
    together = calendar_features(days)
    for day in days.index:
        assert calendar_features(days.loc[[day]]).equals(together.loc[[day]])


@pytest.mark.parametrize(
    ("before", "first", "last", "after"),
    [
        pytest.param("2023-10-20", "2023-10-21", "2023-11-05", "2023-11-06", id="autumn"),
        pytest.param("2023-12-22", "2023-12-23", "2024-01-07", "2024-01-08", id="Christmas, over the new year"),
        pytest.param("2024-02-09", "2024-02-10", "2024-02-25", "2024-02-26", id="winter, when zone A has none"),
        pytest.param("2024-04-05", "2024-04-06", "2024-04-21", "2024-04-22", id="spring"),
        pytest.param("2024-07-05", "2024-07-06", "2024-08-31", "2024-09-02", id="summer"),
    ],
)
def test_school_holidays_are_those_of_zone_c(before: str, first: str, last: str, after: str) -> None:
    assert feature("school_holiday", before, first, last, after) == [0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("zone", SCHOOL_ZONES)
def test_school_holidays_are_those_that_the_library_itself_gives(zone: str) -> None:
    library = SchoolHolidayDates()
    days = pd.date_range(f"{library.min_year - 1}-01-01", f"{library.max_year + 1}-12-31", tz="Europe/Paris")
    known = calendar_features(pd.Series(days), f"FR:{zone}")["school_holiday"].to_numpy() == 1
    assert {day.date() for day in days[known]} == {
        day for day in library.data if library.is_holiday_for_zone(day, zone)
    }


@pytest.mark.parametrize("year", [1950, 2060])
def test_a_year_without_published_school_holidays_has_none_and_keeps_its_public_ones(year: int) -> None:
    days = (f"{year}-07-14", f"{year}-08-01")
    assert feature("school_holiday", *days) == [0.0, 0.0]
    assert feature("public_holiday", *days) == [1.0, 0.0]


def test_public_holidays_are_those_of_the_country_or_subdivision_that_is_named() -> None:
    """German Unity Day, Corpus Christi (not in all of Germany), 8 May, and 14 July."""
    days = paris("2024-10-03", "2024-05-30", "2024-05-08", "2024-07-14")
    known = {
        place: list(calendar_features(days, holidays=place)["public_holiday"]) for place in ("DE", "DE-NW", "FR")
    }
    assert known == {"DE": [1, 0, 0, 0], "DE-NW": [1, 1, 0, 0], "FR": [0, 0, 1, 1]}
    friday = calendar_features(paris("2024-05-31", "2024-10-04"), holidays="DE-NW")
    assert list(friday["bridge_day"]) == [1.0, 1.0]


def test_elsewhere_no_school_holidays_are_known() -> None:
    august = paris("2024-08-01")
    assert [calendar_features(august, holidays=place)["school_holiday"][0] for place in ("FR", "DE-NW")] == [1, 0]


@pytest.mark.parametrize(
    ("holidays", "message"),
    [
        ("XX", "'XX'; give the code of a country, alone or with a subdivision, such as FR or DE-NW"),
        ("de-NW", "'de-NW'; give the code of a country, alone or with a subdivision, such as FR or DE-NW"),
        ("Germany", "'Germany'; give the code of a country, alone or with a subdivision, such as FR or DE-NW"),
        ("", "''; give the code of a country, alone or with a subdivision, such as FR or DE-NW"),
        ("DE-PARIS", "'DE-PARIS'; give DE, or DE- and one of BB, BE, "),
    ],
)
def test_holidays_that_are_not_known_are_refused(holidays: str, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        calendar_features(paris("2024-05-01"), holidays=holidays)
    assert str(caught.value).startswith(f"no public holidays are known for {message}")
    assert (caught.value.id, caught.value.parts["holidays"]) == ("holidays-unknown", holidays)
    assert ("NW" in caught.value.parts["subdivisions"]) is (holidays == "DE-PARIS")


def test_the_day_is_the_local_one() -> None:
    eve = pd.Series(pd.DatetimeIndex(["2023-07-13T21:59Z", "2023-07-13T22:00Z"])).dt.tz_convert("Europe/Paris")
    assert calendar_features(eve)["public_holiday"].tolist() == [0.0, 1.0]
    assert day_numbers(eve).tolist() == [day_numbers(paris("2023-07-13"))[0], day_numbers(paris("2023-07-14"))[0]]


def test_days_are_numbered_from_1970_also_through_the_change_of_clocks() -> None:
    times = paris("1970-01-01", "2024-10-27T00:00", "2024-10-27T23:00", "2024-10-28T00:00")
    assert day_numbers(times).tolist() == [0, 20023, 20023, 20024]


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Santiago", "Australia/Brisbane"])
def test_many_times_have_the_days_that_few_of_them_have(zone: str) -> None:
    year = pd.Series(pd.date_range("2024-01-01", "2024-12-31", freq="h", tz=zone))
    several = LOOKED_UP // len(year) + 1
    few = np.concatenate([day_numbers(part) for _, part in year.groupby(year.dt.month)])
    assert day_numbers(pd.concat([year] * several)).tolist() == few.tolist() * several


def test_the_season_is_an_angle_that_starts_with_the_year() -> None:
    table = calendar_features(paris("2023-01-01", "2023-07-02"))
    assert (table["season_sine"][0], table["season_cosine"][0]) == (0.0, 1.0)
    angle = 2 * math.pi * 182 / 365.25
    assert table["season_sine"][1] == pytest.approx(math.sin(angle), abs=1e-6)
    assert table["season_cosine"][1] == pytest.approx(math.cos(angle), abs=1e-6)


def test_features_are_on_the_index_in_float32_whatever_the_order() -> None:
    times = paris("2024-12-25T12:00", "2024-06-03T08:00", "2024-12-25T13:00").set_axis([9, 4, 7])
    table = calendar_features(times)
    assert list(table.columns) == COLUMNS
    assert set(table.dtypes.astype(str)) == {"float32"}
    assert table["public_holiday"].to_dict() == {9: 1.0, 4: 0.0, 7: 1.0}


def test_no_times_give_no_rows() -> None:
    empty = calendar_features(paris("2024-01-01").head(0))
    assert (list(empty.columns), len(empty)) == (COLUMNS, 0)
