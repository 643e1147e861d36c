"""Start, find and stop the MLflow server of a profile.

``server.json`` in the profile's folder has the process id and the port of the running server. It counts only if that
process is an MLflow server of this store: after a reboot the file remains, and another process may have the id.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import attrs

from bike_traffic.config import Settings
from bike_traffic.errors import TrackingError
from bike_traffic.progress import progress
from bike_traffic.tracking.mlflow_client import prepare_environment
from bike_traffic.tracking.stores.store import DATABASE, artifact_root, is_healthy, prepare_own_store, store_uri

HOST = "127.0.0.1"
DEFAULT_PORT = 5000
_STATE = "server.json"
_LOG = "server.log"
_START_SECONDS = 180.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.2


@attrs.frozen
class RunningServer:
    """A running server: the leader of its process group, and its port."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"


def log_file(settings: Settings) -> Path:
    """Return the file that the server of a profile writes its log to."""
    return settings.tracking_folder / _LOG


def running_server(settings: Settings) -> RunningServer | None:
    """Return the running server of the profile, or ``None``; the state file of a dead server is removed."""
    path = settings.tracking_folder / _STATE
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        server = RunningServer(int(state["pid"]), int(state["port"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrackingError(
            f"{path} is malformed ({error}); remove it",
            "server-state-malformed",
            path=str(path),
            reason=str(error),
        ) from None
    if store_uri(settings) in _command_of(server.pid):
        return server
    path.unlink(missing_ok=True)
    return None


def start_server(settings: Settings, port: int) -> RunningServer:
    """Start the server of the profile, in a process group of its own, and wait until it is healthy.

    Raises
    ------
    TrackingError
        The port is in use, the server of the profile runs already, or it exited or did not answer in time.
    """
    running = running_server(settings)
    if running is not None:
        raise TrackingError(
            f"the MLflow server of {settings.env} runs already, at {running.url}; "
            f"`bt mlflow --env {settings.env} --stop` stops it",
            "mlflow-server-running",
            env=settings.env,
            url=running.url,
        )
    _require_free(port)
    prepare_environment()
    with progress("preparing the store", None):
        prepare_own_store(settings)
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store_uri(settings), "--default-artifact-root", artifact_root(settings)]
    command += ["--allowed-hosts", f"{HOST}:{port},localhost:{port}"]
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
    log = log_file(settings)
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # Not subprocess: a Popen object warns when it is deleted before its process has ended.
    pid = os.posix_spawn(sys.executable, command, environment, file_actions=streams, setsid=True)
    server = RunningServer(pid, port)
    try:
        state = json.dumps(attrs.asdict(server)) + "\n"
        (settings.tracking_folder / _STATE).write_text(state, encoding="utf-8")
        with progress(f"starting MLflow at {server.url}", None):
            _wait_until_healthy(settings, server)
    except BaseException:
        stop_server(settings, server)
        raise
    return server


def ended_by_itself(settings: Settings, server: RunningServer) -> bool:
    """Wait until a server that this process started exits; return whether it did so without `stop_server`."""
    os.waitpid(server.pid, 0)
    return (settings.tracking_folder / _STATE).exists()


def stop_server(settings: Settings, server: RunningServer) -> None:
    """Stop a server with all its processes: SIGTERM first, then SIGKILL."""
    # The state file first: its absence tells `ended_by_itself` in another process that the server was stopped.
    (settings.tracking_folder / _STATE).unlink(missing_ok=True)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _signal_group(server.pid, number):
            break
        deadline = time.monotonic() + _STOP_SECONDS
        while _signal_group(server.pid, 0) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


@attrs.frozen
class Migration:
    """The result of a migration: the command, the number of runs, and the files that MLflow could not read."""

    command: str
    runs: int
    unread: list[str]


def migrate(settings: Settings, folder: Path) -> Migration:
    """Import the runs that an old MLflow kept as files into the profile's store, with MLflow's own command.

    Raises
    ------
    TrackingError
        The folder has no such runs, the store exists already, or MLflow could read none of the runs.
    """
    target = settings.tracking_folder / DATABASE
    if not any(folder.glob("*/meta.yaml")) and not any(folder.glob("mlruns/*/meta.yaml")):
        raise TrackingError(
            f"{folder} has no runs of an MLflow before version 3: no folder in it has a meta.yaml",
            "migration-no-runs",
            folder=str(folder),
        )
    if target.exists():
        raise TrackingError(
            f"{target} exists already, and MLflow imports only into a new one: move it away first",
            "migration-store-exists",
            target=str(target),
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    words = ["mlflow", "migrate-filestore", "--source", str(folder), "--target"]
    command = f"{' '.join(words)} sqlite:///{target}"
    prepare_environment()
    try:
        with progress("MLflow is migrating", None):
            arguments = [sys.executable, "-m", *words, f"sqlite:///{unfinished.resolve()}"]
            process = subprocess.run(arguments, capture_output=True, text=True)
        lines = [line.strip() for line in process.stderr.splitlines() if line.strip()]
        if process.returncode:
            reason = lines[-1] if lines else f"exit code {process.returncode}"
            raise TrackingError(f"`{command}` failed: {reason}", "migration-failed", command=command, reason=reason)
        unread = re.findall(r"Failed to read (.+?meta\.yaml)", process.stderr)
        with closing(sqlite3.connect(unfinished)) as database:
            runs: int = database.execute("SELECT COUNT(*) FROM runs").fetchone()[0]
        if not runs:
            raise TrackingError(
                f"`{command}` found no{' readable' if unread else ''} run in {folder}",
                "migration-unreadable",
                command=command,
                folder=str(folder),
            )
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return Migration(command, runs, unread)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As the server does: otherwise a port that was just released would count as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise TrackingError(
                f"port {port} of {HOST}: {error.strerror}; choose another with --port",
                "port-taken",
                port=port,
                reason=str(error.strerror),
            ) from None


def _wait_until_healthy(settings: Settings, server: RunningServer) -> None:
    deadline, log = time.monotonic() + _START_SECONDS, str(log_file(settings))
    while not is_healthy(server.url):
        if os.waitpid(server.pid, os.WNOHANG)[0]:
            raise TrackingError(
                f"the MLflow server exited before it answered; see {log}", "mlflow-server-not-started", log=log
            )
        if time.monotonic() > deadline:
            raise TrackingError(
                f"the MLflow server did not answer within {_START_SECONDS:.0f} s; see {log}",
                "mlflow-server-slow",
                seconds=_START_SECONDS,
                log=log,
            )
        time.sleep(_POLL_SECONDS)


def _signal_group(leader: int, number: int) -> bool:
    """Send a signal to a process group, and return whether the group exists."""
    with suppress(ChildProcessError):
        os.waitpid(leader, os.WNOHANG)  # reap the process if it is a child of this one
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    return True


def _command_of(pid: int) -> str:
    """Return the command line of a process, or an empty string if there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        pass
    try:  # not Linux
        arguments = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(arguments, capture_output=True, text=True).stdout
    except OSError:
        return ""
