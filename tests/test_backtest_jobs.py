"""Folds that are measured beside each other give what they give one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bike_traffic
from bike_traffic.backtesting import predictions_of
from bike_traffic.processes import Workers
from tests.conftest import Bt
from tests.plugin_site import write_distribution
from tests.test_manager import declaring

pytestmark = pytest.mark.slow

FOLDS = {"folds": 2, "horizon": "7d"}

KILLED = """
import os, signal

import pandas as pd

from bike_traffic import Pipeline


class Model(Pipeline):
    name, task = "mean", "regression"

    def _fit(self, cleaned):
        os.kill(os.getpid(), signal.SIGKILL)

    def _predict(self, cleaned, history):
        return pd.Series(1.0, cleaned.index)

    def save(self, directory):
        pass

    @classmethod
    def load(cls, directory):
        return cls()
"""


@pytest.mark.parametrize(
    ("model", "how"), [("rf", {"parameters": {"n_estimators": 4}}), ("rf_class", {}), ("ahead", {"step": "1d"})]
)
def test_the_result_does_not_depend_on_the_number_of_processes(
    model: str, how: dict[str, object], small_counts: pd.DataFrame
) -> None:
    alone, beside = (
        predictions_of(bike_traffic.backtest(model, small_counts, jobs=jobs, **FOLDS, **how))  # type: ignore[arg-type]
        for jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(alone, beside, check_exact=True)


def sum_of_squares(seed: int, length: int) -> float:
    """Return a long sum, whose last bits depend on how many threads share it."""
    numbers = np.random.default_rng(seed).normal(size=length)
    return float(numbers @ numbers)


def test_no_bit_of_a_sum_depends_on_the_number_of_processes() -> None:
    calls = [partial(sum_of_squares, seed) for seed in range(8)]
    with Workers(jobs=1).sharing(100_000) as one, Workers(jobs=2).sharing(100_000) as two:
        assert list(one(calls)) == list(two(calls))


def test_the_command_prints_and_writes_the_same(bt: Bt, small_file: Path) -> None:
    words = ["backtest", "-m", "rf", "--set", "n_estimators=4", "--folds", "2", "--horizon", "7d"]
    done = [
        bt(*words, "--data", str(small_file), "--jobs", jobs, "-o", f"{jobs}.csv", "--format", "json")
        for jobs in ("1", "2")
    ]
    assert [one.exit_code for one in done] == [0, 0]
    assert done[0].stdout == done[1].stdout
    assert Path("1.csv").read_bytes() == Path("2.csv").read_bytes()


def test_each_prediction_has_its_origin(small_counts: pd.DataFrame) -> None:
    folds = bike_traffic.backtest("rf", small_counts, interval=False, parameters={"n_estimators": 2}, **FOLDS)  # type: ignore[arg-type]
    written = predictions_of(folds)
    assert written["origin"].unique().tolist() == [fold.first_hour.isoformat() for fold in folds]


def test_a_process_that_is_killed_is_one_line(small_file: Path, clean_place: Path, tmp_path: Path) -> None:
    """As the system kills one when memory runs out."""
    site = tmp_path / "site"
    modules = {
        "killed": declaring('[PipelineSpec(name="mean", target="killed_model:Model")]'),
        "killed_model": KILLED,
    }
    write_distribution(site, "killed-dist", modules, {"bike_traffic/main": "killed"})
    words = ["backtest", "-m", "mean", "--data", str(small_file), "--jobs", "2", "--horizon", "7d"]
    done = subprocess.run(
        [sys.executable, "-m", "bike_traffic.cli.main", *words],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "Error: a process ended before it had an answer, perhaps for lack of memory; try a smaller --jobs"
    )
