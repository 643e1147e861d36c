"""The charts of the past: each says its result, and shows what is missing."""

from __future__ import annotations

import json
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest

from bike_traffic.app.charts.calendar import calendar_chart
from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.heat import heat_chart
from bike_traffic.app.charts.like_days import like_days_chart
from bike_traffic.app.charts.months import months_chart
from bike_traffic.app.charts.ranking import ranking_chart
from bike_traffic.app.charts.theme import DARK, LIGHT
from bike_traffic.app.charts.to_date import to_date_chart
from bike_traffic.app.words import Words, words_of
from tests.app.charts.checks import check, legend, rows, selections
from tests.app.charts.frames import NAN, places_of

EN, FR = words_of("en"), words_of("fr")


def means() -> pd.DataFrame:
    grid = pd.MultiIndex.from_product([range(7), range(24)], names=["weekday", "hour"]).to_frame(index=False)
    return grid.assign(bikes=1_000.0 - 30 * (grid["hour"] - 18).abs() - 50 * (grid["weekday"] - 1).abs())


def year() -> pd.DataFrame:
    days = pd.date_range("2020-09-02", "2021-08-09")
    return pd.DataFrame({"day": days.date, "bikes": 5_000.0 + 10 * np.arange(len(days))})


def months() -> pd.DataFrame:
    first = pd.date_range("2020-09-01", periods=12, freq="MS")
    return pd.DataFrame(
        {"month": first, "bikes": 1_000.0 * np.arange(12, 0, -1), "last_year": [NAN] + [5_000.0] * 11}
    )


def like_days() -> pd.DataFrame:
    days = pd.date_range("2021-03-30", periods=12, freq="7D")
    chosen = [False] * 11 + [True]
    return pd.DataFrame(
        {"day": days.date, "bikes": [10_000.0 + at for at in range(11)] + [16_887.0], "chosen": chosen}
    )


def to_date() -> pd.DataFrame:
    days = pd.date_range("2021-01-01", "2021-08-09")
    return pd.DataFrame({"day": days.date, "bikes": 110.0, "last_year": 100.0})


ALL = {
    "heat": (heat_chart, means),
    "calendar": (calendar_chart, year),
    "months": (months_chart, months),
    "like days": (partial(like_days_chart, middle=10_005.0, others=46), like_days),
    "to date": (to_date_chart, to_date),
    "ranking": (ranking_chart, lambda: places_of(26)),
}


def draw(name: str, words: Words, frame: pd.DataFrame | None = None) -> Chart:
    chart, make = ALL[name]
    drawn: Chart = chart(make() if frame is None else frame, words, DARK)  # type: ignore[operator]
    return drawn


@pytest.mark.parametrize("words", [EN, FR], ids=["en", "fr"])
@pytest.mark.parametrize("name", ALL)
def test_a_chart_is_valid_and_small(name: str, words: Words) -> None:
    chart = draw(name, words)
    check(chart)
    assert len(json.dumps(chart.spec)) < 40_000


@pytest.mark.parametrize("name", ALL)
def test_a_frame_without_rows_or_values_says_that_there_is_nothing(name: str) -> None:
    frame = ALL[name][1]()
    for nothing in (frame.head(0), frame.assign(bikes=NAN)):
        chart = draw(name, EN, nothing)
        check(chart)
        assert chart.alt.startswith(("No ", "Nothing "))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("heat", "Busiest: Tuesday at 18:00, 1,000 bikes on average. Quietest: Sunday at 0:00, 210."),
        ("calendar", "From 2 Sept 2020 to 9 Aug 2021: most bikes on Monday 9 August 2021, 8,410 bikes."),
        (
            "months",
            "Most in September 2020: 12,000 bikes per day. "
            "11 months that both years have: +20% against the year before.",
        ),
        (
            "like days",
            "Tuesday 15 June 2021: 16,887 bikes; the median of the 46 others like it is 10,005.",
        ),
        ("to date", "To 9 Aug 2021: 24,310 bikes, +10% against the year before."),
        (
            "ranking",
            "First of 26: Face au 25 avenue de la porte de Bagnolet with 26,000; "
            "last: Face au 0 avenue de la porte de Bagnolet with 1,000 (bikes per day).",
        ),
    ],
)
def test_the_alternative_text_says_the_result(name: str, said: str) -> None:
    assert draw(name, EN).alt == said


