"""The charts of errors and records say how good a forecast was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bike_traffic.app.charts.came import came_chart
from bike_traffic.app.charts.errors import error_by_counter_chart, error_by_hour_chart
from bike_traffic.app.charts.metric_history import metric_history_chart
from bike_traffic.app.charts.theme import DARK, LIGHT
from bike_traffic.app.words import Words, words_of
from tests.app.charts.checks import check, legend, rows
from tests.app.charts.frames import NAN

EN, FR = words_of("en"), words_of("fr")
LANGUAGES = pytest.mark.parametrize("words", [EN, FR], ids=["en", "fr"])


def by_hour() -> pd.DataFrame:
    hours = np.arange(24)
    error = 110.0 - 5 * np.abs(hours - 18)
    return pd.DataFrame({"hour": hours, "error": error, "baseline": np.where(hours < 6, error - 1, error + 20)})


def by_counter() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["Pont de Bercy N-S", "Quai d'Orsay O-E", "18 quai de l'Hôtel de Ville NO-SE"],
            "error": [4.24, 9.0, NAN],
        }
    )


def hours() -> pd.DataFrame:
    times = pd.date_range("2021-03-26", "2021-03-30", freq="h", tz="Europe/Paris", inclusive="left")
    count = 100.0 + 50 * np.sin(np.arange(len(times)) / 4)
    count[30] = 900
    count[50:55] = NAN
    forecast = np.full(len(times), 100.0)
    return pd.DataFrame(
        {"time": times, "forecast": forecast, "count": count, "lower": forecast - 60, "upper": forecast + 60}
    )


def history() -> pd.DataFrame:
    times = pd.date_range("2026-09-01", periods=6, freq="9D", tz="UTC")
    return pd.DataFrame(
        {
            "time": times[::-1],
            "value": [48.0, 51.25, 54.0, 60.0, 40.0, 55.0],
            "model": ["rf", "ahead", "rf", "it's", "rf", "ahead"],
            "withdrawn": [False, False, False, False, True, False],
            "alias": ["prod", "", None, "", "", ""],
        }
    )


@LANGUAGES
def test_every_chart_is_valid(words: Words) -> None:
    check(error_by_hour_chart(by_hour(), words, LIGHT))
    check(error_by_counter_chart(by_counter().assign(baseline=5.0), words, DARK))
    check(came_chart(hours(), words, LIGHT))
    check(metric_history_chart(history(), words, DARK, "RMSE", higher_is_better=False))


def test_charts_of_nothing_say_so() -> None:
    charts = [
        *(
            error_by_hour_chart(frame, EN, LIGHT)
            for frame in (by_hour().head(0), by_hour()[["hour"]].assign(error=NAN))
        ),
        *(
            error_by_counter_chart(frame, EN, LIGHT)
            for frame in (by_counter().head(0), by_counter().assign(error=NAN))
        ),
        *(came_chart(frame, EN, LIGHT) for frame in (hours().head(0), hours()[["time", "count"]], hours()[["time"]])),
        metric_history_chart(history().head(0), EN, LIGHT, "RMSE", higher_is_better=False),
        metric_history_chart(history().assign(value=NAN), EN, LIGHT, "RMSE", higher_is_better=False),
    ]
    for chart in charts:
        check(chart)
        assert chart.alt.startswith("No ")


def test_errors_by_hour_stand_beside_those_of_the_baseline() -> None:
    chart = error_by_hour_chart(by_hour(), EN, LIGHT)
    assert chart.alt == (
        "Largest at 18:00: 110 (mean error, bikes per hour). "
        "Smaller than the mean of the last four weeks in 18 of 24."
    )
    assert legend(chart) == ["Forecast", "Mean of the last four weeks"]


def test_errors_by_counter_begin_with_the_largest() -> None:
    chart = error_by_counter_chart(by_counter(), EN, LIGHT)
    assert [(row["name"], row["t"]) for row in rows(chart)] == [
        ("Quai d'Orsay O-E", "9.0"),
        ("Pont de Bercy N-S", "4.2"),
        ("18 quai de l'Hôtel de Ville NO-SE", "–"),
    ]
    assert chart.alt == "Largest at Quai d'Orsay O-E: 9.0 (mean error, bikes per hour)."
    assert chart.spec["title"]["text"] == ["mean error, bikes per hour"]


def test_errors_by_counter_say_what_the_line_is_where_there_is_one() -> None:
    chart = error_by_counter_chart(by_counter().assign(baseline=5.0), EN, LIGHT)
    assert " ".join(chart.spec["title"]["text"][1:]) == "Bar: forecast. Line: mean of the last four weeks."
    assert chart.alt.endswith("Smaller than the mean of the last four weeks in 1 of 2.")


def test_what_came_is_compared_over_the_hours_that_have_both_also_where_the_clocks_change() -> None:
    chart = came_chart(hours(), EN, LIGHT)
    assert len(rows(chart)) == 95
    assert chart.alt == (
        "Off by 41 bikes per hour on average; 9,000 bikes predicted, 9,840 counted. "
        "Furthest off: Sat 27, 6:00, 100 predicted, 900 counted. 99% of the counts lay in the interval."
    )
    axis = chart.spec["layer"][0]["encoding"]["x"]["axis"]
    assert axis["values"] == [0, 24, 48, 71]


@pytest.mark.parametrize(
    ("higher", "best"), [(False, "48.0, rf on 16 Oct 2026"), (True, "60.0, it's on 19 Sept 2026")]
)
def test_the_best_record_is_one_that_stands(higher: bool, best: str) -> None:
    chart = metric_history_chart(history(), EN, LIGHT, "RMSE", higher_is_better=higher)
    assert chart.alt == f"RMSE: the best of 6 records is {best}. 1 is withdrawn."


def test_records_say_their_alias_and_that_they_are_withdrawn() -> None:
    chart = metric_history_chart(history(), EN, LIGHT, "RMSE", higher_is_better=False)
    assert legend(chart) == ["ahead", "it's", "rf", "withdrawn"]
    assert [row["a"] for row in rows(chart) if "e" in row or "w" in row] == [
        "rf, 10 Sept 2026: 40.0 · withdrawn",
        "rf, 16 Oct 2026: 48.0 · prod",
    ]


def test_metrics_below_ten_have_three_digits() -> None:
    chart = metric_history_chart(history().assign(value=0.71239), EN, LIGHT, "R²", higher_is_better=True)
    assert rows(chart)[0]["v"] == 0.712
