"""Totals compare: they are of the same counters, of whole days, and an outage is never a zero."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bike_traffic.app.history import LAST_MONTHS, History, Period, within
from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.hours import hours_of_counters, hours_of_days
from bike_traffic.errors import SchemaError


def counts(levels: dict[str, float], first_day: str = "2024-03-01", days: int = 60) -> pd.DataFrame:
    """Return clean rows of counters with one number of bikes per hour each."""
    nowhere = [None] * len(levels)
    rows = hours_of_counters(list(levels), hours_of_days(pd.Timestamp(first_day), days), nowhere, nowhere)
    return rows.assign(**{COUNT: rows[COUNTER].map(levels).astype(float)})


def without(rows: pd.DataFrame, counter: str, first: str, after: str) -> pd.DataFrame:
    """Return the rows without those of a counter in a span."""
    gone = (rows[COUNTER] == counter) & (rows[TIME] >= first) & (rows[TIME] < after)
    return rows[~gone.to_numpy()]


def span(first: str, last: str) -> Period:
    return Period(pd.Timestamp(first), pd.Timestamp(last))


def test_days_on_which_the_clock_changes_have_23_and_25_hours() -> None:
    history = History.of(counts({"a": 10}, "2024-03-01", 300))
    days = history.days_of(["a"])
    assert [days[day] for day in ("2024-03-30", "2024-03-31", "2024-10-27")] == [240, 230, 250]
    hours = history.hours_of(["a"])
    assert [len(within(hours, span(day, day))) for day in ("2024-03-31", "2024-10-27")] == [23, 25]


def test_a_day_of_one_counter_alone_is_no_day_of_the_place() -> None:
    history = History.of(without(counts({"a": 10, "b": 5}), "b", "2024-03-10", "2024-03-11"))
    days = history.days_of(["a", "b"])
    assert days["2024-03-09"] == 360
    assert np.isnan(days["2024-03-10"])
    assert within(history.hours_of(["a", "b"]), span("2024-03-10", "2024-03-10")).isna().all()


def test_a_day_of_zeros_is_an_outage_and_not_a_quiet_day() -> None:
    rows = counts({"a": 10})
    rows.loc[(rows[TIME] >= "2024-03-10") & (rows[TIME] < "2024-03-11"), COUNT] = 0.0
    history = History.of(rows)
    assert history.days_of(["a"]).isna().sum() == 1
    assert history.hours_of(["a"]).isna().sum() == 24


def test_days_without_any_count_are_there_without_a_number() -> None:
    history = History.of(without(counts({"a": 10}), "a", "2024-03-10", "2024-03-20"))
    assert len(history.days) == 60
    assert history.days_of(["a"]).isna().sum() == 10


def test_the_total_of_the_city_is_of_counters_that_counted_all_the_time() -> None:
    """A counter that came late and one that was out for a third of the days are not in it; a small gap is."""
    rows = counts({"a": 100, "b": 100, "late": 50, "out": 20})
    rows = without(rows, "late", "2024-03-01", "2024-04-20")
    rows = without(rows, "out", "2024-03-15", "2024-04-04")
    rows = without(rows, "b", "2024-04-01", "2024-04-03")
    assert History.of(rows).steady(span("2024-03-01", "2024-04-29")) == ("a", "b")


def test_a_year_is_compared_on_counters_that_both_years_have() -> None:
    rows = without(counts({"a": 10, "new": 90}, "2023-01-01", 731), "new", "2023-01-01", "2024-01-01")
    history, this_year = History.of(rows), span("2024-01-01", "2024-12-31")
    assert history.steady(this_year) == ("a", "new")
    assert history.steady(this_year, this_year.year_before()) == ("a",)


def test_without_a_year_before_all_steady_counters_are_taken() -> None:
    history, whole = History.of(counts({"a": 10, "b": 90})), span("2024-03-01", "2024-04-29")
    assert history.steady(whole, whole.year_before()) == ("a", "b")


def test_the_total_of_no_counter_is_unknown_and_not_zero() -> None:
    history = History.of(counts({"a": 10}))
    assert history.days_of([]).isna().all()
    assert history.hours_of([]).isna().all()


def test_periods_are_twelve_months_with_the_running_one_and_the_years() -> None:
    periods = History.of(counts({"a": 10}, "2023-02-10", 500)).periods()
    assert periods == {
        LAST_MONTHS: span("2023-07-01", "2024-06-23"),
        "2024": span("2024-01-01", "2024-06-23"),
        "2023": span("2023-02-10", "2023-12-31"),
    }


def test_a_day_is_compared_with_all_earlier_days_of_its_weekday() -> None:
    rows = counts({"a": 10, "b": 5})
    day = pd.Timestamp("2024-04-13", tz="Europe/Paris")
    rows.loc[(rows[TIME] >= day) & (rows[TIME] < day + pd.Timedelta(days=1)), COUNT] *= 2
    compared = History.of(rows).compare(["a", "b"], day)
    assert (compared.total, compared.rank, compared.days, compared.middle) == (720, 1, 7, 360.0)


def test_a_day_without_counts_cannot_be_compared() -> None:
    with pytest.raises(SchemaError, match="no counter counted on 2030-01-01"):
        History.of(counts({"a": 10})).compare(["a"], pd.Timestamp("2030-01-01"))


def test_counts_of_nothing_but_zeros_have_no_day() -> None:
    history = History.of(counts({"a": 0}))
    assert history.days.empty
    assert history.newest(["a"]) is None
