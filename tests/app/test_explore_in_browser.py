"""The page Explore in a real browser: each view opens on any window, a click chooses a place, a file can be taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bike_traffic.app.glances import RECORDS, SHOWS
from tests.app.browsing import reading
from tests.app.serving import Served

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("width", "language", "dark"), [(1366, "fr", False), (390, "en", True)])
def test_each_view_opens_and_fits_the_window(
    browser: Browser, served: Served, width: int, language: str, *, dark: bool
) -> None:
    with reading(browser, served, width=width, dark=dark) as reader:
        for show in SHOWS:
            reader.open(f"/explore?lang={language}&show={show}&place=Pont+du+Vieux+Moulin")
            expect(reader.page.locator("h3").first).to_contain_text("Pont du Vieux Moulin")
            drawn = "stDataFrame" if show == RECORDS else "stVegaLiteChart"
            expect(reader.page.locator(f"[data-testid={drawn}]").first).to_be_visible()
            assert not reader.is_too_wide(), show


def test_a_click_on_the_map_chooses_the_place_and_a_click_on_a_view_keeps_it(
    browser: Browser, served: Served
) -> None:
    with reading(browser, served) as reader:
        reader.open("/explore?lang=en&show=map")
        reader.page.locator("[aria-roledescription=circle][aria-label*='Pont du Vieux Moulin']").first.click(
            force=True
        )
        expect(reader.page.locator("h3").first).to_contain_text("Pont du Vieux Moulin")
        reader.page.get_by_text("Calendar", exact=True).click()
        expect(reader.page.locator("h3").first).to_contain_text("days counted")
        reader.settle()
        assert reader.query == {"lang": "en", "show": "calendar", "place": "Pont du Vieux Moulin"}


def test_the_rows_of_a_view_are_a_file_with_a_name_of_its_own(
    browser: Browser, served: Served, tmp_path: Path
) -> None:
    with reading(browser, served) as reader:
        reader.open("/explore?place=Pont+du+Vieux+Moulin&day=2024-11-23")
        with reader.page.expect_download() as waiting:
            reader.page.get_by_text("Télécharger en CSV").click()
        assert waiting.value.suggested_filename == "like-days_Pont-du-Vieux-Moulin_2024-11-23.csv"
        waiting.value.save_as(tmp_path / "rows.csv")
        lines = (tmp_path / "rows.csv").read_text(encoding="utf-8-sig").splitlines()
        assert lines[0] == "Jour;Vélos"
        day, bikes = lines[-1].split(";")
        assert day == "2024-11-23"
        assert int(bikes) > 0
