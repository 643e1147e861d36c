"""The chart of a day shows what there is, and says the result."""

from __future__ import annotations

import pytest

from bike_traffic.app.charts.day import day_chart
from bike_traffic.app.charts.theme import DARK, LIGHT, Theme
from bike_traffic.app.words import Language, words_of
from tests.app.charts.checks import check, legend, marks, rows
from tests.app.charts.frames import FULL, NAN, hours_of

EN, FR = words_of("en"), words_of("fr")


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_part_is_drawn_and_in_the_legend(language: Language, theme: Theme) -> None:
    words = words_of(language)
    chart = day_chart(hours_of("2021-06-15", *FULL), words, theme)
    check(chart)
    assert legend(chart) == [words.say(word) for word in ("Forecast", "Interval", "Counted", "Usual")]
    numbers = {"f": 690, "l": 660, "u": 750, "c": 685, "m": 518, "a": 345, "b": 759}
    assert rows(chart)[8] == {"x": 8, "h": words.hour(8), **numbers}


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Tuesday 15 June 2021: peak at 8:00 with 690 bikes. Usually 518. Counted at that hour: 685 bikes."),
        (
            "fr",
            "Mardi 15 juin 2021\xa0: pointe à 8\xa0h avec 690\xa0vélos. D’habitude\xa0: 518. "
            "Compté à cette heure\xa0: 685\xa0vélos.",
        ),
    ],
)
def test_the_alternative_text_says_the_peak_and_what_was_usual(language: Language, said: str) -> None:
    assert day_chart(hours_of("2021-06-15", *FULL), words_of(language), LIGHT).alt == said


def test_a_column_that_is_missing_or_all_nan_is_neither_drawn_nor_in_the_legend_nor_in_the_table() -> None:
    hours = hours_of("2021-06-15", "forecast").assign(usual_middle=NAN, count=None)
    chart = day_chart(hours, EN, LIGHT)
    check(chart)
    assert legend(chart) == ["Forecast"]
    assert list(chart.table) == ["Hour", "Forecast"]
    assert chart.alt == "Tuesday 15 June 2021: peak at 8:00 with 690 bikes."


def test_counts_without_a_forecast_are_what_the_text_is_about() -> None:
    chart = day_chart(hours_of("2021-06-15", "count"), EN, LIGHT)
    check(chart)
    assert chart.alt == "Tuesday 15 June 2021: most bikes were counted at 8:00, 685 bikes."


@pytest.mark.parametrize("columns", [{}, {"forecast": NAN, "count": NAN}])
def test_a_day_without_numbers_says_so(columns: dict[str, float]) -> None:
    chart = day_chart(hours_of("2021-06-15").assign(**columns), EN, LIGHT)
    check(chart)
    assert chart.alt == "No forecast and no counts of this day."


def test_a_frame_without_rows_says_so() -> None:
    chart = day_chart(hours_of("2021-06-15", *FULL).head(0), EN, LIGHT)
    check(chart)
    assert chart.alt == "No forecast and no counts of this day."


@pytest.mark.parametrize(
    ("day", "labels"),
    [
        ("2021-03-28", ["0:00", "1:00", "3:00"]),
        ("2021-10-31", ["0:00", "1:00", "2:00 (summer time)", "2:00 (winter time)", "3:00"]),
    ],
)
def test_hours_are_the_local_ones_on_days_of_23_and_25_hours(day: str, labels: list[str]) -> None:
    hours = hours_of(day, *FULL)
    chart = day_chart(hours, EN, LIGHT)
    check(chart)
    assert [row["h"] for row in rows(chart)][: len(labels)] == labels
    assert [row["x"] for row in rows(chart)] == list(range(len(hours)))
    assert list(chart.table["Hour"])[: len(labels)] == labels
    axis = chart.spec["layer"][0]["encoding"]["x"]["axis"]
    assert axis["values"] == [
        labels.index("3:00") + three * 3 - (3 if three else 0) if three else 0 for three in range(8)
    ]
    assert f'"{labels.index("3:00")}": "3:00"' in axis["labelExpr"]


def test_hours_below_ten_bikes_keep_one_digit_after_the_point() -> None:
    hours = hours_of("2021-06-15", "forecast").assign(forecast=lambda frame: frame["forecast"].clip(lower=0) / 100)
    chart = day_chart(hours, EN, LIGHT)
    assert rows(chart)[8]["f"] == 6.9
    assert chart.alt == "Tuesday 15 June 2021: peak at 8:00 with 6.9 bikes."


def test_counted_and_forecast_differ_in_shape_and_not_in_colour_alone() -> None:
    drawn = marks(day_chart(hours_of("2021-06-15", *FULL), EN, LIGHT))
    assert {mark["type"] for mark in drawn if LIGHT.counted in mark.values()} == {"point"}
    assert {mark["type"] for mark in drawn if mark.get("color") == LIGHT.usual and "strokeDash" in mark} == {"line"}
    assert [mark for mark in drawn if mark.get("color") == LIGHT.forecast and "strokeDash" in mark] == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_classifiers_day_shows_chances(language: Language) -> None:
    words = words_of(language)
    chart = day_chart(hours_of("2021-06-15", "probability"), words, DARK)
    check(chart)
    assert rows(chart)[8]["p"] == 1
    assert words.percent(1) in chart.alt
    assert list(chart.table) == [words.say("Hour"), words.say("Chance of a busy hour")]


def test_a_classifiers_day_says_the_likeliest_hour() -> None:
    said = day_chart(hours_of("2021-06-15", "probability"), EN, LIGHT).alt
    assert said == (
        "Tuesday 15 June 2021: 8:00 is the most likely busy hour, with a chance of 100%. "
        "17 hours are predicted to be busy."
    )


def test_numbers_are_in_the_readers_form() -> None:
    separators = [
        day_chart(hours_of("2021-06-15", *FULL), words, LIGHT).spec["config"]["locale"]["number"]
        for words in (FR, EN)
    ]
    assert [(one["decimal"], one["thousands"], one["percent"]) for one in separators] == [
        (",", "\u202f", "\xa0%"),
        (".", ",", "%"),
    ]


def test_the_table_holds_the_rounded_numbers_of_the_chart() -> None:
    table = day_chart(hours_of("2021-06-15", "forecast", "count"), EN, LIGHT).table
    assert table.loc[8].to_dict() == {"Hour": "8:00", "Forecast": 690.0, "Counted": 685.0}
