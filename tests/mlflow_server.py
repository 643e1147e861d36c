"""A real MLflow server on loopback for the tests: SQLite, one worker, its files in a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bike_traffic.registry_backends.mlflow_registry import MlflowRegistry
from tests.servers import free_port

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

START_SECONDS = 90.0
PROCESS_SECONDS = 600.0
"""Limit for a process of `run_python`."""


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Run ``mlflow server`` with its database and files in `folder`, and give its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_healthy(url, process, log)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the workers are its children
        process.wait(START_SECONDS)


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"no MLflow server at {url}:\n{log.read_text()}") from None
            time.sleep(0.1)


def new_prefix() -> str:
    """Return what the names of an empty registry on a server begin with, and no other's do."""
    return f"test-{uuid4().hex}"


def new_registry(url: str) -> MlflowRegistry:
    """Return an empty registry on a server."""
    return MlflowRegistry(f"mlflow+{url}", prefix=new_prefix())


def again(registry: MlflowRegistry) -> MlflowRegistry:
    """Open the same registry once more, as another process would."""
    return MlflowRegistry(f"mlflow+{registry._server.uri}", prefix=registry._prefix)


def client_of(registry: MlflowRegistry) -> MlflowClient:
    """Return MLflow's client, to see and do what others do on the server."""
    return registry._server.client


def versions_of(registry: MlflowRegistry, model_type: str = "rf") -> list[ModelVersion]:
    """Return the versions of a registered model, in the order of their numbers."""
    found = client_of(registry).search_model_versions(f"name = '{registry._prefix}-{model_type}'")
    return sorted(found, key=lambda version: int(version.version))


def run_python(code: str, *words: str, **environ: str) -> subprocess.Popen[str]:
    """Start Python with `code`, `words` as its arguments, and more variables of the environment."""
    environ = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path)} | environ
    command = [sys.executable, "-c", code, *words]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
