"""The built-in pipelines keep the promises of the conformance kit, and a few of their own."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import OrdinalEncoder

from bike_traffic.data.cleaning import RawCleanerTransformer
from bike_traffic.features.history import CountFeatures, HistoryFeatures
from bike_traffic.features.recent import RecentLevel
from bike_traffic.manager import PluginHost
from bike_traffic.plugins.forest import CounterNumbers
from bike_traffic.plugins.random_forest import RFPipeline
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


@pipeline_checks("ahead")
def test_the_regression_for_the_coming_days_keeps_the_promises(check: Callable[[], None]) -> None:
    check()


def unfitted(name: str, **more: Any) -> Any:
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


def after(counts: pd.DataFrame, days: int = 7) -> pd.DataFrame:
    """Return the rows of the days before the last hour, moved to the days after it."""
    times = pd.to_datetime(counts[TIME], utc=True)
    last = counts[times > times.max() - pd.Timedelta(days=days)]
    later = pd.to_datetime(last[TIME], utc=True).dt.tz_convert("Europe/Paris") + pd.DateOffset(days=days)
    return last.assign(**{TIME: later.map(pd.Timestamp.isoformat)})


@pytest.mark.parametrize("name", ["rf", "rf_class"])
def test_hours_after_training_are_blended_with_the_recent_level_and_earlier_ones_are_not(
    name: str, small_counts: pd.DataFrame
) -> None:
    pipeline = unfitted(name).fit(small_counts)
    alone = copy(pipeline)
    alone.recent_ = None
    earlier, later = small_counts.tail(500), after(small_counts)
    assert pipeline.predict_frame(earlier).equals(alone.predict_frame(earlier))
    assert not pipeline.predict_frame(later).equals(alone.predict_frame(later))
    if name == "rf":
        cleaned = RawCleanerTransformer().transform(later)
        expected = RecentLevel().fit(RawCleanerTransformer().transform(small_counts))
        blended = expected.blend(cleaned, alone.predict(later).to_numpy())
        assert pipeline.predict(later).tolist() == blended.tolist()


@pytest.mark.parametrize("name", ["rf", "rf_class"])
def test_a_counter_that_is_dead_at_the_end_of_training_is_predicted_to_count_next_to_nothing(
    name: str, small_counts: pd.DataFrame
) -> None:
    dead = small_counts.astype({COUNT: float})
    first = dead[COUNTER].iloc[0]
    times = pd.to_datetime(dead[TIME], utc=True)
    last_days = times > times.max() - pd.Timedelta(days=4)
    dead.loc[last_days & (dead[COUNTER] == first), COUNT] = 0.0
    pipeline = unfitted(name).fit(dead)
    later = after(small_counts)
    later = later[later[COUNTER] == first]
    usual = unfitted(name).fit(small_counts).predict(later)
    assert pipeline.predict(later).mean() < 0.1 * usual.mean()


def test_a_lockdown_in_the_last_weeks_is_expected_to_last(small_counts: pd.DataFrame) -> None:
    """After four weeks with three tenths of the traffic the forecast is near these, not near the weeks before."""
    times = pd.to_datetime(small_counts[TIME], utc=True)
    locked = times > times.max() - pd.Timedelta(days=28)
    count = small_counts[COUNT].astype(float)
    lockdown = small_counts.assign(**{COUNT: count.where(~locked, (0.3 * count).round())})
    later = after(small_counts)
    usual, low = (unfitted("rf").fit(counts).predict(later).sum() for counts in (small_counts, lockdown))
    assert 0.25 < low / usual < 0.5


@pytest.mark.parametrize("name", ["rf", "rf_class"])
def test_a_saved_forest_predicts_the_same_after_training_when_it_is_loaded(
    name: str, small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    pipeline = unfitted(name).fit(small_counts)
    pipeline.save(tmp_path)
    later = after(small_counts)
    assert type(pipeline).load(tmp_path).predict_frame(later).equals(pipeline.predict_frame(later))


def test_the_interval_is_calibrated_with_forests_of_a_third_of_the_trees() -> None:
    pipeline = unfitted("rf", max_rows=500)
    cheaper = pipeline.for_calibration()
    assert cheaper.get_params() == pipeline.get_params() | {"n_estimators": 2}
    assert pipeline.get_params()["n_estimators"] == 4


def test_the_interval_is_calibrated_with_one_net_on_half_the_rows() -> None:
    pipeline = unfitted("nn")
    assert pipeline.for_calibration().get_params() == pipeline.get_params() | {"n_nets": 1, "max_rows": 150_000}
    assert pipeline.get_params()["n_nets"] == 2


def test_probabilities_and_labels_agree_after_training(
    small_counts: pd.DataFrame, fitted: Callable[[str], Any]
) -> None:
    predicted = fitted("rf_class").predict_frame(after(small_counts))
    assert predicted["probability"].between(0, 1).all()
    assert (predicted["prediction"] == (predicted["probability"] > 0.5)).all()


@pytest.fixture(scope="module")
def fitted(small_counts: pd.DataFrame) -> Callable[[str], Any]:
    """Return a function that fits a pipeline when it is first asked for it; tests predict with it alone."""
    return cache(lambda name: unfitted(name).fit(small_counts))


@pytest.mark.parametrize("name", list(QUICK))
@pytest.mark.parametrize("times", [1, 8])
def test_threads_that_predict_leave_the_filters_of_warnings_as_they_were(
    name: str, times: int, small_counts: pd.DataFrame, fitted: Callable[[str], Any]
) -> None:
    """Filters belong to the process: scikit-learn's own forests replace them in threads, and restore others' ones."""
    pipeline = fitted(name)
    rows = pd.concat([small_counts] * times, ignore_index=True)
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: pipeline.predict(rows), range(12)))
    assert list(warnings.filters) == before


def test_a_tree_is_grown_on_so_many_rows_at_most(small_counts: pd.DataFrame) -> None:
    """The model of many years of counts is no larger than that of few."""
    small, whole = (unfitted("rf", max_rows=rows, max_samples=0.9).fit(small_counts) for rows in (500, 40_000))
    assert len(small.trees_.value) < len(whole.trees_.value) / 2


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
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=600)
    assert (done.stdout, done.stderr) == ("", "")


ORDINAL = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)


@pytest.mark.parametrize("numbers", [ORDINAL, CounterNumbers()], ids=["OrdinalEncoder", "CounterNumbers"])
def test_a_forest_that_an_earlier_version_saved_is_loaded(
    small_counts: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: Any
) -> None:
    """It kept the forest itself behind a ``ColumnTransformer`` that numbered the counters.

    It was compressed with zlib, its features were those of a module that is a package now, its holidays were those of
    France, and it had no level.
    """
    forests: list[Any] = []
    grow = RFPipeline._grow
    monkeypatch.setattr(RFPipeline, "_grow", lambda *given: forests.append(grow(*given)) or forests[0])  # type: ignore[func-returns-value]
    pipeline = unfitted("rf").fit(small_counts)
    pipeline.recent_ = None
    rows = pd.concat([small_counts, after(small_counts)], ignore_index=True)
    expected = pipeline.predict(rows)
    for kind in (CountFeatures, HistoryFeatures):
        assert getattr(import_module("bike_traffic.features"), kind.__name__) is kind
    columns = ColumnTransformer([("counter", numbers, [COUNTER]), ("numeric", "passthrough", list(pipeline.numeric))])
    fitted = {"features_": pipeline.features_, "columns_": columns, "forest_": forests[0]}
    for part in (pipeline.features_, pipeline.features_.history_):
        del part.__dict__["holidays"]
    newer = ("max_rows", "holidays")
    parameters = {name: value for name, value in pipeline.get_params().items() if name not in newer}
    joblib.dump({"parameters": parameters, "fitted": fitted}, tmp_path / "model.joblib", compress=3)
    loaded = type(pipeline).load(tmp_path)
    assert loaded.predict(rows).equals(expected)
    assert loaded.holidays == "FR"
    assert loaded.feature_importances_.equals(pipeline.feature_importances_)
