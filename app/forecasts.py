"""What the app keeps of the forecasts of models, and of models measured on the configured counts.

What is shared is never changed: pages get it to read. Each cache has a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from bike_traffic.app import state
from bike_traffic.app.turns import heavy
from bike_traffic.columns import TIME
from bike_traffic.forecasting import parse_day, tomorrow

if TYPE_CHECKING:
    from bike_traffic.evaluation.measuring import Evaluation
    from bike_traffic.loading import LoadedModel

LONGEST_GAP = pd.Timedelta(days=60)
"""A model whose newest count is older than this is not asked about tomorrow unless the reader wants it."""


def first_day(loaded: LoadedModel) -> pd.Timestamp:
    """Return the day that is shown first: tomorrow, or if the newest known count is old the day after it."""
    coming, known = tomorrow(state.zone()), newest_known(loaded)
    if known is None:
        return coming
    after = known.normalize() + pd.DateOffset(days=1)
    return after if coming - after > LONGEST_GAP else coming


def newest_known(loaded: LoadedModel) -> pd.Timestamp | None:
    """Return the hour of the newest count that a forecast of coming days builds on; ``None`` if it is not known.

    That is the newest one of the training, or of the configured counts for a pipeline that needs history.
    """
    until = loaded.record.known_until
    known = None if until is None else pd.Timestamp(until).tz_convert(state.zone())
    newest = _newest_count() if "history" in loaded.pipeline.needs else None
    return max((time for time in (known, newest) if time is not None), default=None)


def _newest_count() -> pd.Timestamp | None:
    """Return the hour of the newest of the configured counts; ``None`` if there are none."""
    version = state.counts_version()
    return None if version is None else _newest(version)


@st.cache_resource(max_entries=1, show_spinner=False)
def _newest(version: str) -> pd.Timestamp | None:  # noqa: ARG001  # the key
    every = state.counts()
    return None if every is None or every.empty else every[TIME].max()


def forecast(run_id: str, first_day: pd.Timestamp, days: int) -> pd.DataFrame:
    """Return the forecast of every counter that a model knows, as `Forecast.rows`, to read."""
    return _forecast(run_id, f"{first_day:%Y-%m-%d}", days, (), state.counts_version())


def forecast_around(
    run_id: str, day: pd.Timestamp, first_day: pd.Timestamp, days: int, counters: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the forecast of some counters on some days, and of all counters on one of these days, to read.

    Other rows are not predicted, unless the pipeline needs history: it describes this for all counters, whatever it
    is asked for, so that the days of all counters cost no more than one, and are there for the next reader. Each day
    that was counted is forecast from the counts up to the day before, and has one forecast wherever it is shown.
    """
    if "history" in state.model(run_id).pipeline.needs:
        rows = pd.concat([forecast(run_id, *span) for span in _spans(first_day, days)], ignore_index=True)
        return rows, rows[(rows[TIME].dt.normalize() == day).to_numpy()]
    version = state.counts_version()
    return (
        _forecast(run_id, f"{first_day:%Y-%m-%d}", days, tuple(counters), version),
        _forecast(run_id, f"{day:%Y-%m-%d}", 1, (), version),
    )


def _spans(first_day: pd.Timestamp, days: int) -> list[tuple[pd.Timestamp, int]]:
    """Return the first day and the number of days of each forecast: one for each day counted, one for the others."""
    every = [first_day + pd.DateOffset(days=number) for number in range(days)]
    newest = _newest_count()
    counted = [day for day in every if newest is not None and day <= newest]
    coming = every[len(counted) :]
    return [(day, 1) for day in counted] + ([(coming[0], len(coming))] if coming else [])


@st.cache_resource(max_entries=60, ttl="1h", show_spinner=False)
def _forecast(
    run_id: str,
    first_day: str,
    days: int,
    counters: tuple[str, ...],
    version: str | None,  # noqa: ARG001  # the key
) -> pd.DataFrame:
    loaded, own = state.model(run_id), state.workspace()
    history = state.counts() if "history" in loaded.pipeline.needs else None
    weather = own.settings.weather or None
    start = parse_day(first_day, state.zone())
    return own.forecast(loaded, start=start, days=days, counters=counters, history=history, weather=weather).rows


def measured(run_id: str, start: pd.Timestamp, end: pd.Timestamp) -> Evaluation | None:
    """Return a model measured on the configured counts of a span of time, from the counts before it alone.

    ``None`` if the counts have no row of a counter that the model knows.
    """
    return _measured(run_id, f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}", state.counts_version())


@st.cache_resource(max_entries=10, show_spinner=False)
def _measured(run_id: str, start: str, end: str, version: str | None) -> Evaluation | None:  # noqa: ARG001
    loaded, every = state.model(run_id), state.counts()
    if every is None:
        return None
    first, after = parse_day(start, state.zone()), parse_day(end, state.zone())
    rows = every[every[TIME].between(first, after, inclusive="left")]
    rows = rows[loaded.pipeline.known_counters(rows)]
    if rows.empty:
        return None
    history = every[every[TIME] < first] if "history" in loaded.pipeline.needs else None
    with heavy():
        return state.workspace().evaluate(loaded, rows, history=history).evaluation


def held_out(run_id: str, start: pd.Timestamp, end: pd.Timestamp) -> Evaluation | None:
    """Return how far the fit that was measured in training was off in a span of time that it had not seen.

    ``None`` unless the model keeps the rows of the whole span; see `References.held_out`.
    """
    return _held_out(run_id, f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}")


@st.cache_resource(max_entries=10, show_spinner=False)
def _held_out(run_id: str, start: str, end: str) -> Evaluation | None:
    from bike_traffic.evaluation.measuring import evaluation_of

    loaded = state.model(run_id)
    rows = loaded.references.held_out_rows()
    first, after = parse_day(start, state.zone()), parse_day(end, state.zone())
    if rows is None or rows[TIME].min() > first or rows[TIME].max() < after - pd.Timedelta(hours=1):
        return None
    within = rows[rows[TIME].between(first, after, inclusive="left").to_numpy()]
    return evaluation_of(loaded.pipeline.task, within)
