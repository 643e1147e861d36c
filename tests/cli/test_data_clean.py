"""`bt data clean`: the usable rows of a file, as every command takes them, and a report of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.conftest import Bt

COUNT = "Comptage horaire"


@pytest.fixture
def partly(small_counts: pd.DataFrame, clean_place: Path) -> Path:
    """Return a file of which ten rows have no count, and twenty stand twice."""
    rows = small_counts.astype({COUNT: object})
    rows.loc[5:14, COUNT] = None
    path = clean_place / "partly.csv"
    pd.concat([rows, rows.iloc[100:120]]).to_csv(path, sep=";", index=False)
    return path


@pytest.mark.parametrize("target", ["clean.csv", "clean.csv.gz", "clean.parquet"])
def test_the_usable_rows_are_written_and_the_others_reported(bt: Bt, partly: Path, target: str) -> None:
    done = bt("data", "clean", partly.name, target, "--format", "json")
    assert (done.exit_code, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["rows"], report["written"]) == (9620, 9590)
    assert {fault["id"]: fault["rows"] for fault in report["faults"]} == {"count-malformed": 10, "hour-repeated": 20}
    assert bt("data", "check", target, "--strict").exit_code == 0


def test_a_table_says_what_was_left_out(bt: Bt, partly: Path) -> None:
    done = bt("data", "clean", partly.name, "clean.csv")
    assert done.stdout.splitlines()[0] == "partly.csv: 9,620 rows; 9,590 written into clean.csv"
    assert "not a number" in done.stdout


def test_a_sound_file_is_the_same_counts_afterwards(bt: Bt, small_file: Path) -> None:
    assert bt("data", "clean", small_file.name, "clean.csv").exit_code == 0
    before, after = (
        pd.read_csv(path, sep=";").sort_values(["Nom du compteur", "Date et heure de comptage"], ignore_index=True)
        for path in (small_file, "clean.csv")
    )
    assert_frame_equal(before, after[before.columns])


def test_too_many_faults_write_nothing(bt: Bt, partly: Path) -> None:
    done = bt("data", "clean", partly.name, "clean.csv", "--strict")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: partly.csv: 30 of 9,620 rows cannot be used: column ")
    assert not Path("clean.csv").exists()


def test_the_file_can_go_to_standard_output(bt: Bt, partly: Path) -> None:
    done = bt("data", "clean", partly.name, "-")
    assert len(done.stdout.splitlines()) == 9591
    assert len(done.stderr.splitlines()) == 2
