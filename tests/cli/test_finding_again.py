"""Messages about records say which registry they looked in, why nothing was found, and what finds a model again."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from bike_traffic.registry_backends.summary import LocalRegistry
from tests.conftest import HERE, Bt
from tests.test_registry import make_record, register

TRAIN = ("train", "-m", "rf", "--set", "n_estimators=2", "--no-interval", "--no-refit")


@pytest.fixture
def mixed() -> None:
    """Fill ``models`` with a regression and a classifier."""
    registry = LocalRegistry("models/summary.json")
    register(registry, make_record("aaaa1111", metrics={"r2": 0.8, "rmse": 40.0}))
    register(registry, make_record("bbbb2222", model_type="rf_class", metrics={"accuracy": 0.9, "f1_score": 0.8}))


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--metric r2 -m rf_clas",
            f"no registered model 'rf_clas'; there are rf, rf_class (did you mean 'rf_class'?) {HERE}",
        ),
        (
            "--metric accuracy -m rf",
            f"no record with accuracy for model rf: rf is a regression, with r2, rmse {HERE}",
        ),
        (
            "--metric rmse -m rf_class",
            f"no record with rmse for model rf_class: rf_class is a classifier, with accuracy, f1_score {HERE}",
        ),
        (
            "--metric r2 --registry gone",
            "there is no local registry gone; check --registry and --backend, or let `bt train` make one there",
        ),
        ("--metric r2 --env prod", f"no record with r2 for env prod {HERE}"),
    ],
)
def test_a_search_that_finds_nothing_says_where_it_looked_and_why(bt: Bt, words: str, message: str) -> None:
    done = bt("registry", "best", *words.split())
    assert (done.exit_code, done.stderr) == (1, f"Error: {message}\n")


def test_records_of_test_mode_alone_name_the_flag(bt: Bt) -> None:
    register(LocalRegistry("models/summary.json"), make_record("aaaa1111", test_mode=True))
    done = bt("registry", "best", "--metric", "r2")
    assert done.stderr == (
        f"Error: no record with r2 for any model; left out: 1 of test mode (add --test-mode) {HERE}\n"
    )


@pytest.mark.parametrize(
    "flags", ["", "--registry kept/summary.json --env prod", "--backend local", "--test-mode", "--split random"]
)
def test_a_training_ends_with_the_command_that_finds_it_again(bt: Bt, small_file: Path, flags: str) -> None:
    done = bt(*TRAIN, "--data", small_file, *flags.split())
    assert done.exit_code == 0, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("find it again: bt registry ")
    again = bt(*shlex.split(line.removeprefix("find it again: bt ")))
    run_id = done.stdout.splitlines()[2].split()[1]
    assert (again.exit_code, run_id in again.stdout) == (0, True)


def test_the_command_names_the_backend_that_the_training_was_told(bt: Bt, small_file: Path) -> None:
    done = bt(*TRAIN, "--data", small_file, "--backend", "local")
    assert done.stderr.splitlines()[-1] == "find it again: bt registry best --metric r2 --backend local"


def test_an_empty_registry_says_the_training_that_fills_it(bt: Bt) -> None:
    Path("a b").mkdir()
    Path("a b/summary.json").write_text("[]")
    done = bt("registry", "list", "--registry", "a b", "--env", "prod")
    assert (
        done.stderr == "no records yet; `bt train --env prod --registry 'a b'` makes the first [local registry a b]\n"
    )
