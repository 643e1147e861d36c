"""A page gets the forecast of the rows that it shows: those that a forecast of the whole city has, too."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from pandas.testing import assert_frame_equal

import bike_traffic
from bike_traffic.app import forecasts, state
from bike_traffic.app.opening import configure
from bike_traffic.columns import COUNTER, TIME
from bike_traffic.workspace import Workspace
from tests.app.conftest import City


@pytest.fixture(scope="module")
def registry_of_ahead(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ahead")
    bike_traffic.train(
        "ahead", str(city.counts), registry=str(folder), parameters={"rows": 2_000}, interval=False, track=False
    )
    return folder


@pytest.mark.parametrize("model", ["rf", "rf_class", "ahead"])
def test_the_rows_of_a_place_and_of_a_day_are_those_of_the_whole_week(
    model: str, city: City, registry_of_ahead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = registry_of_ahead if model == "ahead" else city.registry
    monkeypatch.setattr("bike_traffic.app.opening._given", [])
    configure(Workspace.open(registry=str(registry), data=str(city.counts)))
    st.cache_resource.clear()
    st.cache_data.clear()
    record = state.choose(state.Choice(model=model)).record
    counters = list(state.model(record.run_id).counters)[2:4]
    first = forecasts.first_day(state.model(record.run_id))
    day = first + pd.DateOffset(days=2)

    rows, of_day = forecasts.forecast_around(record.run_id, day, first, 7, counters)

    week = forecasts.forecast(record.run_id, first, 7)
    assert_same(rows[rows[COUNTER].isin(counters)], week[week[COUNTER].isin(counters)])
    assert_same(of_day, week[week[TIME].dt.normalize() == day])
    st.cache_resource.clear()


def test_a_day_that_was_counted_has_one_forecast_wherever_it_is_shown(
    city: City, registry_of_ahead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bike_traffic.app.opening._given", [])
    configure(Workspace.open(registry=str(registry_of_ahead), data=str(city.counts)))
    st.cache_resource.clear()
    st.cache_data.clear()
    loaded = state.model(state.choose(state.Choice(model="ahead")).record.run_id)
    newest = forecasts.newest_known(loaded)
    assert newest is not None
    first = forecasts.first_day(loaded)
    assert first == newest.normalize() + pd.DateOffset(days=1)
    day = newest.normalize() - pd.DateOffset(days=1)

    seen = [
        forecasts.forecast_around(loaded.record.run_id, day, start, 7, ())[1]
        for start in (day - pd.DateOffset(days=5), day)
    ]

    assert_same(*seen)
    assert_same(seen[0], forecasts.forecast(loaded.record.run_id, day, 1))  # which the page of yesterday shows
    st.cache_resource.clear()


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Compare rows to the last bit; the categories of the counters aside."""
    same, also = (frame.astype({COUNTER: "str"}).reset_index(drop=True) for frame in (one, other))
    assert_frame_equal(same, also, check_exact=True)