def test_cells_without_a_mean_are_hollow_and_in_the_legend() -> None:
    chart = draw("heat", EN, means().drop(index=[3]))
    check(chart)
    assert legend(chart) == ["no counts"]
    assert [(row["w"], row["h"]) for row in rows(chart) if "n" not in row] == [(0, 3)]
    assert legend(draw("heat", EN)) == []


def test_days_that_are_missing_or_nan_stay_visible_in_the_calendar() -> None:
    days = year().drop(index=range(50, 55))
    days.loc[100, "bikes"] = NAN
    chart = draw("calendar", EN, days)
    check(chart)
    assert len([row for row in rows(chart) if "n" not in row]) == 6
    assert len(rows(chart)) == len(year())
    assert chart.alt.endswith("6 days without counts.")


def test_a_week_of_the_calendar_begins_on_monday() -> None:
    first = rows(draw("calendar", EN))[:6]  # 2 September 2020 is a Wednesday
    assert [(row["x"], row["w"]) for row in first] == [(0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (1, 0)]


def test_days_that_one_year_lacks_are_in_no_sum() -> None:
    """A gap of one year would look like a fall of it."""
    days = to_date()
    days.loc[10:19, "bikes"] = NAN
    days.loc[30:34, "last_year"] = NAN
    chart = draw("to date", EN, days)
    assert chart.alt == (
        "To 9 Aug 2021: 22,660 bikes, +10% against the year before. 15 days that one of the years lacks are left out."
    )
    assert rows(chart)[-1] == {"x": 220, "d": "9 Aug 2021", "n": 22_660, "l": 20_600}


def test_months_without_a_year_before_show_one_series() -> None:
    chart = draw("months", EN, months().drop(columns="last_year"))
    check(chart)
    assert legend(chart) == ["This year"]
    assert chart.alt == "Most in September 2020: 12,000 bikes per day."


def test_a_ranking_shows_long_names_cut_in_the_middle_and_whole_on_demand() -> None:
    chart = draw("ranking", EN)
    assert "Face au 25…e Bagnolet" in json.dumps(chart.spec, ensure_ascii=False)
    assert rows(chart)[0]["name"] == "Face au 25 avenue de la porte de Bagnolet"
    assert selections(chart) == {"place": ["name"]}


def test_places_without_a_number_come_last() -> None:
    chart = draw("ranking", EN, places_of(3).assign(bikes=[NAN, 1, 2]))
    assert [row["t"] for row in rows(chart)] == ["2", "1", "–"]
    assert "First of 2" in chart.alt


def test_names_of_months_and_weekdays_are_the_readers() -> None:
    texts = {words.language: json.dumps(draw("calendar", words).spec, ensure_ascii=False) for words in (EN, FR)}
    assert '\\"févr.\\"' in texts["fr"]
    assert '\\"lun.\\"' in texts["fr"]
    assert '\\"Feb\\"' in texts["en"]


def test_the_theme_of_the_page_is_taken() -> None:
    assert LIGHT.text not in json.dumps(draw("heat", EN).spec)


def test_the_month_of_the_first_day_is_left_out_if_there_is_no_room() -> None:
    chart = draw("like days", EN)
    assert (
        '"0": ["30", "", ""], "1": ["6", "Apr", ""]' in chart.spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"]
    )


def test_the_number_of_the_chosen_day_stands_below_the_line_of_months() -> None:
    """Vega trims lines and leaves out empty ones."""
    text = json.dumps(draw("like days", FR).spec, ensure_ascii=False)
    (expression,) = set(re.findall(r'"labelExpr": "\((.+?)\)\[datum.value\]"', text))
    labels = json.loads(json.loads(f'"{expression}"'))
    (chosen,) = [lines for lines in labels.values() if lines[2]]
    assert chosen[1].strip()
