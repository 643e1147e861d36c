"""A training registers one whole, honest record, or nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bike_traffic.api import open_registry
from bike_traffic.data.checking.description import describe, fingerprint
from bike_traffic.data.cleaning import clean
from bike_traffic.data.parsing.values import clean_texts
from bike_traffic.errors import NoRecord, ParameterError, RegistryCorrupt, RegistryUnavailable, SplitError
from bike_traffic.loading import load_model
from bike_traffic.manager import PluginHost
from bike_traffic.parameters import new_pipeline
from bike_traffic.registry.files.artifacts import digest_directory
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import Trust
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, train_model

TINY = {"n_estimators": 3}


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost(only=())


def test_a_record_tells_what_was_trained_on_what_and_how_well(host: PluginHost, small_counts: pd.DataFrame) -> None:
    registry = LocalRegistry("models")
    result = train_model(
        host.pipeline("rf"), clean(small_counts), registry, TrainingPlan(parameters=TINY, seed=7, source="here.csv")
    )
    record = result.record
    assert list(registry.records(Query())) == [record]
    assert (record.model_type, record.env, record.test_mode) == ("rf", "dev", False)
    assert record.metrics == result.evaluation.metrics
    assert record.baseline == result.evaluation.baseline
    assert record.to_json()["split"] == {
        "kind": "temporal",
        "seed": 7,
        "training_until": "2024-11-02T23:00:00+01:00",
        "measured_until": "2024-11-30T23:00:00+01:00",
        "training_rows": 72 * 24 * 4,
        "held_out_rows": 28 * 24 * 4,
        "held_out_digest": fingerprint(clean(small_counts).tail(28 * 24 * 4)),
        "left_out_rows": 0,
    }
    assert record.recent == result.evaluation.recent
    assert record.beats_baseline is (record.metrics["skill"] > 0)
    assert record.to_json()["data"] == {"source": "here.csv", **describe(clean(small_counts))}
    assert record.to_json()["parameters"]["n_estimators"] == 3
    assert record.to_json()["parameters"]["random_state"] == 7
    assert record.to_json()["plugin"]["distribution"] == "bike-traffic"
    assert record.artifacts == digest_directory(Path(record.model_uri))


def test_a_model_predicts_the_same_after_its_way_through_the_registry(
    host: PluginHost, small_counts: pd.DataFrame
) -> None:
    registry = LocalRegistry("models")
    result = train_model(host.pipeline("rf"), clean(small_counts), registry, TrainingPlan(parameters=TINY))
    loaded = load_model(registry, registry.best("rmse", Query()), host, Trust())
    assert loaded.pipeline.predict(small_counts).equals(result.pipeline.predict(small_counts))
    assert loaded.references.four_week_mean is not None
    assert loaded.references.recent is not None
    assert loaded.references.interval is not None
    assert list(loaded.references.counters) == list(result.pipeline.counters_)


def test_the_registered_model_learned_from_all_rows_and_its_metrics_are_those_of_the_first_fit(
    host: PluginHost, small_counts: pd.DataFrame
) -> None:
    cleaned = clean(small_counts)
    again, measured = (
        train_model(host.pipeline("rf"), cleaned, LocalRegistry("models"), TrainingPlan(parameters=TINY, refit=refit))
        for refit in (True, False)
    )
    assert again.record.metrics == measured.record.metrics
    on_all = new_pipeline(host.pipeline("rf"), TINY, seed=0).fit(cleaned)
    on_the_first = new_pipeline(host.pipeline("rf"), TINY, seed=0).fit(cleaned.head(72 * 24 * 4))
    assert again.pipeline.predict(cleaned).equals(on_all.predict(cleaned))
    assert measured.pipeline.predict(cleaned).equals(on_the_first.predict(cleaned))

    assert again.record.registered_fit is not None
    assert again.record.registered_fit.rows == len(cleaned)
    assert again.record.known_until == "2024-11-30T23:00:00+01:00"
    assert measured.record.registered_fit is None
    assert measured.record.known_until == "2024-11-02T23:00:00+01:00"


@pytest.mark.parametrize(
    ("name", "interval", "expected"), [("rf", True, 2), ("rf", False, None), ("rf_class", True, None)]
)
def test_the_interval_is_calibrated_on_the_months_that_the_counts_have_room_for(
    host: PluginHost, small_counts: pd.DataFrame, name: str, interval: bool, expected: int | None
) -> None:
    """100 days have room for one month before the held-out one; a classifier has no interval."""
    plan = TrainingPlan(parameters=TINY, interval=interval)
    record = train_model(host.pipeline(name), clean(small_counts), LocalRegistry("models"), plan).record
    assert record.interval == (None if expected is None else {"level": 0.8, "months": expected})
    assert ("coverage" in record.metrics) is (expected is not None)


def test_the_same_seed_gives_the_same_model_and_another_seed_another(
    host: PluginHost, small_counts: pd.DataFrame
) -> None:
    def metrics(seed: int) -> Any:
        plan = TrainingPlan(parameters=TINY, seed=seed)
        return train_model(host.pipeline("rf"), clean(small_counts), LocalRegistry("models"), plan).record.metrics

    assert metrics(1) == metrics(1)
    assert metrics(1) != metrics(2)


def test_held_out_rows_of_counters_that_are_new_there_are_left_out_and_counted(
    host: PluginHost, small_counts: pd.DataFrame
) -> None:
    newcomer = small_counts.tail(40).assign(**{"Nom du compteur": "opened yesterday"})
    newcomer = newcomer.drop_duplicates("Date et heure de comptage")
    counts = pd.concat([small_counts, newcomer], ignore_index=True)
    record = train_model(
        host.pipeline("rf"), clean(counts), LocalRegistry("models"), TrainingPlan(parameters=TINY)
    ).record
    assert record.to_json()["split"]["left_out_rows"] == len(newcomer)
    assert record.to_json()["split"]["held_out_rows"] == 28 * 24 * 4


def test_nothing_is_registered_when_the_files_cannot_be_stored(
    host: PluginHost, small_counts: pd.DataFrame, clean_place: Path
) -> None:
    Path("models").mkdir()
    Path("models/rf").write_text("a file where the folder should be")
    with pytest.raises(RegistryUnavailable):
        train_model(host.pipeline("rf"), clean(small_counts), LocalRegistry("models"), TrainingPlan(parameters=TINY))
    assert [path.name for path in Path("models").iterdir()] == ["rf"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"n_estimator": "5"},
            "no parameter of 'rf' 'n_estimator'; there are holidays, max_features, max_rows, max_samples, "
            "min_samples_leaf, n_estimators, n_jobs, random_state (did you mean 'n_estimators'?)",
        ),
        ({"n_estimators": "many"}, "n_estimators: 'many' is not a whole number (the default is "),
        ({"n_estimators": "2.5"}, "n_estimators: 2.5 is not a whole number (the default is "),
        ({"max_features": "True"}, "max_features: True is not a number (the default is "),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(host: PluginHost, parameters: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        new_pipeline(host.pipeline("rf"), parameters, seed=0)


def test_values_given_as_text_become_what_the_default_is(host: PluginHost) -> None:
    pipeline = new_pipeline(host.pipeline("rf"), {"n_estimators": "7", "max_features": "1"}, seed=5)
    assert (pipeline.get_params()["n_estimators"], pipeline.get_params()["max_features"]) == (7, 1.0)
    assert pipeline.get_params()["random_state"] == 5


def test_a_model_is_trained_in_test_mode_on_a_thousand_rows(host: PluginHost, sample: pd.DataFrame) -> None:
    plan = TrainingPlan(parameters=TINY, test_mode=True)
    record: ModelRecord = train_model(
        host.pipeline("rf"), clean(sample.head(1000)), LocalRegistry("models"), plan
    ).record
    assert record.test_mode
    assert record.to_json()["split"]["held_out_rows"] == 200
    assert list(open_registry("models").records(Query())) == []
    assert list(open_registry("models").records(Query(test_mode=True))) == [record]


def test_counters_are_known_by_their_cleaned_names(host: PluginHost, small_counts: pd.DataFrame) -> None:
    pipeline = new_pipeline(host.pipeline("rf"), TINY, seed=0).fit(small_counts)
    names = clean_texts(small_counts["Nom du compteur"])
    assert list(pipeline.counters_) == sorted(names.cat.categories)


def test_a_random_split_is_registered_and_never_the_best(host: PluginHost, small_counts: pd.DataFrame) -> None:
    """It flatters: it holds out hours of the weeks it learned from."""
    registry = LocalRegistry("models")
    flattered = train_model(
        host.pipeline("rf"), clean(small_counts), registry, TrainingPlan(parameters=TINY, split="random")
    ).record
    with pytest.raises(NoRecord):
        registry.best("rmse", Query())
    honest = train_model(host.pipeline("rf"), clean(small_counts), registry, TrainingPlan(parameters=TINY)).record
    assert registry.best("rmse", Query()) == honest
    assert list(registry.records(EVERYTHING)) == [flattered, honest]


@pytest.mark.parametrize("name", ["rf", "rf_class"])
def test_where_every_held_out_counter_is_new_nothing_is_registered(
    host: PluginHost, small_counts: pd.DataFrame, name: str
) -> None:
    renamed = small_counts.copy()
    last = pd.to_datetime(renamed["Date et heure de comptage"], utc=True) > pd.Timestamp("2024-11-02T22:30", tz="UTC")
    renamed.loc[last, "Nom du compteur"] += " bis"
    message = "every held-out row is of a counter that the training rows do not have"
    with pytest.raises(SplitError, match=message):
        train_model(host.pipeline(name), clean(renamed), LocalRegistry("models"), TrainingPlan(parameters=TINY))
    assert not Path("models").exists()


def test_a_registry_that_cannot_be_read_is_said_before_any_work(host: PluginHost, small_counts: pd.DataFrame) -> None:
    Path("models").mkdir()
    Path("models/summary.json").write_text("[{")
    with pytest.raises(RegistryCorrupt):
        train_model(host.pipeline("rf"), clean(small_counts), LocalRegistry("models"), TrainingPlan(parameters=TINY))
    assert [path.name for path in Path("models").iterdir()] == ["summary.json"]
