"""The store of runs: the profile's own, a bucket, or a server."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest
from mlflow import MlflowClient

import bike_traffic
from bike_traffic.config import load_settings
from bike_traffic.tracking.mlflow_client import quiet
from bike_traffic.tracking.stores.server import start_server, stop_server
from tests.conftest import Bt
from tests.servers import free_port, new_gcs_bucket
from tests.tracking.conftest import (
    IN_DEV,
    TINY,
    TRAIN,
    environment,
    files_below,
    get,
    runs_of,
    store_client,
    train_tracked,
)

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.slow,
]


@pytest.mark.parametrize("collects", [True, False])
def test_no_garbage_is_collected_while_mlflow_works_and_then_as_before(collects: bool) -> None:
    try:
        gc.enable() if collects else gc.disable()
        with pytest.raises(OSError), quiet():
            with quiet():
                pass
            assert not gc.isenabled()
            raise OSError
        assert gc.isenabled() is collects
    finally:
        gc.enable()


@attrs.frozen
class DevServer:
    """The server of a dev profile, and the working directory of that profile."""

    url: str
    folder: Path

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.url)


@pytest.fixture(scope="module")
def dev_server(tmp_path_factory: pytest.TempPathFactory, gcs_url: str) -> Iterator[DevServer]:
    """Run the server of a dev profile in a new folder, as `bt mlflow` does."""
    folder = tmp_path_factory.mktemp("dev")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(environ={})
        server = start_server(settings, free_port())
        yield DevServer(server.url, folder)
        patch.chdir(folder)
        stop_server(settings, server)


def run_bt(*words: str | Path, **variables: str) -> subprocess.Popen[str]:
    """Start ``bt`` as a separate process, with tracking on."""
    command = [sys.executable, "-m", "bike_traffic.cli.main", *map(str, words)]
    return subprocess.Popen(
        command, env=environment(**variables), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def objects_in(gcs_url: str, bucket: str) -> list[str]:
    """Return the names of all objects in a bucket."""
    listed: dict[str, Any] = json.loads(get(f"{gcs_url}/storage/v1/b/{bucket}/o"))
    return sorted(item["name"] for item in listed.get("items", []))


def test_dev_and_prod_have_stores_of_their_own(small_counts: pd.DataFrame) -> None:
    notes: list[str] = []
    dev = train_tracked(small_counts, notes).record
    prod = train_tracked(small_counts, notes, env="prod").record
    assert notes == [IN_DEV, "runs are tracked in mlruns_prod; `bt mlflow --env prod` shows them"]
    for record in (dev, prod):
        folder = Path(f"mlruns_{record.env}")
        (run,) = runs_of(store_client(record.env), record.env)
        assert (run.info.run_id, run.data.tags["env"]) == (record.run_id, record.env)
        assert sorted(path.name for path in folder.iterdir()) == [".lock", "1", "mlflow.db"]
        assert [path.name for path in (folder / "1").iterdir()] == [record.run_id]


def test_the_files_of_prod_go_to_its_bucket_and_its_metadata_stay_here(
    small_counts: pd.DataFrame, gcs_url: str
) -> None:
    bucket = new_gcs_bucket(gcs_url)
    Path("bt.toml").write_text(f'[profiles.prod]\nartifacts = "gcs://{bucket}/mlruns/"\n')
    notes: list[str] = []
    record = train_tracked(small_counts, notes, env="prod").record
    assert notes == ["runs are tracked in mlruns_prod; `bt mlflow --env prod` shows them"]
    assert sorted(path.name for path in Path("mlruns_prod").iterdir()) == [".lock", "mlflow.db"]
    (run,) = runs_of(store_client("prod"), "prod")
    root = f"mlruns/{run.info.experiment_id}/{record.run_id}/artifacts"
    assert run.info.artifact_uri == f"gs://{bucket}/{root}"
    names = objects_in(gcs_url, bucket)
    assert all(name.startswith(f"{root}/") for name in names)
    assert {f"{root}/features.json", f"{root}/model/MLmodel", f"{root}/pictures/feature_importances.png"} <= {*names}


def test_a_changed_artifacts_setting_is_reported_not_to_apply_to_an_existing_experiment(
    small_counts: pd.DataFrame,
) -> None:
    notes: list[str] = []
    train_tracked(small_counts, notes)
    Path("bt.toml").write_text('[profiles.dev]\nartifacts = "elsewhere"\n')
    train_tracked(small_counts, notes)
    here = Path.cwd().as_uri()
    assert notes[1] == (
        f"{IN_DEV}; their files go to {here}/mlruns_dev/1, the location of experiment 'bike-traffic-dev', "
        f"and not to {here}/elsewhere: rename the experiment in MLflow, and a new one starts there"
    )
    store_client().rename_experiment("1", "the first")
    train_tracked(small_counts, notes)
    assert notes[2] == IN_DEV
    assert [path.name for path in Path("elsewhere").iterdir()] == ["2"]


def test_a_healthy_server_gets_the_runs_and_keeps_the_files_in_its_own_root(
    small_counts: pd.DataFrame, dev_server: DevServer
) -> None:
    Path("bt.toml").write_text(f'[profiles.dev]\ntracking_uri = "{dev_server.url}"\n')
    notes: list[str] = []
    record = train_tracked(small_counts, notes).record
    assert notes == [f"runs are tracked in {dev_server.url}"]
    assert not Path("mlruns_dev").exists()
    run = dev_server.client.get_run(record.run_id)
    assert record.to_json()["tracking"] == {
        "run_id": record.run_id,
        "experiment_id": run.info.experiment_id,
        "uri": dev_server.url,
    }
    assert run.data.tags["model_uri"] == record.model_uri
    files = dev_server.folder / "mlruns_dev" / run.info.experiment_id / record.run_id / "artifacts"
    assert run.info.artifact_uri == files.as_uri()
    assert "pictures/feature_importances.png" in files_below(files)


def test_both_profiles_on_one_server_are_two_experiments_with_separate_files(
    small_counts: pd.DataFrame, dev_server: DevServer, gcs_url: str
) -> None:
    """The server's own root is a folder; the files of prod go to the bucket, below the id of the experiment."""
    bucket = new_gcs_bucket(gcs_url)
    Path("bt.toml").write_text(
        f'[profiles.dev]\ntracking_uri = "{dev_server.url}"\n'
        f'[profiles.prod]\ntracking_uri = "{dev_server.url}"\nartifacts = "gs://{bucket}/mlruns"\n'
    )
    records = {env: train_tracked(small_counts, [], env=env).record for env in ("dev", "prod")}
    for env, record in records.items():
        assert runs_of(dev_server.client, env)[0].info.run_id == record.run_id
    prod = dev_server.client.get_run(records["prod"].run_id)
    root = f"mlruns/{prod.info.experiment_id}/{prod.info.run_id}/artifacts"
    assert {name[: len(root)] for name in objects_in(gcs_url, bucket)} == {root}
    address = f"{dev_server.url}/get-artifact?run_uuid={prod.info.run_id}&path=pictures/feature_importances.png"
    assert get(address).startswith(b"\x89PNG")


