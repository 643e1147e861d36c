"""The net's level is that of the recent counts, and inputs that it never saw change nothing much."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from bike_traffic.columns import COUNT, COUNTER, TIME, TIME_ZONE
from bike_traffic.data.cleaning import clean
from bike_traffic.plugins.count_net import build_net, read_net
from bike_traffic.plugins.net_inputs import CALENDAR, HOURS_OF_WEEK, PROFILES, continuous
from bike_traffic.plugins.neural_net import NNPipeline

pytestmark = pytest.mark.slow

SHAPE = 1.0 + np.clip(np.sin((np.arange(24) - 6) / 24 * 2 * np.pi), 0, None)
"""Factor of the hour of the day."""


def hourly(first: str, days: int, level: Mapping[str, Any]) -> pd.DataFrame:
    """Return clean rows from a local day on, of counters with a level in bikes per hour, one or one for each day."""
    start = pd.Timestamp(first, tz=TIME_ZONE)
    times = pd.Series(pd.date_range(start, start + pd.DateOffset(days=days), freq="h", inclusive="left"))
    day = (times.dt.tz_localize(None) - pd.Timestamp(first)).dt.days.to_numpy()
    shape = SHAPE[times.dt.hour.to_numpy()]
    frames = [
        pd.DataFrame(
            {
                "Nom du compteur": name,
                "Date et heure de comptage": times,
                "Coordonnées géographiques": "48.85,2.35",
                "Comptage horaire": np.round(np.broadcast_to(bikes, days)[day] * shape),
            }
        )
        for name, bikes in level.items()
    ]
    return clean(pd.concat(frames, ignore_index=True))


def fitted(counts: pd.DataFrame, **more: Any) -> NNPipeline:
    quick: dict[str, Any] = {"epochs": 1, "hidden": (8,), "batch_size": 256, "n_nets": 1}
    return NNPipeline(**quick | more).fit(counts)


def ratio(pipeline: NNPipeline, rows: pd.DataFrame, counter: str) -> float:
    """Return the sum of a counter's predictions over its counts."""
    chosen = rows[rows[COUNTER] == counter]
    return float(pipeline.predict(chosen).sum() / chosen[COUNT].sum())


def test_forecasts_follow_a_level_that_has_halved_and_the_past_keeps_its_own() -> None:
    """The nets cannot tell when the level changed: theirs is the mean of training."""
    before = {"quai": 80.0, "pont": 20.0}
    half = {name: np.where(np.arange(140) < 84, bikes, bikes / 2) for name, bikes in before.items()}
    training = hourly("2024-01-08", 140, half)
    pipeline = fitted(training)
    after = hourly("2024-05-27", 14, {name: bikes / 2 for name, bikes in before.items()})
    assert ratio(pipeline, after, "quai") == pytest.approx(1.0, abs=0.1)
    assert ratio(pipeline, after, "pont") == pytest.approx(1.0, abs=0.1)
    past = training[training[TIME] < pd.Timestamp("2024-03-01", tz=TIME_ZONE)]
    assert ratio(pipeline, past, "quai") == pytest.approx(0.8, abs=0.1)


def test_a_counter_that_is_dead_at_the_end_is_forecast_to_stay_dead() -> None:
    dead = np.where(np.arange(98) < 94, 60.0, 0.0)
    pipeline = fitted(hourly("2024-01-08", 98, {"quai": dead, "pont": 20.0}))
    after = hourly("2024-04-15", 7, {"quai": 60.0, "pont": 20.0})
    assert ratio(pipeline, after, "quai") == pytest.approx(0.0, abs=0.02)
    assert ratio(pipeline, after, "pont") == pytest.approx(1.0, abs=0.1)


def test_months_in_which_a_counter_was_half_broken_are_not_taken_for_its_season() -> None:
    """A year ago it counted a tenth of its bikes in these weeks."""
    broken = np.where((np.arange(364) > 20) & (np.arange(364) < 70), 8.0, 80.0)
    counters = {"quai": broken, "pont": 20.0, "parc": 30.0}
    pipeline = fitted(hourly("2023-05-01", 364, counters), epochs=3, learning_rate=0.02)
    after = hourly("2024-05-27", 21, {"quai": 80.0, "pont": 20.0, "parc": 30.0})
    assert ratio(pipeline, after, "quai") == pytest.approx(1.0, abs=0.2)


def test_a_school_holiday_and_a_season_that_training_does_not_have_are_no_inputs() -> None:
    pipeline = fitted(hourly("2024-01-08", 30, {"quai": 80.0, "pont": 20.0}), epochs=3, learning_rate=0.02)
    assert pipeline.feature_names_ == [
        "counter", "hour_of_week", "previous_day_off", "next_day_off", *PROFILES, "log_profile",
    ]  # fmt: skip
    holidays = hourly("2024-02-12", 14, {"quai": 80.0, "pont": 20.0})
    assert ratio(pipeline, holidays, "quai") == pytest.approx(1.0, abs=0.1)
    summer = hourly("2024-07-15", 14, {"quai": 80.0, "pont": 20.0})
    assert ratio(pipeline, summer, "quai") == pytest.approx(1.0, abs=0.2)


