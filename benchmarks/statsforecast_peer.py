"""MSTL with an AutoETS trend, of statsforecast, beside the forecasts that ``day_ahead.py --export`` wrote.

    python benchmarks/day_ahead.py --data counts.csv.gz --weather weather.csv --export day_ahead.csv
    python -m venv peer
    peer/bin/pip install statsforecast==2.1.1 pandas==2.3.3 pyarrow
    peer/bin/python benchmarks/statsforecast_peer.py day_ahead.csv --folds R2 R4 R7

statsforecast wants an earlier pandas than bike-traffic does, so it has an environment of its own, and this script
imports nothing of bike-traffic. Each forecast is made from the last eight weeks before its origin, in hours of the
wall clock; hours that are missing there, as the one that spring skips, are interpolated. Seasons: a day and a week.
The figures are of six counters and of six origins a fold: compare them with each other, not with other tables.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import MSTL, AutoETS

from horizon_table import DAYS_AHEAD, FOLD, TRUTH, print_by_day
from report import note, parser, print_machine

HISTORY = pd.Timedelta(weeks=8)
DAYS = 7
SEASONS = [24, 168]
COUNTER, TIME, ORIGIN = "counter", "time", "origin"
PEER = "MSTL, AutoETS"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("exported", metavar="FILE", help="what day_ahead.py --export wrote")
    arguments.add_argument("--folds", nargs="+", metavar="NAME", help="only these folds")
    options = arguments.parse_args()

    table = pd.read_csv(options.exported, parse_dates=[TIME, ORIGIN])
    is_series = table[FOLD].isna()
    series = table.loc[is_series, [COUNTER, TIME, TRUTH]]
    rows = table[~is_series & table[FOLD].isin(options.folds or table[FOLD].unique())]
    rows = rows.astype({DAYS_AHEAD: int})
    print_machine()
    cpu = time.process_time()
    forecasts = forecast(series, list(rows[ORIGIN].unique()))
    seconds = time.process_time() - cpu
    rows = rows.merge(forecasts, on=[COUNTER, TIME, ORIGIN], how="left", validate="many_to_one")
    known = [COUNTER, TIME, TRUTH, FOLD, ORIGIN, DAYS_AHEAD]
    labels = [PEER, *(name for name in rows.columns if name not in [*known, PEER])]
    print_by_day(rows, {label: [rows[label]] for label in labels})
    number = forecasts.groupby([COUNTER, ORIGIN]).ngroups
    print(f"{PEER}: {seconds / number:.2f} CPU s for a week of one counter, {number} forecasts.")


def forecast(series: pd.DataFrame, origins: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """Forecast seven days of each counter from each origin; return counter, time, origin and the forecast."""
    hourly = series.groupby([COUNTER, TIME])[TRUTH].mean()
    wide = hourly.unstack(COUNTER).asfreq("h")
    parts = []
    for origin in origins:
        note(f"from {origin}")
        past = wide[(wide.index >= origin - HISTORY) & (wide.index < origin)].interpolate(limit_direction="both")
        long = past.melt(ignore_index=False, var_name="unique_id", value_name="y").rename_axis("ds").reset_index()
        model = MSTL(season_length=SEASONS, trend_forecaster=AutoETS(model="ZZN"), alias=PEER)
        predicted: pd.DataFrame = StatsForecast(models=[model], freq="h", n_jobs=1).forecast(df=long, h=24 * DAYS)
        predicted[PEER] = predicted[PEER].clip(lower=0)
        parts.append(predicted.rename(columns={"unique_id": COUNTER, "ds": TIME}).assign(**{ORIGIN: origin}))
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    main()