def test_a_password_in_the_uri_is_neither_printed_nor_recorded(
    bt: Bt, small_counts: pd.DataFrame, dev_server: DevServer
) -> None:
    Path("bt.toml").write_text(f'[profiles.dev]\ntracking_uri = "{dev_server.url.replace("//", "//ana:secret@")}"\n')
    notes: list[str] = []
    record = train_tracked(small_counts, notes).record
    assert notes == [f"runs are tracked in {dev_server.url}"]
    assert record.to_json()["tracking"]["uri"] == dev_server.url
    printed = bt("config").stdout
    assert f" {dev_server.url} " in printed
    assert "secret" not in printed


def test_two_trainings_at_once_in_a_new_folder_are_two_runs(small_file: Path) -> None:
    """Neither finds a store, and both create it."""
    both = [run_bt(*TRAIN, "--data", small_file) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        assert errors.splitlines()[0] == IN_DEV
        assert len(errors.splitlines()) == 4
    entries = json.loads(Path("models/summary.json").read_text())
    assert {run.info.run_id for run in runs_of(store_client())} == {entry["run_id"] for entry in entries}
    assert [entry["tracking"]["experiment_id"] for entry in entries] == ["1", "1"]


def test_in_python_trainings_are_tracked_as_on_the_command_line(
    small_counts: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    tracked = bike_traffic.train("rf", small_counts, parameters=TINY)
    assert [record.message for record in caplog.records if record.name == "bike_traffic"] == [IN_DEV]
    untracked = bike_traffic.train("rf", small_counts, parameters=TINY, track=False)
    (run,) = runs_of(store_client())
    assert tracked.record.to_json()["tracking"]["run_id"] == run.info.run_id
    assert untracked.record.tracking is None


def test_standard_output_has_only_results(small_file: Path, dev_server: DevServer) -> None:
    words = (*TRAIN, "--data", small_file, "--format", "json")
    out, errors = run_bt(*words, BT_TRACKING_URI=dev_server.url).communicate(timeout=600)
    (entry,) = json.loads(out)
    assert entry["tracking"]["uri"] == dev_server.url
    assert errors.splitlines()[0] == f"runs are tracked in {dev_server.url}"
