"""The page of tomorrow: the number, whether it is usual, and the same link in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_first_page_says_the_day_the_place_and_the_bikes(page: Open, language: str) -> None:
    app = page(lang=language)
    assert [one.value for one in app.exception] == []
    assert "12 quai des Hirondelles" in app.subheader[0].value
    assert len(app.metric) == 3


def test_the_day_after_the_newest_count_is_shown_if_the_counts_are_old(page: Open) -> None:
    app = page(lang="en")
    assert "1 December 2024" in app.subheader[0].value
    assert any(re.match(r"The counts end on 30 Nov 2024, [\d,]+ days ago: ", one.value) for one in app.caption)
    assert not app.warning


def test_a_day_so_far_ahead_that_no_error_was_measured_is_a_warning(page: Open) -> None:
    (warning,) = page(lang="en", day="2025-06-15").warning
    assert "196 days before the day shown. So far ahead" in warning.value


def test_a_link_shows_its_place_direction_day_and_hour(page: Open) -> None:
    app = page(lang="en", place="Pont du Vieux Moulin", direction="n-s", day="2024-12-03", hour="08")
    assert "Tuesday 3 December 2024, Pont du Vieux Moulin N-S" in app.subheader[0].value.replace("\\", "")
    assert app.metric[2].label == "Bikes at 8:00"


def test_the_same_link_names_the_same_view_in_both_languages(page: Open) -> None:
    link = {"place": "Pont du Vieux Moulin", "direction": "n-s", "day": "2024-12-03", "hour": "08"}
    bikes = [page(lang=language, **link).metric[2].value for language in ("fr", "en")]
    assert bikes[0] == bikes[1]


def test_what_a_link_asks_for_in_vain_is_said(page: Open) -> None:
    app = page(lang="en", place="nowhere![x](http://example.org/x.png)", day="2021-99-99")
    assert len(app.warning) == 2
    assert "![x](http" not in app.warning[0].value
    shown = [one.type for one in app.main]
    assert shown.index("warning") < shown.index("metric"), "above what is shown instead"


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_a_day_on_which_the_clock_changes_has_its_own_hours(page: Open, day: str, hours: int) -> None:
    app = page(lang="en", day=day)
    assert [one.value for one in app.exception] == []
    assert len(next(box for box in app.selectbox if box.label == "Hour").options) == hours


def test_a_classifier_shows_the_chance_of_busy_hours(page: Open) -> None:
    app = page(lang="en", model="rf_class")
    assert [one.value for one in app.exception] == []
    assert "busy" in app.subheader[0].value
