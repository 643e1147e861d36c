"""Shared by the tests of tracking: tracked trainings, and the servers of their runs."""

from __future__ import annotations

import logging
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from bike_traffic.config import load_settings
from bike_traffic.data.cleaning import clean
from bike_traffic.manager import PluginHost
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.tracking.opening import open_tracker
from bike_traffic.training import TrainingPlan, TrainingResult, train_model
from tests.servers import gcs_server

TINY = {"n_estimators": 3}
TRAIN = ("train", "-m", "rf", "--set", "n_estimators=3")
IN_DEV = "runs are tracked in mlruns_dev; `bt mlflow --env dev` shows them"
USERS_OWN = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "GOOGLE_APPLICATION_CREDENTIALS")


@pytest.fixture(autouse=True)
def tracked(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Track trainings, as outside the tests, and without the user's own servers."""
    monkeypatch.delenv("BT_TRACK")
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # as bike-traffic sets it when it imports MLflow first
    for name in USERS_OWN:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def gcs_url() -> Iterator[str]:
    """Run one fake-gcs-server for the session; Google's own library uses it."""
    with gcs_server() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", url)
        yield url


def train_tracked(
    counts: pd.DataFrame, notes: list[str], *, model: str = "rf", env: str = "dev", plan: TrainingPlan | None = None
) -> TrainingResult:
    """Train as `bt train` does in the working directory; `notes` gets the messages of tracking."""
    settings = load_settings(env=env, environ={})
    plan = plan or TrainingPlan(parameters=TINY, env=env)
    tracker = open_tracker(settings, notes.append)
    return train_model(
        PluginHost(only=()).pipeline(model), clean(counts), LocalRegistry("models"), plan, tracker=tracker
    )


def store_client(env: str = "dev") -> MlflowClient:
    """Return MLflow's client on the store of a profile in the working directory."""
    return MlflowClient(tracking_uri=f"sqlite:///{Path(f'mlruns_{env}').resolve()}/mlflow.db")


def runs_of(client: MlflowClient, env: str = "dev") -> list[Run]:
    """Return the runs of a profile's experiment, the latest first."""
    experiment = client.get_experiment_by_name(f"bike-traffic-{env}")
    return [] if experiment is None else list(client.search_runs([experiment.experiment_id]))


def files_below(folder: Path) -> list[str]:
    """Return the relative paths of the files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def get(url: str) -> bytes:
    """Return what a server answers."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        data: bytes = answer.read()
    return data


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a separate process that tracks its trainings."""
    return {name: value for name, value in os.environ.items() if name not in ("BT_TRACK", *USERS_OWN)} | more
