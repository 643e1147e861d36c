"""The total of a day and its rank are those of counters that compare."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.hours import hours_of_counters, hours_of_days
from bike_traffic.errors import SchemaError
from bike_traffic.monitoring.city import CityDay, city_day, compare_day, counted_days


def counts(level: dict[str, float], first_day: str = "2024-01-01", days: int = 366) -> pd.DataFrame:
    """Return clean rows of counters with one level each, on days that have a bike more each than the day before."""
    rows = hours_of_counters(
        list(level), hours_of_days(pd.Timestamp(first_day), days), [None] * len(level), [None] * len(level)
    )
    ago = (rows[TIME].dt.tz_localize(None) - pd.Timestamp(first_day)).dt.days
    return rows.assign(**{COUNT: rows[COUNTER].map(level).astype(float) + ago})


def test_a_day_is_compared_with_the_last_days_of_its_weekday() -> None:
    cleaned = counts({"a": 10, "b": 20})
    assert city_day(cleaned, pd.Timestamp("2024-03-06"), like_days=4) == CityDay(
        day=datetime.date(2024, 3, 6),
        total=24 * (10 + 20 + 2 * 65),
        counters=2,
        kind="weekday",
        rank=1,
        days=5,
        middle=24 * (30 + 2 * (65 - 17.5)),
        since=datetime.date(2024, 2, 7),
    )
    others = city_day(cleaned, pd.Timestamp("2024-03-06"), like_days=4).others
    assert others == {
        datetime.date(2024, 3, 6) - datetime.timedelta(weeks=ago): 24 * (30 + 2 * (65 - 7 * ago))
        for ago in (4, 3, 2, 1)
    }
    last = cleaned.assign(**{COUNT: cleaned[COUNT].where(cleaned[TIME] < "2024-03-06", 1.0)})
    found = city_day(last, pd.Timestamp("2024-03-06"), like_days=4)
    assert (found.rank, found.days) == (5, 5)


def test_a_public_holiday_is_compared_with_sundays_and_holidays() -> None:
    """Whit Monday, 20 May 2024: earlier days off are 20 Sundays, 1 January, Easter Monday, 1, 8 and 9 May."""
    found = city_day(counts({"a": 10}), pd.Timestamp("2024-05-20"))
    assert (found.kind, found.days, found.since) == ("day_off", 1 + 20 + 5, datetime.date(2024, 1, 1))
    monday = city_day(counts({"a": 10}), pd.Timestamp("2024-05-27"))
    assert (monday.kind, monday.days) == ("weekday", 1 + 21 - 3)


def test_a_new_counter_does_not_make_a_record() -> None:
    cleaned = counts({"a": 500, "b": 500, "new": 9000})
    flat = cleaned.assign(**{COUNT: cleaned[COUNT].where(cleaned[COUNTER] == "new", 500.0)})
    flat.loc[flat[TIME] < "2024-02-01", COUNT] += 1.0
    begun = flat[(flat[COUNTER] != "new") | (flat[TIME] >= "2024-03-01")]
    found = city_day(begun, pd.Timestamp("2024-03-06"))
    assert (found.counters, found.rank, found.days) == (3, 6, 10)  # the five Wednesdays of January have had more


def test_a_dead_counter_does_not_spoil_the_rank() -> None:
    cleaned = counts({"a": 10, "b": 20, "c": 900})
    dead = (cleaned[COUNTER] == "c") & (cleaned[TIME] >= "2024-03-06") & (cleaned[TIME] < "2024-03-07")
    found = city_day(cleaned.assign(**{COUNT: cleaned[COUNT].mask(dead, 0.0)}), pd.Timestamp("2024-03-06"))
    assert (found.counters, found.rank, found.total) == (2, 1, 24 * (30 + 2 * 65))


def test_days_of_too_few_of_the_counters_are_not_compared() -> None:
    cleaned = counts({"a": 10, "b": 20, "c": 30})
    rows = cleaned[(cleaned[COUNTER] == "a") | (cleaned[TIME] >= "2024-02-01")]
    assert city_day(rows, pd.Timestamp("2024-03-06")).since == datetime.date(2024, 2, 7)
    alone = city_day(rows, pd.Timestamp("2024-02-01"))
    assert (alone.rank, alone.days, alone.middle) == (1, 1, None)


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_days_on_which_the_clock_changes_are_counted_whole(day: str, hours: int) -> None:
    cleaned = counts({"a": 0}).assign(**{COUNT: 2.0})
    found = city_day(cleaned, pd.Timestamp(day, tz="Europe/Paris"))
    assert (found.total, found.counters) == (2 * hours, 1)


def test_a_day_without_counts_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"^no counter counted on 2030-01-01$") as refused:
        city_day(counts({"a": 1}), pd.Timestamp("2030-01-01"))
    assert refused.value.id == "counts-no-day"


def test_a_table_made_once_compares_days_and_counters_as_the_rows_do() -> None:
    cleaned = counts({"a": 10, "b": 20})
    table = counted_days(cleaned)
    day = pd.Timestamp("2024-03-06")
    assert compare_day(table, day) == city_day(cleaned, day)
    alone = cleaned[(cleaned[COUNTER] == "a").to_numpy()]
    assert compare_day(table[["a"]], day) == city_day(alone, day)


def test_the_other_days_are_told_as_totals_of_the_same_counters() -> None:
    begun = counts({"a": 10, "b": 10})
    begun = begun[((begun[COUNTER] == "a") | (begun[TIME] >= "2024-03-01")).to_numpy()]
    found = city_day(begun, pd.Timestamp("2024-03-06"), like_days=1)
    assert found.others == {datetime.date(2024, 2, 28): found.middle}  # counter a alone, twice
    assert found.middle == 2 * 24 * (10 + 58)


def test_a_day_of_few_hours_or_of_zeros_has_not_counted() -> None:
    rows = counts({"a": 10, "b": 20}, days=4)
    rows.loc[(rows[COUNTER] == "a") & (rows[TIME] < "2024-01-02"), COUNT] = 0.0
    short = rows[~((rows[COUNTER] == "b") & (rows[TIME] >= "2024-01-04 12:00")).to_numpy()]
    assert counted_days(short).isna().to_numpy().tolist() == [
        [True, False],
        [False, False],
        [False, False],
        [False, True],
    ]
