"""No training fails because of tracking: what could not be tracked is reported in one line."""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

import bike_traffic
from bike_traffic.config import load_settings
from bike_traffic.data.cleaning import clean
from bike_traffic.installed import PluginSource
from bike_traffic.manager import Declaration
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.specs import PipelineSpec
from bike_traffic.tracking.opening import open_tracker
from bike_traffic.tracking.stores.server import RunningServer, start_server, stop_server
from bike_traffic.training import TrainingPlan, train_model
from tests.servers import free_port
from tests.tracking.conftest import (
    IN_DEV,
    TINY,
    TRAIN,
    environment,
    runs_of,
    store_client,
    train_tracked,
)
from tests.tracking.deadly import VICTIM

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.slow,
]


def test_without_the_bucket_the_files_are_lost_and_the_metadata_kept(
    small_counts: pd.DataFrame, gcs_url: str
) -> None:
    Path("bt.toml").write_text('[profiles.dev]\nartifacts = "gs://no-such-bucket/mlruns"\n')
    notes: list[str] = []
    record = train_tracked(small_counts, notes).record
    pattern = "rf: not recorded in sqlite:///mlruns_dev/mlflow.db: features, the model, pictures: "
    assert [line.partition(pattern)[:2] for line in notes[1:]] == [("", pattern)]
    (run,) = runs_of(store_client())
    assert (run.info.status, run.data.tags["model_uri"]) == ("FINISHED", record.model_uri)
    assert record.to_json()["tracking"]["run_id"] == run.info.run_id


def test_a_server_that_does_not_answer_is_reported_and_the_profiles_own_store_used(
    small_counts: pd.DataFrame,
) -> None:
    port = free_port()
    Path("bt.toml").write_text(f'[profiles.dev]\ntracking_uri = "http://ana:secret@127.0.0.1:{port}"\n')
    notes: list[str] = []
    record = train_tracked(small_counts, notes).record
    assert notes == [f"http://127.0.0.1:{port} does not answer, so {IN_DEV}"]
    assert record.to_json()["tracking"]["uri"] == "sqlite:///mlruns_dev/mlflow.db"
    assert "secret" not in Path("models/summary.json").read_text()


def test_after_a_server_dies_during_a_training_the_rest_is_not_tracked(
    small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(environ={})
    server = start_server(settings, free_port())
    try:
        settings = load_settings(environ={"BT_TRACKING_URI": server.url})
        notes: list[str] = []
        tracker = open_tracker(settings, notes.append)
        monkeypatch.setenv(VICTIM, str(server.pid))
        declaration = Declaration(
            PipelineSpec(name="deadly", target="tests.tracking.deadly:DeadlyPipeline"),
            PluginSource("tests", "1.0", "tests"),
        )
        registry = LocalRegistry("models")
        record = train_model(
            declaration, clean(small_counts), registry, TrainingPlan(parameters=TINY), tracker=tracker
        ).record
    finally:
        stop_server(settings, server)
    assert notes == [
        f"runs are tracked in {server.url}",
        f"deadly: not recorded in {server.url}: parameters, metrics, features, the model, pictures, "
        "the model's URI, its status: no MLflow server answers",
    ]
    assert registry.get(record.run_id) == record
    (run,) = runs_of(store_client())
    assert (run.info.run_id, run.info.status) == (record.to_json()["tracking"]["run_id"], "RUNNING")


def test_after_a_server_dies_between_two_trainings_the_second_is_not_tracked(
    small_counts: pd.DataFrame,
) -> None:
    settings = load_settings(environ={})
    server: RunningServer = start_server(settings, free_port())
    notes: list[str] = []
    tracker = open_tracker(load_settings(environ={"BT_TRACKING_URI": server.url}), notes.append)
    stop_server(settings, server)
    declaration = Declaration(
        PipelineSpec(name="rf", target="bike_traffic.plugins.random_forest:RFPipeline"),
        PluginSource("bike-traffic", "1.0", "pipelines"),
    )
    plan = TrainingPlan(parameters=TINY)
    record = train_model(declaration, clean(small_counts), LocalRegistry("models"), plan, tracker=tracker).record
    assert notes[1:] == ["rf: not tracked: no MLflow server answers"]
    assert record.tracking is None


def create_file(folder: Path) -> None:
    folder.write_text("not a folder")


def create_invalid_database(folder: Path) -> None:
    folder.mkdir()
    (folder / "mlflow.db").write_text("not a database")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (create_file, r"\[Errno 17\] File exists: 'mlruns_dev'"),
        (create_invalid_database, r"\(sqlite3\.DatabaseError\) file is not a database"),
    ],
)
def test_an_unusable_store_is_reported_in_one_line(
    small_counts: pd.DataFrame, damage: Callable[[Path], None], reason: str
) -> None:
    damage(Path("mlruns_dev"))
    notes: list[str] = []
    record = train_tracked(small_counts, notes).record
    assert len(notes) == 1
    assert re.fullmatch(f"runs are not tracked: mlruns_dev: {reason}", notes[0])
    assert list(LocalRegistry("models").records(bike_traffic.Query())) == [record]


PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def obey_permissions() -> None:
    """Drop root's capability to ignore file permissions, for this process and its children."""
    if os.getuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def test_a_read_only_store_is_reported_in_one_line(small_counts: pd.DataFrame) -> None:
    """Root ignores file permissions, so it trains without that capability."""
    train_tracked(small_counts, [])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small_counts.to_csv(folder / "counts.csv", sep=";", index=False)
        store = folder / "mlruns_dev"
        Path("mlruns_dev").rename(store)
        for path in (store, *store.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        command = [sys.executable, "-m", "bike_traffic.cli.main", *TRAIN, "--data", "counts.csv"]
        variables = environment(BT_CACHE=str(folder / "cache"), HOME=name)
        done = subprocess.run(
            command,
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            preexec_fn=obey_permissions,
            timeout=600,
        )
        store.chmod(0o755)
        assert done.returncode == 0, done.stderr
        lines = done.stderr.splitlines()
        assert re.fullmatch(r"runs are not tracked: mlruns_dev: .*(Permission denied|readonly).*", lines[0])
        assert len(lines) == 4
        (entry,) = json.loads((folder / "models/summary.json").read_text())
        assert "tracking" not in entry


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns", "sqlite:///own.db"])
def test_a_tracking_uri_that_is_not_http_is_refused_in_one_line(small_counts: pd.DataFrame, uri: str) -> None:
    Path("bt.toml").write_text(f'[profiles.dev]\ntracking_uri = "{uri}"\n')
    notes: list[str] = []
    train_tracked(small_counts, notes)
    assert notes == [
        f"runs are not tracked: tracking_uri must be the URL of an MLflow server (http://… or https://…), not {uri}"
    ]


def test_a_training_into_a_deleted_experiment_is_reported_as_not_tracked(small_counts: pd.DataFrame) -> None:
    notes: list[str] = []
    train_tracked(small_counts, notes)
    client = store_client()
    client.delete_experiment("1")
    record = train_tracked(small_counts, notes).record
    assert notes[-1].startswith("rf: not tracked: The experiment 1 must be in the 'active' state")
    assert record.tracking is None
    with pytest.raises(MlflowException):
        client.get_run(record.run_id)
