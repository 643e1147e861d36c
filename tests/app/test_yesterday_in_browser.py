"""The page of yesterday in a real browser: a counter is chosen by a click, by keyboard, and by a link."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.app.browsing import Reader, reading
from tests.app.serving import Served

pytestmark = pytest.mark.slow
ROW = 35
"""Pixels of a row of the table, and of its head."""


def shown(reader: Reader) -> str:
    """Return the counter whose day is drawn."""
    return str(reader.page.get_by_role("combobox").last.input_value()).split(" ", 1)[-1]


def test_a_click_on_a_row_shows_its_counter_and_changes_the_link(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/yesterday?lang=en")
        first = shown(reader)
        reader.page.locator("[data-testid=stDataFrame]:visible").first.click(position={"x": 18, "y": ROW * 3.5})
        expect(reader.page.get_by_role("combobox").last).not_to_have_value(f"✓ {first}")
        reader.settle()
        assert reader.query["counter"] == shown(reader) != first


def test_a_row_is_chosen_by_keyboard(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/yesterday?lang=en")
        first = shown(reader)
        reader.page.locator("[data-testid=stDataFrame]:visible").first.click(position={"x": 300, "y": ROW * 1.5})
        reader.page.keyboard.press("ArrowDown")
        reader.page.keyboard.press("ArrowDown")
        reader.page.keyboard.press("Shift+Space")
        expect(reader.page.get_by_role("combobox").last).not_to_have_value(f"✓ {first}")
        reader.settle()
        assert reader.query["counter"] == shown(reader) != first


def test_a_link_shows_the_same_counter_in_both_languages(browser: Browser, served: Served) -> None:
    for language in ("fr", "en"):
        with reading(browser, served) as reader:
            reader.open(f"/yesterday?lang={language}&counter=Pont+du+Vieux+Moulin+N-S&day=2024-11-28")
            assert shown(reader) == "Pont du Vieux Moulin N-S"
            assert reader.query["day"] == "2024-11-28"


def test_the_place_opens_on_the_page_of_its_week_on_that_day(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/yesterday?lang=en&counter=Pont+du+Vieux+Moulin+N-S&day=2024-11-28")
        reader.page.get_by_text("The week of this place").click()
        expect(reader.page.locator("h3").first).to_contain_text("Thursday 28 November 2024, Pont du Vieux Moulin N-S")
        reader.settle()
        assert (reader.query["place"], reader.query["direction"]) == ("Pont du Vieux Moulin", "n-s")


@pytest.mark.parametrize(("width", "dark"), [(1366, False), (390, True), (320, False)])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_fits_any_window(browser: Browser, served: Served, width: int, language: str, *, dark: bool) -> None:
    with reading(browser, served, width=width, dark=dark) as reader:
        reader.open(f"/yesterday?lang={language}")
        expect(reader.page.locator("[data-testid=stDataFrame]").first).to_be_visible()
        expect(reader.page.locator("[data-testid=stVegaLiteChart]").last).to_be_visible()
        assert not reader.is_too_wide()
