"""What every built-in pipeline promises; one test a promise, each for all three."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from bike_traffic.manager import PluginHost
from bike_traffic.pipeline import Pipeline

QUICK: dict[str, dict[str, Any]] = {
    "rf": {"n_estimators": 4},
    "rf_class": {"n_estimators": 4},
    "nn": {"epochs": 2, "hidden": (8,), "n_nets": 2, "batch_size": 512},
}
TIME, COUNTER, COUNT = "Date et heure de comptage", "Nom du compteur", "Comptage horaire"

pytestmark = pytest.mark.slow


def unfitted(name: str, **more: Any) -> Pipeline:
    return PluginHost(only=()).pipeline(name).spec.load()(**QUICK[name], **more)


@pytest.fixture(scope="module", params=list(QUICK))
def fitted(request: pytest.FixtureRequest, small_counts: pd.DataFrame) -> Pipeline:
    return unfitted(request.param).fit(small_counts)


@pytest.fixture
def rows(small_counts: pd.DataFrame) -> pd.DataFrame:
    return small_counts.tail(300)


def test_fit_returns_the_pipeline_and_leaves_its_input_as_it_was(small_counts: pd.DataFrame) -> None:
    for name in QUICK:
        given = small_counts.copy()
        pipeline = unfitted(name)
        assert pipeline.fit(given) is pipeline
        pd.testing.assert_frame_equal(given, small_counts)


@pytest.mark.parametrize("name", list(QUICK))
def test_an_unfitted_pipeline_refuses_to_predict(name: str, small_counts: pd.DataFrame) -> None:
    with pytest.raises(NotFittedError, match=f"pipeline '{name}' has not been fitted yet; call fit or load first"):
        unfitted(name).predict(small_counts)


def test_a_clone_has_the_parameters_and_nothing_learned(fitted: Pipeline, rows: pd.DataFrame) -> None:
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(rows)


def test_predictions_are_finite_never_negative_and_on_the_index_of_the_input(
    fitted: Pipeline, rows: pd.DataFrame
) -> None:
    predicted = fitted.predict(rows)
    assert predicted.index.equals(rows.index)
    assert np.isfinite(predicted).all()
    assert (predicted >= 0).all()
    if fitted.task == "classification":
        assert set(predicted) <= {0, 1}


def test_a_prediction_needs_name_time_and_coordinates_alone_in_any_order_beside_anything(
    fitted: Pipeline, rows: pd.DataFrame
) -> None:
    expected = fitted.predict(rows)
    shuffled = rows.sample(frac=1, random_state=0)
    wider = shuffled.drop(columns=COUNT).assign(photo="x", **{"Identifiant du compteur": 7})
    np.testing.assert_allclose(fitted.predict(wider).loc[rows.index], expected, rtol=1e-5)


def test_one_row_and_none_are_predicted_as_many_are(fitted: Pipeline, rows: pd.DataFrame) -> None:
    np.testing.assert_allclose(fitted.predict(rows.tail(1)), fitted.predict(rows).tail(1), rtol=1e-5)
    empty = fitted.predict(rows.iloc[:0])
    assert isinstance(empty, pd.Series)
    assert empty.empty


def test_a_counter_never_seen_and_missing_coordinates_get_a_best_effort(fitted: Pipeline, rows: pd.DataFrame) -> None:
    strange = rows.assign(**{COUNTER: "new street", "Coordonnées géographiques": None})
    predicted = fitted.predict(strange)
    assert np.isfinite(predicted).all()
    assert (predicted >= 0).all()


def test_both_hours_of_an_autumn_night_are_predicted(fitted: Pipeline, rows: pd.DataFrame) -> None:
    night = rows.head(3).copy()
    night[TIME] = ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00", "2024-03-31T03:00:00+02:00"]
    predicted = fitted.predict(night)
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("name", list(QUICK))
def test_the_same_seed_gives_the_same_predictions_and_another_seed_others(
    name: str, small_counts: pd.DataFrame, rows: pd.DataFrame
) -> None:
    def values(seed: int) -> Any:
        pipeline = unfitted(name, random_state=seed).fit(small_counts)
        scores = pipeline.probability(rows)
        return (pipeline.predict(rows) if scores is None else scores).to_numpy()

    np.testing.assert_array_equal(values(1), values(1))
    assert (values(1) != values(2)).any()


def test_a_saved_pipeline_predicts_the_same_in_another_process_and_folder(
    fitted: Pipeline, rows: pd.DataFrame, tmp_path: Path
) -> None:
    saved, elsewhere = tmp_path / "saved", tmp_path / "elsewhere"
    saved.mkdir()
    elsewhere.mkdir()
    fitted.save(saved)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    script = (
        "import sys, pandas as pd; from pathlib import Path; from bike_traffic.manager import PluginHost\n"
        "pipeline = PluginHost(only=()).pipeline(sys.argv[1]).spec.load().load(Path(sys.argv[2]))\n"
        "pipeline.predict(pd.read_csv(sys.argv[3])).to_json(sys.argv[4])\n"
        "assert list(pipeline.counters_) == sorted(pd.read_csv(sys.argv[3])['Nom du compteur'].unique())"
    )
    words = [fitted.name, saved, tmp_path / "rows.csv", tmp_path / "predicted.json"]
    subprocess.run([sys.executable, "-c", script, *map(str, words)], cwd=elsewhere, check=True, env={**os.environ})
    again = pd.read_json(tmp_path / "predicted.json", typ="series")
    np.testing.assert_allclose(again.to_numpy(), fitted.predict(rows).to_numpy(), rtol=1e-5)


def test_an_outage_does_not_teach_that_nobody_rides(small_counts: pd.DataFrame) -> None:
    """A counter dead for its last weeks is predicted as it was when it lived."""
    dead = small_counts.copy()
    first = dead[COUNTER].iloc[0]
    last_weeks = pd.to_datetime(dead[TIME], utc=True) > pd.Timestamp("2024-10-20", tz="UTC")
    dead.loc[last_weeks & (dead[COUNTER] == first), COUNT] = 0
    pipeline = unfitted("rf").fit(dead)
    rows = small_counts[last_weeks & (small_counts[COUNTER] == first)]
    assert pipeline.predict(rows).mean() > 0.5 * rows[COUNT].astype(float).mean()


def test_labels_come_from_the_means_frozen_in_training(small_counts: pd.DataFrame) -> None:
    """Ten times the traffic later on makes every usual hour a busy one; it does not move the mean."""
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
