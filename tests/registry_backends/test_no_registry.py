"""An address without a registry is an error of its own, where nothing is found; a training makes the first one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Bt
from tests.servers import Cloud
from tests.test_registry import local_registry, make_record, register

HINT = "check --registry and --backend, or let `bt train` make one there"
READING = (
    "registry list",
    "registry list --format json",
    "registry best --metric r2",
    "registry show aaaa1111",
    "registry history champion",
    "registry verify",
    "registry reconcile",
    "predict -m rf counts.csv",
    "predict --run-id aaaa1111 counts.csv",
    "predict --alias champion counts.csv",
)


@pytest.mark.parametrize("command", READING)
def test_a_misspelt_folder_is_no_empty_registry(bt: Bt, small_file: Path, command: str) -> None:
    register(local_registry(), make_record("aaaa1111"))
    done = bt(*command.split(), "--registry", "modles/summary.json")
    line = f"Error: there is no local registry modles/summary.json; {HINT}\n"
    assert (done.exit_code, done.stderr) == (1, line)
    if "json" in command:
        assert json.loads(done.stdout)["error"]["id"] == "no-registry"
    assert not Path("modles").exists()


def test_a_copy_from_a_misspelt_folder_fails(bt: Bt) -> None:
    done = bt("registry", "copy", "--from", "modles", "--to", "copied")
    assert (done.exit_code, done.stderr) == (1, f"Error: there is no local registry modles; {HINT}\n")


def test_a_bug_report_says_that_there_is_no_registry(bt: Bt) -> None:
    done = bt("doctor", "--registry", "modles", "--format", "json")
    assert done.exit_code == 1
    assert "there is no local registry modles" in json.loads(done.stdout)["registry"]["error"]


def test_the_default_place_is_empty_before_the_first_training(bt: Bt) -> None:
    done = bt("registry", "list")
    assert (done.exit_code, done.stderr[:14]) == (0, "no records yet")
    assert bt("doctor").exit_code == 0


def test_a_training_makes_the_first_registry_at_any_address(bt: Bt, small_file: Path) -> None:
    words = ["--registry", "new/one/summary.json"]
    done = bt("train", "-m", "rf", "--data", small_file, "--set", "n_estimators=2", "--no-interval", *words)
    assert done.exit_code == 0, done.stderr
    assert bt("registry", "best", "--metric", "rmse", *words).exit_code == 0


def test_a_registry_without_records_is_empty_and_exists(bt: Bt) -> None:
    Path("models").mkdir()
    Path("models/summary.json").write_text("[]")
    done = bt("registry", "list", "--registry", "models")
    assert (done.exit_code, done.stderr[:14]) == (0, "no records yet")
    done = bt("registry", "best", "--metric", "r2", "--registry", "models")
    assert (done.exit_code, done.stderr[:40]) == (1, "Error: no record: the registry is empty;")


def test_a_registry_whose_first_record_waits_to_be_merged_exists(bt: Bt) -> None:
    register(local_registry(), make_record("aaaa1111"))
    Path("models/summary.json").unlink()
    assert local_registry().exists()
    assert bt("registry", "reconcile", "--registry", "models").stderr == "1 record merged\n"


def test_a_bucket_without_this_prefix_has_no_registry(cloud: Cloud, bt: Bt) -> None:
    registry = cloud.open()
    assert not registry.exists()
    register(registry, make_record("aaaa1111"))
    assert registry.exists()
