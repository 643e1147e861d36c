"""Training and loading in Python: the command line's flow, from frames as well as from files."""

from __future__ import annotations

import pkgutil
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bike_traffic
from bike_traffic.data.checking.description import fingerprint
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import (
    BikeTrafficError,
    IntegrityError,
    NoRecord,
    ParameterError,
    PluginVersionWarning,
    ReadError,
    SchemaError,
    SplitError,
    UnknownMetric,
    UnknownPipeline,
)
from bike_traffic.registry.queries import Query
from bike_traffic.training import TrainingResult
from tests.test_manager import declaring, install_distribution
from tests.testing.test_pipeline_checks import MODEL, SPEC

COUNTER, TIME = "Nom du compteur", "Date et heure de comptage"
PLACE, COUNT = "Coordonnées géographiques", "Comptage horaire"
TINY = {"n_estimators": 3}


def train(data: str | pd.DataFrame, model: str = "rf", **changes: Any) -> TrainingResult:
    return bike_traffic.train(model, data, **{"parameters": TINY, **changes})


def test_no_public_name_is_that_of_a_module_which_would_take_its_place_when_it_is_imported() -> None:
    modules = {module.name for module in pkgutil.iter_modules(bike_traffic.__path__)}
    assert modules & set(bike_traffic.__all__) == set()
    assert sorted(set(bike_traffic.__all__)) == bike_traffic.__all__


def test_a_frame_and_the_file_it_came_from_train_the_same_model_and_register_it(
    small_counts: pd.DataFrame, small_file: Path
) -> None:
    before = small_counts.copy()
    from_frame, from_file = train(small_counts), train(str(small_file))
    assert small_counts.equals(before)
    assert from_frame.record.metrics == from_file.record.metrics
    assert from_frame.pipeline.predict(small_counts).equals(from_file.pipeline.predict(small_counts))
    registered = list(bike_traffic.open_registry().records(Query()))
    assert registered == [from_frame.record, from_file.record]
    assert Path("models/summary.json").exists()


def test_what_is_asked_for_stands_in_the_record(small_counts: pd.DataFrame) -> None:
    asked = {"n_estimators": 2, "min_samples_leaf": 7}
    result = train(small_counts, registry="kept", env="prod", holdout="14d", parameters=asked, seed=7)
    record = result.record
    assert (record.model_type, record.env, record.test_mode) == ("rf", "prod", False)
    assert {name: record.to_json()["parameters"][name] for name in asked} == asked
    assert record.to_json()["parameters"]["random_state"] == 7
    assert record.to_json()["split"] == {
        "kind": "temporal",
        "seed": 7,
        "training_until": "2024-11-16T23:00:00+01:00",
        "measured_until": "2024-11-30T23:00:00+01:00",
        "training_rows": 86 * 24 * 4,
        "held_out_rows": 14 * 24 * 4,
        "held_out_digest": fingerprint(clean(small_counts).tail(14 * 24 * 4)),
        "left_out_rows": 0,
    }
    assert record.to_json()["data"]["source"] == "frame"
    assert list(bike_traffic.open_registry("kept").records(Query(env="prod"))) == [record]
    assert not Path("models").exists()


