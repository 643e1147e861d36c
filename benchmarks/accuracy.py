"""Accuracy and cost of the models, compared with the seed's recipes and with two baselines, on folds in time.

    python benchmarks/accuracy.py --data comptage-velo-donnees-compteurs.csv.gz --seeds 0 1 --seed-recipes
    python benchmarks/accuracy.py --data counts.csv.gz --second-city years.csv.gz --second-city-holidays DE-NW
    python benchmarks/accuracy.py --data counts.csv.gz --weather weather.csv

Each model is trained on all rows before a fold and measured on the 28 days from its start: nine folds one after
another (R9 to R1) and three from the start of a month (C1 to C3) of the City's counts, and fourteen of a second city
with years of counts. A figure is the mean over the random seeds. "worst" is the largest ratio of a fold's figure to
that of the 4-week mean, "behind" is the number of folds in which the 4-week mean is better. Without
--second-city-holidays the second city's public holidays are those of France. Cost is that of fitting the whole file
of the City. The seed's recipes, which are measured on the City's folds alone, take most of an hour.
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
from bike_traffic.evaluation.measuring import evaluate, measurable_rows
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.splits import DEFAULT_HOLDOUT, split_at
from bike_traffic.manager import PluginHost
from bike_traffic.names import Task
from bike_traffic.origins import CALIBRATION_MONTHS, predicted_month, predicted_months
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import Pipeline
from day_ahead import HOLIDAYS_HELP, report_day_ahead
from report import note, parser, print_machine, print_table
from seed_recipes import SEED_RECIPES

HORIZON = pd.DateOffset(days=28)
ROLLING = pd.date_range("2020-12-01", periods=9, freq="28D", tz=TIME_ZONE)
MONTHS = ("2021-03-01", "2021-05-10", "2021-06-28")
CITY = {f"R{9 - number}": start for number, start in enumerate(ROLLING)} | {
    f"C{number}": pd.Timestamp(day, tz=TIME_ZONE) for number, day in enumerate(MONTHS, start=1)
}
SECOND_CITY = {
    f"{year}-{month:02}": pd.Timestamp(year, month, 1, tz=TIME_ZONE)
    for year in (2022, 2023, 2024, 2025)
    for month in ((6, 12) if year == 2022 else (3, 6, 9, 12))
}
MODELS = ("rf", "nn", "rf_class", "ahead")
BASELINE, RECENT = "4-week mean", "recent"
DECISIVE: Mapping[Task, str] = {"regression": "rmse", "classification": "accuracy"}
OTHERS: Mapping[Task, Sequence[str]] = {
    "regression": ("wape", "coverage", "interval_score"),
    "classification": ("f1_score", "roc_auc"),
}
ROLLING_NAMES = tuple(name for name in CITY if name[0] == "R")
"""The folds whose intervals are measured: the months before each are folds too."""

Metrics = dict[str, float]
Folds = dict[str, Metrics]
"""The metrics by the name of the fold."""


@attrs.frozen
class Side:
    """One model with several random seeds."""

    label: str
    pipelines: Sequence[Callable[[], Pipeline]]

    @property
    def task(self) -> Task:
        return self.pipelines[0]().task


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="the City's counts of 2020-09 to 2021-08")
    arguments.add_argument("--second-city", metavar="FILE", help="counts of another city from 2019 to 2025")
    arguments.add_argument("--second-city-holidays", default="FR", metavar="PLACE", help=HOLIDAYS_HELP)
    arguments.add_argument("--weather", metavar="FILE", help="observed weather of the City's hours, for days 1 to 7")
    arguments.add_argument(
        "--models", nargs="+", default=MODELS, metavar="NAME", help="names of pipelines, those of plugins included"
    )
    arguments.add_argument("--seed-recipes", action="store_true", help="measure the seed's recipes too")
    arguments.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="random_state of ours")
    options = arguments.parse_args()

    ours = sides(options.models, options.seeds)
    recipes = [SEED_RECIPES[name] for name in options.models if options.seed_recipes and name in SEED_RECIPES]
    seeds = [Side(recipe().name, [recipe]) for recipe in recipes]
    print_machine()
    cleaned = load_counts(options.data)
    print("## The City: nine folds one after another, and three from the start of a month\n")
    averages = {
        "mean R": [name for name in CITY if name[0] == "R"],
        "mean C": [name for name in CITY if name[0] == "C"],
    }
    report([*ours, *seeds], cleaned, CITY, averages)
    print("## The City: 1 to 7 days ahead, from every midnight\n")
    rolling = {name: CITY[name] for name in averages["mean R"]}
    report_day_ahead(load_counts(options.data, weather=options.weather), rolling, seeds=options.seeds)
    if options.second_city:
        print("## A second city: fourteen folds in four years\n")
        second = load_counts(options.second_city)
        there = sides(options.models, options.seeds, options.second_city_holidays)
        report(there, second, SECOND_CITY, {"mean": list(SECOND_CITY)})
        print("## A second city: 1 to 7 days ahead, from every midnight\n")
        report_day_ahead(second, SECOND_CITY, seeds=options.seeds, holidays=options.second_city_holidays)
    print("## Cost\n")
    costs = {side.label: cost(side.pipelines[0], cleaned, interval=side in ours) for side in (*ours, *seeds)}
    columns = list(next(iter(costs.values())))
    print_table(["model", *columns], [[label, *map(_rounded, values.values())] for label, values in costs.items()])


def sides(models: Sequence[str], seeds: Sequence[int], holidays: str = "FR") -> list[Side]:
    """Return the pipelines of these names, with the public holidays of a place."""
    host = PluginHost()
    parameters = {} if holidays == "FR" else {"holidays": holidays}  # a pipeline of a plugin may lack the parameter
    return [
        Side(name, [partial(new_pipeline, host.pipeline(name), parameters, seed) for seed in seeds])
        for name in models
    ]


def report(
    sides: Sequence[Side],
    cleaned: pd.DataFrame,
    starts: Mapping[str, pd.Timestamp],
    averages: Mapping[str, Sequence[str]],
) -> None:
    """Measure all sides on the folds, and print a table for each task: the baselines first."""
    for task, decisive in DECISIVE.items():
        of_task = [side for side in sides if side.task == task]
        if not of_task:
            continue
        rows: dict[str, Folds] = {}
        for side in of_task:
            measured, baselines = measure(side, cleaned, starts)
            rows = {**baselines, **rows} | {side.label: measured}
        others = [f"{average} {name}" for average in averages for name in OTHERS[task]]
        print_table(
            [f"{task}: {decisive}", *starts, *averages, "worst", "behind", *others],
            [[label, *_figures(folds, rows[BASELINE], task, averages)] for label, folds in rows.items()],
        )


def measure(side: Side, cleaned: pd.DataFrame, starts: Mapping[str, pd.Timestamp]) -> tuple[Folds, dict[str, Folds]]:
    """Return the metrics of a side in each fold, the mean over its seeds, and those of the baselines.

    The intervals of a rolling fold, those of the first seed, are calibrated as those of a training are: on the month
    before it, which the pipeline itself predicted, and on two more before, predicted by one for calibration.
    """
    measured: Folds = {}
    baselines: dict[str, Folds] = {BASELINE: {}, RECENT: {}}
    first, earlier = side.pipelines[0], list[pd.DataFrame]()
    for name, start in starts.items():
        split = split_at(cleaned[TIME], start, start + HORIZON)
        training, held_out = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
        holidays = first().holidays
        references = References.baselines(training, holidays=holidays)
        has_interval = name in ROLLING_NAMES and side.task == "regression"
        if has_interval:
            if not earlier:
                earlier = predicted_months(first, training, start, DEFAULT_HOLDOUT, CALIBRATION_MONTHS)
                newest = earlier[-1]
            months = [*earlier[-CALIBRATION_MONTHS:-1], newest]
            references = references.calibrated(months, training, holidays=holidays)
        of_seeds = []
        for make in side.pipelines:
            pipeline = make().fit(training)
            evaluation = evaluate(pipeline, measurable_rows(pipeline, held_out), references, history=training)
            of_seeds.append(evaluation.metrics)
            if has_interval and make is first:
                newest = predicted_month(pipeline, cleaned, split, evaluation.rows)
                earlier.append(predicted_month(first().for_calibration().fit(training), cleaned, split))
        measured[name] = dict(pd.DataFrame(of_seeds).mean())
        baselines[BASELINE][name], baselines[RECENT][name] = evaluation.baseline, evaluation.recent
        note(f"{side.label} {name}: {', '.join(f'{key} {value:.4g}' for key, value in measured[name].items())}")
    return measured, baselines


def _figures(folds: Folds, baseline: Folds, task: Task, averages: Mapping[str, Sequence[str]]) -> list[str]:
    decisive = DECISIVE[task]
    values = {name: metrics[decisive] for name, metrics in folds.items()}
    ratios = [value / baseline[name][decisive] for name, value in values.items()]
    if task == "regression":
        worst, behind = max(ratios), sum(ratio > 1 for ratio in ratios)
    else:
        worst, behind = min(ratios), sum(ratio < 1 for ratio in ratios)
    means = [float(np.mean([values[name] for name in names])) for names in averages.values()]
    others = [
        float(np.mean([folds[name].get(metric, np.nan) for name in names]))  # NaN where it is not measured
        for names in averages.values()
        for metric in OTHERS[task]
    ]
    return [
        *map(_rounded, (*values.values(), *means)),
        f"{worst:.2f}",
        f"{behind} of {len(values)}",
        *map(_rounded, others),
    ]


def cost(make: Callable[[], Pipeline], cleaned: pd.DataFrame, *, interval: bool) -> Metrics:
    """Return the cost of fitting the whole file, of predicting a part of it, and of saving the model.

    The fits of an interval are those of a training: on all before the last three months, and before the last two; the
    third month is the one that is held out.
    """
    part = cleaned.tail(100_000)
    cpu, wall = time.process_time(), time.perf_counter()
    pipeline = make().fit(cleaned)
    spent = {"fit CPU s": time.process_time() - cpu, "fit wall s": time.perf_counter() - wall}
    cpu = time.process_time()
    if interval:
        held_out = cleaned[TIME].max() - DEFAULT_HOLDOUT
        predicted_months(make, cleaned, held_out, DEFAULT_HOLDOUT, CALIBRATION_MONTHS - 1)
    spent["interval's fits CPU s"] = time.process_time() - cpu if interval else np.nan
    cpu = time.process_time()
    pipeline.predict(part, history=cleaned)
    spent["predict CPU s / 100k"] = (time.process_time() - cpu) * 100_000 / len(part)
    with tempfile.TemporaryDirectory() as folder:
        pipeline.save(Path(folder))
        spent["saved MB"] = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
    return spent


def _rounded(value: float) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"


if __name__ == "__main__":
    main()
