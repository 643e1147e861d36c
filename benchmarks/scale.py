"""One training, evaluation and prediction on counts of any size: CPU seconds, peak memory, and the size of the model.

    PYTHONPATH=. python benchmarks/scale.py
    PYTHONPATH=. python benchmarks/scale.py --million 0.4 2 10 50
    PYTHONPATH=. python benchmarks/scale.py --predict --million 1 10 50

Counts are generated as a folder of Parquet files, one a month, in a temporary folder, and deleted after their turn.
Each is a process of its own. Beside it stands the limit: pyarrow reads the same files and does nothing else.

With --predict, the folder becomes a folder of predictions: in one process, in two, and by two workers of a Dask
scheduler on this machine, whose start is left out. The model learned from the last two months. The limit is pyarrow
that reads the same files and writes the same predictions.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from report import Run, cpu_seconds_of, megabytes_of, note, parser, print_machine, print_table, run
from tests.dask_cluster import dask_cluster

HOURS_OF_YEAR = 8766
MOST_COUNTERS = 1141
"""10 million rows are a year of so many counters; more rows are more years."""
LAST_MONTH = pd.Period("2025-12", "M")

BT = [sys.executable, "-c", "from bike_traffic.cli.main import main; main()"]
READ = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
for path in sorted(Path(sys.argv[1]).glob("*.parquet")):
    table = pq.read_table(path, use_threads=False)
    if len(sys.argv) > 2:
        predictions = pq.read_table(Path(sys.argv[2], path.stem.partition(".")[0] + ".parquet"), use_threads=False)
        pq.write_table(predictions, Path(sys.argv[3], path.name))
"""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--million", type=float, nargs="+", default=[0.4, 2, 10], help="rows in millions (default: 0.4 2 10)"
    )
    arguments.add_argument("--model", default="rf", help="the pipeline (default: rf)")
    arguments.add_argument("--predict", action="store_true", help="measure `bt predict` of a folder")
    arguments.add_argument("--generate", metavar="DIRECTORY", help="only write the counts there")
    options = arguments.parse_args()
    if options.generate:
        for million in options.million:
            print(*generate(Path(options.generate), int(million * 1e6)))
        return

    print_machine()
    if options.predict:
        columns = ["rows", "by", "s", "CPU s", "rows per CPU s", "times the limit", "peak MB of a process"]
        print_table(columns, [row for million in options.million for row in predicted(million, options.model)])
        return
    rows = [measured(million, options.model) for million in options.million]
    columns = ["rows", "counters", "CPU s", "µs a row", "peak MB", "model MB", "reading alone, CPU s", "its peak MB"]
    print_table([*columns, "evaluating, CPU s", "its peak MB"], rows)


def generated(million: float, store: Path) -> tuple[int, int]:
    """Generate counts in a process of its own: a large parent would count toward the peaks measured later."""
    command = [sys.executable, __file__, "--million", str(million), "--generate", str(store)]
    written = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    number, counters = map(int, written.split())
    note(f"{number:,} rows of {counters:,} counters generated")
    return number, counters


