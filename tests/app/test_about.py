"""The page that says where the numbers come from, what is kept, and with which settings and plugins the app runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from bike_traffic.opendata.fetching import fetch
from tests.app.conftest import City
from tests.app.test_models import faultless, tables, written
from tests.opendata.explore_api import ExploreApi, portal_of, rows_of

Open = Callable[..., AppTest]


@pytest.mark.parametrize(
    ("language", "first"),
    [("fr", "Prévisions apprises sur les comptages de 8"), ("en", "Forecasts learned from the counts of 8")],
)
def test_the_first_sentence_says_from_what_forecasts_are_learned(page: Open, language: str, first: str) -> None:
    app = page("about", lang=language)
    assert faultless(app)
    assert app.subheader[0].value.startswith(first)
    assert "ODbL" in written(app)
    assert "_streamlit_xsrf" in written(app)


def test_versions_and_settings_are_tables(page: Open, city: City) -> None:
    versions, settings = tables(page("about", lang="en"))
    assert {"bike-traffic", "streamlit", "pandas"} <= set(versions["Package"])
    values = dict(zip(settings["Setting"], settings["Value"], strict=True))
    assert values["registry"] == str(city.registry)


def test_where_a_setting_comes_from_is_said_in_the_readers_language(page: Open) -> None:
    _, settings = tables(page("about", lang="fr"))
    found = dict(zip(settings["Réglage"], zip(settings["Valeur"], settings["Origine"], strict=True), strict=True))
    assert found["env"] == ("dev", "valeur par défaut")
    assert found["backend"] == ("local", "le schéma de BT_REGISTRY")
    assert found["registry"][1] == "BT_REGISTRY"
    assert found["plugins"][0] == "tous"


def test_no_setting_shows_a_secret(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_WEATHER", "https://me:pass1234@example.org/weather.csv?token=pass1234")
    monkeypatch.setenv("BT_TRACKING_URI", "https://me:pass1234@example.org")
    app = page("about", lang="en")
    assert "pass1234" not in written(app) + str([table.to_dict() for table in tables(app)])


def test_without_a_model_the_rest_of_the_page_is_there(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "none"))
    app = page("about", lang="en")
    assert [one.value for one in app.exception] == []
    assert app.subheader[0].value == "Forecasts of bikes at counters; no model can be used yet"
    assert len(app.error) == 1
    assert len(tables(app)) == 2


def test_a_registry_that_cannot_be_read_leaves_the_page_standing(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "summary.json").write_text("{broken", encoding="utf-8")
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "summary.json"))
    app = page("about", lang="en")
    assert [one.value for one in app.exception] == []
    assert len(app.error) == 1


def test_a_plugin_that_failed_is_named_as_text(page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "packages"
    info = packages / "bt_broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bt-broken\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[bike_traffic]\nbroken = bt_broken\n", encoding="utf-8")
    message = "![x](http://example.org/x.png) [it](http://example.org)"
    (packages / "bt_broken.py").write_text(f"raise RuntimeError({message!r})\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.delitem(sys.modules, "bt_broken", raising=False)
    app = page("about", lang="en")
    assert [one.value for one in app.exception] == []
    (error,) = app.error
    assert "bt-broken 1.0 (broken)" in error.value.replace("\\", "")
    (said,) = [text.value for text in app.text if "bt-broken" in text.value]
    assert message in said
    assert not any("http" in part.value for part in [*app.error, *app.markdown, *app.caption])


def test_the_sample_is_called_invented(
    page: Open, city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    registry = tmp_path / "registry"
    shutil.copytree(city.registry, registry)
    shutil.rmtree(registry / "records")
    path = registry / "summary.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries:
        entry["data"]["source"] = "sample"
    path.write_text(json.dumps(entries), encoding="utf-8")
    monkeypatch.setenv("BT_REGISTRY", str(path))
    app = page("about", lang="en")
    assert app.subheader[0].value == "A demonstration: the forecasts are learned from invented counts"
    assert "generated sample" in written(page("models", lang="en"))


def test_the_page_says_how_old_fetched_counts_are_and_under_which_licence(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BT_DATA", str(tmp_path / "counts"))
    now = pd.Timestamp("2026-11-27T10:00", tz="UTC")
    with portal_of(ExploreApi(rows_of("2026-09-01", "2026-11-26"))) as portal:
        fetch(portal, str(tmp_path / "counts"), since=pd.Period("2026-09", "M"), now=now)
    (tmp_path / "counts" / "month=2026-10.parquet").unlink()
    text = written(page("about", lang="en"))
    assert "The counts shown were fetched: 2 months, the newest hour " in text
    assert "Their licence, as the portal says it: Open Database License (ODbL)." in text
    assert "Months that are missing: 2026-10." in text