def test_a_random_split_is_there_to_compare_with_the_seed(small_counts: pd.DataFrame) -> None:
    split = train(small_counts, split="random").record.split
    assert split is not None
    assert (split.kind, split.held_out_rows) == ("random", len(small_counts) // 5)


def test_without_data_the_settings_say_what_is_read(small_file: Path) -> None:
    Path("bt.toml").write_text(f'[profiles.dev]\ndata = "{small_file.name}"\n')
    rows = len(pd.read_csv(small_file, sep=";"))
    assert bike_traffic.train("rf", parameters=TINY).record.to_json()["data"]["rows"] == rows


@pytest.mark.parametrize("labels", ["text", "times", "twice"])
def test_a_frame_trains_whatever_its_index(small_counts: pd.DataFrame, labels: str) -> None:
    times = pd.DatetimeIndex(pd.to_datetime(small_counts[TIME], utc=True))
    made: dict[str, pd.Index] = {
        "text": pd.Index([f"row {place}" for place in range(len(small_counts))]),
        "times": times,
        "twice": pd.Index([0] * len(small_counts)),
    }
    assert train(small_counts.set_index(made[labels])).record.metrics == train(small_counts).record.metrics


def changed(counts: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """Return the counts with one value of their fifth row changed."""
    counts = counts.astype({column: object})
    counts.loc[4, column] = value
    return counts


FAULTS: list[tuple[str, object, str]] = [
    (COUNTER, "", "no name in row 6 (''); give each row the name of its counter"),
    (
        TIME,
        "yesterday",
        "not a time in row 6 ('yesterday'); write times as ISO 8601 with their offset, like "
        "2021-06-01T08:00:00+02:00",
    ),
    (COUNT, -1, "a negative count in row 6 ('-1'); counts are 0 or more bikes per hour"),
    (COUNT, None, "not a number in row 6 (empty); give each row its count, or leave the row out"),
]


@pytest.mark.parametrize("labels", ["numbers", "text", "times"])
@pytest.mark.parametrize(("column", "value", "found"), FAULTS, ids=[fault[2].partition(" in")[0] for fault in FAULTS])
def test_a_frame_with_a_fault_is_refused_and_nothing_is_registered(
    small_counts: pd.DataFrame, column: str, value: object, found: str, labels: str
) -> None:
    counts = changed(small_counts, column, value)
    if labels == "text":
        counts.index = pd.Index([f"row {place}" for place in range(len(counts))])
    elif labels == "times":
        counts.index = pd.DatetimeIndex(pd.to_datetime(small_counts[TIME], utc=True))
    message = f"the frame: 1 of {len(counts):,} rows cannot be used: column '{column}': {found}"
    Path("bt.toml").write_text("max_left_out = 0", encoding="utf-8")
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        train(counts)
    assert not Path("models").exists()


@pytest.mark.parametrize("missing", [COUNTER, TIME, COUNT])
def test_a_frame_without_a_column_is_refused(small_counts: pd.DataFrame, missing: str) -> None:
    there = ", ".join(sorted({COUNTER, TIME, PLACE, COUNT} - {missing}))
    message = f"the frame: no column '{missing}'; there are {there}"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        train(small_counts[[COUNTER, TIME, PLACE, COUNT]].drop(columns=missing))


@pytest.mark.parametrize("columns", ["all", "none"])
def test_an_empty_frame_is_an_expected_error(small_counts: pd.DataFrame, columns: str) -> None:
    with pytest.raises(BikeTrafficError, match=r"^the frame: "):
        train(small_counts.head(0) if columns == "all" else pd.DataFrame())


@pytest.mark.parametrize(
    ("model", "changes", "error", "message"),
    [
        (
            "rf",
            {"holdout": "two weeks"},
            SplitError,
            "'two weeks' is not a span of time; write one such as 28d, 4w or 12h",
        ),
        (
            "rf",
            {"holdout": "60d"},
            SplitError,
            "the counts span 100 d: holding out the last 60 d leaves less than that to train on; give a "
            "shorter --holdout, or more counts",
        ),
        (
            "rf",
            {"parameters": {"n_estimators": 2.5}},
            ParameterError,
            "n_estimators: 2.5 is not a whole number (the default is ",
        ),
        ("rff", {}, UnknownPipeline, "no pipeline 'rff'; there are "),
    ],
)
def test_what_cannot_be_trained_is_said_and_nothing_is_registered(
    small_counts: pd.DataFrame, model: str, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        train(small_counts, model, **changes)
    assert not Path("models").exists()


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ReadError, match=r"^nowhere\.csv: no such file$"):
        train("nowhere.csv")


@pytest.fixture(scope="module")
def registry_of_four(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("four"))


@pytest.fixture(scope="module")
def trained(small_counts: pd.DataFrame, registry_of_four: str) -> dict[str, TrainingResult]:
    """Train four models; the forest of three trees is better than that of one on few rows, which is of prod."""
    few = {"n_estimators": 1, "min_samples_leaf": 1, "max_samples": 0.02}
    return {
        "one tree": train(small_counts, parameters=few, env="prod", registry=registry_of_four),
        "three trees": train(small_counts, registry=registry_of_four),
        "classifier": train(small_counts, "rf_class", registry=registry_of_four),
        "test mode": train(small_counts.head(2000), test_mode=True, registry=registry_of_four),
    }


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        ({}, "three trees"),
        ({"metric": "r2"}, "three trees"),
        ({"model": "rf", "metric": "r2"}, "three trees"),
        ({"env": "prod"}, "one tree"),
        ({"model": "rf_class", "metric": "f1_score"}, "classifier"),
        ({"metric": "accuracy"}, "classifier"),
        ({"test_mode": True}, "test mode"),
    ],
    ids=str,
)
def test_the_best_is_loaded_by_metric_model_and_environment(
    trained: dict[str, TrainingResult],
    registry_of_four: str,
    small_counts: pd.DataFrame,
    asked: dict[str, Any],
    best: str,
) -> None:
    assert trained["three trees"].record.metrics["rmse"] < trained["one tree"].record.metrics["rmse"]
    rows = small_counts.head(2000)
    loaded, expected = bike_traffic.load_best(**asked, registry=registry_of_four), trained[best].pipeline
    assert loaded.name == expected.name
    np.testing.assert_array_equal(loaded.predict(rows), expected.predict(rows))
    assert loaded.get_params() == expected.get_params()


