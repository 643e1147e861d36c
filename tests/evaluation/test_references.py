"""What the core learns beside a pipeline is stored with it, and completes its predictions."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNT, LATITUDE, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.evaluation.references import FOLDER, References
from bike_traffic.loading import load_model
from bike_traffic.pipeline import Pipeline
from bike_traffic.registry.signing import Trust
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, train_model
from tests.evaluation.test_measuring import Fixed, FixedLabels
from tests.test_manager import built_in_host


@pytest.fixture
def cleaned(small_counts: pd.DataFrame) -> pd.DataFrame:
    return clean(small_counts)


def calibrated(cleaned: pd.DataFrame) -> References:
    month = cleaned.assign(truth=cleaned[COUNT], prediction=cleaned[COUNT] * 1.1)
    return References.learn(cleaned).calibrated([month], cleaned)


def test_the_counters_are_stored_with_place_mean_and_span(cleaned: pd.DataFrame) -> None:
    counters = References.learn(cleaned).counters
    assert list(counters) == sorted(cleaned["nom_du_compteur"].unique())
    name, one = next(iter(counters.items()))
    own = cleaned[cleaned["nom_du_compteur"] == name]
    assert one.latitude == pytest.approx(float(own[LATITUDE].iloc[0]), abs=1e-5)
    assert one.mean == pytest.approx(own[COUNT].mean(), abs=1e-3)
    assert one.first_hour == own[TIME].min().isoformat()
    assert one.last_hour == own[TIME].max().isoformat()


def test_a_counter_that_moved_is_where_it_is_now_and_one_without_place_nowhere(cleaned: pd.DataFrame) -> None:
    latitude = cleaned[LATITUDE].mask(cleaned[TIME] < cleaned[TIME].max(), 48.0).astype(np.float32)
    name = str(cleaned["nom_du_compteur"].iloc[-1])
    expected = round(float(cleaned[LATITUDE].iloc[-1]), 5)
    assert References.learn(cleaned.assign(**{LATITUDE: latitude})).counters[name].latitude == expected
    nowhere = References.learn(cleaned.assign(**{LATITUDE: np.float32(np.nan)})).counters
    assert {counter.latitude for counter in nowhere.values()} == {None}


def test_predictions_get_bounds_and_only_of_a_regression_without_its_own(cleaned: pd.DataFrame) -> None:
    rows = cleaned.tail(100)
    references = calibrated(cleaned)
    of_mean: Pipeline = Fixed(np.full(100, 50.0)).fit(cleaned)
    assert list(references.predict(of_mean, rows)) == ["prediction", "lower", "upper"]
    assert list(References.learn(cleaned).predict(of_mean, rows)) == ["prediction"]
    own = Fixed({"prediction": np.full(100, 50.0), "lower": np.zeros(100), "upper": np.full(100, 99.0)}).fit(cleaned)
    assert set(references.predict(own, rows)["upper"]) == {99.0}
    labels = FixedLabels({"prediction": np.ones(100)}).fit(cleaned)
    assert list(references.predict(labels, rows)) == ["prediction"]


def test_all_of_it_is_the_same_after_its_way_through_a_folder(cleaned: pd.DataFrame, tmp_path: Path) -> None:
    references = calibrated(cleaned)
    references.save(tmp_path)
    again = References.load(tmp_path)
    assert again.counters == references.counters
    assert again.interval == references.interval
    assert again.four_week_mean is not None
    assert references.four_week_mean is not None
    assert (again.four_week_mean.predict(cleaned) == references.four_week_mean.predict(cleaned)).all()
    assert again.usual is not None
    assert references.usual is not None
    times = cleaned[TIME].tail(24)
    assert again.usual.of("12 quai des Hirondelles", times).notna().all(axis=None)
    pd.testing.assert_frame_equal(
        again.usual.of("12 quai des Hirondelles", times),
        references.usual.of("12 quai des Hirondelles", times).round(1),
    )
    assert again.recent is not None
    assert references.recent is not None
    assert (again.recent.predict(cleaned) == references.recent.predict(cleaned)).all()


def test_a_model_of_an_earlier_version_has_the_four_week_mean_alone(cleaned: pd.DataFrame, tmp_path: Path) -> None:
    """It was saved among the files of the model, and nothing else was."""
    References.learn(cleaned).save(tmp_path)
    shutil.move(tmp_path / FOLDER / "four_week_mean.json", tmp_path)
    shutil.rmtree(tmp_path / FOLDER)
    old = References.load(tmp_path)
    assert old.four_week_mean is not None
    assert (old.recent, old.interval, dict(old.counters), old.usual) == (None, None, {}, None)


def test_the_last_days_that_were_held_out_are_kept_as_the_measured_fit_predicted_them(
    small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    host, registry = built_in_host(), LocalRegistry(str(tmp_path / "models"))
    plan = TrainingPlan(parameters={"n_estimators": 2}, interval=False, holdout=pd.Timedelta(days=16))
    result = train_model(host.pipeline("rf"), clean(small_counts), registry, plan)
    kept = load_model(registry, result.record, host, Trust()).references.held_out_rows()
    assert kept is not None
    measured = result.evaluation.rows
    last = measured[(measured[TIME] > measured[TIME].max() - pd.Timedelta(days=14)).to_numpy()]
    assert len(kept) == len(last) < len(measured)
    pd.testing.assert_frame_equal(kept, last.reset_index(drop=True), check_dtype=False, rtol=1e-6)
