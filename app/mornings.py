"""What the app keeps of the configured counts for the page of yesterday: mornings, and the states of counters.

What is shared is never changed: pages get it to read. Each cache has a bound.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from bike_traffic.app import forecasts, state
from bike_traffic.app.morning import Morning, Verdict, hours_of_counter, verdict
from bike_traffic.app.turns import heavy
from bike_traffic.columns import TIME
from bike_traffic.config import SAMPLE
from bike_traffic.forecasting import parse_day
from bike_traffic.monitoring.states import last_whole_day


def counts_of_sample() -> bool:
    """Return whether the counts are those of the generated sample."""
    return state.counts_version() == SAMPLE


def days_of_counts() -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the first day of the configured counts and their last whole one; ``None`` if none are configured."""
    version = state.counts_version()
    return None if version is None else _days_of_counts(version)


@st.cache_resource(max_entries=1, show_spinner=False)
def _days_of_counts(version: str) -> tuple[pd.Timestamp, pd.Timestamp]:  # noqa: ARG001  # the key
    every = _counts()
    return every[TIME].min().normalize(), last_whole_day(every)


def morning(day: pd.Timestamp) -> Morning:
    """Return the configured counts of a day and before it, to read; of the newest day also the hours since then."""
    return _morning(str(state.counts_version()), f"{day:%Y-%m-%d}")


@st.cache_resource(max_entries=4, show_spinner=False)
def _morning(version: str, day: str) -> Morning:
    start, every, newest = parse_day(day, state.zone()), _counts(), _days_of_counts(version)[1]
    with heavy():
        return Morning.of(every, start, whole=start == newest)


def states_of(day: pd.Timestamp, run_id: str | None) -> pd.DataFrame:
    """Return the states of the counters after a day, the worst first, to read; compared with a model's forecast."""
    return _states_of(str(state.counts_version()), f"{day:%Y-%m-%d}", run_id)


@st.cache_resource(max_entries=30, show_spinner=False)
def _states_of(version: str, day: str, run_id: str | None) -> pd.DataFrame:
    predicted = _predicted(day, run_id)
    found = _morning(version, day)
    with heavy():
        return found.states(predicted)


def verdict_of(day: pd.Timestamp, run_id: str | None) -> Verdict | None:
    """Return how good the forecast of a model was; ``None`` without a model."""
    return _verdict_of(str(state.counts_version()), f"{day:%Y-%m-%d}", run_id)


@st.cache_resource(max_entries=30, show_spinner=False)
def _verdict_of(version: str, day: str, run_id: str | None) -> Verdict | None:
    return verdict(_morning(version, day), _states_of(version, day, run_id), _predicted(day, run_id))


def hours_of(day: pd.Timestamp, run_id: str | None, counter: str) -> pd.DataFrame:
    """Return the hours of a counter on a day, to read: see `hours_of_counter`."""
    return _hours_of(str(state.counts_version()), f"{day:%Y-%m-%d}", run_id, counter)


@st.cache_resource(max_entries=200, show_spinner=False)
def _hours_of(version: str, day: str, run_id: str | None, counter: str) -> pd.DataFrame:
    return hours_of_counter(_morning(version, day), counter, _predicted(day, run_id))


def _predicted(day: str, run_id: str | None) -> pd.DataFrame | None:
    return None if run_id is None else forecasts.forecast(run_id, parse_day(day, state.zone()), 1)


def _counts() -> pd.DataFrame:
    """Return the configured counts, of which the caller knows that there are some."""
    every = state.counts()
    assert every is not None
    return every
