"""What a run holds, in the profile's own store."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from mlflow.entities import Run

from bike_traffic.data.checking.description import describe, fingerprint
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import RegistryUnavailable
from bike_traffic.pictures.evaluation import draw
from bike_traffic.plugins.random_forest import RFPipeline
from bike_traffic.prediction import predict
from bike_traffic.training import TrainingPlan, TrainingResult
from tests.tracking.conftest import TINY, files_below, runs_of, store_client, train_tracked

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.slow,
]

QUICK = {"rf": TINY, "rf_class": TINY, "nn": {"epochs": 3, "n_nets": 2}}
MODEL_FILES = [
    "model/MLmodel",
    "model/artifacts/files/manifest.json",
    "model/artifacts/files/references/counters.json",
    "model/artifacts/files/references/errors.json",
    "model/artifacts/files/references/four_week_mean.json",
    "model/artifacts/files/references/held_out.parquet",
    "model/artifacts/files/references/recent_level.json",
    "model/artifacts/files/references/usual.json",
    "model/conda.yaml",
    "model/input_example.json",
    "model/mlflow_model.py",
    "model/python_env.yaml",
    "model/requirements.txt",
    "model/serving_input_example.json",
]
PICTURES = {
    "rf": ["error_by_hour_and_weekday", "feature_importances", "predicted_against_actual"],
    "nn": ["error_by_hour_and_weekday", "loss_curves", "predicted_against_actual"],
    "rf_class": [
        "confusion_matrix",
        "error_by_hour_and_weekday",
        "feature_importances",
        "predicted_against_actual",
        "roc_curve",
    ],
}
OWN_FILES = {
    "rf": ["model.joblib.zst", "references/interval.json"],
    "rf_class": ["model.joblib.zst"],
    "nn": ["net_0.keras", "net_1.keras", "references/interval.json", "state.joblib"],
}


@attrs.frozen
class Tracked:
    """A training that was tracked: its result, its run, and where the files of the run are."""

    result: TrainingResult
    run: Run
    files: Path


@pytest.fixture(scope="module")
def trained(small_counts: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tracked]]:
    """Train each built-in once in one folder, and yield each with its run."""
    folder = tmp_path_factory.mktemp("trained")
    tracked = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        notes: list[str] = []
        for model, parameters in QUICK.items():
            plan = TrainingPlan(parameters=parameters, seed=7)
            result = train_tracked(small_counts, notes, model=model, plan=plan)
            run = runs_of(store_client())[0]
            files = folder / "mlruns_dev" / run.info.experiment_id / run.info.run_id / "artifacts"
            tracked[model] = Tracked(result, run, files)
        assert notes == ["runs are tracked in mlruns_dev; `bt mlflow --env dev` shows them"] * 3
    yield tracked


@pytest.mark.parametrize("model", QUICK)
def test_the_record_names_its_run_and_the_run_its_record(trained: dict[str, Tracked], model: str) -> None:
    record, run = trained[model].result.record, trained[model].run
    assert record.run_id == run.info.run_id
    assert record.to_json()["tracking"] == {
        "run_id": run.info.run_id,
        "experiment_id": run.info.experiment_id,
        "uri": "sqlite:///mlruns_dev/mlflow.db",
    }
    assert run.data.tags["model_uri"] == record.model_uri
    assert (run.info.run_name, run.info.status) == (f"{model}-{record.run_id[:8]}", "FINISHED")


@pytest.mark.parametrize("model", QUICK)
def test_the_files_of_a_run_are_below_the_ids_of_experiment_and_run(trained: dict[str, Tracked], model: str) -> None:
    pictures = [f"pictures/{name}.png" for name in PICTURES[model]]
    own = [f"model/artifacts/files/{name}" for name in OWN_FILES[model]]
    assert files_below(trained[model].files) == sorted(["features.json", *MODEL_FILES, *own, *pictures])
    assert trained[model].run.info.artifact_uri == trained[model].files.as_uri()


def test_parameters_are_those_of_model_split_data_and_libraries(
    trained: dict[str, Tracked], small_counts: pd.DataFrame
) -> None:
    record, logged = trained["rf"].result.record, trained["rf"].run.data.params
    versions = {f"libraries.{name}": value for name, value in record.to_json()["libraries"].items()}
    own = {name: logged.pop(f"libraries.{name}") for name in ("bike-traffic", "mlflow")}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", value) for value in own.values())
    assert logged == {
        "seed": "7",
        **{name: str(value) for name, value in record.to_json()["parameters"].items()},
        "split.kind": "temporal",
        "split.seed": "7",
        "split.training_until": "2024-11-02T23:00:00+01:00",
        "split.measured_until": "2024-11-30T23:00:00+01:00",
        "split.training_rows": "6912",
        "split.held_out_rows": "2688",
        "split.held_out_digest": fingerprint(clean(small_counts).tail(2688)),
        "split.left_out_rows": "0",
        "data.rows": "9600",
        "data.counters": "4",
        "data.first_hour": str(describe(clean(small_counts))["first_hour"]),
        "data.last_hour": str(describe(clean(small_counts))["last_hour"]),
        "data.digest": fingerprint(clean(small_counts)),
        **versions,
    }


def test_tags_are_profile_model_and_plugin(trained: dict[str, Tracked]) -> None:
    tags = trained["rf"].run.data.tags
    plugin = trained["rf"].result.record.to_json()["plugin"]
    expected = {"env": "dev", "test_mode": "false", "model_type": "rf", "plugin": "bike-traffic"}
    expected |= {"plugin_version": plugin["version"], "mlflow.source.name": "bike-traffic"}
    assert {name: tags[name] for name in expected} == expected


@pytest.mark.parametrize("model", QUICK)
def test_metrics_are_those_of_the_record_those_of_the_baselines_and_what_the_training_cost(
    trained: dict[str, Tracked], model: str
) -> None:
    record, logged = trained[model].result.record, dict(trained[model].run.data.metrics)
    assert logged.pop("peak_memory_mib") > 50
    losses = {name: logged.pop(name) for name in list(logged) if name.startswith("loss/")}
    assert list(losses) == (["loss/net_1", "loss/net_1_validation", "loss/net_2"] if model == "nn" else [])
    baseline = {f"four_week_mean/{name}": value for name, value in record.to_json()["baseline"].items()}
    recent = {f"recent_level/{name}": value for name, value in record.to_json()["recent"].items()}
    assert logged == {**record.metrics, **baseline, **recent, "fit_seconds": record.to_json()["fit_seconds"]}


def test_the_loss_of_each_net_is_recorded_by_epoch(trained: dict[str, Tracked]) -> None:
    pipeline: Any = trained["nn"].result.pipeline
    database = trained["nn"].files.parents[2] / "mlflow.db"
    client = type(store_client())(tracking_uri=f"sqlite:///{database}")
    for name, losses in pipeline.history_.items():
        logged = client.get_metric_history(trained["nn"].run.info.run_id, name)
        assert [(metric.step, metric.value) for metric in logged] == list(enumerate(losses, 1))
    assert list(pipeline.history_) == ["loss/net_1", "loss/net_1_validation", "loss/net_2"]
    trained_on = [losses for name, losses in pipeline.history_.items() if not name.endswith("_validation")]
    assert all(losses[-1] < losses[0] for losses in trained_on)


def test_the_features_are_listed_as_they_come_out_of_cleaning_and_as_the_model_sees_them(
    trained: dict[str, Tracked],
) -> None:
    lists = {model: json.loads((one.files / "features.json").read_text()) for model, one in trained.items()}
    cleaned = ["nom_du_compteur", "date_et_heure_de_comptage", "heure", "jour_mois", "mois", "annee", "jour_semaine"]
    assert [one["cleaned"] for one in lists.values()] == [[*cleaned, "latitude", "longitude", "comptage_horaire"]] * 3
    forest: Any = trained["rf"].result.pipeline
    assert lists["rf"]["model"] == list(forest.feature_importances_.index)
    assert forest.feature_importances_.sum() == pytest.approx(1)
    net = lists["nn"]["model"]
    assert (net[:2], net[-1]) == (["counter", "hour_of_week"], "log_profile")


@pytest.mark.parametrize("model", QUICK)
def test_no_picture_is_blank(trained: dict[str, Tracked], model: str) -> None:
    """Each is big enough to read, and ink of several colours covers some of it and not all."""
    for name in PICTURES[model]:
        picture = imread(trained[model].files / "pictures" / f"{name}.png")[..., :3]
        height, width, _ = picture.shape
        ink = (picture < 0.95).any(axis=-1)
        colours = np.unique((picture[ink] * 15).round(), axis=0)
        assert (height >= 350, width >= 550, bool(0.01 < ink.mean() < 0.9), len(colours) > 5) == (True,) * 4, name


def test_without_a_baseline_the_same_pictures_are_drawn(trained: dict[str, Tracked], tmp_path: Path) -> None:
    result = trained["rf"].result
    draw(
        result.pipeline,
        attrs.evolve(result.evaluation, rows=result.evaluation.rows.drop(columns="baseline")),
        tmp_path,
    )
    assert files_below(tmp_path) == [f"{name}.png" for name in PICTURES["rf"]]


@pytest.mark.parametrize("model", QUICK)
def test_the_model_of_a_run_predicts_as_the_pipeline_does(
    trained: dict[str, Tracked], small_counts: pd.DataFrame, model: str
) -> None:
    from mlflow import pyfunc

    loaded = pyfunc.load_model(str(trained[model].files / "model"))
    expected = predict(trained[model].result.pipeline, clean(small_counts.head(200)))
    pd.testing.assert_frame_equal(loaded.predict(small_counts.head(200)), expected)
    assert loaded.metadata.signature is not None
    assert list(loaded.input_example) == ["Nom du compteur", "Date et heure de comptage", "Coordonnées géographiques"]


def test_mlflows_pages_know_the_folder_as_a_model(trained: dict[str, Tracked]) -> None:
    (logged,) = json.loads(trained["rf"].run.data.tags["mlflow.log-model.history"])
    assert (logged["artifact_path"], logged["run_id"]) == ("model", trained["rf"].run.info.run_id)
    assert list(logged["flavors"]) == ["python_function"]


def test_the_commit_is_logged_where_there_is_one(small_counts: pd.DataFrame, clean_place: Path) -> None:
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True, timeout=600)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=600
    ).stdout.strip()
    train_tracked(small_counts, [])
    (run,) = runs_of(store_client())
    assert run.data.tags["mlflow.source.git.commit"] == commit


def test_where_there_is_no_commit_none_is_logged(trained: dict[str, Tracked]) -> None:
    assert "mlflow.source.git.commit" not in trained["rf"].run.data.tags


def test_a_training_that_fails_is_a_failed_run_and_an_interrupted_one_a_killed_run(
    small_counts: pd.DataFrame, clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("models").mkdir()
    Path("models/rf").write_text("a file where the folder should be")
    with pytest.raises(RegistryUnavailable):
        train_tracked(small_counts, [])

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RFPipeline, "_grow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_tracked(small_counts, [])
    killed, failed = runs_of(store_client())
    assert (killed.info.status, failed.info.status) == ("KILLED", "FAILED")
    assert "model_uri" not in failed.data.tags


def test_random_rows_over_many_months_and_single_hours_can_be_drawn(sample: pd.DataFrame) -> None:
    """A random split is drawn by the day; a short holdout has hours of the week without a row."""
    notes: list[str] = []
    for plan in (
        TrainingPlan(parameters=TINY, split="random"),
        TrainingPlan(parameters=TINY, holdout=pd.Timedelta(timedelta(hours=2))),
    ):
        train_tracked(sample, notes, model="rf_class", plan=plan)
    assert notes == ["runs are tracked in mlruns_dev; `bt mlflow --env dev` shows them"] * 2
    for run in runs_of(store_client()):
        folder = Path("mlruns_dev", run.info.experiment_id, run.info.run_id, "artifacts/pictures")
        assert "predicted_against_actual.png" in files_below(folder)
