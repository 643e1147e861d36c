"""How long `bt --help` and `bt registry best` take as whole processes, beside an import of click and with plugins.

    python benchmarks/startup.py

The commands take turns, so that a busy machine slows all of them alike. Bytecode is cached, as pip leaves it: it
is written to a folder of its own by a first round that is not measured.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bike_traffic.artifacts import FileDigest, model_folder
from bike_traffic.registry import ModelRecord
from report import bt_command, note, parser, print_machine, print_table, run

PLUGINS = 10
SLOW_SECONDS = 2.0


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--records", type=int, default=10_000, help="size of the registry (default: 10,000)")
    arguments.add_argument("--repeats", type=int, default=15, help="the median of so many is shown (default: 15)")
    options = arguments.parse_args()

    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder, "summary.json")
        write_registry(summary, options.records)
        note(f"{summary}: {options.records:,} records, {summary.stat().st_size / 1e6:.1f} MB")
        best = [bt_command(), "registry", "best", "--metric", "r2", "--registry", str(summary)]
        commands = {
            '`python -c "import click"`': [sys.executable, "-c", "import click"],
            "`bt --help`": [bt_command(), "--help"],
            f"`bt registry best --metric r2`, {options.records:,} records": best,
            "the same, `--format json`": [*best, "--format", "json"],
        }
        environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}
        sides = {label: (command, environment) for label, command in commands.items()}
        report("times click", measure(sides, options.repeats))

        bare, full = Path(folder, "bare"), Path(folder, "plugins")
        bare.mkdir()
        for number in range(PLUGINS):
            install_plugin(full, number, seconds_to_import=SLOW_SECONDS if number == 0 else 0)
        sides = {}
        for what, site in (("no plugin", bare), (f"{PLUGINS} plugins, one of them slow", full)):
            with_site = environment | {"PYTHONPATH": str(site)}
            sides[f"`bt --help`, {what}"] = ([bt_command(), "--help"], with_site)
        report("times without", measure(sides, 2 * options.repeats))


def measure(sides: Mapping[str, tuple[list[str], dict[str, str]]], repeats: int) -> dict[str, list[float]]:
    """Return the seconds that each side's command took each time, but for the first."""
    seconds: dict[str, list[float]] = {label: [] for label in sides}
    for turn in range(1 + repeats):
        for label, (command, environment) in sides.items():
            spent = run(command, environment).seconds
            if turn:
                seconds[label].append(spent)
    return seconds


def report(ratio: str, seconds: Mapping[str, list[float]]) -> None:
    """Print one line a side, its median as a ratio to that of the first."""
    first = statistics.median(next(iter(seconds.values())))
    rows = []
    for label, values in seconds.items():
        median = statistics.median(values)
        rows.append([label, _ms(median), _ms(min(values)), f"{median / first:.2f}"])
    print_table(["command", "median ms", "fastest ms", ratio], rows)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def install_plugin(site: Path, number: int, seconds_to_import: float) -> None:
    """Leave a plugin in a folder as pip leaves one: a pipeline's declaration, a command, and their metadata."""
    name = f"bt_plugin_{number}"
    (site / name).mkdir(parents=True)
    (site / name / "__init__.py").write_text(
        f"import time\n\ntime.sleep({seconds_to_import})\n\n"
        "from bike_traffic import PipelineSpec, hookimpl\n\n\n"
        "@hookimpl\ndef bt_pipelines():\n"
        f'    return [PipelineSpec(name="plugin-{number}", target="{name}.model:Model")]\n'
    )
    (site / name / "command.py").write_text("import click\n\n\n@click.command()\ndef command():\n    pass\n")
    information = site / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        f"[bike_traffic]\nmain = {name}\n\n[bike_traffic.commands]\nplugin-{number} = {name}.command:command\n"
    )


def write_registry(path: Path, size: int) -> None:
    """Write a summary of records like those of `bt train`, files and all that we add included."""
    chance = random.Random(0)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    entries = [_record(chance, start + timedelta(minutes=10 * number)).to_json() for number in range(size)]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _record(chance: random.Random, time: datetime) -> ModelRecord:
    model = chance.choice(["rf", "nn", "rf_class"])
    names = (
        ("accuracy", "precision", "recall", "f1_score", "roc_auc") if model == "rf_class" else ("r2", "rmse", "mae")
    )
    files = (
        ["model.joblib", "four_week_mean.json"] if model != "nn" else ["net_0.keras", "net_1.keras", "state.joblib"]
    )
    timestamp, run_id = time.isoformat(timespec="microseconds"), f"{chance.getrandbits(128):032x}"
    metrics = {name: chance.random() for name in names}
    return ModelRecord(
        timestamp=timestamp,
        model_type=model,
        env=chance.choice(["dev", "prod"]),
        test_mode=chance.random() < 0.1,
        run_id=run_id,
        metrics=metrics,
        model_uri=f"models/{model_folder(model, timestamp, run_id)}/",
        artifacts={name: FileDigest(f"{chance.getrandbits(256):064x}", chance.randrange(10**7)) for name in files},
        extra={
            "baseline": {name: chance.random() for name in names},
            "split": {"kind": "temporal", "training_rows": 390_000, "held_out_rows": 34_000, "left_out_rows": 0},
            "data": {"rows": 424_000, "counters": 52, "first_hour": start_of(time), "last_hour": timestamp},
            "parameters": {"n_estimators": 20, "min_samples_leaf": 10, "random_state": 0, "n_jobs": -1},
            "fit_seconds": round(chance.uniform(2, 60), 2),
            "plugin": {"distribution": "bike-traffic", "version": "0.1.0"},
        },
    )


def start_of(time: datetime) -> str:
    return (time - timedelta(days=300)).isoformat()


if __name__ == "__main__":
    main()
