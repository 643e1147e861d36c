"""What a registry costs as it grows: finding the best, adding one record, and eight writers at once.

    PYTHONPATH=. python benchmarks/registry.py

Buckets are those of fake-gcs-server and moto on loopback, so their figures are of our code and of these servers, not
of a network. MLflow's side is an SQLite store with one run a record: its name, model type, environment and test mode
as tags, and its metrics. The rows are put into MLflow's own tables at once, since its client would take an hour.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import attrs

from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import parse_time
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.summary import LocalRegistry
from records import make_records, summary_of
from registry_writer import open_store
from report import bt_command, cached_bytecode, note, parser, print_machine, print_table, run
from tests.servers import CLOUDS, NEW_BUCKET, gcs_server, s3_server

WRITERS, APPENDS, WRITERS_RECORDS = 8, 5, 10_000
LONG = 50_000
"""From this number of runs on MLflow's search takes minutes, and is timed once after a first search."""
_AWS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "ERROR"}
_SEARCH = "tags.env = 'dev' and tags.test_mode = 'false'"
_MLFLOWS_PROCESS = """
import sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
(run,) = client.search_runs(["1"], sys.argv[2], max_results=1, order_by=["metrics.r2 DESC"])
print(run.info.run_id)
"""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000], help="of the registries")
    arguments.add_argument("--repeats", type=int, default=7, help="the median of so many is shown (default: 7)")
    options = arguments.parse_args()
    os.environ |= _AWS | _QUIET
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # under moto
    print_machine()
    measure_best(options.sizes, options.repeats)
    with ExitStack() as servers:
        urls = {
            "local": "",
            "gcs": servers.enter_context(gcs_server()),
            "s3": servers.enter_context(s3_server()),
        }
        measure_append(options.sizes, options.repeats, urls)
        measure_writers(urls)


def measure_best(sizes: Sequence[int], repeats: int) -> None:
    """Find the best by r2, of one environment and without test mode, in both registries in turn."""
    print("### Best by metric\n")
    columns = ["records", "in process, ms", "`search_runs`, ms", "times", "`bt registry best --format uri`, ms"]
    rows = [_best_row(size, repeats) for size in sizes]
    print_table([*columns, "MLflow's whole process, ms", "times", "`search_runs` after ANALYZE, ms", "times"], rows)


def _best_row(size: int, repeats: int) -> list[object]:
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory() as folder:
        summary, database = Path(folder, "summary.json"), Path(folder, "mlflow.db")
        store = f"sqlite:///{database}"
        summary.write_bytes(summary_of(make_records(size)))
        client = MlflowClient(tracking_uri=store)
        fill_mlflow(client, database, size)
        note(f"best of {size:,}: {_megabytes(summary)} of summary, {_megabytes(database)} of SQLite")
        query, order = Query(env="dev"), ["metrics.r2 DESC"]
        words = ["--metric", "r2", "--env", "dev", "--registry", str(summary), "--format", "uri"]
        bytecode = cached_bytecode(folder)
        seconds = in_turn(
            repeats if size < LONG else 1,
            {
                "in process": lambda: LocalRegistry(str(summary)).best("r2", query),
                "MLflow in process": lambda: client.search_runs(["1"], _SEARCH, max_results=1, order_by=order),
                "command": lambda: run([bt_command(), "registry", "best", *words], bytecode),
                "MLflow's process": lambda: run([sys.executable, "-c", _MLFLOWS_PROCESS, store, _SEARCH], bytecode),
            },
        )
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("ANALYZE")  # MLflow makes none, and without statistics SQLite chooses a poor order
        (analysed,) = in_turn(
            repeats, {"MLflow": lambda: client.search_runs(["1"], _SEARCH, max_results=1, order_by=order)}
        ).values()
    ours, theirs, command, process = seconds.values()
    compared = [theirs / ours, _ms(command), _ms(process), process / command, _ms(analysed), analysed / ours]
    return [f"{size:,}", _ms(ours), _ms(theirs), *compared]


def fill_mlflow(client: Any, database: Path, size: int) -> None:
    """Make an experiment, and put a run a record into MLflow's tables."""
    experiment = client.create_experiment("registry")
    assert experiment == "1"
    runs, metrics, tags = [], [], []
    for record in make_records(size):
        milliseconds = int(parse_time(record.timestamp).timestamp() * 1000)
        artifacts = f"{database.parent}/mlruns/1/{record.run_id}/artifacts"
        runs.append((record.run_id, record.model_type, milliseconds, milliseconds, artifacts))
        metrics += [(name, value, milliseconds, record.run_id) for name, value in record.metrics.items()]
        described = {"model_type": record.model_type, "env": record.env, "test_mode": str(record.test_mode).lower()}
        tags += [(key, value, record.run_id) for key, value in described.items()]
    with sqlite3.connect(database) as connection:
        fields = "run_uuid, name, source_type, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri"
        connection.executemany(
            f"INSERT INTO runs ({fields}, experiment_id) "
            "VALUES (?, ?, 'LOCAL', 'us', 'FINISHED', ?, ?, 'active', ?, 1)",
            runs,
        )
        fields = "key, value, timestamp, run_uuid, step, is_nan"
        for table in ("metrics", "latest_metrics"):
            connection.executemany(f"INSERT INTO {table} ({fields}) VALUES (?, ?, ?, ?, 0, 0)", metrics)
        connection.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", tags)
    connection.close()


