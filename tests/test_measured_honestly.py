"""What is measured is what it is called: nothing of the held-out rows is known, and the sample is predicted well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bike_traffic.columns import COUNT, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.evaluation.measuring import scores
from bike_traffic.evaluation.metrics import DEFAULT_METRIC
from bike_traffic.evaluation.parts.sums import Sums
from bike_traffic.evaluation.rows import BASELINE, TRUTH
from bike_traffic.features.outages import without_outages
from bike_traffic.manager import PluginHost
from bike_traffic.pipeline import PREDICTION
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, TrainingResult, train_model

PLAN = TrainingPlan(parameters={"n_estimators": 4}, interval=False, refit=False)


def trained(counts: pd.DataFrame, registry: str, plan: TrainingPlan = PLAN) -> TrainingResult:
    return train_model(PluginHost(only=()).pipeline("rf"), counts, LocalRegistry(registry), plan)


def test_the_area_under_the_curve_is_that_of_the_probabilities() -> None:
    truth = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    probability = np.array([0.1, 0.45, 0.4, 0.9, 0.2, 0.6])
    labels = (probability >= 0.5).astype(float)
    found = scores("classification", Sums.of(truth, labels, probability))["roc_auc"]
    assert found == pytest.approx(roc_auc_score(truth, probability))
    assert found != pytest.approx(roc_auc_score(truth, labels))


def test_the_default_metrics_are_those_of_the_documentation() -> None:
    assert DEFAULT_METRIC == {"regression": "rmse", "classification": "f1_score"}


def test_other_held_out_counts_change_neither_the_model_nor_the_baselines(small_counts: pd.DataFrame) -> None:
    counts = clean(small_counts)
    start = counts[TIME].max() - pd.Timedelta(days=28)
    other = counts.copy()
    held_out = (counts[TIME] > start).to_numpy()
    other.loc[held_out, COUNT] = other.loc[held_out, COUNT] * 3 + 7
    results = [trained(one, f"models-{number}") for number, one in enumerate((counts, other))]
    rows = [result.evaluation.rows for result in results]
    assert not rows[0][TRUTH].equals(rows[1][TRUTH])
    for column in (PREDICTION, BASELINE, "recent"):
        pd.testing.assert_series_equal(rows[0][column], rows[1][column])
    later = counts[held_out].head(500)
    one, another = (result.pipeline.predict(later) for result in results)
    np.testing.assert_array_equal(one, another)


def test_the_forest_is_right_on_average_and_better_than_the_four_week_mean(sample: pd.DataFrame) -> None:
    """The sample's last weeks: a bias of a few percent would be a fault, not a matter of taste."""
    result = trained(clean(sample.tail(200 * 24 * 20)), "models")
    rows = result.evaluation.rows
    share = float(rows[PREDICTION].sum() / rows[TRUTH].sum())
    assert share == pytest.approx(1.0, abs=0.03)
    assert result.evaluation.metrics["rmse"] < 0.97 * result.evaluation.baseline["rmse"]


@pytest.mark.parametrize(("hours", "kept"), [(19, True), (20, False)])
def test_a_day_of_twenty_hours_of_zeros_is_an_outage_and_one_of_nineteen_is_not(hours: int, kept: bool) -> None:
    times = pd.date_range("2024-06-01", periods=hours, freq="h", tz="Europe/Paris")
    counts = pd.DataFrame(
        {
            "Nom du compteur": "allée du Lac",
            "Date et heure de comptage": [time.isoformat() for time in times],
            "Comptage horaire": 0,
        }
    )
    assert (len(without_outages(clean(counts))) > 0) == kept


READ = """
import pandas as pd
from bike_traffic.data.parsing.times import parse_times
from bike_traffic.forecasting import parse_day
texts = pd.Series(["2024-06-01T08:00:00", "2024-12-01 08:00", "2024-06-01T08:00:00+02:00"])
print([time.isoformat() for time in parse_times(texts)], parse_day("2024-06-01"))
"""


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_times_without_an_offset_are_those_of_paris_wherever_the_machine_is(zone: str, clean_place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=os.environ | {"TZ": zone},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.startswith(
        "['2024-06-01T08:00:00+02:00', '2024-12-01T08:00:00+01:00', '2024-06-01T08:00:00+02:00'] 2024-06-01"
    )
