"""Outages: hours that a counter alone is missing, and days on which it counts nothing but zeros."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME
from bike_traffic.data.hours import hours_of_counters, hours_of_days
from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.outages import outages, outages_of_days

NAMES = ["a", "b", "c", "d"]


def counts(first_day: str = "2024-06-03", days: int = 14, names: list[str] = NAMES) -> pd.DataFrame:
    """Return clean rows of counters that count ten bikes in each hour."""
    nowhere: list[float | None] = [None] * len(names)
    rows = hours_of_counters(names, hours_of_days(pd.Timestamp(first_day), days), nowhere, nowhere)
    return rows.assign(**{COUNT: 10.0})


def of(cleaned: pd.DataFrame, name: str, first: str, last: str) -> pd.Series:
    """Return which rows are of a counter from one hour to another one, both included."""
    return (cleaned[COUNTER] == name) & (cleaned[TIME] >= first) & (cleaned[TIME] <= last)


def told(cleaned: pd.DataFrame) -> list[tuple[str, str, str, str, int, bool]]:
    found = outages(cleaned)
    assert list(found) == ["nom_du_compteur", "first_hour", "last_hour", "kind", "hours", "lasting"]
    return [
        (name, f"{first:%m-%d %H}", f"{last:%m-%d %H}", kind, hours, lasting)
        for name, first, last, kind, hours, lasting in found.itertuples(index=False)
    ]


def test_counters_that_count_have_no_outage() -> None:
    assert told(counts()) == []
    assert told(counts().head(0)) == []


def test_a_counter_is_silent_while_others_count() -> None:
    cleaned = counts()
    gap = of(cleaned, "b", "2024-06-05 07:00", "2024-06-06 09:00")
    end = of(cleaned, "c", "2024-06-15 00:00", "2024-06-16 23:00")
    assert told(cleaned[~gap & ~end]) == [
        ("b", "06-05 07", "06-06 09", "silent", 27, False),
        ("c", "06-15 00", "06-16 23", "silent", 48, True),
    ]


def test_some_hours_that_are_missing_are_no_outage() -> None:
    cleaned = counts()
    assert told(cleaned[~of(cleaned, "b", "2024-06-05 07:00", "2024-06-05 11:00")]) == []


def test_hours_that_most_counters_are_missing_are_a_gap_of_the_file() -> None:
    cleaned = counts()
    rows = cleaned[(cleaned[COUNTER] == "a") | ~cleaned[TIME].between("2024-06-05 00:00", "2024-06-07 23:00")]
    assert told(rows) == []
    late = cleaned[(cleaned[COUNTER] == "a") | (cleaned[TIME] < "2024-06-14")]
    assert told(late) == []


def test_a_counter_that_begins_later_was_not_silent_before() -> None:
    cleaned = counts()
    assert told(cleaned[(cleaned[COUNTER] != "d") | (cleaned[TIME] >= "2024-06-10")]) == []


def test_after_counters_have_gone_for_good_those_that_are_left_are_still_compared() -> None:
    """Three of four counters are taken away; half a year later one of two counters is silent."""
    cleaned = counts("2024-01-01", 250, ["a", "b", "c", "d", "e"])
    gone = cleaned[COUNTER].isin(["a", "b", "c"]) & (cleaned[TIME] >= "2024-01-20")
    gap = of(cleaned, "e", "2024-07-02 00:00", "2024-07-03 23:00")
    assert ("e", "07-02 00", "07-03 23", "silent", 48, False) in told(cleaned[~gone & ~gap])


def test_days_of_zeros_that_follow_each_other_are_one_outage() -> None:
    cleaned = counts()
    dead = of(cleaned, "a", "2024-06-05 00:00", "2024-06-07 23:00") | of(
        cleaned, "a", "2024-06-09 00:00", "2024-06-09 23:00"
    )
    assert told(cleaned.assign(**{COUNT: cleaned[COUNT].mask(dead, 0.0)})) == [
        ("a", "06-05 00", "06-07 23", "zeros", 72, False),
        ("a", "06-09 00", "06-09 23", "zeros", 24, False),
    ]


def test_zeros_go_on_over_a_day_that_is_missing_for_all_counters() -> None:
    cleaned = counts()
    dead = of(cleaned, "a", "2024-06-05 00:00", "2024-06-16 23:00")
    zeros = cleaned.assign(**{COUNT: cleaned[COUNT].mask(dead, 0.0)})
    gap = zeros[TIME].between("2024-06-08 00:00", "2024-06-08 23:00")
    assert told(zeros[~gap]) == [("a", "06-05 00", "06-16 23", "zeros", 264, True)]


def test_zeros_last_over_the_hours_of_a_day_that_has_begun() -> None:
    cleaned = counts()
    dead = of(cleaned, "a", "2024-06-15 00:00", "2024-06-16 03:00")
    begun = cleaned[cleaned[TIME] <= "2024-06-16 03:00"]
    assert told(begun.assign(**{COUNT: begun[COUNT].mask(dead, 0.0)})) == [
        ("a", "06-15 00", "06-15 23", "zeros", 24, True)
    ]


def test_zeros_that_end_in_silence_no_longer_last_and_the_silence_does() -> None:
    cleaned = counts()
    zeros = cleaned.assign(**{COUNT: cleaned[COUNT].mask(of(cleaned, "a", "2024-06-05", "2024-06-10 23:00"), 0.0)})
    assert told(zeros[~of(zeros, "a", "2024-06-11", "2024-06-16 23:00")]) == [
        ("a", "06-05 00", "06-10 23", "zeros", 144, False),
        ("a", "06-11 00", "06-16 23", "silent", 144, True),
    ]


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_days_on_which_the_clock_changes_are_days_like_others(day: str, hours: int) -> None:
    cleaned = counts(f"{day[:8]}20", 14)
    assert told(cleaned) == []
    dead = of(cleaned, "a", f"{day} 00:00", f"{day} 23:00")
    assert [one[3:] for one in told(cleaned.assign(**{COUNT: cleaned[COUNT].mask(dead, 0.0)}))] == [
        ("zeros", hours, False)
    ]
    assert [one[3:] for one in told(cleaned[~dead])] == [("silent", hours, False)]


def test_an_export_that_loses_the_hour_that_comes_twice_has_no_outage() -> None:
    cleaned = counts("2024-10-20", 14)
    twice = (cleaned[TIME].dt.strftime("%m-%d") == "10-27") & (cleaned[HOUR] == 2)
    assert told(cleaned[~(twice & (cleaned[COUNTER] == "a"))]) == []
    assert told(cleaned[~twice]) == []


def test_the_order_of_the_rows_does_not_matter() -> None:
    cleaned = counts()
    rows = cleaned[~of(cleaned, "b", "2024-06-05 07:00", "2024-06-06 09:00")]
    mixed = rows.iloc[np.random.default_rng(0).permutation(len(rows))]
    pd.testing.assert_frame_equal(outages(mixed), outages(rows))


def test_outages_are_found_in_parts_as_in_the_whole() -> None:
    rows = counts()
    rows.loc[of(rows, "b", "2024-06-05", "2024-06-08"), COUNT] = 0.0
    rows = rows.sort_values([TIME, COUNTER], ignore_index=True)
    days = CounterDays()
    for start in range(0, len(rows), 100):
        days.add(rows.iloc[start : start + 100])
    found = outages_of_days(days)
    assert len(found) == 1
    pd.testing.assert_frame_equal(outages(rows), found)
