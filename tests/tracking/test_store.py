"""Where runs go: the profile's own store, a bucket, a server; and that no training fails because of it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest
from mlflow import MlflowClient

import bike_traffic
from bike_traffic.config import load_settings
from bike_traffic.data.cleaning import clean
from bike_traffic.manager import Declaration, PluginSource
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.specs import PipelineSpec
from bike_traffic.tracking.opening import open_tracker
from bike_traffic.tracking.server import RunningServer, start_server, stop_server
from bike_traffic.training import TrainingPlan, train_model
from tests.conftest import Bt
from tests.servers import free_port, new_gcs_bucket
from tests.tracking.conftest import (
    TINY,
    environment,
    files_below,
    get,
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

IN_DEV = "runs are tracked in mlruns_dev; `bt mlflow --env dev` shows them"
TRAIN = ("train", "-m", "rf", "--set", "n_estimators=3")


@attrs.frozen
class DevServer:
    """The server of a dev profile, and the folder that the profile is in."""

    url: str
    folder: Path

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.url)


@pytest.fixture(scope="module")
def dev_server(tmp_path_factory: pytest.TempPathFactory, gcs_url: str) -> Iterator[DevServer]:
    """Run the server of the dev profile of a folder of its own, as `bt mlflow` does."""
    folder = tmp_path_factory.mktemp("dev")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(environ={})
        server = start_server(settings, free_port())
        yield DevServer(server.url, folder)
        patch.chdir(folder)
        stop_server(settings, server)


def run_bt(*words: str | Path, **variables: str) -> subprocess.Popen[str]:
    """Start ``bt`` as a process of its own, with tracking as outside the tests."""
    command = [sys.executable, "-m", "bike_traffic.cli.main", *map(str, words)]
    return subprocess.Popen(
        command, env=environment(**variables), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def objects_in(gcs_url: str, bucket: str) -> list[str]:
    """Return the names of all objects in a bucket."""
    listed: dict[str, Any] = json.loads(get(f"{gcs_url}/storage/v1/b/{bucket}/o"))
    return sorted(item["name"] for item in listed.get("items", []))


def test_dev_and_prod_have_stores_of_their_own(small_counts: pd.DataFrame) -> None:
    said: list[str] = []
    dev = train_tracked(small_counts, said).record
    prod = train_tracked(small_counts, said, env="prod").record
    assert said == [IN_DEV, "runs are tracked in mlruns_prod; `bt mlflow --env prod` shows them"]
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
    said: list[str] = []
    record = train_tracked(small_counts, said, env="prod").record
    assert said == ["runs are tracked in mlruns_prod; `bt mlflow --env prod` shows them"]
    assert sorted(path.name for path in Path("mlruns_prod").iterdir()) == [".lock", "mlflow.db"]
    (run,) = runs_of(store_client("prod"), "prod")
    root = f"mlruns/{run.info.experiment_id}/{record.run_id}/artifacts"
    assert run.info.artifact_uri == f"gs://{bucket}/{root}"
    names = objects_in(gcs_url, bucket)
    assert all(name.startswith(f"{root}/") for name in names)
    assert {f"{root}/features.json", f"{root}/model/MLmodel", f"{root}/pictures/feature_importances.png"} <= {*names}


def test_a_bucket_that_is_not_there_costs_the_files_and_not_the_metadata(
    small_counts: pd.DataFrame, gcs_url: str
) -> None:
    Path("bt.toml").write_text('[profiles.dev]\nartifacts = "gs://no-such-bucket/mlruns"\n')
    said: list[str] = []
    record = train_tracked(small_counts, said).record
    pattern = "rf: not recorded in sqlite:///mlruns_dev/mlflow.db: features, the model, pictures: "
    assert [line.partition(pattern)[:2] for line in said[1:]] == [("", pattern)]
    (run,) = runs_of(store_client())
    assert (run.info.status, run.data.tags["model_uri"]) == ("FINISHED", record.model_uri)
    assert record.to_json()["tracking"]["run_id"] == run.info.run_id


def test_a_place_that_was_changed_after_the_first_run_is_said_not_to_be_used(small_counts: pd.DataFrame) -> None:
    said: list[str] = []
    train_tracked(small_counts, said)
    Path("bt.toml").write_text('[profiles.dev]\nartifacts = "elsewhere"\n')
    train_tracked(small_counts, said)
    here = Path.cwd().as_uri()
    assert said[1] == (
        f"{IN_DEV}; their files stay in {here}/mlruns_dev/1, where experiment 'bike-traffic-dev' has them, "
        f"and not in {here}/elsewhere: rename it in MLflow to begin another there"
    )
    store_client().rename_experiment("1", "the first")
    train_tracked(small_counts, said)
    assert said[2] == IN_DEV
    assert [path.name for path in Path("elsewhere").iterdir()] == ["2"]


def test_a_healthy_server_takes_the_runs_and_keeps_their_files_where_it_was_told_to(
    small_counts: pd.DataFrame, dev_server: DevServer
) -> None:
    Path("bt.toml").write_text(f'[profiles.dev]\ntracking_uri = "{dev_server.url}"\n')
    said: list[str] = []
    record = train_tracked(small_counts, said).record
    assert said == [f"runs are tracked in {dev_server.url}"]
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


def test_both_profiles_on_one_server_are_two_experiments_with_files_apart(
    small_counts: pd.DataFrame, dev_server: DevServer, gcs_url: str
) -> None:
    """The server puts files into its own folder; those of prod go to the bucket all the same, below the id."""
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


def test_a_server_that_does_not_answer_is_said_and_the_profiles_store_used(small_counts: pd.DataFrame) -> None:
    port = free_port()
    Path("bt.toml").write_text(f'[profiles.dev]\ntracking_uri = "http://ana:secret@127.0.0.1:{port}"\n')
    said: list[str] = []
    record = train_tracked(small_counts, said).record
    assert said == [f"http://127.0.0.1:{port} does not answer, so {IN_DEV}"]
    assert record.to_json()["tracking"]["uri"] == "sqlite:///mlruns_dev/mlflow.db"
    assert "secret" not in Path("models/summary.json").read_text()


def test_a_password_of_the_server_is_nowhere_to_be_read(
    bt: Bt, small_counts: pd.DataFrame, dev_server: DevServer
) -> None:
    Path("bt.toml").write_text(f'[profiles.dev]\ntracking_uri = "{dev_server.url.replace("//", "//ana:secret@")}"\n')
    said: list[str] = []
    record = train_tracked(small_counts, said).record
    assert said == [f"runs are tracked in {dev_server.url}"]
    assert record.to_json()["tracking"]["uri"] == dev_server.url
    printed = bt("config").stdout
    assert f" {dev_server.url} " in printed
    assert "secret" not in printed


def test_a_server_that_dies_in_the_middle_costs_the_rest_of_the_tracking(
    small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(environ={})
    server = start_server(settings, free_port())
    try:
        settings = load_settings(environ={"BT_TRACKING_URI": server.url})
        said: list[str] = []
        tracker = open_tracker(settings, said.append)
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
    assert said == [
        f"runs are tracked in {server.url}",
        f"deadly: not recorded in {server.url}: parameters, metrics, features, the model, pictures, "
        "where the model is registered, its end: no MLflow server answers",
    ]
    assert registry.get(record.run_id) == record
    (run,) = runs_of(store_client())
    assert (run.info.run_id, run.info.status) == (record.to_json()["tracking"]["run_id"], "RUNNING")


def test_a_server_that_dies_between_two_trainings_costs_the_tracking_of_the_second(
    small_counts: pd.DataFrame,
) -> None:
    settings = load_settings(environ={})
    server: RunningServer = start_server(settings, free_port())
    said: list[str] = []
    tracker = open_tracker(load_settings(environ={"BT_TRACKING_URI": server.url}), said.append)
    stop_server(settings, server)
    declaration = Declaration(
        PipelineSpec(name="rf", target="bike_traffic.plugins.random_forest:RFPipeline"),
        PluginSource("bike-traffic", "1.0", "pipelines"),
    )
    plan = TrainingPlan(parameters=TINY)
    record = train_model(declaration, clean(small_counts), LocalRegistry("models"), plan, tracker=tracker).record
    assert said[1:] == ["rf: not tracked: no MLflow server answers"]
    assert record.tracking is None


def test_two_trainings_at_once_in_a_new_folder_are_two_runs(small_file: Path) -> None:
    """Both find no store, and both make it."""
    both = [run_bt(*TRAIN, "--data", small_file) for _ in range(2)]
    for process in both:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        assert errors.splitlines()[0] == IN_DEV
        assert len(errors.splitlines()) == 2
    entries = json.loads(Path("models/summary.json").read_text())
    assert {run.info.run_id for run in runs_of(store_client())} == {entry["run_id"] for entry in entries}
    assert [entry["tracking"]["experiment_id"] for entry in entries] == ["1", "1"]


def a_file(folder: Path) -> None:
    folder.write_text("not a folder")


def no_database(folder: Path) -> None:
    folder.mkdir()
    (folder / "mlflow.db").write_text("not a database, whatever its name says")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (a_file, r"\[Errno 17\] File exists: 'mlruns_dev'"),
        (no_database, r"\(sqlite3\.DatabaseError\) file is not a database"),
    ],
)
def test_a_store_that_cannot_be_used_is_said_in_one_line(
    small_counts: pd.DataFrame, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(Path("mlruns_dev"))
    said: list[str] = []
    record = train_tracked(small_counts, said).record
    assert len(said) == 1
    assert re.fullmatch(f"runs are not tracked: mlruns_dev: {reason}", said[0])
    assert list(LocalRegistry("models").records(bike_traffic.Query())) == [record]


PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def obey_permissions() -> None:
    """Give up root's right to write where nobody may, in what this process will run."""
    if os.getuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def test_a_store_that_may_not_be_written_is_said_in_one_line(small_counts: pd.DataFrame) -> None:
    """Root, whom permissions do not bind, trains without the capability that says so."""
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
            command, cwd=folder, env=variables, capture_output=True, text=True, preexec_fn=obey_permissions
        )
        store.chmod(0o755)
        assert done.returncode == 0, done.stderr
        lines = done.stderr.splitlines()
        assert re.fullmatch(r"runs are not tracked: mlruns_dev: .*(Permission denied|readonly).*", lines[0])
        assert len(lines) == 2
        (entry,) = json.loads((folder / "models/summary.json").read_text())
        assert "tracking" not in entry


