"""Forecasts of 1 to 7 days from every midnight of nine folds, beside simple means and LightGBM.

    python benchmarks/day_ahead.py --data comptage-velo-donnees-compteurs.csv.gz --weather meteo-synop.csv
    python benchmarks/day_ahead.py --data counts.csv.gz --second-city --second-city-holidays DE-NW
    python benchmarks/day_ahead.py --data counts.csv.gz --weather weather.csv --export day_ahead.csv

Each model is fitted once at the start of a fold of 28 days and forecasts seven days from each local midnight in it,
from the counts before this midnight. "last week" is the same local hour seven days before. "degraded weather" is
observed weather made as wrong as a forecast of it, "observed weather" is what no forecast can reach. LightGBM has the
base and the columns of `ahead`. The interval is the core's. ``--export`` writes the counts and forecasts of six
counters for ``statsforecast_peer.py``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import pandas as pd

from bike_traffic.backtesting import Fold, backtest, means_over_folds
from bike_traffic.columns import COUNT, COUNTER, HOUR, TEMPERATURE, TIME, WEATHER_COLUMNS
from bike_traffic.data.loading import load_counts
from bike_traffic.evaluation.rows import BASELINE, DAYS_AHEAD, ORIGIN, RECENT, TRUTH
from bike_traffic.evaluation.splits import split_at
from bike_traffic.features.calendar import day_numbers
from bike_traffic.manager import Declaration, PluginHost
from bike_traffic.origins import DAILY
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import PREDICTION, Pipeline
from bike_traffic.specs import PipelineSpec
from horizon_table import FOLD, FOUR_WEEKS, print_by_day
from report import note, parser, print_machine, print_table

HORIZON = pd.DateOffset(days=28)
HOLIDAYS_HELP = "public holidays of the second city, such as DE-NW (default: FR)"
EXPORTED_COUNTERS = 6
EXPORTED_ORIGINS = pd.to_timedelta([0, 4, 8, 12, 16, 20], unit="D")
"""Origins of a fold whose forecasts are exported: seven days fit before its end."""

Predictions = dict[str, list[pd.Series]]


def main() -> None:
    from accuracy import CITY, SECOND_CITY  # accuracy.py itself imports this module

    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="the City's counts of 2020-09 to 2021-08")
    arguments.add_argument("--second-city", action="store_true", help="the counts are those of another city")
    arguments.add_argument("--second-city-holidays", default="FR", metavar="PLACE", help=HOLIDAYS_HELP)
    arguments.add_argument("--weather", metavar="FILE", help="observed weather of the same hours")
    arguments.add_argument("--models", nargs="+", default=["ahead"], metavar="NAME", help="names of regressors")
    arguments.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="random_state")
    arguments.add_argument("--folds", nargs="+", metavar="NAME", help="only these of R9 to R1, or of the second city")
    arguments.add_argument("--export", metavar="FILE", help="write counts and forecasts of six counters as CSV")
    options = arguments.parse_args()

    starts = SECOND_CITY if options.second_city else {name: CITY[name] for name in CITY if name[0] == "R"}
    if options.folds:
        starts = {name: starts[name] for name in options.folds}
    print_machine()
    counts = load_counts(options.data, weather=options.weather)
    holidays = options.second_city_holidays if options.second_city else "FR"
    report_day_ahead(counts, starts, options.models, options.seeds, options.export, holidays)


def report_day_ahead(
    counts: pd.DataFrame,
    starts: Mapping[str, pd.Timestamp],
    models: Sequence[str] = ("ahead",),
    seeds: Sequence[int] = (0,),
    export: str | Path | None = None,
    holidays: str = "FR",
) -> None:
    """Measure the models on folds of 28 days, and print tables: error by day, error by fold, intervals, cost.

    Parameters
    ----------
    counts : a clean frame; with weather, `ahead` and LightGBM are measured with it as well.
    starts : of the folds by name, in the order of time.
    models : names of regressors, those of plugins included; they get no weather.
    holidays : whose public holidays, see `bike_traffic.calendar_features`.
    """
    parameters = {"holidays": holidays}
    plain = counts.drop(columns=[name for name in WEATHER_COLUMNS if name in counts])
    host = PluginHost()
    sides = {name: (host.pipeline(name), plain) for name in models}
    sides["LightGBM"] = (_variant(host, "TreesAhead"), plain)
    if TEMPERATURE in counts:
        sides["ahead, degraded weather"] = (_variant(host, "DegradedWeather"), counts)
        sides["ahead, observed weather"] = (host.pipeline("ahead"), counts)
        sides["LightGBM, degraded weather"] = (_variant(host, "DegradedTreesAhead"), counts)

    splits = [split_at(counts[TIME], start, pd.Timestamp(start + HORIZON)) for start in starts.values()]
    folds: dict[str, list[Fold]] = {}
    predictions: Predictions = {}
    for label, (declaration, frame) in sides.items():
        measured = []
        for place, seed in enumerate(seeds):
            of_seed = []
            for fold in backtest(
                [declaration], frame, splits, parameters=parameters, seed=seed, steps=DAILY, interval=place == 0
            ):
                note(f"{label} {list(starts)[fold.number - 1]}: rmse {fold.evaluation.metrics['rmse']:.1f}")
                of_seed.append(fold)
            folds.setdefault(label, of_seed)
            measured.append(_joined(starts, of_seed))
        if not predictions:
            rows = measured[0]
            predictions = {
                "last week": [last_week(rows, plain)],
                FOUR_WEEKS: [rows[BASELINE]],
                "recent level": [rows[RECENT]],
            }
        predictions[label] = [table[PREDICTION] for table in measured]
    print_by_day(rows, predictions)
    print_intervals(folds)
    print_cost(
        {
            label: (new_pipeline(declaration, parameters, seeds[0]), frame)
            for label, (declaration, frame) in sides.items()
        }
    )
    if export is not None:
        _export(export, plain, rows, predictions)


def _variant(host: PluginHost, name: str) -> Declaration[PipelineSpec]:
    """Return the declaration of `ahead`, with a class of day_ahead_models.py in its place."""
    declaration = host.pipeline("ahead")
    return attrs.evolve(declaration, spec=attrs.evolve(declaration.spec, target=f"day_ahead_models:{name}"))


def last_week(rows: pd.DataFrame, counts: pd.DataFrame) -> pd.Series:
    """Return the count of the same local hour seven days before; where there is none, the 4-week mean."""
    keys = [COUNTER, "day", HOUR]
    before = counts[[COUNTER, HOUR, COUNT]].assign(day=day_numbers(counts[TIME]) + 7)
    counted = before.groupby(keys, observed=True)[COUNT].mean().rename("counted")
    wanted = rows[[COUNTER, HOUR]].assign(day=day_numbers(rows[TIME]))
    return wanted.join(counted, on=keys)["counted"].fillna(rows[BASELINE])


def print_intervals(folds: Mapping[str, Sequence[Fold]]) -> None:
    """Print coverage, width and score of the core's 80 % interval, the mean of the folds by day of horizon."""
    table: list[list[object]] = []
    for label, of_label in folds.items():
        means = means_over_folds(of_label, by_day=True)
        for metric, form in (("coverage", ".2f"), ("interval_width", ".0f"), ("interval_score", ".0f")):
            values = [mean.metrics.get(metric, np.nan) for mean in means]
            table.append(
                [
                    f"{label}: {metric.replace('_', ' ')}",
                    *(format(value, form) for value in [*values, np.mean(values)]),
                ]
            )
    days = [f"day {mean.days_ahead}" for mean in means]
    print_table(["80 % interval, mean of the folds", *days, "mean"], table)