def test_the_season_is_an_input_of_a_training_that_covers_most_of_a_year() -> None:
    pipeline = fitted(hourly("2023-09-01", 340, {"quai": 80.0, "pont": 20.0}), batch_size=2048)
    season = [f"season_{wave}{number}" for number in ("", "_2", "_3") for wave in ("sine", "cosine")]
    assert pipeline.feature_names_[2:-1] == [*CALENDAR, *season, "christmas", *PROFILES]


def test_the_loss_of_the_first_net_on_the_last_weeks_is_recorded_beside_that_on_its_training_rows() -> None:
    pipeline = fitted(hourly("2024-01-08", 98, {"quai": 80.0, "pont": 20.0}), n_nets=2, epochs=3)
    assert list(pipeline.history_) == ["loss/net_1", "loss/net_1_validation", "loss/net_2"]
    assert [len(losses) for losses in pipeline.history_.values()] == [3, 3, 3]


def test_few_rows_are_enough() -> None:
    one = hourly("2024-01-08", 1, {"quai": 80.0}).iloc[:1]
    pipeline = fitted(one)
    assert list(pipeline.history_) == ["loss/net_1"]
    assert np.isfinite(pipeline.predict(hourly("2024-01-09", 1, {"quai": 80.0}))).all()


def test_of_too_many_rows_the_new_ones_are_preferred() -> None:
    times = hourly("2020-01-01", 1460, {"quai": 80.0})[TIME]
    drawn = NNPipeline(max_rows=5000)._sampled(times)
    assert (np.diff(drawn) > 0).all()
    years = 2020 + pd.Series(drawn // 8760).value_counts().sort_index()
    assert len(drawn) == 5000
    assert years.is_monotonic_increasing
    assert np.array_equal(NNPipeline(max_rows=5000)._sampled(times), drawn)
    assert np.array_equal(NNPipeline(max_rows=len(times))._sampled(times), np.arange(len(times)))


def test_a_net_that_an_earlier_version_saved_predicts_without_a_recent_level(tmp_path: Path) -> None:
    """Its inputs were one pair of waves for the season and the level; its parameters had no `max_rows`."""
    counts = hourly("2023-09-01", 340, {"quai": 80.0, "pont": 20.0})
    of_today = fitted(counts, batch_size=2048)
    features = of_today.features_.transform(counts)
    columns = [*CALENDAR, "season_sine", "season_cosine", *PROFILES, "level"]
    scaler = StandardScaler().fit(pd.DataFrame(continuous(features))[columns])
    parameters = of_today.get_params()
    del parameters["max_rows"]
    fitted_state = {"features_": of_today.features_, "season_": True, "scaler_": scaler}
    joblib.dump({"parameters": parameters, "fitted": fitted_state}, tmp_path / "state.joblib", compress=3)
    # Its last layer is zero, so that it predicts the profile plus one.
    build_net(3, HOURS_OF_WEEK, len(columns), 8, (8,), 0.1).save(tmp_path / "net_0.keras")
    rows = hourly("2024-08-06", 7, {"quai": 0.0, "pont": 0.0})
    profile = of_today.features_.transform(rows)["profile"]
    assert NNPipeline.load(tmp_path).predict(rows).to_numpy() == pytest.approx(profile.to_numpy() + 1.0, rel=1e-5)


def test_the_arrays_predict_what_keras_predicts(tmp_path: Path) -> None:
    counts = hourly("2023-09-01", 340, {"quai": 80.0, "pont": 20.0})
    pipeline = fitted(counts, n_nets=2, hidden=(16, 8))
    pipeline.save(tmp_path)
    inputs = pipeline._inputs(pipeline.features_.transform(counts))
    for number, net in enumerate(pipeline.nets_):
        of_keras = read_net(tmp_path / f"net_{number}.keras")
        expected = np.asarray(of_keras(inputs, training=False)).ravel()
        assert net.predict(inputs) == pytest.approx(expected, rel=1e-5)
        assert [weights.tolist() for weights in of_keras.get_weights()] == [
            weights.tolist() for weights in (net.counter, net.hour, *(part for layer in net.layers for part in layer))
        ]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Keras writes the time and addresses in memory into its files, and numbers layers through a process."""
    counts = hourly("2024-01-08", 98, {"quai": 80.0, "pont": 20.0})
    saved = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        fitted(counts).save(folder)
        saved.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert [sorted(files) for files in saved] == [["net_0.keras", "state.joblib"]] * 2
    assert [name for name in saved[0] if saved[0][name] != saved[1][name]] == []


def test_a_model_that_was_loaded_is_saved_as_it_was(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    fitted(hourly("2024-01-08", 98, {"quai": 80.0, "pont": 20.0})).save(first)
    NNPipeline.load(first).save(second)
    assert (second / "net_0.keras").read_bytes() == (first / "net_0.keras").read_bytes()
    rows = hourly("2024-04-15", 7, {"quai": 60.0, "pont": 20.0})
    assert NNPipeline.load(second).predict(rows).equals(NNPipeline.load(first).predict(rows))
