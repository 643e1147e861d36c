"""Predictions of a fitted pipeline from many origins: what it would have forecast each day, and how good that was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import attrs
import pandas as pd

from bike_traffic.columns import TIME
from bike_traffic.data.parts.stored import StoredCounts
from bike_traffic.errors import SchemaError, SplitError
from bike_traffic.evaluation.measuring import measurable_rows, measured_rows
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.rows import DAYS_AHEAD, ORIGIN
from bike_traffic.evaluation.splits import DEFAULT_HOLDOUT, Split, split_at
from bike_traffic.features.calendar import days_ahead
from bike_traffic.pipeline import Pipeline

CALIBRATION_MONTHS = 3
"""Months that an interval is calibrated on; fewer if the counts are too short."""
_DAYS = 7


@attrs.frozen
class Steps:
    """An origin every `step`, and a forecast of `days` days from each."""

    step: pd.Timedelta
    days: int


DAILY = Steps(pd.Timedelta(days=1), _DAYS)


def rows_from_origins(
    pipeline: Pipeline,
    cleaned: pd.DataFrame,
    start: pd.Timestamp,
    end: pd.Timestamp,
    steps: Steps,
    *,
    baselines: bool = True,
) -> pd.DataFrame:
    """Measure a pipeline from an origin at `start` and at every step before `end`.

    The pipeline is not fitted again; its history, and the baselines, know all counts before the origin. Steps of
    whole days start at local midnight, also where a day has 23 or 25 hours.

    Returns
    -------
    The columns of `Evaluation.rows`, ``origin``, and ``days_ahead``, from 1.

    Raises
    ------
    SplitError
        No origin has rows to predict.
    """
    parts = []
    for origin in _origins(start, end, steps.step):
        until = min(later(origin, pd.Timedelta(days=steps.days)), end)
        split = split_at(cleaned[TIME], origin, until)
        history, ahead = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
        ahead = ahead[pipeline.known_counters(ahead)]
        if len(history) and len(ahead):
            references = References.baselines(history, holidays=pipeline.holidays) if baselines else References()
            rows = measured_rows(pipeline, ahead, references, history)
            days = days_ahead(rows[TIME], origin - pd.Timedelta(hours=1))
            rows[ORIGIN], rows[DAYS_AHEAD] = origin, days
            parts.append(rows)
    if not parts:
        raise SplitError(f"no origin from {start} to {end} has rows to predict", "origins-empty", start=str(start))
    return pd.concat(parts, ignore_index=True)


def _origins(start: pd.Timestamp, end: pd.Timestamp, step: pd.Timedelta) -> Iterator[pd.Timestamp]:
    whole_days = step % pd.Timedelta(days=1) == pd.Timedelta(0)
    origin = start if not whole_days or start == start.normalize() else later(start.normalize(), pd.Timedelta(days=1))
    while origin < end:
        yield origin
        origin = later(origin, step)


def later(time: pd.Timestamp, span: pd.Timedelta) -> pd.Timestamp:
    """Return the time after a span; whole days are days of the calendar, which may have 23 or 25 hours."""
    days = span / pd.Timedelta(days=1)
    later = time + (pd.DateOffset(days=int(days)) if days.is_integer() else span)
    return pd.Timestamp(later)


def predicted_months(
    new_pipeline: Callable[[], Pipeline], cleaned: pd.DataFrame, end: pd.Timestamp, span: pd.Timedelta, number: int
) -> list[pd.DataFrame]:
    """Predict the last months before `end`, each by a pipeline that was fitted on all rows before it.

    A classifier has no interval, and its months are not predicted.

    Parameters
    ----------
    end : the first hour after the newest of these months.
    span : of a month, such as 28 days; where the counts are too short for it, no month is predicted.
    number : of months; each costs one fit, see `Pipeline.for_calibration`.

    Returns
    -------
    The oldest first: rows that `Interval.calibrate` takes.
    """
    if new_pipeline().task != "regression":
        return []
    first = cleaned[TIME].min()
    months = []
    for start in _starts(end, span, number):
        split = split_at(cleaned[TIME], start, later(start, span))
        if start - first >= span and len(split.held_out):
            # A month in which nothing can be learned, or nothing of it be predicted, is no reason to fail.
            with suppress(SchemaError, SplitError):
                pipeline = new_pipeline().for_calibration().fit(cleaned.iloc[split.training])
                months.append(predicted_month(pipeline, cleaned, split))
    return months


def predicted_months_of(
    new_pipeline: Callable[[], Pipeline], counts: StoredCounts, end: pd.Timestamp, span: pd.Timedelta, number: int
) -> list[pd.DataFrame]:
    """Predict the last months as `predicted_months` does, by a pipeline that learns from parts."""
    if new_pipeline().task != "regression":
        return []
    months = []
    for start in _starts(end, span, number):
        month = counts.between(start, later(start, span))
        if start - counts.first >= span and len(month):
            with suppress(SchemaError, SplitError):
                pipeline = new_pipeline().for_calibration().fit_parts(counts.parts(before=start))
                months.append(measured_rows(pipeline, measurable_rows(pipeline, month), References()))
    return months


def _starts(end: pd.Timestamp, span: pd.Timedelta, number: int) -> list[pd.Timestamp]:
    return [later(end, -place * span) for place in range(number, 0, -1)]


def predicted_month(
    pipeline: Pipeline, cleaned: pd.DataFrame, split: Split, measured: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Predict the held-out rows of a split for a calibration: a pipeline with history from daily origins as well.

    Parameters
    ----------
    measured : `Evaluation.rows` of the held-out rows, if the caller has them.
    """
    history, held_out = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
    if measured is None:
        measured = measured_rows(pipeline, measurable_rows(pipeline, held_out), References(), history)
    if "history" not in pipeline.needs:
        return measured
    start, end = held_out[TIME].min(), held_out[TIME].max() + pd.Timedelta(hours=1)
    stepped = rows_from_origins(pipeline, cleaned, start, end, DAILY, baselines=False)
    late = measured[days_ahead(measured[TIME], history[TIME].max()) > DAILY.days]
    return pd.concat([late.assign(**{DAYS_AHEAD: 0}), stepped], ignore_index=True)


def calibration_span(first: pd.Timestamp, last: pd.Timestamp, holdout: pd.Timedelta) -> pd.Timedelta:
    """Return the span of a calibration's months: 28 days, or the hold-out where the counts are short."""
    return DEFAULT_HOLDOUT if last - first >= 3 * DEFAULT_HOLDOUT else holdout
