"""Tables of the error by day of horizon, from the rows of forecasts; needs pandas alone.

A row is one hour of one forecast: ``fold``, ``days_ahead`` (from 1), ``truth``, and what each model predicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from report import print_table

FOLD, DAYS_AHEAD, TRUTH, FOUR_WEEKS = "fold", "days_ahead", "truth", "4-week mean"


def rmse_by_fold_and_day(rows: pd.DataFrame, predictions: Sequence[pd.Series]) -> pd.DataFrame:
    """Return the RMSE, shape (folds, days), the mean over the predictions of several random seeds."""
    keys = [rows[FOLD], rows[DAYS_AHEAD]]
    of_seeds = [((predicted - rows[TRUTH]) ** 2).groupby(keys, sort=False).mean() ** 0.5 for predicted in predictions]
    table: pd.DataFrame = pd.concat(of_seeds, axis=1).mean(axis=1).unstack()
    return table.reindex(rows[FOLD].unique())


def print_by_day(rows: pd.DataFrame, predictions: Mapping[str, Sequence[pd.Series]]) -> None:
    """Print the mean over the folds by day of horizon, and the figures of day 1 in each fold.

    "ratio, day 1" is the mean over the folds of the ratio to the 4-week mean at day 1, and "worst" the largest one in
    a fold, at day 1 and over all days.

    Parameters
    ----------
    predictions : by label, one Series a random seed, on the index of `rows`; the 4-week mean is one of them.
    """
    tables = {label: rmse_by_fold_and_day(rows, of_seeds) for label, of_seeds in predictions.items()}
    usual = tables[FOUR_WEEKS]
    days = [f"day {day}" for day in usual.columns]
    by_day, by_fold = [], []
    for label, table in tables.items():
        ratios = table / usual
        worst = [
            f"{ratios.iloc[:, 0].mean():.3f}",
            f"{ratios.iloc[:, 0].max():.2f}",
            f"{ratios.to_numpy().max():.2f}",
        ]
        means = table.mean()
        by_day.append([label, *map(_figure, [*means, means.mean()]), *worst])
        by_fold.append([label, *map(_figure, table.iloc[:, 0])])
    print_table(["RMSE, mean of the folds", *days, "mean", "ratio, day 1", "worst, day 1", "worst, all days"], by_day)
    print_table(["RMSE, day 1", *map(str, usual.index)], by_fold)


def _figure(value: float) -> str:
    return f"{value:.1f}"
