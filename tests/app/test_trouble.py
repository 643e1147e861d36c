"""The first page where something is missing: no record, no library, no model that can be loaded."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import attrs
import pytest
from streamlit.testing.v1 import AppTest

import bike_traffic
from bike_traffic import Query
from tests.app.conftest import City
from tests.plugin_site import write_distribution

Open = Callable[..., AppTest]

PLUGIN = """
from bike_traffic import PipelineSpec, hookimpl

@hookimpl
def bt_pipelines():
    return [PipelineSpec(name="absent", target="absent_model:Model", summary="-", requires=("no_such_module",))]
"""


@pytest.fixture
def with_absent(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Open) -> None:
    """Register a record better than all others, of a plugin whose library is not installed."""
    modules = {"absent_plugin": PLUGIN, "absent_model": "import no_such_module"}
    write_distribution(tmp_path / "site", "bt-absent", modules, {"bike_traffic/absent": "absent_plugin"})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    shutil.copytree(city.registry, tmp_path / "models")
    registry = bike_traffic.open_registry(str(tmp_path / "models"))
    best = registry.best("rmse", Query(model_type="rf"))
    registry.append(
        attrs.evolve(
            best,
            run_id=uuid4().hex,
            model_type="absent",
            metrics={**best.metrics, "rmse": 0.1},
            plugin=attrs.evolve(best.plugin, distribution="bt-absent", version="1.0") if best.plugin else None,
        )
    )
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "models"))


@pytest.mark.usefixtures("with_absent")
def test_the_best_model_is_one_that_can_be_loaded_here(page: Open) -> None:
    app = page(lang="en")
    assert [one.value for one in app.exception] + [one.value for one in app.error] == []
    assert any("Random Forest" in one.value for one in app.caption)


@pytest.mark.usefixtures("with_absent")
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_model_whose_library_is_missing_says_which(page: Open, language: str) -> None:
    app = page(lang=language, model="absent")
    assert [one.value for one in app.exception] == []
    (error,) = app.error
    assert "no_such_module" in error.value.replace("\\", "")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_empty_registry_is_one_sentence(
    page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "nothing"))
    app = page(lang=language)
    assert [one.value for one in app.exception] == []
    assert len(app.error) == 1
