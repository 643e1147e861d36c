"""The app on a registry in a bucket: no counts on the machine, and the same pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from streamlit.testing.v1 import AppTest

from tests.app.browsing import reading
from tests.app.conftest import City
from tests.app.serving import serve
from tests.conftest import Bt
from tests.servers import Cloud, gcs_server, new_gcs_bucket

pytestmark = pytest.mark.slow

Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Cloud]:
    """Return an empty bucket on fake-gcs-server."""
    with gcs_server() as url:
        yield Cloud("gcs", url, new_gcs_bucket(url))


@pytest.fixture
def settings(bucket: Cloud, city: City, clean_place: Path, bt: Bt) -> Path:
    """Copy the registry into the bucket, and return settings that name it."""
    path = clean_place / "bt.toml"
    path.write_text(
        f'[profiles.dev]\nbackend = "gcs"\n[backends.gcs]\nregistry = "{bucket.uri}"\nendpoint_url = "{bucket.url}"\n'
    )
    done = bt("registry", "copy", "--from", str(city.registry), "--to", bucket.uri)
    assert done.exit_code == 0, done.stderr
    return path


def test_every_page_opens_from_a_bucket_alone(settings: Path, page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BT_REGISTRY")
    monkeypatch.delenv("BT_DATA")
    for name in ("tomorrow", "yesterday", "explore", "file", "models", "about"):
        app = page(name, lang="en", model="rf")
        assert [one.value for one in app.exception] == []
        assert [one.value for one in app.error] == []
    assert "12 quai des Hirondelles" in page("tomorrow", lang="en", model="rf").subheader[0].value


def test_a_reader_of_a_bucket_sees_the_map_and_the_number(settings: Path, browser: Browser) -> None:
    with serve(settings.parent) as app, reading(browser, app) as reader:
        reader.open("/?lang=en&model=rf")
        expect(reader.page.locator("[data-testid=stMetricValue]").first).to_be_visible()
        expect(reader.page.locator("[aria-roledescription=circle]").first).to_be_attached()


@pytest.mark.usefixtures("settings")
def test_a_bucket_that_is_gone_is_one_sentence(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BT_DATA")
    monkeypatch.setenv("BT_REGISTRY", "gs://no-such-bucket/models/summary.json")
    app = page("tomorrow", lang="fr")
    assert [one.value for one in app.exception] == []
    assert len(app.error) == 1
