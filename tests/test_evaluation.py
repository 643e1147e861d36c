"""Splits hold out what they say, metrics are what they say, and the baseline is the mean of four weeks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pytest

from bike_traffic.cleaning import RawCleanerTransformer
from bike_traffic.errors import PredictionError, SplitError
from bike_traffic.evaluation import (
    FourWeekMean,
    checked_prediction,
    evaluate,
    parse_span,
    random_split,
    rolling_origin,
    temporal_split,
)
from bike_traffic.metrics import Task
from bike_traffic.pipeline import Pipeline

TIME = "Date et heure de comptage"


class Fixed(Pipeline):
    """Predicts what it is given."""

    name = "fixed"
    task: Task = "regression"  # type: ignore[misc]

    def __init__(self, values: object = None) -> None:
        self.values = values

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:
        return self

    def predict(self, counts: pd.DataFrame) -> pd.Series:
        assert isinstance(self.values, pd.Series)
        return self.values

    def save(self, directory: Path) -> None: ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        return cls()


def times_of(counts: pd.DataFrame, positions: np.ndarray) -> pd.Series:
    return pd.to_datetime(counts[TIME].iloc[positions], utc=True)


def test_a_temporal_split_holds_out_exactly_the_last_hours(small_counts: pd.DataFrame) -> None:
    split = temporal_split(small_counts, pd.Timedelta(days=28))
    held_out, training = times_of(small_counts, split.held_out), times_of(small_counts, split.training)
    assert training.max() < held_out.min()
    assert held_out.max() - held_out.min() == pd.Timedelta(days=28) - pd.Timedelta(hours=1)
    assert len(held_out) + len(training) == len(small_counts)


def test_a_temporal_split_needs_as_much_to_train_on_as_it_holds_out(small_counts: pd.DataFrame) -> None:
    message = (
        "the counts span 100 d: holding out the last 51 d leaves less than that to train on; "
        "give a shorter --holdout, or more counts"
    )
    with pytest.raises(SplitError, match=re.escape(message)):
        temporal_split(small_counts, pd.Timedelta(days=51))


def test_a_random_split_holds_out_a_fifth_with_as_many_busy_hours_as_the_rest(small_counts: pd.DataFrame) -> None:
    split = random_split(small_counts, seed=3)
    count = small_counts["Comptage horaire"].astype(float)
    busy = count > count.groupby(small_counts["Nom du compteur"]).transform("mean")
    assert len(split.held_out) == round(0.2 * len(small_counts))
    assert busy.iloc[split.held_out].mean() == pytest.approx(busy.iloc[split.training].mean(), abs=1e-3)
    assert not set(split.held_out) & set(split.training)
    assert (random_split(small_counts, seed=3).held_out == split.held_out).all()
    assert (random_split(small_counts, seed=4).held_out != split.held_out).any()


def test_rolling_origin_holds_out_each_of_the_last_horizons_once_and_never_trains_on_later_rows(
    small_counts: pd.DataFrame,
) -> None:
    splits = rolling_origin(small_counts, folds=3, horizon=pd.Timedelta(days=7))
    whole = pd.concat([times_of(small_counts, split.held_out) for split in splits])
    assert whole.max() - whole.min() == pd.Timedelta(days=21) - pd.Timedelta(hours=1)
    assert whole.index.is_unique
    for split in splits:
        assert times_of(small_counts, split.training).max() < times_of(small_counts, split.held_out).min()


@pytest.mark.parametrize(
    ("folds", "days", "message"),
    [
        (0, 7, "a backtest needs one fold or more, not 0"),
        (4, 28, "4 folds of 28 d leave less than one to train the first on; the counts span 100 d"),
    ],
)
def test_a_backtest_that_cannot_be_says_why(small_counts: pd.DataFrame, folds: int, days: int, message: str) -> None:
    with pytest.raises(SplitError, match=re.escape(message)):
        rolling_origin(small_counts, folds, pd.Timedelta(days=days))


def test_the_baseline_is_the_mean_of_the_last_four_weeks_by_counter_weekday_and_hour(
    small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    cleaned = RawCleanerTransformer().transform(small_counts)
    baseline = FourWeekMean().fit(cleaned)
    recent = cleaned[
        cleaned["date_et_heure_de_comptage"] > cleaned["date_et_heure_de_comptage"].max() - pd.Timedelta(days=28)
    ]
    keys = ["nom_du_compteur", "jour_semaine", "heure"]
    expected = recent.groupby(keys, observed=True)["comptage_horaire"].transform("mean")
    assert baseline.predict(recent) == pytest.approx(expected.to_numpy(), abs=1e-4)

    baseline.save(tmp_path)
    again = FourWeekMean.load(tmp_path)
    assert again is not None
    assert (again.predict(cleaned) == baseline.predict(cleaned)).all()


def test_the_baseline_of_a_counter_it_never_saw_is_the_overall_mean(small_counts: pd.DataFrame) -> None:
    cleaned = RawCleanerTransformer().transform(small_counts)
    baseline = FourWeekMean().fit(cleaned)
    stranger = RawCleanerTransformer().transform(small_counts.head(1).assign(**{"Nom du compteur": "nowhere"}))
    assert baseline.predict(stranger)[0] == pytest.approx(np.mean(list(baseline.counter_means.values())))


def test_an_evaluation_stands_beside_the_baseline_on_the_same_rows(small_counts: pd.DataFrame) -> None:
    rows = small_counts.tail(500)
    baseline = FourWeekMean().fit(RawCleanerTransformer().transform(small_counts))
    found = evaluate(Fixed(rows["Comptage horaire"].astype(float)), rows, baseline)
    assert found.rows == 500
    assert found.metrics == {"r2": 1.0, "rmse": 0.0, "mae": 0.0, "wape": 0.0, "rmsle": 0.0}
    assert found.baseline.keys() == found.metrics.keys()
    assert found.baseline["rmse"] > 0


def test_a_metric_that_the_rows_do_not_define_is_left_out(small_counts: pd.DataFrame) -> None:
    rows = small_counts.head(5).assign(**{"Comptage horaire": 0})
    found = evaluate(Fixed(pd.Series(1.0, index=rows.index)), rows, None)
    assert found.metrics == {"rmse": 1.0, "mae": 1.0, "rmsle": pytest.approx(np.log(2))}


@pytest.mark.parametrize("value", [-0.5, np.nan, np.inf])
def test_predictions_must_be_finite_and_never_negative(small_counts: pd.DataFrame, value: float) -> None:
    rows = small_counts.head(2)
    message = f"pipeline 'fixed' predicted {value} for row 1: predictions must be finite and never negative"
    with pytest.raises(PredictionError, match=re.escape(message)):
        checked_prediction(Fixed(pd.Series([1.0, value], index=rows.index)), rows)


def test_predictions_must_stand_on_the_index_of_the_input(small_counts: pd.DataFrame) -> None:
    message = "pipeline 'fixed' must predict a Series on the index of its input"
    with pytest.raises(PredictionError, match=message):
        checked_prediction(Fixed(pd.Series([1.0, 2.0])), small_counts.tail(2))


@pytest.mark.parametrize(("text", "hours"), [("28d", 672), ("4w", 672), ("12h", 12), (" 1 d ", 24)])
def test_a_span_is_a_number_of_hours_days_or_weeks(text: str, hours: int) -> None:
    assert parse_span(text) == pd.Timedelta(hours=hours)


@pytest.mark.parametrize("text", ["banana", "", "28", "-3d", "0d", "1.5d"])
def test_what_is_no_span_is_said_so(text: str) -> None:
    with pytest.raises(SplitError, match=f"'{text}' is not a span of time; write one such as 28d, 4w or 12h"):
        parse_span(text)


def test_a_fold_without_rows_is_named(small_counts: pd.DataFrame) -> None:
    times = pd.to_datetime(small_counts[TIME], utc=True)
    gap = (times > pd.Timestamp("2024-11-20", tz="UTC")) & (times < pd.Timestamp("2024-11-26", tz="UTC"))
    with pytest.raises(SplitError, match=r"fold 2 of 3 has no rows: the counts have a gap of 5 d or more"):
        rolling_origin(small_counts[~gap], folds=3, horizon=pd.Timedelta(days=5))
