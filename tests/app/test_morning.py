"""What the page of yesterday says is right for broken counters, strange days and days on which the clock changes."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from bike_traffic.app.morning import (
    LIKE_DAYS,
    Morning,
    ended,
    hours_of_counter,
    like_days,
    place_of_counter,
    to_check,
    verdict,
)
from bike_traffic.app.views import faults
from bike_traffic.app.words import words_of
from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.data.sample import generate_sample
from bike_traffic.monitoring.city import CityDay
from bike_traffic.pipeline import PREDICTION
from bike_traffic.places import Counter, places_of

QUAI, BACK, OLD = "12 quai des Hirondelles N-S", "12 quai des Hirondelles S-N", "Pont du Vieux Moulin N-S"
ENGLISH, FRENCH = words_of("en"), words_of("fr")


def paris(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="Europe/Paris")


@pytest.fixture(scope="module")
def cleaned() -> pd.DataFrame:
    """Return clean counts of 20 counters, 2023-09-01 to 2024-11-30."""
    return clean(generate_sample())


def without(rows: pd.DataFrame, counter: str, since: str) -> pd.DataFrame:
    return rows[~((rows[COUNTER] == counter) & (rows[TIME] >= since))]


def state_of(found: pd.DataFrame, counter: str) -> str:
    return str(found.loc[found[COUNTER] == counter, "state"].iloc[0])


def test_a_counter_that_fell_silent_since_the_newest_day_is_broken_now(cleaned: pd.DataFrame) -> None:
    rows = without(cleaned[cleaned[TIME] < "2024-09-18 10:00"], QUAI, "2024-09-18 01:00")
    day = paris("2024-09-17")
    assert state_of(Morning.of(rows, day, whole=True).states(None), QUAI) == "silent"
    assert state_of(Morning.of(rows, day, whole=False).states(None), QUAI) == "counting"


def test_a_counter_that_has_been_silent_for_long_is_listed_last_and_not_to_be_checked(cleaned: pd.DataFrame) -> None:
    rows = without(without(cleaned, QUAI, "2024-06-01"), OLD, "2024-11-01")
    found = Morning.of(rows, paris("2024-11-30"), whole=True).states(None)
    assert (found["nom_du_compteur"].iloc[0], found["nom_du_compteur"].iloc[-1]) == (OLD, QUAI)
    assert (state_of(found, OLD), state_of(found, QUAI)) == ("silent", "removed")
    assert to_check(found) == 1


def test_the_last_days_have_gaps_where_a_counter_was_silent(cleaned: pd.DataFrame) -> None:
    recent = Morning.of(without(cleaned, QUAI, "2024-11-28"), paris("2024-11-30"), whole=True).recent
    assert recent.shape == (28, 20)
    assert recent[QUAI].isna().sum() == 3
    own = cleaned[(cleaned[COUNTER] == BACK) & (cleaned[TIME] >= "2024-11-30")]
    assert recent[BACK].iloc[-1] == own[COUNT].sum()


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-10-28", 24)])
def test_a_day_has_the_hours_of_its_clock(cleaned: pd.DataFrame, day: str, hours: int) -> None:
    found = Morning.of(cleaned, paris(day), whole=False)
    shown = hours_of_counter(found, QUAI, None)
    assert list(shown.columns) == ["time", "usual_lower", "usual_middle", "usual_upper", "count"]
    assert len(shown) == hours
    assert shown["count"].notna().all()
    assert found.city is not None
    assert found.city.total == found.of_day.loc[found.of_day[COUNTER].isin(found.recent.dropna(axis=1)), COUNT].sum()


def test_what_was_usual_is_that_of_before_the_day(cleaned: pd.DataFrame) -> None:
    usual = Morning.of(cleaned, paris("2024-10-27"), whole=False).usual
    assert usual.last_hour == paris("2024-10-26 23:00")


def forecast_of(rows: pd.DataFrame, factor: float) -> pd.DataFrame:
    return rows[[COUNTER, TIME]].assign(**{PREDICTION: factor * rows[COUNT]})


def test_a_forecast_is_judged_by_counters_that_are_not_broken(cleaned: pd.DataFrame) -> None:
    dead = (cleaned[COUNTER] == QUAI) & (cleaned[TIME] >= "2024-11-29")
    morning = Morning.of(cleaned.assign(**{COUNT: cleaned[COUNT].mask(dead, 0.0)}), paris("2024-11-30"), whole=True)
    predicted = forecast_of(cleaned[cleaned[TIME] >= "2024-11-30"], 1.5)
    found = verdict(morning, morning.states(None), predicted)
    assert found is not None
    counted = morning.of_day[morning.of_day[COUNTER] != QUAI][COUNT]
    assert (found.counted, found.predicted, found.counters) == (counted.sum(), 1.5 * counted.sum(), 19)
    assert found.error == pytest.approx(0.5 * counted.mean())
    assert found.usual_error is not None


def test_the_errors_of_forecast_and_usual_are_of_the_same_hours(cleaned: pd.DataFrame) -> None:
    # The first Saturday of a counter: nothing is usual.
    new = cleaned[(cleaned[COUNTER] != QUAI) | (cleaned[TIME] >= "2024-11-27")]
    morning = Morning.of(new, paris("2024-11-30"), whole=True)
    day = cleaned[cleaned[TIME] >= "2024-11-30"]
    predicted = forecast_of(day, 1.0).assign(**{PREDICTION: day[COUNT] + 1000.0 * (day[COUNTER] == QUAI)})
    found = verdict(morning, morning.states(None), predicted)
    assert found is not None
    assert (found.error, found.counters) == (0.0, 20)
    assert found.usual_error is not None


def test_without_a_forecast_there_is_no_verdict(cleaned: pd.DataFrame) -> None:
    morning = Morning.of(cleaned, paris("2024-11-30"), whole=True)
    found = morning.states(None)
    assert verdict(morning, found, None) is None
    others = forecast_of(cleaned[cleaned[TIME] >= "2024-11-30"], 1.0).assign(**{COUNTER: "elsewhere"})
    assert verdict(morning, found, others) is None


def test_a_counter_that_the_model_does_not_know_has_counts_and_no_forecast(cleaned: pd.DataFrame) -> None:
    morning = Morning.of(cleaned, paris("2024-11-30"), whole=True)
    predicted = forecast_of(cleaned[(cleaned[TIME] >= "2024-11-30") & (cleaned[COUNTER] != QUAI)], 2.0)
    unknown, known = (hours_of_counter(morning, name, predicted) for name in (QUAI, BACK))
    assert "forecast" not in unknown
    assert unknown["count"].notna().all()
    assert (known["forecast"] == 2.0 * known["count"]).all()


def test_a_day_without_counts_has_no_total(cleaned: pd.DataFrame) -> None:
    gap = cleaned[(cleaned[TIME] < "2024-11-20") | (cleaned[TIME] >= "2024-11-21")]
    found = Morning.of(gap, paris("2024-11-20"), whole=False)
    assert found.city is None
    assert faults.morning_in_words(ENGLISH, found, found.states(None)).startswith(
        "Wednesday 20 November 2024: no counter counted a bike"
    )


def city(**changes: object) -> CityDay:
    values = {
        "day": datetime.date(2021, 8, 9), "total": 53544, "counters": 52, "kind": "weekday", "rank": 44, "days": 47,
        "middle": 68297.2, "since": datetime.date(2020, 9, 7),
        "others": {datetime.date(2021, 8, 2) - datetime.timedelta(weeks=45 - n): 1.0 * n for n in range(46)},
    }  # fmt: skip
    return CityDay(**{**values, **changes})  # type: ignore[arg-type]


def test_the_chart_shows_the_last_like_days_and_the_day_itself() -> None:
    table = like_days(city())
    assert len(table) == LIKE_DAYS + 1
    assert table["day"].is_monotonic_increasing
    assert list(table["chosen"]) == [False] * LIKE_DAYS + [True]
    assert list(table["bikes"].tail(2)) == [45.0, 53544.0]


def test_a_day_off_is_compared_with_days_off() -> None:
    sunday = city(kind="day_off")
    assert (
        faults.against_like_days(ENGLISH, sunday)
        == "\N{MINUS SIGN}22% against the median of 46 Sundays and public holidays"
    )
    assert (
        faults.title_of_like_days(FRENCH, sunday) == "Vélos dans la ville les 13 derniers dimanches et jours fériés"
    )


@pytest.mark.parametrize(
    ("state", "since", "forecast", "text"),
    [
        ("silent", "2024-11-28 05:00", True, "✕ Silent since 28 Nov 2024 at 5:00"),
        ("zeros", "2024-11-28", True, "∅ Only zeros since 28 Nov 2024"),
        ("swapped", "2024-11-28", True, "⇄ Directions exchanged since 28 Nov 2024"),
        ("far", "2024-11-28", True, "≠ Far from the forecast since 28 Nov 2024"),
        ("far", "2024-11-28", False, "≠ Far from usual since 28 Nov 2024"),
        ("removed", "2024-06-01", True, "– Gone since 1 Jun 2024"),
        ("counting", None, True, "✓ Counting"),
    ],
)
def test_each_state_has_words_and_a_symbol(state: str, since: str | None, *, forecast: bool, text: str) -> None:
    start = pd.NaT if since is None else paris(since)
    found = pd.DataFrame({COUNTER: ["a", "b"], "state": ["counting", state], "since": [pd.NaT, start]})
    assert faults.counter_in_words(ENGLISH, found, "b", forecast=forecast) == text


def test_invented_counts_are_said_to_be_invented() -> None:
    days = (paris("2023-09-01"), pd.Timestamp.now("Europe/Paris").normalize() - pd.DateOffset(days=1))
    assert faults.counts_in_words(ENGLISH, days, sample=True).endswith(
        "; generated sample: streets and counts are invented."
    )
    assert "older" not in faults.counts_in_words(ENGLISH, days, sample=True)


def test_a_registry_alone_tells_which_counters_ended_first() -> None:
    known = {
        name: Counter(latitude=None, longitude=None, mean=1.0, first_hour=first, last_hour=last)
        for name, first, last in (
            ("a", "2024-01-01T00:00:00+01:00", "2024-11-30T23:00:00+01:00"),
            ("b", "2024-01-01T00:00:00+01:00", "2024-03-01T05:00:00+01:00"),
            ("of an earlier version", "", ""),
        )
    }
    assert list(ended(known)["counter"]) == ["b", "a"]


def test_a_counter_is_found_among_the_places_of_a_model() -> None:
    nowhere = Counter(latitude=None, longitude=None, mean=np.nan, first_hour="", last_hour="")
    known = places_of({QUAI: nowhere, BACK: nowhere})
    assert place_of_counter(known, BACK) == ("12 quai des Hirondelles", "S-N")
    assert place_of_counter(known, "elsewhere") is None