def measure_append(sizes: Sequence[int], repeats: int, urls: Mapping[str, str]) -> None:
    """Add a record to registries of each length, beside a transfer of the same bytes through the same store."""
    rows: list[list[object]] = []
    for kind, url in urls.items():
        first = 0.0
        for size in sizes:
            transferred, appended = _append_seconds(kind, url, size, repeats)
            beyond = appended - transferred
            first = first or beyond
            rows.append([kind, f"{size:,}", *map(_ms, (transferred, appended, beyond)), beyond / first])
    print("### One append\n")
    columns = ["store", "records", "transfer, ms", "append, ms", "beyond it, ms", "times that at the first length"]
    print_table(columns, rows)


def _append_seconds(kind: str, url: str, size: int, repeats: int) -> tuple[float, float]:
    """Return the seconds of a transfer there and back, and of an append."""
    note(f"append to {size:,} on {kind}")
    with tempfile.TemporaryDirectory() as folder:
        uri = new_registry(kind, url, folder)
        fill(kind, uri, url, size)
        store, records = open_store(kind, uri, url), make_records(repeats + 1, seed=size)

        def transfer() -> None:
            data, version = store.read("summary.json")
            store.replace("summary.json", [data], version, vouch=True)

        def append() -> None:
            AppendLog(store, "summary.json", "records/", "run_id").append(next(records).to_json())

        transferred, appended = in_turn(repeats, {"transfer": transfer, "append": append}).values()
        return transferred, appended


def measure_writers(urls: Mapping[str, str]) -> None:
    """Let eight processes add to a long registry at once; each merges only its own records, or all pending ones.

    Not on S3: moto mixes up concurrent readings of one long object.
    """
    rows: list[list[object]] = []
    for kind in ("local", "gcs"):
        url = urls[kind]
        walls: list[float] = []
        for merges in ("own", "all"):
            with tempfile.TemporaryDirectory() as folder:
                uri = new_registry(kind, url, folder)
                fill(kind, uri, url, WRITERS_RECORDS)
                note(f"{WRITERS} writers on {kind}, merging {merges}")
                wall, conflicts = race(kind, uri, url, merges)
                names = AppendLog(open_store(kind, uri, url), "summary.json", "records/", "run_id").names()
                assert len(set(names)) == len(names) == WRITERS_RECORDS + WRITERS * APPENDS
            walls.append(wall)
            label = "its own alone" if merges == "own" else "what is pending"
            rows.append([kind, label, conflicts, wall, walls[0] / wall])
    print(f"### {WRITERS} writers, {APPENDS} appends each, on {WRITERS_RECORDS:,} records\n")
    print_table(["store", "each merges", "conflicts", "wall s", "times as fast"], rows)


def race(kind: str, uri: str, url: str, merges: str) -> tuple[float, int]:
    """Start the writers, let them go at once, and return the wall time and the number of conflicts."""
    script = str(Path(__file__).with_name("registry_writer.py"))
    writers = [
        subprocess.Popen(
            [sys.executable, script, kind, uri, url, f"writer{number}", str(APPENDS), merges],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(WRITERS)
    ]
    time.sleep(10)  # all of them have imported what they need
    started = time.perf_counter()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    answers = [writer.communicate()[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    return time.perf_counter() - started, sum(json.loads(answer)["conflicts"] for answer in answers)


def new_registry(kind: str, url: str, folder: str) -> str:
    """Return the URI of an empty registry."""
    if kind == "local":
        return f"{folder}/models/summary.json"
    return f"{CLOUDS[kind].scheme}://{NEW_BUCKET[kind](url)}/models/summary.json"


def fill(kind: str, uri: str, url: str, size: int) -> None:
    """Give a registry so many records, as if they had been appended long ago."""
    records = [attrs.evolve(record, run_id=f"old-{record.run_id}") for record in make_records(size)]
    store = open_store(kind, uri, url)
    store.create("summary.json", summary_of(records), vouch=True)
    if kind == "local":  # the folder whose length could matter
        (Path(uri).parent / "records").mkdir()
        for record in records:
            (Path(uri).parent / "records" / f"{record.run_id}.json").write_text(json.dumps(record.to_json()))


def in_turn(repeats: int, ways: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median seconds of each way; they take turns, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {label: [] for label in ways}
    for turn in range(1 + repeats):
        for label, way in ways.items():
            started = time.perf_counter()
            way()
            if turn:
                seconds[label].append(time.perf_counter() - started)
    return {label: statistics.median(values) for label, values in seconds.items()}


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


if __name__ == "__main__":
    main()
