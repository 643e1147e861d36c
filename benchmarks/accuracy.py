"""How well the models predict, and what they cost, beside the seed's recipes and the 4-week mean.

    python benchmarks/accuracy.py --data comptage-velo-donnees-compteurs.csv.gz --seed-recipes

Three folds through time: each model is trained on all that lies before a fold and measured on the 28 days from
its start. Cost is that of fitting the whole file. All sides run one after another in this one process. With the
seed's recipes it takes about a quarter of an hour on two cores.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import pandas as pd

from bike_traffic.cleaning import RawCleanerTransformer
from bike_traffic.data.reading import read_counts
from bike_traffic.data.schema import TIME, TIME_ZONE, column_of, parse_times
from bike_traffic.evaluation import FourWeekMean, evaluate, split_at
from bike_traffic.manager import PluginHost
from bike_traffic.metrics import Task
from bike_traffic.pipeline import Pipeline
from bike_traffic.training import fit, known_counters, new_pipeline
from report import note, parser, print_machine, print_table
from seed_recipes import SEED_RECIPES

FOLDS = [pd.Timestamp(day, tz=TIME_ZONE) for day in ("2021-03-01", "2021-05-10", "2021-06-28")]
HORIZON = pd.DateOffset(days=28)
MODELS = ("rf", "nn", "rf_class")
BASELINE = "4-week mean"

Metrics = dict[str, float]


@attrs.define
class Measured:
    """What was found of one model: metrics of each fold, those of the baseline beside it, and the cost."""

    label: str
    task: Task
    folds: list[Metrics] = attrs.field(factory=list)
    baseline: list[Metrics] = attrs.field(factory=list)
    cost: Metrics = attrs.field(factory=dict)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="counts of 2020-09 to 2021-08")
    arguments.add_argument("--models", nargs="+", default=MODELS, metavar="NAME", help="plugins' as well")
    arguments.add_argument("--seed-recipes", action="store_true", help="measure the seed's recipes too")
    arguments.add_argument("--seed", type=int, default=0, help="random_state of our models")
    options = arguments.parse_args()

    host = PluginHost()
    sides: list[tuple[str, str, Callable[[], Pipeline]]] = []
    for name in options.models:
        offer = host.pipeline(name)
        sides.append((name, name, partial(new_pipeline, offer, {}, options.seed)))
        if options.seed_recipes and name in SEED_RECIPES:
            sides.append((name, SEED_RECIPES[name].name, SEED_RECIPES[name]))
    print_machine()
    counts = read_counts(options.data)
    measured: dict[tuple[str, str], Measured] = {}
    for name, label, make in sides:
        measured[name, label] = measure(label, make, counts)
    report(measured, "regression", ("rmse", "wape"))
    report(measured, "classification", ("accuracy", "f1_score", "roc_auc"))


def measure(label: str, make: Callable[[], Pipeline], counts: pd.DataFrame) -> Measured:
    times = parse_times(column_of(counts, TIME))
    found = Measured(label, make().task)
    for start in FOLDS:
        split = split_at(times, start, start + HORIZON)
        training, held_out = counts.iloc[split.training], counts.iloc[split.held_out]
        pipeline = make()
        fit(pipeline, training)
        baseline = FourWeekMean().fit(RawCleanerTransformer().transform(training))
        evaluation = evaluate(pipeline, held_out[known_counters(pipeline, held_out)], baseline)
        found.folds.append(evaluation.metrics)
        found.baseline.append(evaluation.baseline)
        note(f"{label} {start:%Y-%m-%d}: {', '.join(f'{k} {v:.4g}' for k, v in evaluation.metrics.items())}")
    found.cost = cost(make(), counts)
    note(f"{label} whole file: {', '.join(f'{k} {v:.4g}' for k, v in found.cost.items())}")
    return found


def cost(pipeline: Pipeline, counts: pd.DataFrame) -> Metrics:
    """Return what it costs to fit the whole file, to predict a part of it, and to keep the model."""
    part = counts.tail(100_000)
    cpu, wall = time.process_time(), time.perf_counter()
    fit(pipeline, counts)
    spent = {"fit CPU s": time.process_time() - cpu, "fit wall s": time.perf_counter() - wall}
    cpu = time.process_time()
    pipeline.predict(part)
    spent["predict CPU s / 100k"] = (time.process_time() - cpu) * 100_000 / len(part)
    with tempfile.TemporaryDirectory() as folder:
        pipeline.save(Path(folder))
        spent["saved MB"] = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
    return spent


def report(measured: Mapping[tuple[str, str], Measured], task: Task, metrics: Sequence[str]) -> None:
    """Print one table: the baseline, each model, the seed's recipe under it, and ours as a ratio to it."""
    of_task = {key: found for key, found in measured.items() if found.task == task}
    if not of_task:
        return
    first = next(iter(of_task.values()))
    costs = list(first.cost)
    decisive = metrics[0]
    columns = [task, *(f"{decisive} {start:%Y-%m-%d}" for start in FOLDS), *(f"C {name}" for name in metrics), *costs]
    rows = [[BASELINE, *map(_rounded, _accuracy(first.baseline, metrics)), *("" for _ in costs)]]
    for (name, label), found in of_task.items():
        ours = of_task[name, name]
        figures = [*_accuracy(found.folds, metrics), *found.cost.values()]
        rows.append([f"**{label}**" if found is ours else label, *map(_rounded, figures)])
        if found is not ours:
            own = [*_accuracy(ours.folds, metrics), *ours.cost.values()]
            rows.append([f"{name} / {label}", *map(_ratio, own, figures)])
    print_table(columns, rows)


def _accuracy(folds: Sequence[Metrics], metrics: Sequence[str]) -> list[float]:
    by_fold = [fold[metrics[0]] for fold in folds]
    return [*by_fold, *(float(np.mean([fold[name] for fold in folds])) for name in metrics)]


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}" if one / other >= 0.1 else f"{one / other:.3f}"


def _rounded(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"


if __name__ == "__main__":
    main()
