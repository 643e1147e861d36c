"""What a person waits for: 24 hours of one counter, from a model that is loaded (warm) and a fresh process (cold).

    python benchmarks/waiting.py --data comptage-velo-donnees-compteurs.csv.gz --before 9325805

`nn` predicts from its weights as arrays; beside it the same files are read and asked with Keras, as before. Each
process loads one model, and the sides take turns. All times are those of the processor. Cold is the whole process:
start, imports, loading, one prediction.

With --before, `bt predict` of one row by `rf` as a whole process is measured too, in turn with an earlier version,
taken from this repository's history, and with the import of pandas alone. Each version asks a model of its own.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import fsspec

from report import cached_bytecode, install_version, note, parser, print_machine, print_table, run, runs_in_turn

SIDES = {("nn", "arrays"): "nn, arrays", ("nn", "keras"): "nn, Keras", ("rf", "arrays"): "rf, arrays"}
QUICK: dict[str, dict[str, Any]] = {"nn": {"epochs": 1}, "rf": {}}
"""Parameters that shorten the training, and change nothing of what a prediction costs."""
ASKED = "asked.pickle"
CALLS = 50


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", metavar="FILE", help="counts in the City's format")
    arguments.add_argument("--repeats", type=int, default=3, help="the median of so many processes (default: 3)")
    arguments.add_argument("--before", metavar="COMMIT", help="an earlier version, for `bt predict` of one row")
    arguments.add_argument("--train", metavar="FOLDER", help="train both models into a folder, in this process")
    arguments.add_argument("--once", nargs=3, metavar=("FOLDER", "MODEL", "SIDE"), help="measure in this process")
    options = arguments.parse_args()
    if options.once:
        print(json.dumps(once(Path(options.once[0]), *options.once[1:])))
        return
    if not options.data:
        arguments.error("--data is needed")
    if options.train:
        train(options.data, Path(options.train))
        return

    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **cached_bytecode(folder)}
        script = [sys.executable, __file__]
        subprocess.run([*script, "--data", options.data, "--train", folder], check=True, env=environment)
        runs: dict[tuple[str, str], list[dict[str, float]]] = {side: [] for side in SIDES}
        for turn in range(1 + options.repeats):
            note(f"turn {turn} of {options.repeats}")
            for side in SIDES:
                words = [*script, "--once", folder, *side]
                done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                if turn:
                    runs[side].append(json.loads(done.stdout))
    kinds = ("warm CPU ms", "fastest CPU ms", "cold CPU s", "peak MB")
    rows = [[SIDES[side], *(statistics.median(run[kind] for run in runs[side]) for kind in kinds)] for side in SIDES]
    print_table(["24 hours of one counter", *kinds], rows)
    if options.before:
        one_row(options.data, options.before, options.repeats)


def one_row(data: str, before: str, repeats: int) -> None:
    """Measure `bt predict` of one row: an earlier version, this one, and pandas alone, in turn."""
    bt = [sys.executable, "-c", "from bike_traffic.cli.main import main; main()"]
    with tempfile.TemporaryDirectory() as folder:
        install_version(before, Path(folder, "before"))
        environment = cached_bytecode(folder)
        environments = {
            f"`bt predict`, {before}": environment | {"PYTHONPATH": str(Path(folder, "before"))},
            "`bt predict`, now": environment,
        }
        row = Path(folder, "row.csv")
        with fsspec.open(data, "rt", encoding="utf-8", compression="infer") as file:
            row.write_text(next(file) + next(file), encoding="utf-8")
        commands = {"`import pandas`": ([sys.executable, "-c", "import pandas"], environment)}
        for number, (label, variables) in enumerate(environments.items()):
            registry = ["--registry", str(Path(folder, f"models-{number}", "summary.json"))]
            note(f"training rf: {label}")
            run([*bt, "train", "-m", "rf", "--data", data, "--no-track", *registry], variables)
            predict = [*bt, "predict", "-m", "rf", str(row), "-o", str(Path(folder, "answer.csv")), *registry]
            commands[label] = (predict, variables)
        runs = runs_in_turn(commands, repeats)
    spent = {label: [one.cpu_seconds for one in own] for label, own in runs.items()}
    medians = {label: statistics.median(seconds) for label, seconds in spent.items()}
    earlier = medians[next(iter(environments))]
    rows = [[label, median, min(spent[label]), f"{median / earlier:.2f}"] for label, median in medians.items()]
    print_table(["one row", "CPU s (median)", "CPU s (least)", "CPU of before"], rows)


def train(data: str, folder: Path) -> None:
    """Fit the models on a file of counts and save them, with the rows to ask them for."""
    from bike_traffic.columns import COUNTER
    from bike_traffic.data.loading import load_counts
    from bike_traffic.manager import PluginHost
    from bike_traffic.parameters import new_pipeline

    cleaned = load_counts(data)
    cleaned[cleaned[COUNTER] == cleaned[COUNTER].iloc[0]].tail(24).to_pickle(folder / ASKED)
    for model, parameters in QUICK.items():
        note(f"training {model}")
        (folder / model).mkdir()
        new_pipeline(PluginHost(only=()).pipeline(model), parameters, seed=0).fit(cleaned).save(folder / model)


def once(folder: Path, model: str, side: str) -> dict[str, float]:
    """Load a model and ask it; return the cost by its name in the table."""
    import pandas as pd

    from bike_traffic.manager import PluginHost

    pipeline: Any = PluginHost(only=()).pipeline(model).load().load(folder / model)
    if side == "keras":
        pipeline.nets_ = [OfKeras(path) for path in sorted((folder / model).glob("*.keras"))]
    rows = pd.read_pickle(folder / ASKED)
    pipeline.predict_frame(rows)
    cold, spent = time.process_time(), []
    for _ in range(CALLS):
        start = time.process_time()
        pipeline.predict_frame(rows)
        spent.append(1000 * (time.process_time() - start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1) / 1000
    return {
        "warm CPU ms": statistics.median(spent),
        "fastest CPU ms": min(spent),
        "cold CPU s": cold,
        "peak MB": peak,
    }


class OfKeras:
    """A net as Keras reads and computes it."""

    def __init__(self, path: Path) -> None:
        from bike_traffic.plugins.count_net import read_net

        self.net = read_net(path)

    def predict(self, inputs: Any) -> Any:
        """Return bikes per hour, shape (n,)."""
        import numpy as np

        return np.asarray(self.net(inputs, training=False)).ravel()


if __name__ == "__main__":
    main()
