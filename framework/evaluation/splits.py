"""Which rows of a clean frame are held out: the last weeks, random rows, or horizon after horizon."""

from __future__ import annotations

import re
from typing import Literal

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.errors import SplitError

Positions = NDArray[np.intp]
SplitKind = Literal["temporal", "random"]

DEFAULT_HOLDOUT = pd.Timedelta(days=28)
_SPAN = re.compile(r"(\d{1,5})\s*([hdw])")
_UNITS = {"h": pd.Timedelta(hours=1), "d": pd.Timedelta(days=1), "w": pd.Timedelta(weeks=1)}

RANDOM_SHARE = 0.2
"""Share of the rows that a random split holds out."""


@attrs.frozen
class Split:
    """Positions of the training rows and of the held-out rows, and how they were chosen."""

    kind: SplitKind
    training: Positions
    held_out: Positions


def parse_span(text: str) -> pd.Timedelta:
    """Read a span of time such as ``28d``, ``4w`` or ``12h``; raise `SplitError`."""
    match = _SPAN.fullmatch(text.strip())
    if not match or not int(match[1]):
        what = "out of range" if match else "not a span of time"
        raise SplitError(f"'{text}' is {what}; write one such as 28d, 4w or 12h", "span-malformed", text=text)
    return int(match[1]) * _UNITS[match[2]]


def temporal_split(cleaned: pd.DataFrame, holdout: pd.Timedelta) -> Split:
    """Hold out the rows of the last `holdout`; raise `SplitError` if too few hours come before."""
    times = cleaned[TIME]
    held_out = (times >= temporal_start(times.min(), times.max(), holdout)).to_numpy()
    return Split("temporal", np.flatnonzero(~held_out), np.flatnonzero(held_out))


def temporal_start(first: pd.Timestamp, last: pd.Timestamp, holdout: pd.Timedelta) -> pd.Timestamp:
    """Return the first hour of the last `holdout`; raise `SplitError` if too few hours come before."""
    start = last - holdout + pd.Timedelta(hours=1)
    if holdout < pd.Timedelta(hours=1):
        short = span_in_words(holdout)
        raise SplitError(f"cannot hold out {short}: it must be an hour or more", "holdout-too-short", holdout=short)
    if start - first < holdout:
        span, held_out_span = span_in_words(last - first + pd.Timedelta(hours=1)), span_in_words(holdout)
        raise SplitError(
            f"the counts span {span}: holding out the last {held_out_span} leaves less than that to train on; give a "
            "shorter --holdout, or more counts",
            "holdout-too-long",
            span=span,
            holdout=held_out_span,
        )
    return start


def random_split(cleaned: pd.DataFrame, seed: int) -> Split:
    """Hold out a fifth of the rows at random, with the same share above their counter's mean as in training.

    The held-out rows are of the same weeks as the training rows, so that metrics are too good: they are for
    comparison only. Raises `SplitError` if there are too few rows.
    """
    from sklearn.model_selection import train_test_split

    count = cleaned[COUNT]
    names = cleaned[COUNTER]
    busy = (count > count.groupby(names, observed=True).transform("mean")).to_numpy()
    try:
        training, held_out = train_test_split(
            np.arange(len(cleaned)), test_size=RANDOM_SHARE, random_state=seed, stratify=busy
        )
    except ValueError as error:
        raise SplitError(
            f"{len(cleaned)} rows are too few for a random split: {error}",
            "random-split-too-few-rows",
            rows=len(cleaned),
            reason=str(error),
        ) from None
    return Split("random", np.sort(training), np.sort(held_out))


def rolling_origin(cleaned: pd.DataFrame, folds: int, horizon: pd.Timedelta) -> list[Split]:
    """Return `folds` splits, the oldest first: each holds out one `horizon`, and trains on all rows before it.

    Raises `SplitError` if the counts are too short for them, or a fold has no rows.
    """
    if folds < 1:
        raise SplitError(f"a backtest needs one fold or more, not {folds}", "folds-too-few", folds=folds)
    times = cleaned[TIME]
    end = times.max() + pd.Timedelta(hours=1)
    if end - folds * horizon - times.min() < horizon:
        raise SplitError(
            f"{folds} folds of {span_in_words(horizon)} leave less than one to train the first on; the counts span "
            f"{span_in_words(end - times.min())}",
            "folds-too-long",
            folds=folds,
            horizon=span_in_words(horizon),
            span=span_in_words(end - times.min()),
        )
    splits = []
    for fold in range(folds, 0, -1):
        start = end - fold * horizon
        splits.append(split_at(times, start, start + horizon))
    empty = [number for number, split in enumerate(splits, start=1) if not len(split.held_out)]
    if empty:
        raise SplitError(
            f"fold {empty[0]} of {folds} has no rows: the counts have a gap of {span_in_words(horizon)} or more",
            "fold-empty",
            fold=empty[0],
            folds=folds,
            horizon=span_in_words(horizon),
        )
    return splits


def split_at(times: pd.Series, start: pd.Timestamp, end: pd.Timestamp) -> Split:
    """Train on all rows before `start`, hold out those from `start` to before `end`."""
    before, until = (times < start).to_numpy(), (times < end).to_numpy()
    return Split("temporal", np.flatnonzero(before), np.flatnonzero(until & ~before))


def span_in_words(time: pd.Timedelta) -> str:
    """Return a span of time such as ``28 d 3 h``."""
    days, hours = time.days, round(time.seconds / 3600)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours or not days else ""]
    return " ".join(part for part in parts if part)
