"""What others wrote never becomes a picture or a link on the pages of models and about, in a real browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from bike_traffic import open_registry
from tests.app.browsing import Reader, reading
from tests.app.conftest import City
from tests.app.serving import Served, serve

pytestmark = pytest.mark.slow

ELSEWHERE = "http://elsewhere.invalid"
FOREIGN = f"![x]({ELSEWHERE}/x.png) [it]({ELSEWHERE}) <img src={ELSEWHERE}/y.png> :material/home: $x$"


@pytest.fixture(scope="module")
def hostile(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a registry whose events, records and data have foreign texts, beside a plugin that fails with one."""
    folder = tmp_path_factory.mktemp("hostile")
    registry = folder / "models"
    shutil.copytree(city.registry, registry)
    opened = open_registry(str(registry))
    runs = [record["run_id"] for record in json.loads((registry / "summary.json").read_text(encoding="utf-8"))]
    opened.promote(runs[0], "champion", actor=FOREIGN, reason=FOREIGN)
    opened.withdraw(runs[1], actor=FOREIGN, reason=FOREIGN)
    path = registry / "summary.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    entries[0]["data"]["source"] = FOREIGN
    entries[0]["parameters"] = {FOREIGN: FOREIGN}
    entries[0]["plugin"]["version"] = FOREIGN
    entries.append({**entries[0], "model_type": FOREIGN, "env": FOREIGN, "run_id": FOREIGN})
    path.write_text(json.dumps(entries), encoding="utf-8")
    info = folder / "packages" / "bt_broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bt-broken\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[bike_traffic]\nbroken = bt_broken\n", encoding="utf-8")
    (info.parent / "bt_broken.py").write_text(f"raise RuntimeError({FOREIGN!r})\n", encoding="utf-8")
    flags = ("--registry", str(path), "--data", str(city.counts))
    with serve(folder, *flags, environ={"PYTHONPATH": str(info.parent)}) as served:
        yield served


def foreign_parts(reader: Reader) -> list[str]:
    """Return the pictures and links of the page that name another server."""
    found = reader.page.locator(f"[src*='{ELSEWHERE}'], [href*='{ELSEWHERE}']")
    return [one.evaluate("e => e.outerHTML") for one in found.all()]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("query", ["", "&all=1&order=newest", "&model=rf"])
def test_foreign_text_stays_text_on_the_page_of_models(
    browser: Browser, hostile: Served, language: str, query: str
) -> None:
    with reading(browser, hostile) as reader:
        reader.open(f"/models?lang={language}{query}")
        expect(reader.page.locator("h3").first).to_be_visible()
        assert foreign_parts(reader) == []
        assert reader.page.locator("[data-testid=stException]").count() == 0


@pytest.mark.parametrize("language", ["fr", "en"])
def test_foreign_text_stays_text_on_the_page_about(browser: Browser, hostile: Served, language: str) -> None:
    with reading(browser, hostile) as reader:
        reader.open(f"/about?lang={language}")
        expect(reader.page.get_by_text("RuntimeError", exact=False).first).to_be_visible()
        assert f"![x]({ELSEWHERE}/x.png)" in reader.text
        assert foreign_parts(reader) == []


def test_the_app_sets_the_one_cookie_that_the_page_about_names(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/about?lang=en")
        cookies = reader.page.context.cookies()
        assert [cookie["name"] for cookie in cookies] == ["_streamlit_xsrf"]
        assert cookies[0]["expires"] == -1
        assert "_streamlit_xsrf" in reader.text


@pytest.mark.parametrize("path", ["/models", "/about"])
@pytest.mark.parametrize("dark", [False, True])
def test_the_pages_do_not_scroll_sideways_on_a_phone(browser: Browser, served: Served, path: str, dark: bool) -> None:
    with reading(browser, served, width=390, height=800, dark=dark) as reader:
        reader.open(path)
        expect(reader.page.locator("h3").first).to_be_visible()
        assert not reader.is_too_wide()


def test_a_reader_checks_the_files_of_a_record(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/models?lang=en")
        reader.page.get_by_role("button", name="Check the files").first.click()
        expect(reader.page.get_by_text("Every file is as it was registered", exact=False).first).to_be_visible()
