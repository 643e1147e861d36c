"""The week shows its days, marks the chosen one, and a click selects one."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.theme import DARK, LIGHT
from bike_traffic.app.charts.week import week_chart
from bike_traffic.app.words import Language, words_of
from tests.app.charts.checks import check, legend, rows, selections
from tests.app.charts.frames import NAN, week

EN = words_of("en")


def labels(chart: Chart) -> dict[str, list[str]]:
    """Return the lines of text below each bar."""
    written = chart.spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"]
    found: dict[str, list[str]] = json.loads(written.removeprefix("(").removesuffix(")[datum.value]"))
    return found


def test_each_day_has_its_number_and_the_chosen_one_its_mark() -> None:
    chart = week_chart(week(), EN, LIGHT)
    check(chart)
    assert [row["day"] for row in rows(chart)] == [f"2021-06-{day}" for day in range(14, 21)]
    assert rows(chart)[1] == {
        "day": "2021-06-15",
        "d": "Tue 15",
        "n": 16_887,
        "a": "Tue 15: 16,887 bikes, usually 15,000",
        "s": 1,
        "u": 15_000,
    }
    assert [row["day"] for row in rows(chart) if "s" in row] == ["2021-06-15"]
    assert labels(chart)["2021-06-15"] == ["Tue", "15", "16,887"]


def test_a_click_selects_the_date() -> None:
    assert selections(week_chart(week(), EN, LIGHT)) == {"day": ["day"]}


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            "Most bikes on Tuesday 15 June 2021 (16,887 bikes), fewest on Sunday 20 June 2021 (8,975). "
            "Against usual: +2%.",
        ),
        (
            "fr",
            "Le plus de vélos mardi 15 juin 2021 (16\u202f887\xa0vélos), le moins dimanche 20 juin 2021 "
            "(8\u202f975). Par rapport à l’habitude\xa0: +2\xa0%.",
        ),
    ],
)
def test_the_alternative_text_says_the_extremes_and_the_difference(language: Language, said: str) -> None:
    assert week_chart(week(), words_of(language), LIGHT).alt == said


def test_days_without_a_number_are_said_to_be_without() -> None:
    days = week().assign(bikes=[NAN, 2, 3, NAN, 0, 1, 12_345], usual=NAN, count=NAN)
    chart = week_chart(days, EN, DARK)
    check(chart)
    assert (labels(chart)["2021-06-14"][-1], rows(chart)[0]["a"]) == ("–", "Mon 14: no forecast")
    assert legend(chart) == ["Forecast"]
    assert list(chart.table) == ["Day", "Forecast"]


@pytest.mark.parametrize("days", [week().head(0), week().assign(bikes=NAN), week()[["day"]]])
def test_a_week_without_numbers_says_so(days: pd.DataFrame) -> None:
    chart = week_chart(days, EN, LIGHT)
    check(chart)
    assert chart.alt == "No forecast of these days."


def test_counts_of_past_days_are_crosses() -> None:
    chart = week_chart(week().assign(count=[14_000.0, *[NAN] * 6]), EN, LIGHT)
    check(chart)
    assert legend(chart) == ["Forecast", "Usual", "Counted"]
    assert rows(chart)[0]["c"] == 14_000


def test_a_classifiers_week_shows_chances() -> None:
    chances = [0.2, 0.9, 0.8, 0.7, 0.6, 0.1, 0.05]
    chart = week_chart(week()[["day", "chosen"]].assign(probability=chances), EN, LIGHT)
    check(chart)
    assert labels(chart)["2021-06-15"][-1] == "90%"
    assert chart.alt == (
        "A busy hour is most likely on Tuesday 15 June 2021 (90%), least likely on Sunday 20 June 2021 (5%)."
    )