def predicted(million: float, model: str) -> list[list[object]]:
    """Generate counts, and predict the folder in the three ways."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, registry, output = folder / "counts", folder / "models", folder / "predictions"
        number, _ = generated(million, store)
        environment = {"BT_CACHE": str(folder / "cache")}
        chosen = ["-m", model, "--registry", str(registry)]
        since = ["--data", str(store), "--since", str(LAST_MONTH - 1), "--no-track", "--no-interval"]
        run([*BT, "train", *chosen, *since], environment)
        command = [*BT, "predict", *chosen, str(store), "-o", f"{output}/"]
        costs: dict[str, Run] = {}

        def predict(by: str, *how: str) -> None:
            shutil.rmtree(output, ignore_errors=True)
            costs[by] = run([*command, *how], environment)
            note(f"{by}: {costs[by].seconds:.0f} s, {costs[by].cpu_seconds:.0f} CPU s")

        predict("one process")
        predict("two processes", "--jobs", "2")
        with dask_cluster(folder, environment=environment) as cluster:
            processes = [process.pid for process in cluster.processes]
            before = sum(map(cpu_seconds_of, processes))
            predict("two workers of Dask", "--scheduler", cluster.address)
            spent = sum(map(cpu_seconds_of, processes)) - before
            peak = max(megabytes_of(process, "VmHWM") for process in processes)
        own = costs["two workers of Dask"]
        costs["two workers of Dask"] = Run(own.seconds, own.cpu_seconds + spent, max(peak, own.peak_megabytes))
        (folder / "limit").mkdir()
        limit = run([sys.executable, "-c", READ, str(store), str(output), str(folder / "limit")])
        costs["the limit: pyarrow alone"] = limit
        return [
            [number, by, seconds, cpu, round(number / cpu), cpu / limit.cpu_seconds, peak]
            for by, (seconds, cpu, peak) in costs.items()
        ]


def measured(million: float, model: str) -> list[object]:
    """Generate counts, train and evaluate once, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store, registry = Path(folder, "counts"), Path(folder, "models")
        number, counters = generated(million, store)
        cache, kept = {"BT_CACHE": str(Path(folder, "cache"))}, ["--registry", str(registry)]
        trained = run([*BT, "train", "-m", model, "--data", str(store), *kept, "--no-track"], cache)
        size = sum(path.stat().st_size for path in registry.rglob("model.joblib*")) / 1e6
        evaluated = run([*BT, "evaluate", "--model", model, str(store), *kept], cache)
        limit = run([sys.executable, "-c", READ, str(store)])
        row: list[object] = [number, counters, trained.cpu_seconds, trained.cpu_seconds / number * 1e6]
        row += [trained.peak_megabytes, size, limit.cpu_seconds, limit.peak_megabytes]
        row += [evaluated.cpu_seconds, evaluated.peak_megabytes]
        note(" ".join(map(str, row)))
        return row


def generate(store: Path, rows: int, seed: int = 0) -> tuple[int, int]:
    """Write a folder of months with about so many rows; return the number of rows and of counters."""
    store.mkdir()
    counters = max(1, min(MOST_COUNTERS, round(rows / HOURS_OF_YEAR)))
    first = pd.Timestamp(LAST_MONTH.end_time.floor("h") - pd.Timedelta(hours=rows / counters), tz="Europe/Paris")
    generator = np.random.default_rng(seed)
    size = generator.lognormal(3.5, 0.8, counters)
    written = 0
    for month in pd.period_range(first.tz_localize(None).to_period("M"), LAST_MONTH, freq="M"):
        start = max(first, month.start_time.tz_localize("Europe/Paris"))
        end = (month + 1).start_time.tz_localize("Europe/Paris")
        times = pd.date_range(start.ceil("h"), end, freq="h", inclusive="left")
        written += write_month(store / f"month={month}.parquet", times, size, generator)
    return written, counters


def write_month(path: Path, times: pd.DatetimeIndex, size: Any, generator: np.random.Generator) -> int:
    """Write the hours of one month, one counter after the other; return the number of rows."""
    hour, weekend = times.hour.to_numpy(), times.day_of_week.to_numpy() > 4
    peaks = np.exp(-((hour - 8.5) ** 2) / 5) + np.exp(-((hour - 18) ** 2) / 7)
    profile = np.where(weekend, np.exp(-((hour - 15) ** 2) / 30), peaks + 0.2) + 0.02
    season = 1.0 + 0.3 * np.sin(2 * np.pi * (times.day_of_year.to_numpy() - 100) / 365.25)
    day = generator.lognormal(0.0, 0.25, times.day_of_year.max() + 1)[times.day_of_year]
    mean = np.outer(size, profile * season * day)
    counts = generator.poisson(mean).ravel()
    number = len(size)
    names = pa.array([f"{counter} rue du Compteur {'NS' if counter % 2 else 'SN'}" for counter in range(number)])
    places = pa.array(
        [f"{48.81 + counter % 89 / 1000:.5f},{2.26 + counter % 97 / 600:.5f}" for counter in range(number)]
    )
    of_row = pa.array(np.repeat(np.arange(number, dtype=np.int32), len(times)))
    stamps = pa.array(np.tile(np.arange(len(times), dtype=np.int32), number))
    table = pa.table(
        {
            "Nom du compteur": pa.DictionaryArray.from_arrays(of_row, names),
            "Comptage horaire": counts.astype(np.int64),
            "Date et heure de comptage": pa.DictionaryArray.from_arrays(
                stamps, pa.array([time.isoformat() for time in times])
            ),
            "Coordonnées géographiques": pa.DictionaryArray.from_arrays(of_row, places),
        }
    )
    pq.write_table(table, path, compression="zstd")
    return int(table.num_rows)


if __name__ == "__main__":
    main()
