"""Help is whole and easy to get, misspelt commands are suggested, and Ctrl-C says what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from bike_traffic.cli.main import COMMANDS, main
from tests.conftest import Bt

SECONDS = 120
"""Longest wait for a process."""


def test_help_and_version_are_commands_too(bt: Bt) -> None:
    assert bt("help").stdout == bt("--help").stdout
    assert bt("help", "registry", "best").stdout == bt("registry", "best", "--help").stdout
    assert bt("version").stdout == bt("--version").stdout


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("trian", "train"),
        ("registry bets", "best"),
        ("data chekc", "check"),
        ("help tarin", "train"),
        ("plugins lst", "list"),
    ],
)
def test_a_misspelt_command_is_suggested(bt: Bt, words: str, meant: str) -> None:
    done = bt(*words.split())
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == f"Error: No such command '{words.split()[-1]}'. Did you mean '{meant}'?"


def test_a_command_like_no_other_gets_no_suggestion(bt: Bt) -> None:
    assert bt("xyzzy").stderr.splitlines()[-1] == "Error: No such command 'xyzzy'."


def groups() -> list[str]:
    context = click.Context(main)
    return ["", *(name for name in COMMANDS if isinstance(main.get_command(context, name), click.Group))]


@pytest.mark.parametrize("group", groups())
def test_no_text_of_a_help_is_cut(bt: Bt, group: str) -> None:
    text = bt(*group.split(), "--help").stdout
    assert "..." not in text.split("\n", 1)[1].replace("[ARGS]...", "")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("registered", [False, True])
def test_ctrl_c_exits_with_130_and_says_what_is_registered(small_file: Path, registered: bool) -> None:
    """The second model takes for ever; a first one is registered before it, or is not there.

    Tests that a shell starts in the background inherit that Ctrl-C is ignored, and the command would too.
    """
    models = ["-m", "rf"] if registered else []
    command = [sys.executable, "-c", "from bike_traffic.cli.main import main; main()"]
    slow = ("-m", "rf_class", "--set", "n_estimators=700")
    words = ("train", *models, *slow, "--data", str(small_file), "--no-interval", "--no-refit", "--set", "n_jobs=1")
    environment = os.environ | {"BT_LOG": "info"}
    with subprocess.Popen(
        [*command, *words],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        killer = time.monotonic() + SECONDS
        for line in process.stderr:
            if "rf_class: fitting on" in line:
                process.send_signal(signal.SIGINT)
            assert time.monotonic() < killer
            last = line
        code = process.wait(timeout=SECONDS)
    assert code == 130
    if registered:
        assert last.startswith("interrupted; registered: rf of run ")
        assert last.endswith("; nothing else was\n")
    else:
        assert last == "interrupted; nothing was registered\n"
    assert Path("models/summary.json").exists() == registered
