"""Reading a registry of any length: this version, an earlier one, and DuckDB, as whole processes in turn.

    python benchmarks/registry_reading.py --records 10000 100000 --before 9325805
    python benchmarks/registry_reading.py --records 1000000 --repeats 1

The earlier version is taken from this repository's history. DuckDB (`pip install duckdb`) reads the same file and
answers the question of `best`; without it its row is left out. The records are as another program writes them,
without digests.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import attrs

from records import make_records, summary_of
from report import cached_bytecode, install_version, note, parser, print_machine, print_table

COMMANDS: Mapping[str, Sequence[str]] = {
    "`bt registry best --metric r2`": ["best", "--metric", "r2"],
    "`bt registry list`": ["list"],
    "`bt registry list --limit 20`": ["list", "--limit", "20"],
    "`bt registry list --format json`": ["list", "--format", "json"],
    "`bt registry verify --format json`": ["verify", "--format", "json"],
}
NEW = ("--limit", "verify")
"""Words of commands that the earlier version is not asked: it may lack them, or work quite differently."""
LONG = 50_000
"""More records than this are no table to print."""

_BT = "from bike_traffic.cli.main import main; main()"
_DUCKDB = """
import sys
import duckdb
print(duckdb.sql(
    "SELECT run_id FROM read_json(?) WHERE NOT test_mode ORDER BY r2 DESC LIMIT 1", params=[sys.argv[1]]
).fetchall())
"""
_COST = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
if done.returncode and not (done.returncode == 1 and "verify" in sys.argv):  # which finds records without digests
    sys.exit(done.stderr.decode())
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""A small process of its own: the peak memory of a child is never below that of the process that started it."""

Cost = tuple[float, float]
"""CPU seconds, and the peak memory in MB."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000], help="of the registries")
    arguments.add_argument("--repeats", type=int, default=5, help="the median of so many is shown (default: 5)")
    arguments.add_argument("--before", metavar="COMMIT", help="an earlier version")
    options = arguments.parse_args()

    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        now = cached_bytecode(folder)
        sides: dict[str, Mapping[str, str]] = {"now": now}
        if options.before:
            install_version(options.before, Path(folder, "before"))
            sides["before"] = {**now, "PYTHONPATH": str(Path(folder, "before"))}
        for size in options.records:
            summary = Path(folder, "summary.json")
            summary.write_bytes(summary_of(attrs.evolve(each, artifacts=None) for each in make_records(size)))
            note(f"{size:,} records: {summary.stat().st_size / 1e6:.1f} MB")
            print(f"### {size:,} records\n")
            report(summary, sides, options.repeats, table=size <= LONG)


def report(summary: Path, sides: Mapping[str, Mapping[str, str]], repeats: int, *, table: bool) -> None:
    """Measure the commands on one registry, and print their costs."""
    rows: list[list[object]] = []
    for label, words in COMMANDS.items():
        if words == ["list"] and not table:
            continue
        ways = {
            name: ([sys.executable, "-c", _BT, "registry", *words, "--registry", str(summary)], environment)
            for name, environment in sides.items()
            if name == "now" or not set(words) & set(NEW)
        }
        costs = measure(ways, repeats)
        rows.append([label, *costs["now"]])
        if "before" in costs:
            rows[-1] += [*costs["before"], costs["now"][0] / costs["before"][0]]
    if find_spec("duckdb"):
        question = [sys.executable, "-c", _DUCKDB, str(summary)]
        rows.append(["DuckDB: the best r2", *measure({"DuckDB": (question, sides["now"])}, repeats)["DuckDB"]])
    columns = ["whole process", "CPU s", "peak MB", "before: CPU s", "before: peak MB", "CPU of before"]
    print_table(columns, [row + [None] * (len(columns) - len(row)) for row in rows])


def measure(ways: Mapping[str, tuple[Sequence[str], Mapping[str, str]]], repeats: int) -> dict[str, Cost]:
    """Return the median cost of each way; they take turns, so that a busy machine slows all alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for turn in range(1 + repeats):
        for name, (command, environment) in ways.items():
            words, variables = [sys.executable, "-c", _COST, *command], {**os.environ, **environment}
            done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=variables)
            seconds, kilobytes = map(float, done.stdout.split())
            if turn or repeats == 1:
                costs[name].append((seconds, kilobytes / 1024))
    return {name: (_median(cost, 0), round(_median(cost, 1))) for name, cost in costs.items()}


def _median(costs: Sequence[Cost], place: int) -> float:
    return statistics.median(cost[place] for cost in costs)


if __name__ == "__main__":
    main()
