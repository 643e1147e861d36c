"""The page of a check: whole, escaped, and alone: no script, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import attrs
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from bike_traffic.columns import COUNTER
from bike_traffic.data.checking.file import CheckReport, check_file
from bike_traffic.monitoring.findings.search import findings
from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.report.page import page
from tests.app.serving import CHROMIUM_FLAGS, chromium

EVIL = "<script>alert(1)</script> & \"rue\" 'x' \x0b N-S"
TAG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def checked(sample: pd.DataFrame, clean_place: Path) -> tuple[CheckReport, CounterDays]:
    """Return what is checked of a file whose dead counter has a name that is markup, and with a faulty row."""
    names = sample["Nom du compteur"].astype("str").replace("Pont du Vieux Moulin S-N", EVIL)
    rows = sample.assign(**{"Nom du compteur": names, "Comptage horaire": sample["Comptage horaire"].astype("str")})
    rows.loc[7, "Comptage horaire"] = "<img src=x>"
    rows.to_parquet(clean_place / "a<b>.parquet")
    days = CounterDays()
    return check_file("a<b>.parquet", on_clean=days.add), days


def written(checked: tuple[CheckReport, CounterDays]) -> str:
    report, days = checked
    return page(report, days, findings(days))


def test_the_page_is_well_formed_and_everything_from_the_file_is_text(
    checked: tuple[CheckReport, CounterDays],
) -> None:
    text = written(checked)
    tree = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    tags = {element.tag.removeprefix(TAG) for element in tree.iter()}
    assert tags & {"script", "img", "iframe", "link", "object", "a", "form", "foreignObject"} == set()
    shown = " ".join(tree.itertext())
    assert "a<b>.parquet" in shown
    assert "<script>alert(1)</script> & \"rue\" 'x'" in shown
    assert "<img src=x>" in shown


def test_the_page_names_nothing_to_load_and_a_policy_forbids_it(checked: tuple[CheckReport, CounterDays]) -> None:
    text = written(checked)
    assert re.findall(r'(?:src|href)="(?!data:image/png;base64,)', text) == []
    assert "url(" not in text
    assert "default-src &#x27;none&#x27;" in text
    assert "unsafe" not in text


def test_the_page_has_a_strip_for_each_counter_and_a_curve_of_the_one_in_trouble(
    checked: tuple[CheckReport, CounterDays],
) -> None:
    tree = ElementTree.fromstring(written(checked).removeprefix("<!DOCTYPE html>\n"))
    pictures = [element for element in tree.iter(f"{TAG}svg") if element.get("role") == "img"]
    assert [len(picture.findall(f"{TAG}text/{TAG}title")) for picture in pictures] == [20, 0]
    assert "only zeros for 35 days" in (pictures[1].get("aria-label") or "")


def test_a_browser_shows_the_page_without_scripts_requests_or_complaints(
    checked: tuple[CheckReport, CounterDays], clean_place: Path
) -> None:
    path = clean_place / "report.html"
    path.write_text(written(checked), encoding="utf-8")
    troubles: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=CHROMIUM_FLAGS)
        shown = browser.new_page(viewport={"width": 390, "height": 800})
        shown.on("console", lambda message: troubles.append(message.text))
        shown.on("request", lambda one: None if one.url.startswith(("data:", "file:")) else troubles.append(one.url))
        shown.on("dialog", lambda dialog: troubles.append(dialog.message))
        shown.goto(path.as_uri())
        colour = shown.evaluate("getComputedStyle(document.querySelector('.line')).fill")
        wide = shown.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        browser.close()
    assert (troubles, colour, wide) == ([], "none", False)


def test_a_file_without_counts_and_one_without_trouble_have_a_page(small_file: Path) -> None:
    report = check_file(small_file.name)
    assert "No counter had an outage" in page(report, CounterDays(), [])
    assert "The city" not in page(report, CounterDays(), [])


def test_the_page_of_very_many_counters_and_years_stays_small(small_file: Path) -> None:
    times = pd.date_range("2000-01-01 12:00", periods=9000, freq="D", tz="Europe/Paris")
    rows = pd.DataFrame({"date_et_heure_de_comptage": times, "heure": np.int16(12), "comptage_horaire": 3.0})
    rows = rows.assign(latitude=np.float32(np.nan), longitude=np.float32(np.nan))
    days = CounterDays()
    for number in range(500):
        own = rows if number == 0 else rows.head(30)
        days.add(own.assign(**{COUNTER: pd.Categorical([f"counter {number}"] * len(own))}))
    text = page(attrs.evolve(check_file(small_file.name), counters=500), days, [])
    assert "The other 100 are left out." in text
    assert len(text) < 300_000
