"""A secret in the address of the registry, the counts or the weather is on no page of the app."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from bike_traffic.app.views import PAGES
from tests.app.conftest import City
from tests.app.test_models import tables
from tests.servers import SECRET, secret_server

Open = Callable[..., AppTest]


@pytest.fixture
def address(city: City, tmp_path: Path) -> Iterator[str]:
    """Publish the registry and the counts for those who give the secret; give the address of ``{path}``."""
    shutil.copytree(city.registry, tmp_path / "published")
    shutil.copy(city.counts, tmp_path / "published" / "counts.csv")
    with secret_server(tmp_path / "published") as root:
        yield root


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["read", "refused", "absent", "broken"])
@pytest.mark.parametrize("name", [one.path for one in PAGES])
def test_no_page_shows_the_secret_of_an_address(
    page: Open,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    kind: str,
) -> None:
    if kind == "broken":
        (tmp_path / "published" / "summary.json").write_text("{broken", encoding="utf-8")
        (tmp_path / "published" / "counts.csv").write_text("{broken", encoding="utf-8")
    root = address.replace("sig=", "gis=") if kind == "refused" else address
    folder = "nowhere/" if kind == "absent" else ""
    for variable, file in (("BT_REGISTRY", "summary.json"), ("BT_DATA", "counts.csv"), ("BT_WEATHER", "weather.csv")):
        monkeypatch.setenv(variable, root.format(path=folder + file))
    app = page(name, lang="en")
    shown = str(app) + str([table.to_dict() for table in tables(app)])  # each element; it shortens tables
    assert [one.value for one in app.exception] == []
    assert name != "about" or "127.0.0.1" in shown  # the settings, without what is secret in them
    assert SECRET not in shown + caplog.text