_WITH_ESTIMATORS = (
    ("self.means_ = dict(means)", "self.means_ = dict(means); self.steps_ = [DummyRegressor(), DummyRegressor()]"),
    (
        "def save(self, directory):",
        "def save(self, directory):\n        joblib.dump(self.steps_, directory / 'steps')",
    ),
    ("pipeline = cls()", "pipeline = cls()\n        pipeline.steps_ = joblib.load(directory / 'steps')"),
    ("import json", "import json\n\nimport joblib\nfrom sklearn.dummy import DummyRegressor"),
)


def test_a_model_of_another_scikit_learn_is_one_warning_with_the_version_of_the_record(
    small_counts: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which itself warns once for each estimator."""
    module = install_distribution(monkeypatch, tmp_path / "site", "mean-dist", declaring(SPEC))
    model = MODEL
    for old, new in _WITH_ESTIMATORS:
        assert old in model
        model = model.replace(old, new, 1)
    (tmp_path / f"site/{module}_model.py").write_text(model, encoding="utf-8")
    record = bike_traffic.train("mean", small_counts, track=False).record
    monkeypatch.setattr("sklearn.base.__version__", "99.1")
    monkeypatch.setattr("sklearn.__version__", "99.1")
    with pytest.warns(PluginVersionWarning) as warned:
        bike_traffic.load_best("mean")
    assert record.libraries is not None
    trained = record.libraries["scikit-learn"]
    assert [str(one.message) for one in warned] == [
        f"run {record.run_id[:8]} was trained with scikit-learn {trained}, and 99.1 loads it: its predictions may "
        f"differ; train it again, or pip install 'scikit-learn=={trained}'"
    ]


def test_a_record_keeps_the_versions_of_the_libraries_that_make_the_model(small_counts: pd.DataFrame) -> None:
    record = bike_traffic.train("rf", small_counts, parameters={"n_estimators": 3}, track=False).record
    assert record.libraries == {
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "pandas", "scikit-learn")},
    }


def test_no_model_an_unknown_metric_or_changed_files_are_no_best(small_counts: pd.DataFrame) -> None:
    with pytest.raises(NoRecord, match=r"^no record of model rf: the registry is empty; `bt train` "):
        bike_traffic.load_best("rf", env="prod")
    with pytest.raises(UnknownMetric, match=r"^no metric 'rsme'; there are .* \(did you mean 'rmse'\?\)$"):
        bike_traffic.load_best("rf", metric="rsme")
    folder = train(small_counts, registry="kept").record.model_uri.rstrip("/")
    with pytest.raises(NoRecord, match=r"^no record of model rf: .* \[local registry models/summary.json\]$"):
        bike_traffic.load_best("rf")
    (model,) = (path.name for path in Path(folder).iterdir() if path.suffix == ".zst")
    Path(folder, model).write_bytes(b"not the forest")
    message = f"{folder}: {model} is not the file that was registered (its SHA-256 differs); nothing was loaded"
    with pytest.raises(IntegrityError, match=f"^{re.escape(message)}$"):
        bike_traffic.load_best("rf", registry="kept")


def test_a_forecast_takes_a_model_by_name_and_a_day_as_text(small_counts: pd.DataFrame) -> None:
    result = train(small_counts)
    made = bike_traffic.forecast("rf", start="2024-12-02", days=2, counters=["moulin"])
    assert len(made.rows) == 2 * 48
    usual = ["usual_lower", "usual", "usual_upper"]
    assert list(made.rows)[3:] == ["prediction", "lower", "upper", "recent", *usual]
    by_run = bike_traffic.forecast(run_id=result.record.run_id, start=pd.Timestamp("2024-12-02"), counters=["moulin"])
    assert len(by_run.rows) == 48


def test_predictions_have_an_interval_if_it_is_asked_for(small_counts: pd.DataFrame) -> None:
    train(small_counts)
    assert list(bike_traffic.predict(small_counts, "rf")) == ["prediction"]
    assert list(bike_traffic.predict(small_counts, "rf", interval=True)) == ["prediction", "lower", "upper"]


def test_a_model_that_needs_history_takes_a_frame_or_a_file_of_it(
    small_counts: pd.DataFrame, small_file: Path
) -> None:
    bike_traffic.train("ahead", small_counts, interval=False)
    frames = [
        bike_traffic.forecast("ahead", start="2024-12-01", history=history).rows
        for history in (small_counts, str(small_file))
    ]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    rows = small_counts.tail(8)
    assert len(bike_traffic.predict(rows, "ahead", history=small_counts.head(-8))) == 8
    measured = bike_traffic.evaluate(rows, "ahead", history=small_counts.head(-8))
    assert measured.evaluation.metrics["rmse"] > 0


def test_a_backtest_in_steps_has_the_origin_of_each_row(small_counts: pd.DataFrame) -> None:
    (fold,) = bike_traffic.backtest(
        "rf", small_counts, folds=1, horizon="7d", step="1d", days=2, interval=False, parameters=TINY
    )
    assert sorted(fold.evaluation.rows["days_ahead"].unique()) == [1, 2]
    assert fold.evaluation.rows["origin"].nunique() == 7
