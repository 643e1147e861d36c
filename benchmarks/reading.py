"""Reading and cleaning a file of counts: this version and an earlier one, in turn.

    python benchmarks/reading.py --data comptage-velo-donnees-compteurs.csv.gz --before 451cd2d

The earlier version is taken from this repository's history and installed into a temporary folder, without its
dependencies: both sides run in this environment. Each measurement is a process of its own that reads the file once;
imports are not counted. Rows that differ between the two clean frames are said.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from report import install_version, note, parser, print_machine, print_table

READ = """
import json, resource, sys, time
import fsspec, pandas, pyarrow.csv, pyarrow.pandas_compat, pyarrow.parquet
from bike_traffic.columns import COUNT
from bike_traffic.data.loading import load_counts

def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

wall, start = time.perf_counter(), cpu()
counts = load_counts(sys.argv[1])
seconds, cpu_seconds = time.perf_counter() - wall, cpu() - start
print(json.dumps({
    "wall": seconds, "cpu": cpu_seconds, "rows": len(counts),
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3),
    "sum": float(counts[COUNT].sum()),
}))
"""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="a file of counts that both versions read")
    arguments.add_argument("--before", required=True, metavar="COMMIT", help="the earlier version")
    arguments.add_argument("--repeats", type=int, default=7, help="the median of so many is shown (default: 7)")
    options = arguments.parse_args()

    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        install_version(options.before, Path(folder))
        sides = {f"before ({options.before})": {"PYTHONPATH": folder}, "now": {}}
        runs: dict[str, list[dict[str, Any]]] = {label: [] for label in sides}
        for repeat in range(options.repeats + 1):
            for label, environment in sides.items():
                measured = _read(options.data, environment)
                if repeat:  # the first round fills the caches of the disk and of bytecode
                    runs[label].append(measured)
            note(f"{repeat} of {options.repeats}")
    before, now = runs.values()
    for what in ("rows", "sum"):
        if before[0][what] != now[0][what]:
            note(f"{what} of the clean frame: {before[0][what]:,} before, {now[0][what]:,} now")
    first = _median(before, "cpu")
    print_table(
        ["version", "CPU s (median)", "CPU s (least)", "wall s (median)", "peak MB", "CPU of before"],
        [
            [
                label,
                _median(each, "cpu"),
                min(one["cpu"] for one in each),
                _median(each, "wall"),
                int(_median(each, "peak")),
                f"{_median(each, 'cpu') / first:.2f}",
            ]
            for label, each in runs.items()
        ],
    )


def _read(path: str, environment: dict[str, str]) -> dict[str, Any]:
    """Read the file in a process of its own and return what it cost."""
    process = subprocess.run(
        [sys.executable, "-c", READ, path], check=True, stdout=subprocess.PIPE, env={**os.environ, **environment}
    )
    measured: dict[str, Any] = json.loads(process.stdout)
    return measured


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return float(statistics.median(one[key] for one in runs))


if __name__ == "__main__":
    main()
