"""Every view of the past answers in words, also where there is little or nothing to tell."""

from __future__ import annotations

import pandas as pd
import pytest

from bike_traffic.app.charts.theme import LIGHT
from bike_traffic.app.glances import CALENDAR, LIKE_DAYS, MONTHS, OF_PLACES, SHOWS, Asked, Glance, glance
from bike_traffic.app.history import History
from bike_traffic.app.outlook import BOTH, Spot
from bike_traffic.app.words import plain, words_of
from bike_traffic.columns import COUNT, TIME
from bike_traffic.places import places_of
from tests.app.test_history import counts, without


def look(history: History, show: str, place: str | None, day: str = "2024-03-23", year: str = "2024") -> Glance:
    known = places_of(history.counters)
    spot = None if place is None else Spot.of(known[place], BOTH)
    asked = Asked(show, spot, place, history.periods()[year], pd.Timestamp(day, tz="Europe/Paris"))
    return glance(history, known, asked, words_of("en"), LIGHT)


@pytest.mark.parametrize("show", SHOWS)
def test_a_place_without_a_count_in_the_period_is_said(show: str) -> None:
    late = without(counts({"a": 10, "late": 90}, "2023-12-01", 61), "late", "2023-12-01", "2024-01-20")
    found = look(History.of(late), show, "late", day="2023-12-20", year="2023")
    if show == "records":  # these are of all counts
        assert "2,160 bikes" in found.sentence
    else:
        assert found.sentence in ("late: too few counts to tell", "late: no counts of Wednesday 20 December 2023")


@pytest.mark.parametrize("show", SHOWS)
def test_one_day_of_counts_is_enough_for_a_page(show: str) -> None:
    found = look(History.of(counts({"a": 10, "b": 5}, "2024-03-23", 1)), show, None)
    assert found.sentence
    assert found.notes


def test_a_place_that_counted_nothing_but_zeros_has_no_day() -> None:
    rows = counts({"a": 10, "dead": 0})
    found = look(History.of(rows), LIKE_DAYS, "dead")
    assert found.sentence == "dead: no counts of Saturday 23 March 2024"
    assert found.notes == ()


def test_most_bikes_of_all_days_like_it_are_a_record() -> None:
    rows = counts({"a": 10})
    of_day = (rows[TIME] >= "2024-03-23") & (rows[TIME] < "2024-03-24")
    rows.loc[of_day, COUNT] = 11.0
    found = look(History.of(rows), LIKE_DAYS, "a")
    assert found.sentence == (
        "Saturday 23 March 2024, a: 264 bikes, a record: most of the 4 Saturdays counted since 2 Mar 2024"
    )


def test_the_first_day_of_its_kind_has_nothing_to_be_compared_with() -> None:
    found = look(History.of(counts({"a": 10})), LIKE_DAYS, "a", day="2024-03-02")
    assert found.sentence == "Saturday 2 March 2024, a: 240 bikes; no day like it was counted before"


def test_months_of_few_days_are_named() -> None:
    found = look(History.of(counts({"a": 10}, "2024-02-01", 40)), MONTHS, "a")
    assert "Incomplete months: March 2024 (11 days)." in found.notes


def test_an_outage_of_one_counter_of_a_place_is_named_with_it() -> None:
    rows = without(counts({"Pont N-S": 10, "Pont S-N": 5, "x": 1}), "Pont N-S", "2024-03-10", "2024-03-12")
    notes = look(History.of(rows), CALENDAR, "Pont").notes
    assert notes[-1] == r"Outages: 10 Mar 2024 to 11 Mar 2024 (Pont N\-S, silent)."


@pytest.mark.parametrize("show", SHOWS)
def test_the_table_on_the_screen_and_the_file_have_the_same_rows(show: str) -> None:
    found = look(History.of(counts({"a": 10, "b": 5}, "2023-03-01", 500)), show, "a")
    for picture in found.pictures:
        lines = picture.csv.decode("utf-8-sig").splitlines()
        assert lines[0] == ";".join(picture.table.columns)
        assert len(lines) == 1 + len(picture.table)
        assert picture.chart is None or picture.chart.table is picture.table


@pytest.mark.parametrize("show", OF_PLACES)
def test_a_name_that_others_wrote_is_no_markdown(show: str) -> None:
    name = "![x](http://a.b/c.png)"
    assert look(History.of(counts({name: 10})), show, name).sentence.startswith(plain(name) + ": ")


def test_a_year_before_counts_on_the_same_counters() -> None:
    """A counter that is new this year does not make the city grow."""
    rows = without(counts({"a": 10, "new": 90}, "2023-01-01", 731), "new", "2023-01-01", "2024-01-01")
    found = look(History.of(rows), MONTHS, None)
    assert found.sentence.startswith("The whole city: 0% against the year before")
    assert found.notes[-1].startswith("Counts of 1 counter (of 2)")
