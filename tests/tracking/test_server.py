"""`bt mlflow`: the right server, started, found again and stopped whole; and what serves a run's model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bike_traffic.config import load_settings
from bike_traffic.data.cleaning import clean
from bike_traffic.prediction import predict
from bike_traffic.tracking.server import RunningServer, running_server
from bike_traffic.training import TrainingResult
from tests.conftest import Bt
from tests.servers import free_port, new_gcs_bucket, wait_for
from tests.tracking.conftest import environment, get, runs_of, store_client, train_tracked

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.slow,
]

WAIT_SECONDS = 60.0


def group_is_gone(leader: int) -> bool:
    """Wait until no process of a group is left."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            os.killpg(leader, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@contextmanager
def foreground(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``bt mlflow`` in a terminal's way, and wait until it says where it is."""
    command = [sys.executable, "-m", "bike_traffic.cli.main", "mlflow", *words]
    process = subprocess.Popen(command, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)


def started() -> RunningServer:
    """Return the server that the dev profile says runs."""
    server = running_server(load_settings(environ={}))
    assert server is not None
    return server


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_prints_its_address_once_it_is_healthy_and_leaves_no_process_behind(sign: signal.Signals) -> None:
    port = free_port()
    with foreground("--port", str(port)) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == f"http://127.0.0.1:{port} shows the runs of dev; Ctrl-C stops it\n"
        assert get(f"http://127.0.0.1:{port}/health") == b"OK"
        leader = started().pid
        process.send_signal(sign)
        assert process.wait(WAIT_SECONDS) == 0
        assert process.stderr.read() == "stopped the MLflow server of dev\n"
    assert group_is_gone(leader)
    assert running_server(load_settings(environ={})) is None


def test_in_the_background_it_is_found_again_refuses_a_second_and_is_stopped(bt: Bt) -> None:
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    done = bt("mlflow", "--background", "--port", port)
    assert (done.exit_code, done.stdout) == (
        0,
        f"{url} shows the runs of dev; stop it with `bt mlflow --env dev --stop`\n",
    )
    leader = started().pid
    assert bt("mlflow", "--status").stdout == f"dev: {url} runs, process {leader}\n"
    second = bt("mlflow", "--port", str(free_port()))
    assert (second.exit_code, second.stderr) == (
        1,
        f"Error: the MLflow server of dev runs already, at {url}; `bt mlflow --env dev --stop` stops it\n",
    )
    other = bt("mlflow", "--env", "prod", "--port", port)
    assert (other.exit_code, other.stderr) == (
        1,
        f"Error: port {port} of 127.0.0.1: Address already in use; give another with --port\n",
    )
    assert not Path("mlruns_prod").exists()
    assert bt("mlflow", "--stop").stderr == f"stopped the MLflow server of dev at {url}\n"
    assert group_is_gone(leader)
    assert bt("mlflow", "--stop").stderr == "no MLflow server of dev runs\n"
    gone = bt("mlflow", "--status")
    assert (gone.exit_code, gone.stderr) == (1, "Error: no MLflow server of dev runs\n")


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_one_that_is_ended_elsewhere_ends_the_command_in_front(bt: Bt, how: str) -> None:
    with foreground("--port", str(free_port())) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        if how == "stopped":
            bt("mlflow", "--stop")
            expected = (0, "stopped the MLflow server of dev\n")
        else:
            os.killpg(started().pid, signal.SIGKILL)
            expected = (1, "Error: the MLflow server ended; mlruns_dev/server.log says why\n")
        assert (process.wait(WAIT_SECONDS), process.stderr.read()) == expected


def test_a_process_that_took_the_number_of_a_server_that_is_gone_is_left_alone(bt: Bt) -> None:
    """As after the machine was switched off: the file says a number that is another's now."""
    Path("mlruns_dev").mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as other:
        state = Path("mlruns_dev/server.json")
        state.write_text(json.dumps({"pid": other.pid, "port": 5000}))
        done = bt("mlflow", "--stop")
        assert (done.exit_code, done.stderr) == (0, "no MLflow server of dev runs\n")
        assert (other.poll(), state.exists()) == (None, False)
        other.kill()


def test_a_state_that_does_not_parse_is_named(bt: Bt) -> None:
    Path("mlruns_dev").mkdir()
    Path("mlruns_dev/server.json").write_text('{"port": 5000}')
    done = bt("mlflow", "--status")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: mlruns_dev/server.json does not tell what runs ('pid'); remove it\n",
    )


def test_a_server_that_cannot_start_says_where_to_read_why(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    Path("uvicorn.py").write_text("raise SystemExit('no')\n")
    done = bt("mlflow", "--port", str(free_port()))
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: the MLflow server ended; mlruns_dev/server.log says why\n",
    )
    assert running_server(load_settings(environ={})) is None


def test_prod_is_served_with_its_metadata_from_here_and_its_files_from_the_bucket(
    bt: Bt, small_counts: pd.DataFrame, gcs_url: str
) -> None:
    bucket = new_gcs_bucket(gcs_url)
    Path("bt.toml").write_text(f'[profiles.prod]\nartifacts = "gs://{bucket}/mlruns"\n')
    record = train_tracked(small_counts, [], env="prod").record
    train_tracked(small_counts, [], env="dev")
    port = free_port()
    bt("mlflow", "--env", "prod", "--background", "--port", str(port))
    try:
        url = f"http://127.0.0.1:{port}"
        request = urllib.request.Request(
            f"{url}/api/2.0/mlflow/experiments/search", b'{"max_results": 10}', {"Content-Type": "application/json"}
        )
        listed: dict[str, Any] = json.loads(urllib.request.urlopen(request).read())
        places = {one["name"]: one["artifact_location"] for one in listed["experiments"]}
        assert places == {
            "bike-traffic-prod": f"gs://{bucket}/mlruns/1",
            "Default": f"gs://{bucket}/mlruns/0",
        }
        for path, first in (("pictures/predicted_against_actual.png", b"\x89PNG"), ("model/MLmodel", b"flavors:")):
            address = f"{url}/get-artifact?run_uuid={record.run_id}&path={path}"
            assert get(address).startswith(first)
        with pytest.raises(OSError, match="403"):
            get_as("attacker.example", f"{url}/api/2.0/mlflow/experiments/get?experiment_id=1")
    finally:
        bt("mlflow", "--env", "prod", "--stop")


