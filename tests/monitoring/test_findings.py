"""Findings about counters: what is told of a whole history, and what is not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNT, COUNTER, HOUR, IDENTIFIER, LATITUDE, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.monitoring.findings.finding import IDS, Finding, troubles
from bike_traffic.monitoring.findings.search import findings
from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.history.hours import changed_hours, times_of

ONE, OTHER = "66 rue du Puits Clair N-S", "66 rue du Puits Clair S-N"
DEAD = "Pont du Vieux Moulin S-N"
"""The counter with the sample's own outage."""
OWN = (DEAD, "outage-zeros", "2024-03-04", "2024-04-07", False)


@pytest.fixture(scope="module")
def counts(sample: pd.DataFrame) -> pd.DataFrame:
    return clean(sample)


def days_of(counts: pd.DataFrame) -> pd.Series:
    """Return the local midnight of each row, which is compared with a day as quickly as a number."""
    return pd.Series(counts[TIME].dt.tz_localize(None).dt.normalize())


def of(counts: pd.DataFrame, name: str, first: str = "2000", last: str = "2100") -> pd.Series:
    """Return which rows are of a counter from one day to another one, both included."""
    day = days_of(counts)
    return pd.Series((counts[COUNTER] == name) & (day >= first) & (day <= last))


def found(rows: pd.DataFrame) -> list[Finding]:
    days = CounterDays()
    for start in range(0, len(rows), 50_000):
        days.add(rows.iloc[start : start + 50_000])
    return findings(days)


def told(rows: pd.DataFrame) -> list[tuple[str | None, str, str, str, bool]]:
    """Return what is found beside the sample's own outage."""
    every = [(one.counter, one.id, f"{one.first_hour:%F}", f"{one.last_hour:%F}", one.lasting) for one in found(rows)]
    return [one for one in every if one != OWN]


def changed(rows: pd.DataFrame, where: pd.Series, factor: float) -> pd.DataFrame:
    return rows.assign(**{COUNT: rows[COUNT].where(~where, (rows[COUNT] * factor).round())})


def test_holidays_seasons_showers_and_quiet_nights_are_no_trouble(counts: pd.DataFrame) -> None:
    assert [one.id for one in found(counts)] == ["outage-zeros"]
    assert told(counts) == []


def test_a_day_on_which_the_whole_city_stands_still_is_no_trouble(counts: pd.DataFrame) -> None:
    """Two counters have no bike on a day on which all others have a tenth: snow, or a strike."""
    snow = days_of(counts) == "2024-01-18"
    rows = changed(changed(counts, snow, 0.1), snow & counts[COUNTER].isin([ONE, OTHER]), 0.0)
    assert told(rows) == []


def test_weeks_in_which_all_counters_count_less_are_no_trouble(counts: pd.DataFrame) -> None:
    lockdown = days_of(counts).between("2023-11-01", "2023-12-10")
    assert told(changed(counts, lockdown, 0.2)) == []


def test_days_of_zeros_and_of_silence_are_outages(counts: pd.DataFrame) -> None:
    rows = changed(counts, of(counts, ONE, "2024-05-03", "2024-05-09"), 0.0)
    rows = rows[~of(rows, OTHER, "2024-11-20", "2024-11-30")]
    assert told(rows) == [
        (ONE, "outage-zeros", "2024-05-03", "2024-05-09", False),
        (OTHER, "outage-silent", "2024-11-20", "2024-11-30", True),
    ]


@pytest.mark.parametrize(("first", "last"), [("2024-02-05", "2024-03-10"), ("2024-10-14", "2024-11-30")])
@pytest.mark.parametrize("factor", [0.15, 5.0])
def test_weeks_at_another_level_are_found_from_the_first_to_the_last_day(
    counts: pd.DataFrame, first: str, last: str, factor: float
) -> None:
    rows = changed(counts, of(counts, ONE, first, last), factor)
    lasting = last == "2024-11-30"
    ((name, kind, begin, end, lasts),) = told(rows)
    assert (name, kind, lasts) == (ONE, "level-changed", lasting)
    off = [abs((pd.Timestamp(one) - pd.Timestamp(other)).days) for one, other in ((begin, first), (end, last))]
    assert max(off) <= 2


