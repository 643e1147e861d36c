"""The first page in a real browser: a click changes list, link and number, and a link works in both languages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.app.browsing import Reader, reading
from tests.app.serving import Served

pytestmark = pytest.mark.slow


def place(reader: Reader) -> str:
    """Return the place in the list of choices."""
    return reader.page.get_by_role("combobox").first.input_value()


def total(reader: Reader) -> str:
    """Return the first figure."""
    return reader.page.locator("[data-testid=stMetricValue]").first.inner_text()


def test_a_click_on_the_map_changes_the_choice_the_link_and_the_number(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/?lang=en")
        before = total(reader)
        reader.page.locator("[aria-roledescription=circle][aria-label*='Pont du Vieux Moulin']").first.click(
            force=True
        )
        expect(reader.page.locator("h3").first).to_contain_text("Pont du Vieux Moulin")
        reader.settle()
        assert reader.query["place"] == "Pont du Vieux Moulin"
        assert place(reader) == "Pont du Vieux Moulin"
        assert total(reader) != before


def test_a_click_on_a_bar_of_the_week_chooses_the_day(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/?lang=en")
        week = reader.page.locator("[data-testid=stVegaLiteChart]").nth(1)
        box = week.bounding_box()
        assert box is not None
        week.click(position={"x": box["width"] * 2.5 / 7, "y": box["height"] * 0.6})  # the third of seven bars
        expect(reader.page.locator("h3").first).to_contain_text("3 December")
        reader.settle()
        assert reader.query["day"] == "2024-12-03"


def test_a_link_shows_the_same_in_the_other_language(browser: Browser, served: Served) -> None:
    numbers = []
    for language in ("fr", "en"):
        with reading(browser, served) as reader:
            reader.open(f"/?lang={language}&place=Pont+du+Vieux+Moulin&direction=n-s&day=2024-12-03&hour=08")
            numbers.append(re.sub(r"\D", "", total(reader)))
            assert reader.query["place"] == "Pont du Vieux Moulin"
            assert reader.query["hour"] == "08"
    assert numbers[0] == numbers[1]


def test_the_language_changes_with_one_click_and_the_view_stays(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/?place=Pont+du+Vieux+Moulin")
        reader.page.get_by_text("English", exact=True).click()
        expect(reader.page.get_by_text("Bikes in the day")).to_be_visible()
        reader.settle()
        assert reader.query == {"lang": "en", "place": "Pont du Vieux Moulin"}


@pytest.mark.parametrize(("width", "dark"), [(1366, False), (390, True), (320, False)])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_fits_any_window(browser: Browser, served: Served, width: int, language: str, *, dark: bool) -> None:
    with reading(browser, served, width=width, dark=dark) as reader:
        reader.open(f"/?lang={language}")
        expect(reader.page.locator("[data-testid=stMetricValue]").first).to_be_visible()
        assert not reader.is_too_wide()


def test_every_choice_is_reached_by_the_keyboard(browser: Browser, served: Served) -> None:
    """Pages, language, place, direction, day, hour and model are reached by Tab, in the order of the page."""
    with reading(browser, served) as reader:
        reader.open("/?lang=en")
        seen = []
        for _ in range(40):
            reader.page.keyboard.press("Tab")
            script = "() => { const e = document.activeElement; return e.getAttribute('aria-label') || e.innerText }"
            seen.append(str(reader.page.evaluate(script)))
        reached = " | ".join(seen)
        for name in ("Models", "English", "Place", "Direction", "Day", "Hour", "Model"):
            assert name in reached, reached


def test_charts_say_their_result(browser: Browser, served: Served) -> None:
    with reading(browser, served) as reader:
        reader.open("/?lang=en")
        said = reader.page.locator("[aria-label*='peak at']").first
        expect(said).to_be_attached()
