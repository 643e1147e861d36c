"""Accuracy and cost of the models, compared with the seed's recipes and the 4-week mean.

    python benchmarks/accuracy.py --data comptage-velo-donnees-compteurs.csv.gz --seed-recipes

Three folds in time: each model is trained on all rows before a fold and measured on the 28 days from its start.
Cost is that of fitting the whole file. All sides run one after another in this one process. With the seed's recipes
it takes about a quarter of an hour on two cores.
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

from bike_traffic.columns import TIME, TIME_ZONE
from bike_traffic.data.loading import load_counts
from bike_traffic.evaluation.baselines import FourWeekMean
from bike_traffic.evaluation.measuring import evaluate, measurable_rows
from bike_traffic.evaluation.splits import split_at
from bike_traffic.manager import PluginHost
from bike_traffic.names import Task
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import Pipeline
from report import note, parser, print_machine, print_table
from seed_recipes import SEED_RECIPES

FOLDS = [pd.Timestamp(day, tz=TIME_ZONE) for day in ("2021-03-01", "2021-05-10", "2021-06-28")]
HORIZON = pd.DateOffset(days=28)
MODELS = ("rf", "nn", "rf_class")
BASELINE = "4-week mean"

Metrics = dict[str, float]


@attrs.define
class Measured:
    """One model: its metrics in each fold, those of the baseline on the same rows, and its cost."""

    label: str
    task: Task
    folds: list[Metrics] = attrs.field(factory=list)
    baseline: list[Metrics] = attrs.field(factory=list)
    cost: Metrics = attrs.field(factory=dict)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="counts of 2020-09 to 2021-08")
    arguments.add_argument(
        "--models", nargs="+", default=MODELS, metavar="NAME", help="names of pipelines, those of plugins included"
    )
    arguments.add_argument("--seed-recipes", action="store_true", help="measure the seed's recipes too")
    arguments.add_argument("--seed", type=int, default=0, help="random_state of our models")
    options = arguments.parse_args()

    host = PluginHost()
    sides: list[tuple[str, str, Callable[[], Pipeline]]] = []
    for name in options.models:
        declaration = host.pipeline(name)
        sides.append((name, name, partial(new_pipeline, declaration, {}, options.seed)))
        if options.seed_recipes and name in SEED_RECIPES:
            sides.append((name, SEED_RECIPES[name]().name, SEED_RECIPES[name]))
    print_machine()
    cleaned = load_counts(options.data)
    measured: dict[tuple[str, str], Measured] = {}
    for name, label, make in sides:
        measured[name, label] = measure(label, make, cleaned)
    report(measured, "regression", ("rmse", "wape"))
    report(measured, "classification", ("accuracy", "f1_score", "roc_auc"))


def measure(label: str, make: Callable[[], Pipeline], cleaned: pd.DataFrame) -> Measured:
    result = Measured(label, make().task)
    for start in FOLDS:
        split = split_at(cleaned[TIME], start, start + HORIZON)
        training, held_out = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
        pipeline = make().fit(training)
        baseline = FourWeekMean().fit(training)
        evaluation = evaluate(pipeline, measurable_rows(pipeline, held_out), baseline, history=training)
        result.folds.append(evaluation.metrics)
        result.baseline.append(evaluation.baseline)
        note(f"{label} {start:%Y-%m-%d}: {', '.join(f'{k} {v:.4g}' for k, v in evaluation.metrics.items())}")
    result.cost = cost(make(), cleaned)
    note(f"{label} whole file: {', '.join(f'{k} {v:.4g}' for k, v in result.cost.items())}")
    return result


def cost(pipeline: Pipeline, cleaned: pd.DataFrame) -> Metrics:
    """Return the cost of fitting the whole file, of predicting a part of it, and of saving the model."""
    part = cleaned.tail(100_000)
    cpu, wall = time.process_time(), time.perf_counter()
    pipeline.fit(cleaned)
    spent = {"fit CPU s": time.process_time() - cpu, "fit wall s": time.perf_counter() - wall}
    cpu = time.process_time()
    pipeline.predict(part, history=cleaned)
    spent["predict CPU s / 100k"] = (time.process_time() - cpu) * 100_000 / len(part)
    with tempfile.TemporaryDirectory() as folder:
        pipeline.save(Path(folder))
        spent["saved MB"] = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
    return spent


def report(measured: Mapping[tuple[str, str], Measured], task: Task, metrics: Sequence[str]) -> None:
    """Print one table: the baseline, each model, the seed's recipe, and the ratio of the two."""
    of_task = {key: model for key, model in measured.items() if model.task == task}
    if not of_task:
        return
    first = next(iter(of_task.values()))
    costs = list(first.cost)
    decisive = metrics[0]
    columns = [task, *(f"{decisive} {start:%Y-%m-%d}" for start in FOLDS), *(f"C {name}" for name in metrics), *costs]
    rows = [[BASELINE, *map(_rounded, _accuracy(first.baseline, metrics)), *("" for _ in costs)]]
    for (name, label), model in of_task.items():
        ours = of_task[name, name]
        figures = [*_accuracy(model.folds, metrics), *model.cost.values()]
        rows.append([f"**{label}**" if model is ours else label, *map(_rounded, figures)])
        if model is not ours:
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
