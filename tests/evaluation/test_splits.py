"""Splits hold out what they promise, and refuse counts that are too short."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bike_traffic.data.cleaning import clean
from bike_traffic.errors import SplitError
from bike_traffic.evaluation.splits import parse_span, random_split, rolling_origin, temporal_split

TIME = "Date et heure de comptage"


@pytest.fixture
def cleaned(small_counts: pd.DataFrame) -> pd.DataFrame:
    return clean(small_counts)


def times_of(counts: pd.DataFrame, positions: np.ndarray) -> pd.Series:
    return pd.to_datetime(counts[TIME].iloc[positions], utc=True)


def test_a_temporal_split_holds_out_exactly_the_last_hours(small_counts: pd.DataFrame, cleaned: pd.DataFrame) -> None:
    split = temporal_split(cleaned, pd.Timedelta(days=28))
    held_out, training = times_of(small_counts, split.held_out), times_of(small_counts, split.training)
    assert training.max() < held_out.min()
    assert held_out.max() - held_out.min() == pd.Timedelta(days=28) - pd.Timedelta(hours=1)
    assert len(held_out) + len(training) == len(small_counts)


def test_a_temporal_split_needs_as_much_to_train_on_as_it_holds_out(cleaned: pd.DataFrame) -> None:
    message = (
        "the counts span 100 d: holding out the last 51 d leaves less than that to train on; "
        "give a shorter --holdout, or more counts"
    )
    with pytest.raises(SplitError, match=f"^{re.escape(message)}$") as refused:
        temporal_split(cleaned, pd.Timedelta(days=51))
    assert (refused.value.id, refused.value.parts) == ("holdout-too-long", {"span": "100 d", "holdout": "51 d"})


def test_a_temporal_split_holds_out_an_hour_or_more(cleaned: pd.DataFrame) -> None:
    message = "cannot hold out 0 h: it must be an hour or more"
    with pytest.raises(SplitError, match=f"^{message}$") as refused:
        temporal_split(cleaned, pd.Timedelta(0))
    assert (refused.value.id, refused.value.parts) == ("holdout-too-short", {"holdout": "0 h"})


def test_a_random_split_holds_out_a_fifth_with_as_many_busy_hours_as_the_rest(
    small_counts: pd.DataFrame, cleaned: pd.DataFrame
) -> None:
    split = random_split(cleaned, seed=3)
    count = small_counts["Comptage horaire"].astype(float)
    busy = count > count.groupby(small_counts["Nom du compteur"]).transform("mean")
    assert len(split.held_out) == round(0.2 * len(small_counts))
    assert busy.iloc[split.held_out].mean() == pytest.approx(busy.iloc[split.training].mean(), abs=1e-3)
    assert not set(split.held_out) & set(split.training)
    assert (random_split(cleaned, seed=3).held_out == split.held_out).all()
    assert (random_split(cleaned, seed=4).held_out != split.held_out).any()


def test_a_random_split_of_too_few_rows_is_refused(cleaned: pd.DataFrame) -> None:
    with pytest.raises(SplitError, match=r"^1 rows are too few for a random split: .+$") as refused:
        random_split(cleaned.head(1), seed=0)
    assert refused.value.id == "random-split-too-few-rows"
    assert refused.value.parts["rows"] == 1
    assert str(refused.value).endswith(refused.value.parts["reason"])


def test_rolling_origin_holds_out_each_of_the_last_horizons_once_and_never_trains_on_later_rows(
    small_counts: pd.DataFrame,
    cleaned: pd.DataFrame,
) -> None:
    splits = rolling_origin(cleaned, folds=3, horizon=pd.Timedelta(days=7))
    whole = pd.concat([times_of(small_counts, split.held_out) for split in splits])
    assert whole.max() - whole.min() == pd.Timedelta(days=21) - pd.Timedelta(hours=1)
    assert whole.index.is_unique
    for split in splits:
        assert times_of(small_counts, split.training).max() < times_of(small_counts, split.held_out).min()


@pytest.mark.parametrize(
    ("folds", "days", "message", "kind", "parts"),
    [
        (0, 7, "a backtest needs one fold or more, not 0", "folds-too-few", {"folds": 0}),
        (
            4,
            28,
            "4 folds of 28 d leave less than one to train the first on; the counts span 100 d",
            "folds-too-long",
            {"folds": 4, "horizon": "28 d", "span": "100 d"},
        ),
    ],
)
def test_a_backtest_that_the_counts_do_not_allow_is_refused(
    cleaned: pd.DataFrame, folds: int, days: int, message: str, kind: str, parts: dict[str, object]
) -> None:
    with pytest.raises(SplitError, match=f"^{re.escape(message)}$") as refused:
        rolling_origin(cleaned, folds, pd.Timedelta(days=days))
    assert (refused.value.id, refused.value.parts) == (kind, parts)


@pytest.mark.parametrize(("text", "hours"), [("28d", 672), ("4w", 672), ("12h", 12), (" 1 d ", 24)])
def test_a_span_is_a_number_of_hours_days_or_weeks(text: str, hours: int) -> None:
    assert parse_span(text) == pd.Timedelta(hours=hours)


@pytest.mark.parametrize("text", ["banana", "", "28", "-3d", "0d", "1.5d"])
def test_text_that_is_not_a_span_is_refused(text: str) -> None:
    what = "out of range" if text == "0d" else "not a span of time"
    message = f"'{text}' is {what}; write one such as 28d, 4w or 12h"
    with pytest.raises(SplitError, match=f"^{re.escape(message)}$") as refused:
        parse_span(text)
    assert (refused.value.id, refused.value.parts) == ("span-malformed", {"text": text})


def test_a_fold_without_rows_is_named(small_counts: pd.DataFrame, cleaned: pd.DataFrame) -> None:
    times = pd.to_datetime(small_counts[TIME], utc=True)
    gap = (times > pd.Timestamp("2024-11-20", tz="UTC")) & (times < pd.Timestamp("2024-11-26", tz="UTC"))
    message = "fold 2 of 3 has no rows: the counts have a gap of 5 d or more"
    with pytest.raises(SplitError, match=f"^{message}$") as refused:
        rolling_origin(cleaned[~gap], folds=3, horizon=pd.Timedelta(days=5))
    assert (refused.value.id, refused.value.parts) == ("fold-empty", {"fold": 2, "folds": 3, "horizon": "5 d"})