def test_a_bad_week_is_no_change_of_level(counts: pd.DataFrame) -> None:
    assert told(changed(counts, of(counts, ONE, "2024-02-05", "2024-02-11"), 0.2)) == []


def test_the_level_says_what_was_usual_before_and_after(counts: pd.DataFrame) -> None:
    rows = changed(counts, of(counts, ONE, "2024-02-05", "2024-03-10"), 0.1)
    (one,) = [one for one in found(rows) if one.id == "level-changed"]
    numbers = one.numbers
    assert 0.07 < numbers["level"] / numbers["usual"] < 0.14
    assert one.message == f"{numbers['level']:,} bikes a day instead of {numbers['usual']:,} for 35 days"


def swapped(counts: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    times = days_of(counts).between(first, last)
    names = counts[COUNTER].astype("str")
    return counts.assign(**{COUNTER: names.where(~times, names.replace({ONE: OTHER, OTHER: ONE})).astype("category")})


def test_two_directions_that_are_exchanged_are_found(counts: pd.DataFrame) -> None:
    rows = swapped(counts, "2024-05-13", "2024-06-09")
    assert [one for one in told(rows) if one[1] != "level-changed"] == [
        (ONE, "directions-swapped", "2024-05-13", "2024-06-07", False),
        (OTHER, "directions-swapped", "2024-05-13", "2024-06-07", False),
    ]


def test_an_exchange_of_one_week_is_not_told(counts: pd.DataFrame) -> None:
    assert told(swapped(counts, "2024-05-13", "2024-05-19")) == []


def test_a_counter_that_comes_late_and_one_that_goes_are_told(counts: pd.DataFrame) -> None:
    rows = counts[~of(counts, ONE, last="2024-01-09") & ~of(counts, OTHER, first="2024-06-01")]
    assert told(rows) == [
        (ONE, "counter-late", "2023-09-01", "2024-01-09", False),
        (OTHER, "counter-vanished", "2024-06-01", "2024-11-30", True),
    ]


def test_a_counter_that_goes_on_under_another_name_is_renamed_and_neither_late_nor_gone(
    counts: pd.DataFrame,
) -> None:
    new = "66 rue du Puits Clair 66 rue du Puits Clair Vélos N-S"
    names = counts[COUNTER].astype("str").mask(of(counts, ONE, first="2024-06-01"), new)
    rows = counts.assign(**{COUNTER: names.astype("category")})
    (one,) = [one for one in found(rows) if one.counter != DEAD]
    assert (one.id, one.counter, one.message) == ("counter-renamed", ONE, f"goes on as {new}")


def test_a_counter_whose_identifier_goes_on_under_a_quite_different_name_is_renamed(counts: pd.DataFrame) -> None:
    new = "Totem 12 quai Neuf S-N"
    names = counts[COUNTER].astype("str")
    numbers = (names + " 2024").astype("category")  # other counters have identifiers of their own
    rows = counts.assign(
        **{
            COUNTER: names.mask(of(counts, ONE, first="2024-06-01"), new).astype("category"),
            IDENTIFIER: numbers,
        }
    )
    (one,) = [one for one in found(rows) if one.counter != DEAD]
    assert (one.id, one.counter, one.message) == ("counter-renamed", ONE, f"goes on as {new}")


def test_a_counter_whose_coordinates_change_is_moved(counts: pd.DataFrame) -> None:
    latitude = counts[LATITUDE].mask(of(counts, ONE, first="2024-06-01"), counts[LATITUDE] + 0.01)
    (one,) = [one for one in found(counts.assign(**{LATITUDE: latitude})) if one.counter != DEAD]
    assert (one.id, one.counter, f"{one.first_hour:%F %H}") == ("counter-moved", ONE, "2024-06-01 00")
    assert one.numbers["metres"] == pytest.approx(1112, abs=12)


def test_a_row_with_other_coordinates_is_no_move(counts: pd.DataFrame) -> None:
    latitude = counts[LATITUDE].mask(of(counts, ONE, "2024-06-01", "2024-06-02"), counts[LATITUDE] + 0.01)
    assert told(counts.assign(**{LATITUDE: latitude})) == []


def test_single_hours_that_are_missing_are_counted(counts: pd.DataFrame) -> None:
    (one,) = [one for one in found(counts[~(of(counts, ONE) & (counts[HOUR] == 3))]) if one.counter != DEAD]
    assert (one.id, one.counter, one.numbers) == ("hours-missing", ONE, {"hours": 457, "share": 0.0417})


def test_hours_of_the_clock_change_that_are_missing_or_doubled_are_told_for_the_whole_file(
    counts: pd.DataFrame,
) -> None:
    autumn = counts[(days_of(counts) == "2023-10-29") & (counts[HOUR] == 2)]
    first = autumn[autumn[TIME].dt.strftime("%z") == "+0200"]
    spring = counts[(days_of(counts) == "2024-03-31") & (counts[HOUR] == 3)]
    rows = pd.concat([counts.drop(index=first.index), spring], ignore_index=True)
    (one,) = [one for one in found(rows) if one.counter is None]
    assert (one.id, one.message) == ("hours-of-clock-change", "hours of the clock change: 1 missing, 1 doubled")
    assert one.numbers["missing_hours"] == ["2023-10-29T02:00:00+02:00"]
    assert one.numbers["doubled_hours"] == ["2024-03-31T03:00:00+02:00"]


def test_a_row_whose_year_is_mistyped_makes_nobody_late_or_silent(counts: pd.DataFrame) -> None:
    rows = pd.concat([counts, counts.head(1).assign(**{TIME: counts[TIME].iloc[:1] + pd.DateOffset(years=20)})])
    assert told(rows) == []


def test_counts_to_predict_and_an_empty_file_have_no_findings(counts: pd.DataFrame) -> None:
    assert found(counts.head(0)) == found(counts.head(100).drop(columns=COUNT)) == []


def test_of_a_counter_and_hour_that_comes_again_the_first_row_counts(counts: pd.DataFrame) -> None:
    rows = counts.head(5000)
    once, twice = CounterDays.of(rows), CounterDays.of(pd.concat([rows, rows.assign(**{COUNT: 9.0})]))
    twice.add(rows)
    for name in ("number", "day", "hours", "bikes", "morning", "evening"):
        np.testing.assert_array_equal(getattr(once, name), getattr(twice, name))


def test_the_days_of_a_history_grow_with_counters_and_days_and_not_with_rows(counts: pd.DataFrame) -> None:
    days = CounterDays.of(counts)
    assert len(days) == 20 * days_of(counts).nunique()


def test_the_clock_changes_at_three_hours_a_year() -> None:
    times = times_of(changed_hours(474_768, 474_768 + 366 * 24))
    assert [one.isoformat() for one in times] == [
        "2024-03-31T03:00:00+02:00",
        "2024-10-27T02:00:00+02:00",
        "2024-10-27T02:00:00+01:00",
    ]


def test_tables_name_directions_of_a_place_together_and_the_worst_first(counts: pd.DataFrame) -> None:
    both = counts[COUNTER].isin([ONE, OTHER])
    week = days_of(counts).between("2024-11-22", "2024-11-30")
    named = [(one.name, one.first.id, one.lasting) for one in troubles(found(counts[~(both & week)]))]
    assert named == [("66 rue du Puits Clair (N-S, S-N)", "outage-silent", True), (DEAD, "outage-zeros", False)]


def test_every_kind_of_finding_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/check.md").read_text(encoding="utf-8")
    assert re.findall(r"^### `([a-z-]+)`$", text, re.MULTILINE) == list(IDS)