WITHOUT_MLFLOW = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "mlflow" else PathFinder.find_spec(name, path, target)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
from bike_traffic.cli.main import main
main(sys.argv[1:])
"""


def test_where_mlflow_is_not_installed_it_is_said_how_to_install_it_and_training_goes_on(small_file: Path) -> None:
    words = (*TRAIN, "-m", "rf_class", "--data", str(small_file))

    def run(*more: str) -> list[str]:
        command = [sys.executable, "-c", WITHOUT_MLFLOW, *words, *more]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
        return [line.partition(":")[0] for line in done.stderr.splitlines()]

    assert run() == ["runs are not tracked", "rf", "rf_class"]
    assert run("--no-track") == ["rf", "rf_class"]
    done = subprocess.run([sys.executable, "-c", WITHOUT_MLFLOW, "mlflow"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: `bt mlflow` needs MLflow, which is not installed: pip install 'bike-traffic[mlflow]'\n",
    )


NOT_TRACKED = """
import json, sys
from bike_traffic.cli.main import main
main(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("how", ["--no-track", "BT_TRACK", "bt.toml"])
def test_an_untracked_training_imports_nothing_of_mlflow_and_leaves_no_store(small_file: Path, how: str) -> None:
    if how == "bt.toml":
        Path("bt.toml").write_text("track = false\n")
    words = [*TRAIN, "--data", str(small_file), *(["--no-track"] if how == "--no-track" else [])]
    variables = environment(**({"BT_TRACK": "0"} if how == "BT_TRACK" else {}))
    command = [sys.executable, "-c", NOT_TRACKED, *words]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    *lines, modules = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["rf"]
    found = {name.partition(".")[0] for name in json.loads(modules)}
    assert found & {"mlflow", "matplotlib", "sqlalchemy", "alembic"} == set()
    assert not Path("mlruns_dev").exists()


def test_in_python_trainings_are_tracked_as_on_the_command_line(
    small_counts: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    tracked = bike_traffic.train("rf", small_counts, parameters=TINY)
    assert [record.message for record in caplog.records if record.name == "bike_traffic"] == [IN_DEV]
    untracked = bike_traffic.train("rf", small_counts, parameters=TINY, track=False)
    (run,) = runs_of(store_client())
    assert tracked.record.to_json()["tracking"]["run_id"] == run.info.run_id
    assert untracked.record.tracking is None


def test_results_alone_are_on_standard_output(small_file: Path, dev_server: DevServer) -> None:
    words = (*TRAIN, "--data", small_file, "--format", "json")
    out, errors = run_bt(*words, BT_TRACKING_URI=dev_server.url).communicate()
    (entry,) = json.loads(out)
    assert entry["tracking"]["uri"] == dev_server.url
    assert errors.splitlines()[0] == f"runs are tracked in {dev_server.url}"


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns", "sqlite:///own.db"])
def test_a_tracking_uri_that_is_no_servers_is_refused_in_one_line(small_counts: pd.DataFrame, uri: str) -> None:
    Path("bt.toml").write_text(f'[profiles.dev]\ntracking_uri = "{uri}"\n')
    said: list[str] = []
    train_tracked(small_counts, said)
    assert said == [
        f"runs are not tracked: tracking_uri must be that of an MLflow server (http://… or https://…), not {uri}"
    ]
