"""The app of a city whose counters have no coordinates: a list in place of the map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.conftest import Bt

Open = Callable[..., AppTest]


@pytest.fixture
def elsewhere(page: Open, bt: Bt, small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Return a function that opens a page of a city of the settings, whose file has no coordinates."""
    small_counts.drop(columns="Coordonnées géographiques").to_csv("mine.csv", sep=";", index=False)
    Path("bt.toml").write_text('[cities.ville]\ntime_zone = "Europe/Berlin"\nholidays = "DE-NW"\n')
    for name, value in {"BT_CITY": "ville", "BT_DATA": "mine.csv", "BT_REGISTRY": "mine"}.items():
        monkeypatch.setenv(name, value)
    done = bt("train", "-m", "rf", "--set", "n_estimators=3", "--no-interval")
    assert done.exit_code == 0, done.stderr
    st.cache_resource.clear()
    return page


def test_tomorrow_has_a_list_and_no_map(elsewhere: Open) -> None:
    app = elsewhere(lang="en")
    assert [one.value for one in app.exception] == []
    assert "1 December 2024" in app.subheader[0].value
    assert "no coordinates" not in str(app)
    assert any("Place" in one.value for one in app.dataframe)


def test_what_can_be_explored_has_no_map(elsewhere: Open, page: Open) -> None:
    app = elsewhere("explore", lang="en")
    assert [one.value for one in app.exception] == []
    (shows,) = [one for one in app.button_group if "Ranking" in str(one.options)]
    assert "Map" not in str(shows.options)


def test_models_of_another_city_are_not_there(elsewhere: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_CITY", "paris")
    app = elsewhere("models", lang="en")
    assert [one.value for one in app.exception] == []
    assert len(app.dataframe) == 0
