"""The rows of a training: those to learn from and those held out, of a frame or of counts in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import attrs
import numpy as np
import pandas as pd

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.data.checking.description import describe, fingerprint
from bike_traffic.data.parts.stored import StoredCounts
from bike_traffic.errors import SplitError
from bike_traffic.evaluation.metrics import FEWEST_HELD_OUT
from bike_traffic.evaluation.splits import (
    DEFAULT_HOLDOUT,
    Split,
    SplitKind,
    random_split,
    span_in_words,
    temporal_split,
    temporal_start,
)
from bike_traffic.features.calendar import day_numbers
from bike_traffic.features.parts import Parts
from bike_traffic.origins import (
    CALIBRATION_MONTHS,
    calibration_span,
    predicted_month,
    predicted_months,
    predicted_months_of,
)
from bike_traffic.pipeline import Pipeline

FEWEST_DAYS, FEWEST_COUNTERS = 0.5, 0.25
"""Share of the days of a hold-out that must have counts, and of the counters of the same span before it."""

New = Callable[[], Pipeline]


@attrs.frozen(kw_only=True, eq=False)
class TrainingRows:
    """The counts of a training, divided.

    Parameters
    ----------
    kind : of the split.
    training, everything : the rows to learn from, without those held out and all; a list of one frame, or parts.
    training_rows, rows : their numbers.
    held_out : a clean frame.
    history : the training rows, if they are a frame.
    columns : of the clean frame.
    described : rows, counters, first and last hour.
    fingerprint : returns the digest of all rows.
    months : predicts the months before, for the interval, with new pipelines.
    month : the held-out rows for the interval, from those that were measured.
    """

    kind: SplitKind
    training: Parts
    everything: Parts
    training_rows: int
    rows: int
    held_out: pd.DataFrame
    history: pd.DataFrame | None
    columns: Sequence[str]
    described: Mapping[str, object]
    fingerprint: Callable[[], str]
    months: Callable[[New], list[pd.DataFrame]]
    month: Callable[[Pipeline, pd.DataFrame], pd.DataFrame]

    @classmethod
    def of_frame(cls, cleaned: pd.DataFrame, split: Split) -> TrainingRows:
        """Divide a clean frame."""
        training = cleaned.iloc[split.training]
        return cls(
            kind=split.kind,
            training=[training],
            everything=[cleaned],
            training_rows=len(training),
            rows=len(cleaned),
            held_out=cleaned.iloc[split.held_out],
            history=training,
            columns=[str(name) for name in cleaned],
            described=describe(cleaned),
            fingerprint=partial(fingerprint, cleaned),
            months=partial(_months_before, cleaned, split),
            month=lambda pipeline, measured: predicted_month(pipeline, cleaned, split, measured),
        )

    @classmethod
    def of_store(cls, counts: StoredCounts, holdout: pd.Timedelta) -> TrainingRows:
        """Divide counts in a temporary folder by time, for a pipeline that learns from parts."""
        start = temporal_start(counts.first, counts.last, holdout)
        end = counts.last + pd.Timedelta(hours=1)
        held_out = counts.between(start, end)
        refuse_sliver(held_out, counts.between(end - 2 * holdout, start), holdout)
        return cls(
            kind="temporal",
            training=counts.parts(before=start),
            everything=counts.parts(),
            training_rows=counts.rows - len(held_out),
            rows=counts.rows,
            held_out=held_out,
            history=None,
            columns=[str(name) for name in held_out],
            described=counts.describe(),
            fingerprint=counts.fingerprint,
            months=lambda new: predicted_months_of(
                new, counts, held_out[TIME].min(), _span(counts.first, counts.last, held_out), CALIBRATION_MONTHS - 1
            ),
            month=lambda _, measured: measured,
        )


def split_counts(
    cleaned: pd.DataFrame, kind: SplitKind, holdout: pd.Timedelta | None, *, seed: int, test_mode: bool
) -> Split:
    """Choose the held-out rows; raise `SplitError`, also if they are too few to mean anything."""
    if kind == "random":
        return random_split(cleaned, seed)
    span = holdout or DEFAULT_HOLDOUT
    if holdout is None and test_mode:
        span = max((cleaned[TIME].max() - cleaned[TIME].min()) / 5, pd.Timedelta(hours=1)).ceil("h")
    split = temporal_split(cleaned, span)
    training = cleaned.iloc[split.training]
    before = training[(training[TIME] > cleaned[TIME].max() - 2 * span).to_numpy()]
    refuse_sliver(cleaned.iloc[split.held_out], before, span)
    return split


def refuse_sliver(held_out: pd.DataFrame, before: pd.DataFrame, holdout: pd.Timedelta) -> None:
    """Raise `SplitError` if the held-out rows are too few to measure a model: of rows, days or counters.

    Parameters
    ----------
    before : the rows of the same span before them.
    """
    for found, needed, what in (
        (len(held_out), FEWEST_HELD_OUT, "rows"),
        (len(np.unique(day_numbers(held_out[TIME]))), int(FEWEST_DAYS * (holdout / pd.Timedelta(days=1))), "days"),
        (held_out[COUNTER].nunique(), int(FEWEST_COUNTERS * before[COUNTER].nunique()), "counters"),
    ):
        if found < needed:
            raise SplitError(
                f"the last {span_in_words(holdout)} have {found:,} {what} with counts, and a hold-out needs "
                f"{needed:,} or more to mean anything; give another --holdout, or more counts",
                "holdout-sliver",
                holdout=span_in_words(holdout),
                what=what,
                found=found,
                needed=needed,
            )


def _months_before(cleaned: pd.DataFrame, split: Split, new: New) -> list[pd.DataFrame]:
    """Predict the months before the held-out rows; of a random split, which is held out of all months, the last."""
    first, last = cleaned[TIME].min(), cleaned[TIME].max()
    if split.kind == "temporal":
        held_out = cleaned.iloc[split.held_out]
        span = _span(first, last, held_out)
        return predicted_months(new, cleaned, held_out[TIME].min(), span, CALIBRATION_MONTHS - 1)
    span = calibration_span(first, last, pd.Timedelta(0))
    return predicted_months(new, cleaned, last + pd.Timedelta(hours=1), span, CALIBRATION_MONTHS)


def _span(first: pd.Timestamp, last: pd.Timestamp, held_out: pd.DataFrame) -> pd.Timedelta:
    return calibration_span(first, last, last + pd.Timedelta(hours=1) - held_out[TIME].min())
