"""A training of 10 million rows fits into 2 GB of addresses, of which libraries alone take a good part."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

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


def test_ten_million_rows_are_trained_on_in_two_gigabytes(tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    rows = write_months(counts)
    assert rows > 10_000_000
    script = "from bike_traffic.cli.main import main; main()"
    train = ["train", "-m", "rf", "--set", "n_estimators=4", "--no-track", "--no-interval", "--format", "json"]
    trained = subprocess.run(
        [sys.executable, "-c", script, *train, "--data", str(counts), "--registry", str(tmp_path / "models")],
        cwd=tmp_path,
        # Without these, threads and pools reserve addresses that they never use.
        env={**os.environ, "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )
    assert trained.returncode == 0, trained.stderr
    (record,) = json.loads(trained.stdout)
    assert record["registered_fit"]["rows"] == rows
    assert record["skill"] > -0.2
