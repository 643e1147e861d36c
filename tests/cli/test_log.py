"""Who waits is told what is done: at once what is read, then a line now and then, and every step on request."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import click
import pytest

from bike_traffic.cli import log
from bike_traffic.progress import progress, step
from tests.conftest import Bt

TRAIN = ("train", "-m", "rf", "--set", "n_estimators=2", "--no-interval")


@pytest.fixture(autouse=True)
def default_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BT_LOG")


@pytest.mark.parametrize(
    "words", ["predict -m rf FILE -o out.csv", "evaluate -m rf FILE", "data check FILE", "train -m rf --data FILE"]
)
def test_what_is_read_is_said_first(bt: Bt, small_file: Path, words: str) -> None:
    assert bt(*TRAIN, "--data", small_file).exit_code == 0
    done = bt(*words.replace("FILE", small_file.name).split())
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines()[0] == f"reading {small_file.name}"


def test_what_is_read_is_said_before_it_is_opened(bt: Bt) -> None:
    Path("bad.csv").touch()
    done = bt("data", "check", "bad.csv")
    assert done.stderr.splitlines() == ["reading bad.csv", "Error: bad.csv: the file is empty"]


@pytest.mark.parametrize(("how", "variable"), [(("-v",), None), ((), "info"), ((), "DEBUG")])
def test_every_step_is_a_line_on_request(
    bt: Bt, small_file: Path, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...], variable: str | None
) -> None:
    if variable:
        monkeypatch.setenv("BT_LOG", variable)
    done = bt(*how, *TRAIN, "--data", small_file)
    steps = [line for line in done.stderr.splitlines() if re.match(r"\d\d:\d\d:\d\d INFO rf: fitting on ", line)]
    assert [line[14:] for line in steps] == ["rf: fitting on 6,912 rows", "rf: fitting on all 9,600 rows"]


def test_a_line_is_printed_now_and_then(bt: Bt, small_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no time between two lines, every step is one."""
    assert "fitting" not in bt(*TRAIN, "--data", small_file, "--no-refit", "--seed", "1").stderr
    monkeypatch.setattr(log, "SECONDS", 0.0)
    assert "rf: fitting on 6,912 rows\n" in bt(*TRAIN, "--data", small_file).stderr


def test_only_warnings_are_printed_on_request(bt: Bt, small_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_LOG", "warning")
    assert bt("data", "check", small_file).stderr == ""


def test_a_level_that_does_not_exist_is_one_line(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_LOG", "inof")
    done = bt("config")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: no level of the log 'inof'; there are debug, error, info, warning (did you mean 'info'?) [BT_LOG]\n",
    )


def test_the_log_of_a_program_is_as_it_was_after_a_command(bt: Bt, small_file: Path) -> None:
    logger = logging.getLogger("bike_traffic")
    before = (logger.level, logger.propagate, list(logger.handlers))
    bt("-vv", "data", "check", small_file)
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_a_program_gets_the_steps_by_logging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bike_traffic")
    step("working")
    with progress("checking", None) as advance:
        advance(1000)
    with progress("copying", 4) as advance:
        advance(1)
    assert caplog.messages == ["working", "checking", "checking: 1,000", "copying", "copying: 25 %"]


def test_steps_of_the_same_percentage_are_one_line_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    with click.Context(click.Command("bt")) as ctx:
        log.listen(ctx, 1, None)
        with progress("verifying", 1000) as advance:
            for _ in range(20):
                advance(1)
    lines = [line.partition("INFO ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["verifying", "verifying: 0 %", "verifying: 1 %", "verifying: 2 %"]
