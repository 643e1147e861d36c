"""What is wrong with settings, paths, registry or model is said before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Bt
from tests.test_startup import HEAVY, imported

RUN = """
import sys
from bike_traffic.cli.main import main
try:
    main({words!r})
except SystemExit as error:
    print(error.code, *sys.modules)
"""
GCS = "backend 'gcs' has no registry; give --registry URI, set BT_REGISTRY, or write registry = "


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train -m nn --backend gcs --data counts.csv", GCS),
        ("train -m nn --data nope.csv", "nope.csv: no such file"),
        ("train -m nm --data counts.csv", "no pipeline 'nm'; there are "),
        ("predict -m nn --backend gcs counts.csv", GCS),
        ("predict -m nn nope.csv", "nope.csv: no such file"),
        ("predict -m nn counts.csv", "no record of model nn: the registry is empty"),
        ("predict -m nn counts.csv -o nowhere/out.csv", "nowhere/out.csv: cannot be written: "),
        ("predict -m nn counts.csv -o out.xlsx", "out.xlsx: workbooks are not written; "),
        ("predict -m nn counts.xlsx", "counts.xlsx: a workbook, which is not read; "),
        ("evaluate -m nn nope.csv", "nope.csv: no such file"),
        ("forecast -m nn --plot nowhere/a.png", "nowhere/a.png: cannot be written: "),
        ("forecast -m nn --history nope.csv", "nope.csv: no such file"),
        ("backtest -m nn --data nope.csv", "nope.csv: no such file"),
        ("data check nope.csv", "nope.csv: no such file"),
        ("data clean nope.csv out.csv", "nope.csv: no such file"),
        ("registry best --on nope.csv", "nope.csv: no such file"),
    ],
)
def test_the_error_comes_before_the_imports(words: str, message: str, clean_place: Path) -> None:
    Path("counts.csv").write_text("not read", encoding="utf-8")
    code = RUN.format(words=words.split())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    exit_code, *modules = done.stdout.split()
    assert (exit_code, done.stderr.startswith(f"Error: {message}")) == ("1", True), done.stderr
    assert imported(set(modules), HEAVY) == set()
    assert [path.name for path in clean_place.iterdir()] == ["counts.csv"]


def test_an_output_that_may_not_be_written_is_refused(bt: Bt, small_file: Path) -> None:
    Path("out.csv").mkdir()
    done = bt("predict", "-m", "rf", small_file, "-o", "out.csv")
    assert done.stderr == "Error: out.csv: cannot be written: Is a directory\n"
