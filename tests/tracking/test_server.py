"""`bt mlflow`: the server of a profile is started, found and stopped with all its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bike_traffic.config import load_settings
from bike_traffic.tracking.stores.server import RunningServer, running_server
from tests.conftest import Bt
from tests.servers import free_port, new_gcs_bucket
from tests.tracking.conftest import environment, get, store_client, train_tracked

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
def foreground(*words: str, ignoring: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run ``bt mlflow`` as a terminal does, and interrupt it at the end of the block.

    `ignoring` names a signal that the process ignores when it starts, as after ``nohup`` or ``&``.
    """
    before = f"trap '' {ignoring}; " if ignoring else ""
    command = [
        "sh",
        "-c",
        f'{before}exec "$@"',
        "sh",
        sys.executable,
        "-m",
        "bike_traffic.cli.main",
        "mlflow",
        *words,
    ]
    process = subprocess.Popen(command, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    killer = threading.Timer(2 * WAIT_SECONDS, process.kill)  # reading its output has no limit of its own
    killer.start()
    try:
        with process:
            yield process
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
    finally:
        killer.cancel()


def started() -> RunningServer:
    """Return the running server of the dev profile."""
    server = running_server(load_settings(environ={}))
    assert server is not None
    return server


@pytest.mark.parametrize(
    ("number", "ignoring"), [(signal.SIGINT, ""), (signal.SIGTERM, ""), (signal.SIGHUP, ""), (signal.SIGINT, "INT")]
)
def test_it_prints_its_address_when_it_is_healthy_and_leaves_no_process(
    number: signal.Signals, ignoring: str
) -> None:
    port = free_port()
    with foreground("--port", str(port), ignoring=ignoring) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == f"http://127.0.0.1:{port} shows the runs of dev; Ctrl-C stops it\n"
        assert get(f"http://127.0.0.1:{port}/health") == b"OK"
        leader = started().pid
        process.send_signal(number)
        assert process.wait(WAIT_SECONDS) == 0
        assert process.stderr.read() == "stopped the MLflow server of dev\n"
    assert group_is_gone(leader)
    assert running_server(load_settings(environ={})) is None


def test_a_server_in_the_background_is_found_refuses_a_second_one_and_is_stopped(bt: Bt) -> None:
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
        f"Error: port {port} of 127.0.0.1: Address already in use; choose another with --port\n",
    )
    assert not Path("mlruns_prod").exists()
    assert bt("mlflow", "--stop").stderr == f"stopped the MLflow server of dev at {url}\n"
    assert group_is_gone(leader)
    assert bt("mlflow", "--stop").stderr == "no MLflow server of dev runs\n"
    gone = bt("mlflow", "--status")
    assert (gone.exit_code, gone.stderr) == (1, "Error: no MLflow server of dev runs\n")


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_the_command_in_the_foreground_ends_with_its_server(bt: Bt, how: str) -> None:
    with foreground("--port", str(free_port())) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        if how == "stopped":
            bt("mlflow", "--stop")
            expected = (0, "stopped the MLflow server of dev\n")
        else:
            os.killpg(started().pid, signal.SIGKILL)
            expected = (1, "Error: the MLflow server exited; see mlruns_dev/server.log\n")
        assert (process.wait(WAIT_SECONDS), process.stderr.read()) == expected


def test_another_process_with_the_id_of_a_dead_server_is_not_stopped(bt: Bt) -> None:
    """As after a reboot: the state file names an id that another process has now."""
    Path("mlruns_dev").mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as other:
        state = Path("mlruns_dev/server.json")
        state.write_text(json.dumps({"pid": other.pid, "port": 5000}))
        done = bt("mlflow", "--stop")
        assert (done.exit_code, done.stderr) == (0, "no MLflow server of dev runs\n")
        assert (other.poll(), state.exists()) == (None, False)
        other.kill()


def test_a_malformed_state_file_is_named(bt: Bt) -> None:
    Path("mlruns_dev").mkdir()
    Path("mlruns_dev/server.json").write_text('{"port": 5000}')
    done = bt("mlflow", "--status")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: mlruns_dev/server.json is malformed ('pid'); remove it\n",
    )


def test_a_server_that_cannot_start_names_its_log(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    Path("uvicorn.py").write_text("raise SystemExit('no')\n")
    done = bt("mlflow", "--port", str(free_port()))
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: the MLflow server exited before it answered; see mlruns_dev/server.log\n",
    )
    assert running_server(load_settings(environ={})) is None


def test_prod_is_served_with_local_metadata_and_files_from_the_bucket(
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
    """Send a request with a foreign host name, as a page that rebinds DNS does."""
    data: bytes = urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host})).read()
    return data


def test_runs_that_an_older_mlflow_kept_as_files_are_imported_into_the_store(bt: Bt) -> None:
    write = (
        "import mlflow; mlflow.set_experiment('old'); mlflow.start_run(run_name='first'); "
        "mlflow.log_metric('rmse', 3.5); mlflow.end_run()"
    )
    old = environment(MLFLOW_TRACKING_URI="file:./mlruns_dev", MLFLOW_ALLOW_FILE_STORE="true")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", write], env=old, check=True, capture_output=True, timeout=600
    )
    Path("mlruns_dev/77").mkdir()
    Path("mlruns_dev/77/meta.yaml").write_text("name: [")
    done = bt("mlflow", "migrate", "mlruns_dev")
    assert (done.exit_code, done.stderr) == (
        0,
        f"skipped, because MLflow cannot read it: {Path.cwd()}/mlruns_dev/77/meta.yaml\n"
        "`mlflow migrate-filestore --source mlruns_dev --target sqlite:///mlruns_dev/mlflow.db` imported 1 runs; "
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
        "Error: mlruns_dev/mlflow.db exists already, and MLflow imports only into a new one: move it away first\n",
    )


def test_a_folder_without_old_runs_and_one_that_mlflow_cannot_read_are_refused(bt: Bt) -> None:
    Path("empty").mkdir()
    assert bt("mlflow", "migrate", "empty").stderr == (
        "Error: empty has no runs of an MLflow before version 3: no folder in it has a meta.yaml\n"
    )
    Path("broken/1").mkdir(parents=True)
    Path("broken/1/meta.yaml").write_text("name: [")
    done = bt("mlflow", "migrate", "broken")
    command = "mlflow migrate-filestore --source broken --target sqlite:///mlruns_dev/mlflow.db"
    assert (done.exit_code, done.stderr) == (1, f"Error: `{command}` found no readable run in broken\n")
    assert [path.name for path in Path("mlruns_dev").iterdir()] == []
