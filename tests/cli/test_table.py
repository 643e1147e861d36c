"""Tables at any width: ids and numbers stay whole, paths lose their middle, the last columns go first."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bike_traffic.cli.table import table_lines
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.visible import shortened
from tests.conftest import Bt
from tests.test_registry import make_record, register

COLUMNS = ["run", "model", "rmse", "rows", "what", "files"]
TEXT = "a finding that is told in some more words than one line has"
ROWS = [["aaaa1111", "rf", 18.6434, 219380, TEXT, "models/rf/20261127_183521-d15eee95/and/a/longer/path/"]]


@pytest.mark.parametrize("width", [*range(40, 140, 7), 80])
def test_no_id_and_no_number_is_broken_and_no_line_too_long(width: int) -> None:
    lines, left_out = table_lines(COLUMNS, ROWS, width)
    assert max(map(len, lines)) <= width
    kept = COLUMNS[: len(COLUMNS) - len(left_out)]
    assert [*kept, *left_out] == COLUMNS
    words = " ".join(lines).split()
    assert {"aaaa1111", "rf", "18.643", "219,380"} & set(words) == {
        cell for cell, column in zip(["aaaa1111", "rf", "18.643", "219,380"], COLUMNS, strict=False) if column in kept
    }


def test_a_wide_terminal_shows_everything_in_one_line_each() -> None:
    lines, left_out = table_lines(COLUMNS, ROWS, 200)
    assert (len(lines), left_out) == (3, [])
    assert lines[2].endswith(f"{TEXT}   {ROWS[0][5]}")


def test_a_path_keeps_its_ends() -> None:
    assert shortened("models/rf/20261127_183521-d15eee95/", 21) == "models/rf/…-d15eee95/"
    assert shortened("models/", 21) == "models/"
    (line,) = table_lines(["run", "files"], [["aaaa1111", ROWS[0][5]]], 40)[0][2:]
    assert line == "aaaa1111   models/rf/2026…a/longer/path/"


def test_text_is_broken_between_words() -> None:
    lines, _ = table_lines(["run", "what"], [["aaaa1111", TEXT]], 41)
    assert [line[11:] for line in lines[2:]] == ["a finding that is told in some", "more words than one line has"]


def on_terminal(columns: int, *words: str) -> tuple[list[str], str]:
    """Return the lines that ``bt`` prints on a terminal of this width, and its standard error."""
    ours, theirs = pty.openpty()
    script = "from bike_traffic.cli.main import main; main()"
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-c", script, *words], stdout=theirs, stderr=subprocess.PIPE, env=environment
    ) as process:
        os.close(theirs)
        _, errors = process.communicate(timeout=60)
    printed = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:  # what Linux says at the end
            break
        if not block:
            break
        printed += block
    os.close(ours)
    return printed.decode().replace("\r", "").splitlines(), errors.decode()


def test_a_list_has_one_table_a_task_and_fits_a_terminal_of_80_columns() -> None:
    registry = LocalRegistry("models/summary.json")
    regression = {"r2": 0.8, "rmse": 18.643, "mae": 9.3, "wape": 0.3, "skill": 0.1, "coverage": 0.8}
    register(registry, make_record("aaaa1111", metrics=regression))
    classification = {"accuracy": 0.9, "precision": 0.9, "recall": 0.9, "f1_score": 0.8, "roc_auc": 0.9, "skill": 0.1}
    register(registry, make_record("bbbb2222", model_type="rf_class", metrics=classification))
    register(registry, make_record("cccc3333", metrics=regression))
    lines, errors = on_terminal(80, "registry", "list")
    assert max(map(len, lines)) <= 80
    titles = [line.split() for line in lines if line.startswith("run ")]
    assert titles == [
        ["run", "model", "env", "time", "(UTC)", "r2", "rmse", "mae", "wape", "skill"],
        ["run", "model", "env", "time", "(UTC)", "accuracy", "precision", "recall", "f1_score"],
    ]
    assert [line.split()[0] for line in lines if line[:4] in ("aaaa", "bbbb", "cccc")] == [
        "aaaa1111",
        "cccc3333",
        "bbbb2222",
    ]
    assert errors.splitlines()[0] == "left out, since the terminal has 80 columns: coverage, files"


def test_a_pipe_gets_every_column_whatever_the_terminal(bt: Bt) -> None:
    record = register(LocalRegistry("models/summary.json"), make_record("aaaa1111"))
    assert record.model_uri in bt("registry", "list").stdout


def test_two_records_are_compared(bt: Bt) -> None:
    registry = LocalRegistry("models/summary.json")
    register(registry, make_record("aaaa1111", metrics={"r2": 0.8, "rmse": 20.0}, parameters={"trees": 4}))
    register(registry, make_record("bbbb2222", metrics={"r2": 0.7, "rmse": 19.0}, parameters={"trees": 5}))
    registry.promote("bbbb2222", "champion", actor="ana@desk")
    done = bt("registry", "compare", "aaaa", "champion")
    assert done.exit_code == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line and "─" not in line]
    assert rows == [
        ["metric", "rf", "aaaa1111", "rf", "bbbb2222", "difference", "better"],
        ["r2", "0.800", "0.700", "-0.100", "aaaa1111"],
        ["rmse", "20.000", "19.000", "-1.000", "bbbb2222"],
        ["differs", "rf", "aaaa1111", "rf", "bbbb2222"],
        ["parameters.trees", "4", "5"],
    ]
    assert done.stderr == "the records do not say on which rows they were measured\n"
    assert Path("models").exists()
