"""Training on 10 million rows fits into 2 GB of addresses, of which libraries take a good part; so do evaluations."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

LIMIT = 2 * 10**9
COUNTERS, MONTHS = 1150, 12

pytestmark = pytest.mark.slow


def write_months(folder: Path) -> int:
    """Write a year of counts, a file a month; return the number of rows."""
    random = np.random.default_rng(0)
    names = pa.array([f"{number} rue du Compteur" for number in range(COUNTERS)])
    rows = 0
    for month in pd.period_range("2024-01", periods=MONTHS, freq="M"):
        hours = pd.date_range(month.start_time, (month + 1).start_time, freq="h", inclusive="left", tz="Europe/Paris")
        mean = np.outer(random.lognormal(3.0, 0.5, COUNTERS), 1.0 + np.sin(hours.hour.to_numpy() / 4.0) ** 2)
        counter = np.repeat(np.arange(COUNTERS, dtype=np.int32), len(hours))
        hour = np.tile(np.arange(len(hours), dtype=np.int32), COUNTERS)
        times = pa.array([time.isoformat() for time in hours])
        table = pa.table(
            {
                "Nom du compteur": pa.DictionaryArray.from_arrays(counter, names),
                "Comptage horaire": random.poisson(mean).ravel(),
                "Date et heure de comptage": pa.DictionaryArray.from_arrays(hour, times),
            }
        )
        pq.write_table(table, folder / f"month={month}.parquet")
        rows += table.num_rows
    return rows


def test_ten_million_rows_are_trained_on_and_half_of_them_evaluated_in_two_gigabytes(tmp_path: Path) -> None:
    """In memory an evaluation of half of the rows would take more than that."""
    counts = tmp_path / "counts"
    counts.mkdir()
    rows = write_months(counts)
    assert rows > 10_000_000
    words = ["-m", "rf", "--set", "n_estimators=4", "--no-track", "--no-interval", "--data", str(counts)]
    (record,) = in_two_gigabytes("train", *words, cwd=tmp_path)
    assert record["registered_fit"]["rows"] == rows
    assert record["skill"] > -0.2
    half = str(counts / "month=2024-0[1-6].parquet")
    measured = in_two_gigabytes("evaluate", "--model", "rf", half, "--by", "counter", cwd=tmp_path)
    assert measured["rows"] > 5_000_000
    assert len(measured["by_counter"]) == COUNTERS


def in_two_gigabytes(*words: str, cwd: Path) -> Any:
    """Return the JSON that a command prints whose process has no more addresses than that."""
    script = "from bike_traffic.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *words, "--format", "json", "--registry", str(cwd / "models")],
        cwd=cwd,
        # Without these, threads and pools reserve addresses that they never use.
        env={**os.environ, "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
