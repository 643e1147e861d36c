"""What the past sums up to: means per day, the same dates of both years, records of whole spans."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bike_traffic.app import summaries
from bike_traffic.app.history import History
from bike_traffic.places import Place
from tests.app.test_history import counts, span, without


def days(first: str, last: str, bikes: float = 100.0) -> pd.Series[float]:
    """Return a number of bikes for each day."""
    return pd.Series(bikes, index=pd.date_range(first, last))


def test_the_week_has_the_mean_of_each_of_its_hours() -> None:
    hours = History.of(counts({"a": 10}, "2024-03-25", 14)).hours_of(["a"])
    hours[pd.DatetimeIndex(hours.index).hour == 8] = 30.0
    week = summaries.week(hours)
    assert len(week) == 7 * 24
    assert set(week.loc[week["hour"] == 8, "bikes"]) == {30.0}
    assert set(week.loc[week["hour"] != 8, "bikes"]) == {10.0}


def test_the_hour_that_comes_twice_counts_twice() -> None:
    hours = History.of(counts({"a": 10}, "2024-10-20", 8)).hours_of(["a"])
    hours["2024-10-27 02:00:00+01:00"] = 40.0
    week = summaries.week(hours).set_index(["weekday", "hour"])["bikes"]
    assert week[6, 2] == 20.0  # 10 on the 20th, 10 and 40 on the 27th
    assert week[6, 3] == 10.0


def test_days_without_counts_stay_in_the_calendar_without_a_number() -> None:
    history = History.of(without(counts({"a": 10}), "a", "2024-03-10", "2024-03-12"))
    calendar = summaries.calendar(history.days_of(["a"]), span("2024-03-08", "2024-03-12"))
    assert [f"{day:%d}" for day in calendar["day"]] == ["08", "09", "10", "11", "12"]
    assert calendar["bikes"].isna().tolist() == [False, False, True, True, False]


def test_a_running_month_is_compared_with_the_same_dates_of_the_year_before() -> None:
    """Nine days of August beside a whole August would look like a change."""
    counted = pd.concat([days("2023-01-01", "2023-08-09", 100), days("2023-08-10", "2023-12-31", 900)])
    counted = pd.concat([counted, days("2024-01-01", "2024-08-09", 110)])
    august = summaries.months(counted, span("2024-08-01", "2024-08-09")).iloc[0]
    assert (august["bikes"], august["last_year"], august["days"]) == (110.0, 100.0, 9)


def test_a_month_of_a_few_days_has_no_mean() -> None:
    months = summaries.months(days("2024-07-01", "2024-08-06"), span("2024-07-01", "2024-08-06"))
    assert months["bikes"].tolist()[0] == 100.0
    assert np.isnan(months["bikes"].iloc[1])


def test_dates_that_one_year_lacks_are_in_neither_sum_to_date() -> None:
    counted = days("2023-01-01", "2024-03-31")
    counted["2023-01-10"] = np.nan
    counted["2024-01-20":"2024-01-22"] = np.nan
    table = summaries.to_date(counted, span("2024-01-01", "2024-03-31"))
    common = 91 - 1 - 3 - 1  # the 29th of February has no date a year before
    assert len(table) == 91
    assert table[["to_date", "last_year_to_date"]].iloc[-1].tolist() == [100.0 * common, 100.0 * common]


def test_sums_to_date_begin_and_end_with_dates_that_both_years_counted() -> None:
    """Zeros up to the first of them would look like months without bikes."""
    counted = pd.concat([days("2023-02-10", "2023-02-20"), days("2024-01-01", "2024-03-31")])
    table = summaries.to_date(counted, span("2024-01-01", "2024-03-31"))
    assert [f"{day:%m-%d}" for day in table["day"]] == [f"02-{day}" for day in range(10, 21)]
    assert summaries.to_date(days("2024-01-01", "2024-03-31"), span("2024-01-01", "2024-03-31")).empty


def test_records_are_the_best_hours_days_weeks_and_months_with_their_dates() -> None:
    rows = counts({"a": 10}, "2024-03-01", 61)
    history = History.of(rows)
    hours, totals = history.hours_of(["a"]), history.days_of(["a"])
    hours["2024-04-03 08:00:00+02:00"] = 77.0
    totals["2024-04-04"] = 1000.0
    found = summaries.records(hours, totals)
    best = found[found["rank"] == 1].set_index("kind")
    assert {kind: f"{start:%Y-%m-%d %H}" for kind, start in best["start"].items()} == {
        "hour": "2024-04-03 08",
        "day": "2024-04-04 00",
        "week": "2024-04-01 00",
        "month": "2024-04-01 00",
    }
    assert best["bikes"].round(1).to_dict() == {"hour": 77.0, "day": 1000.0, "week": 2440.0, "month": 265.3}
    assert best["compared"].to_dict() == {"hour": 61 * 24 - 1, "day": 61, "week": 8, "month": 2}


def test_a_week_with_a_gap_has_no_record() -> None:
    totals = days("2024-04-01", "2024-04-14")
    totals["2024-04-03"] = np.nan
    found = summaries.records(pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="Europe/Paris")), totals)
    weeks = found[found["kind"] == "week"]
    assert [f"{start:%m-%d}" for start in weeks["start"]] == ["04-08"]
    assert found[found["kind"] == "month"].empty


def test_a_place_that_counted_on_few_days_has_no_rank() -> None:
    rows = without(counts({"a": 10, "b": 30, "c": 90}), "c", "2024-03-01", "2024-04-10")
    history = History.of(rows)
    places = [Place(name=name.upper(), latitude=48.8, longitude=2.3, counters={"": name}) for name in "abc"]
    table = summaries.ranking(history, places, span("2024-03-01", "2024-04-29"), "A")
    assert table["name"].tolist() == ["B", "A", "C"]
    assert np.isnan(table["bikes"].iloc[2])
    assert table["days"].tolist() == [60, 60, 20]
    assert table["chosen"].tolist() == [False, True, False]
