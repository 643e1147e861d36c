"""The promises of every pipeline, one test for each, and those of this one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bike_traffic.errors import ParameterError
from bike_traffic.testing import pipeline_checks
from bt_lightgbm.model import LightGBMPipeline


@pipeline_checks("lightgbm")
def test_promises(check: Callable[[], None]) -> None:
    check()


@pytest.fixture
def counts() -> pd.DataFrame:
    """Return eight weeks of one counter, busy at eight on working days."""
    hours = pd.date_range("2024-03-04", periods=8 * 7 * 24, freq="h", tz="Europe/Paris")
    busy = (hours.hour == 8) & (hours.day_of_week < 5)
    return pd.DataFrame(
        {
            "Nom du compteur": "12 quai des Hirondelles",
            "Date et heure de comptage": hours,
            "Coordonnées géographiques": "48.85,2.35",
            "Comptage horaire": np.where(busy, 400, 10),
        }
    )


def test_it_learns_a_rush_hour(counts: pd.DataFrame) -> None:
    """Compare medians: to the model Easter Monday is a holiday, in these counts it is not."""
    predicted = LightGBMPipeline(min_child_samples=5).fit(counts).predict(counts)
    medians = predicted.groupby(counts["Comptage horaire"]).median()
    assert medians.to_dict() == pytest.approx({10: 10.0, 400: 400.0}, rel=0.1)


def test_the_number_of_threads_changes_nothing(counts: pd.DataFrame) -> None:
    one, two = (LightGBMPipeline(n_estimators=20, n_jobs=threads).fit(counts).predict(counts) for threads in (1, 2))
    pd.testing.assert_series_equal(one, two, check_exact=True)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"learning_rate": -1.0}, "'lightgbm': Check failed: (learning_rate) > (0.0)"),
        ({"n_estimators": 0}, "'lightgbm': Number of boosting rounds must be greater than 0"),
    ],
)
def test_a_parameter_that_the_library_refuses_is_reported_in_one_line(
    counts: pd.DataFrame, parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        LightGBMPipeline(**parameters).fit(counts)
    assert str(caught.value).startswith(message)


def test_a_counter_that_is_dead_at_the_end_of_training_is_predicted_to_count_next_to_nothing(
    counts: pd.DataFrame,
) -> None:
    """Only after training: the trees learn from the days before."""
    count = counts["Comptage horaire"]
    dying = counts.assign(**{"Comptage horaire": count.where(np.arange(len(count)) < len(count) - 72, 0)})
    times = counts["Date et heure de comptage"]
    later = counts.tail(168).assign(**{"Date et heure de comptage": times.tail(168) + pd.DateOffset(days=7)})
    pipeline = LightGBMPipeline(min_child_samples=5).fit(dying)
    assert pipeline.predict(counts.tail(168)).max() > 100
    assert pipeline.predict(later).max() < 10
