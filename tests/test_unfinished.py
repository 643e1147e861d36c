"""A training whose registration breaks off costs nothing: the model is kept whole, and registered later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.data.cleaning import clean
from bike_traffic.errors import RegistryUnavailable
from bike_traffic.folders import state_directory
from bike_traffic.manager import PluginHost
from bike_traffic.registry.files.unfinished import finish
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, train_model
from tests.conftest import Bt

TINY = ("--set", "n_estimators=2")
KEPT = "the trained model is kept on this machine: `bt registry reconcile` registers it"


def kept() -> list[Path]:
    """Return the folders of what is unfinished."""
    return list(state_directory().glob("*/*/"))


@pytest.fixture
def broken(clean_place: Path) -> Callable[[], None]:
    """Put a file where the folder of the models is to be; give the function that takes it away."""
    Path("models").mkdir()
    Path("models/rf").write_text("in the way")
    return Path("models/rf").unlink


def test_a_model_whose_upload_failed_is_kept_and_registered_by_reconcile(
    bt: Bt, small_file: Path, broken: Callable[[], None]
) -> None:
    failed = bt("train", "-m", "rf", *TINY, "--data", small_file)
    assert failed.exit_code == 1
    assert failed.stderr.endswith(f"; {KEPT}\n")
    assert not Path("models/summary.json").exists()
    (folder,) = kept()
    broken()
    done = bt("registry", "reconcile")
    (entry,) = json.loads(Path("models/summary.json").read_text())
    assert entry["run_id"] == folder.name
    assert done.stderr == f"rf of run {entry['run_id'][:8]}: registered as {entry['model_uri']}\n"
    assert kept() == []
    assert bt("registry", "verify").exit_code == 0
    assert bt("predict", "--run-id", entry["run_id"], small_file, "-o", "out.csv").exit_code == 0
    assert bt("registry", "reconcile").stderr == "nothing was pending\n"


def test_a_registry_that_does_not_say_where_it_is_is_kept_nothing_for(
    small_counts: pd.DataFrame, broken: Callable[[], None]
) -> None:
    registry = LocalRegistry("models")
    registry.registry_id = ""
    message = r"^models/rf/\d{8}_\d{6}-[0-9a-f]{8}: [^;]+$"
    with pytest.raises(RegistryUnavailable, match=message):
        train_model(
            PluginHost(only=()).pipeline("rf"),
            clean(small_counts),
            registry,
            TrainingPlan(parameters={"n_estimators": 2}),
        )
    assert kept() == []


def test_another_registry_is_not_given_what_is_kept_for_this_one(
    bt: Bt, small_file: Path, broken: Callable[[], None]
) -> None:
    bt("train", "-m", "rf", *TINY, "--data", small_file)
    (folder,) = kept()
    time = json.loads((folder / "record.json").read_text())["timestamp"][:16]
    assert bt("registry", "reconcile", "--registry", "elsewhere").stderr.splitlines()[:-1] == [
        f"kept for another registry: rf of run {folder.name[:8]}, {time} UTC: local registry "
        f"{Path('models/summary.json').absolute()}",
        "--registry URI registers there, --take RUN_ID takes one here, --drop RUN_ID removes one",
    ]
    assert kept() == [folder]


def test_a_training_that_ends_well_leaves_nothing_behind(bt: Bt, small_file: Path) -> None:
    assert bt("train", "-m", "rf", *TINY, "--data", small_file).exit_code == 0
    assert list(state_directory().glob("*/*")) == []


STOPPED = """
import sys, time
from pathlib import Path
from bike_traffic.api import train
from bike_traffic.registry_backends.summary import LocalRegistry

honest = LocalRegistry.upload

def stuck(self, *words, **more):
    Path("uploading").touch()
    time.sleep(60)
    return honest(self, *words, **more)

LocalRegistry.upload = stuck
train("rf", sys.argv[1], parameters={"n_estimators": 2})
"""


@pytest.mark.slow
def test_a_training_killed_in_its_upload_is_finished_later_and_not_while_it_is_at_work(
    small_file: Path, clean_place: Path
) -> None:
    process = subprocess.Popen([sys.executable, "-c", STOPPED, str(small_file)], env=dict(os.environ))
    try:
        while not Path("uploading").exists():
            assert process.poll() is None
            time.sleep(0.05)
        registry = LocalRegistry("models")
        assert list(finish(registry)) == []
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=600) == -signal.SIGKILL
    finally:
        process.kill()
    (record,) = finish(registry)
    assert list(registry.records(EVERYTHING)) == [record]
    assert list(verify(registry)) == []
    assert kept() == []


def test_what_was_killed_before_the_model_was_saved_is_cleared_away(
    bt: Bt, small_file: Path, broken: Callable[[], None]
) -> None:
    bt("train", "-m", "rf", *TINY, "--data", small_file)
    (folder,) = kept()
    (folder / "record.json").unlink()
    assert bt("registry", "reconcile").stderr == "nothing was pending\n"
    assert kept() == []


class Interrupted(LocalRegistry):
    """A registry during whose upload Ctrl-C is pressed."""

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        raise KeyboardInterrupt


def test_ctrl_c_during_the_upload_keeps_the_trained_model(small_counts: pd.DataFrame) -> None:
    plan = TrainingPlan(parameters={"n_estimators": 1}, interval=False, refit=False)
    with pytest.raises(KeyboardInterrupt):
        train_model(PluginHost(only=()).pipeline("rf"), clean(small_counts), Interrupted("models"), plan)
    assert len(kept()) == 1
    (record,) = finish(LocalRegistry("models"))
    assert isinstance(record, ModelRecord)
    assert [one.run_id for one in LocalRegistry("models").records(EVERYTHING)] == [record.run_id]
    assert kept() == []


def test_the_same_relative_registry_in_another_folder_is_another_registry(
    small_counts: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = TrainingPlan(parameters={"n_estimators": 1}, interval=False, refit=False)
    with pytest.raises(KeyboardInterrupt):
        train_model(PluginHost(only=()).pipeline("rf"), clean(small_counts), Interrupted("models"), plan)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    assert list(finish(LocalRegistry("models"))) == []
    assert len(kept()) == 1