def print_cost(sides: Mapping[str, tuple[Pipeline, pd.DataFrame]]) -> None:
    """Print the cost of one fit to all counts but the last week, and of one forecast of this week."""
    table = []
    for label, (pipeline, counts) in sides.items():
        origin = counts[TIME].max().normalize() - pd.DateOffset(days=7)
        before = (counts[TIME] < origin).to_numpy()
        start = time.process_time()
        pipeline.fit(counts[before])
        fitted = time.process_time()
        pipeline.predict(counts[~before], history=counts[before])
        table.append([label, f"{fitted - start:.1f}", f"{time.process_time() - fitted:.2f}"])
    print_table(["cost", "fit CPU s", "forecast of a week CPU s"], table)


def _joined(starts: Mapping[str, pd.Timestamp], folds: Sequence[Fold]) -> pd.DataFrame:
    """Return the rows of all folds, in an order that is the same for every model."""
    parts = [fold.evaluation.rows.assign(**{FOLD: name}) for name, fold in zip(starts, folds, strict=True)]
    return pd.concat(parts, ignore_index=True)


def _export(path: str | Path, counts: pd.DataFrame, rows: pd.DataFrame, predictions: Predictions) -> None:
    """Write the counts of six counters without gaps, then their rows of forecasts, which have a fold.

    Times are those of the wall clock. The six are spread over the sorted names of the complete counters.
    """
    live = counts[
        counts[COUNT].groupby([counts[COUNTER], day_numbers(counts[TIME])], observed=True).transform("sum") > 0
    ]
    hours = live.groupby(COUNTER, observed=True).size()
    complete = sorted(hours.index[hours >= 0.99 * counts[TIME].nunique()].astype(str))
    places = np.linspace(0, len(complete) - 1, EXPORTED_COUNTERS).round().astype(int)
    chosen = [complete[place] for place in np.unique(places)]
    note(f"export of {', '.join(chosen)}, of {len(complete)} complete counters")
    series = counts.loc[counts[COUNTER].isin(chosen), [COUNTER, TIME, COUNT]].rename(columns={COUNT: TRUTH})
    first = rows.groupby(FOLD)[ORIGIN].transform("min")
    elapsed = rows[ORIGIN].dt.tz_localize(None) - first.dt.tz_localize(None)
    kept = rows[COUNTER].isin(chosen) & elapsed.isin(EXPORTED_ORIGINS)
    predicted = {label: of_seeds[0] for label, of_seeds in predictions.items()}
    table = pd.concat([series, rows[[COUNTER, TIME, TRUTH, FOLD, ORIGIN, DAYS_AHEAD]].assign(**predicted)[kept]])
    for name in (TIME, ORIGIN):
        table[name] = table[name].dt.tz_localize(None)
    table.rename(columns={COUNTER: "counter", TIME: "time"}).to_csv(path, index=False, float_format="%.3f")


if __name__ == "__main__":
    main()
