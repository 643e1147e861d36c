"""The built-in pipelines keep the promises of the conformance kit, and a few of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from bike_traffic.features.history import CountFeatures, HistoryFeatures
from bike_traffic.manager import PluginHost
from bike_traffic.pipeline import Pipeline
from bike_traffic.testing import pipeline_checks

QUICK: dict[str, dict[str, Any]] = {
    "rf": {"n_estimators": 4},
    "rf_class": {"n_estimators": 4},
    "nn": {"epochs": 2, "hidden": (8,), "n_nets": 2, "batch_size": 512},
}
TIME, COUNTER, COUNT = "Date et heure de comptage", "Nom du compteur", "Comptage horaire"

pytestmark = pytest.mark.slow


@pipeline_checks("rf")
def test_the_forest_keeps_the_promises(check: Callable[[], None]) -> None:
    check()


@pipeline_checks("rf_class")
def test_the_classifier_keeps_the_promises(check: Callable[[], None]) -> None:
    check()


@pipeline_checks("nn")
def test_the_net_keeps_the_promises(check: Callable[[], None]) -> None:
    check()


def unfitted(name: str, **more: Any) -> Pipeline:
    return PluginHost(only=()).pipeline(name).spec.load()(**QUICK[name], **more)


@pytest.mark.parametrize("name", list(QUICK))
def test_the_error_of_an_unfitted_pipeline_names_the_methods_to_call(name: str, small_counts: pd.DataFrame) -> None:
    with pytest.raises(NotFittedError, match=f"pipeline '{name}' has not been fitted yet; call fit or load first"):
        unfitted(name).predict(small_counts)


@pytest.mark.parametrize("name", list(QUICK))
def test_the_same_seed_gives_exactly_the_same_and_another_seed_other_predictions(
    name: str, small_counts: pd.DataFrame
) -> None:
    rows = small_counts.tail(300)

    def values(seed: int) -> dict[str, list[float]]:
        pipeline = unfitted(name, random_state=seed).fit(small_counts)
        return {str(column): list(numbers) for column, numbers in pipeline.predict_frame(rows).items()}

    first = values(1)
    assert values(1) == first
    assert values(2) != first


def test_an_outage_does_not_lower_predictions(small_counts: pd.DataFrame) -> None:
    """A counter that was out of order in its last weeks is predicted as before."""
    dead = small_counts.copy()
    first = dead[COUNTER].iloc[0]
    last_weeks = pd.to_datetime(dead[TIME], utc=True) > pd.Timestamp("2024-10-20", tz="UTC")
    dead.loc[last_weeks & (dead[COUNTER] == first), COUNT] = 0
    pipeline = unfitted("rf").fit(dead)
    rows = small_counts[last_weeks & (small_counts[COUNTER] == first)]
    assert pipeline.predict(rows).mean() > 0.5 * rows[COUNT].astype(float).mean()


def test_labels_come_from_the_means_frozen_in_training(small_counts: pd.DataFrame) -> None:
    """Ten times the traffic later makes most hours busy ones, and does not change the mean."""
    pipeline = unfitted("rf_class").fit(small_counts)
    later = small_counts.assign(**{COUNT: 10 * small_counts[COUNT].astype(int)})
    means = small_counts.groupby(COUNTER)[COUNT].transform("mean")
    expected = (10 * small_counts[COUNT].astype(float) > means).astype(int)
    agreement = (pipeline.truth(later) == expected).mean()
    assert agreement > 0.99
    assert pipeline.truth(later).mean() > 1.5 * pipeline.truth(small_counts).mean()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": 0}, "'nn': epochs must be 1 or more, not 0"),
        ({"learning_rate": 0.0}, "'nn': learning_rate must be above 0, not 0.0"),
        ({"dropout": 1.0}, "'nn': dropout must be from 0 to below 1, not 1.0"),
        ({"hidden": (0,)}, r"'nn': hidden must be whole numbers above 0, not \(0,\)"),
    ],
)
def test_the_net_names_a_parameter_out_of_range(
    small_counts: pd.DataFrame, parameters: dict[str, Any], message: str
) -> None:
    pipeline = PluginHost(only=()).pipeline("nn").spec.load()(**parameters)
    with pytest.raises(ValueError, match=message):
        pipeline.fit(small_counts)


def test_importing_the_net_writes_nothing_to_the_terminal() -> None:
    script = "import bike_traffic.plugins.neural_net"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_forest_that_an_earlier_version_saved_is_loaded(small_counts: pd.DataFrame, tmp_path: Path) -> None:
    """It was compressed with zlib, and its features were pickled as those of a module that is a package now."""
    pipeline = unfitted("rf").fit(small_counts)
    expected = pipeline.predict(small_counts)
    for kind in (CountFeatures, HistoryFeatures):
        assert getattr(import_module("bike_traffic.features"), kind.__name__) is kind
    fitted = {name: getattr(pipeline, name) for name in ("features_", "columns_", "forest_")}
    state = {"parameters": pipeline.get_params(), "fitted": fitted}
    joblib.dump(state, tmp_path / "model.joblib", compress=3)
    assert type(pipeline).load(tmp_path).predict(small_counts).equals(expected)