def get_as(host: str, url: str) -> bytes:
    """Ask a server under another name than its own, as a page that rebinds DNS would."""
    data: bytes = urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host})).read()
    return data


def test_runs_that_an_older_mlflow_kept_as_files_are_brought_into_the_store(bt: Bt) -> None:
    write = (
        "import mlflow; mlflow.set_experiment('old'); mlflow.start_run(run_name='first'); "
        "mlflow.log_metric('rmse', 3.5); mlflow.end_run()"
    )
    old = environment(MLFLOW_TRACKING_URI="file:./mlruns_dev", MLFLOW_ALLOW_FILE_STORE="true")
    subprocess.run([sys.executable, "-W", "ignore", "-c", write], env=old, check=True, capture_output=True)
    Path("mlruns_dev/77").mkdir()
    Path("mlruns_dev/77/meta.yaml").write_text("name: [")
    done = bt("mlflow", "migrate", "mlruns_dev")
    assert (done.exit_code, done.stderr) == (
        0,
        f"left out, since MLflow cannot read it: {Path.cwd()}/mlruns_dev/77/meta.yaml\n"
        "`mlflow migrate-filestore --source mlruns_dev --target sqlite:///mlruns_dev/mlflow.db` brought 1 runs; "
        "`bt mlflow --env dev` shows them\n",
    )
    client = store_client()
    experiment = client.get_experiment_by_name("old")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.data.metrics) == ("first", {"rmse": 3.5})
    again = bt("mlflow", "migrate", "mlruns_dev")
    assert (again.exit_code, again.stderr) == (
        1,
        "Error: mlruns_dev/mlflow.db is there already, and MLflow fills a new one only: move it away first\n",
    )


def test_a_folder_without_old_runs_and_one_that_mlflow_cannot_read_are_refused(bt: Bt) -> None:
    Path("empty").mkdir()
    assert bt("mlflow", "migrate", "empty").stderr == (
        "Error: empty holds no runs of MLflow's old kind: no folder in it has a meta.yaml\n"
    )
    Path("broken/1").mkdir(parents=True)
    Path("broken/1/meta.yaml").write_text("name: [")
    done = bt("mlflow", "migrate", "broken")
    command = "mlflow migrate-filestore --source broken --target sqlite:///mlruns_dev/mlflow.db"
    assert (done.exit_code, done.stderr) == (1, f"Error: `{command}` found no run that it could read in broken\n")
    assert [path.name for path in Path("mlruns_dev").iterdir()] == []


@pytest.fixture(scope="module")
def scored(
    small_counts: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, TrainingResult]]:
    """Serve the model of a tracked run as `mlflow models serve` does, and give its address and the training."""
    folder = tmp_path_factory.mktemp("scored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = train_tracked(small_counts, [])
        (run,) = runs_of(store_client())
        tracking_uri = f"sqlite:///{folder}/mlruns_dev/mlflow.db"
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"runs:/{run.info.run_id}/model"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it calls uvicorn by its name
    variables = environment(MLFLOW_TRACKING_URI=tracking_uri, MLFLOW_DISABLE_TELEMETRY="true", PATH=path)
    with (folder / "scoring.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(f"{url}/ping")
        yield url, result
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def ask(url: str, body: str, content_type: str) -> list[dict[str, Any]]:
    """Ask a scoring server, and return its predictions."""
    request = urllib.request.Request(f"{url}/invocations", body.encode(), {"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=60) as answer:
        predictions: list[dict[str, Any]] = json.loads(answer.read())["predictions"]
    return predictions


def test_a_scoring_server_predicts_the_citys_rows_given_as_json_and_as_csv(
    scored: tuple[str, TrainingResult], small_counts: pd.DataFrame
) -> None:
    url, result = scored
    rows = small_counts.tail(48)
    expected = predict(result.pipeline, clean(rows))["prediction"].tolist()
    records = json.dumps({"dataframe_records": rows.to_dict(orient="records")})
    split = json.dumps({"dataframe_split": json.loads(rows.to_json(orient="split"))})
    for body, content_type in (
        (records, "application/json"),
        (split, "application/json"),
        (rows.to_csv(index=False), "text/csv"),
    ):
        answered = ask(url, body, content_type)
        assert [row["prediction"] for row in answered] == pytest.approx(expected)


def test_a_scoring_server_refuses_a_counter_that_the_model_does_not_know_unless_told_to_guess(
    scored: tuple[str, TrainingResult], small_counts: pd.DataFrame
) -> None:
    row = small_counts.tail(1).assign(**{"Nom du compteur": "opened yesterday"}).to_dict(orient="records")
    with pytest.raises(OSError, match="HTTP Error 400"):
        ask(scored[0], json.dumps({"dataframe_records": row}), "application/json")
    told = json.dumps({"dataframe_records": row, "params": {"unknown_counters": "predict"}})
    (answered,) = ask(scored[0], told, "application/json")
    assert answered["prediction"] > 0
