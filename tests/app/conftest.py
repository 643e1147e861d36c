"""A registry and counts for the app, the app as a process that serves them, and a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pandas as pd
import pytest
from playwright.sync_api import Browser, sync_playwright
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import bike_traffic
from bike_traffic.app import main as entry
from bike_traffic.data.files.writing import write_counts
from tests.app.serving import CHROMIUM_FLAGS, Served, chromium, serve

PLACES = 4
DAYS = 150


@attrs.frozen
class City:
    """Counts in a file, and a registry of models trained on them."""

    counts: Path
    registry: Path


@pytest.fixture(scope="session")
def city(sample: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> City:
    """Return the last months of four places of the sample, and an ``rf`` and an ``rf_class`` of few trees."""
    folder = tmp_path_factory.mktemp("city")
    names = sample["Nom du compteur"].cat.categories[: 2 * PLACES]
    counts = sample.tail(DAYS * 24 * 20)
    counts = counts[counts["Nom du compteur"].isin(names)].reset_index(drop=True)
    found = City(folder / "counts.csv", folder / "models")
    write_counts(counts, str(found.counts))
    for model in ("rf", "rf_class"):
        bike_traffic.train(
            model, str(found.counts), registry=str(found.registry), parameters={"n_estimators": 4}, track=False
        )
    return found


@pytest.fixture
def page(city: City, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Return a function that opens a page of the app in this process and runs it once.

    Words are query parameters. Streamlit's caches are emptied before: they are shared by all pages of a process.
    """
    import streamlit as st

    monkeypatch.setenv("BT_REGISTRY", str(city.registry))
    monkeypatch.setenv("BT_DATA", str(city.counts))
    st.cache_resource.clear()
    st.cache_data.clear()

    def open_page(name: str = "tomorrow", **query: str) -> AppTest:
        app = AppTest.from_file(entry.__file__, default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        app._page_hash = calc_hash(name)  # `switch_page` knows files alone
        return app.run()

    return open_page


@pytest.fixture(scope="session")
def served(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the app for all tests of the session, as ``bt app`` does."""
    folder = tmp_path_factory.mktemp("app")
    with serve(folder, "--registry", str(city.registry), "--data", str(city.counts)) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium; without it the tests of the pages fail.

    Not for longer than a module: meanwhile playwright's event loop runs in this thread, in which no other one can.
    """
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(playwright), args=CHROMIUM_FLAGS)
        yield started
        started.close()
