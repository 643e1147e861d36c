"""The colours are readable on both pages, and apart without colour."""

from __future__ import annotations

from itertools import combinations

import attrs
import pytest

from bike_traffic.app.charts.theme import DARK, LIGHT, Theme

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
TEXTS = ("text", "muted")
MARKS = ("forecast", "counted", "usual", "band_edge", "alarm", "last_year", "shore")
AREAS = ("background", "land", "band", "usual_band")
"""What text is written on."""


def luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the ratio of contrast as WCAG 2 defines it, 1 to 21."""
    bright, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@THEMES
def test_text_has_a_contrast_of_4_5_with_whatever_it_is_written_on(theme: Theme) -> None:
    pairs = [(text, area) for text in TEXTS for area in AREAS]
    assert [pair for pair in pairs if contrast(getattr(theme, pair[0]), getattr(theme, pair[1])) < 4.5] == []


@THEMES
def test_marks_have_a_contrast_of_3_with_the_page(theme: Theme) -> None:
    assert [mark for mark in MARKS if contrast(getattr(theme, mark), theme.background) < 3] == []
    assert [colour for colour in theme.series if contrast(colour, theme.background) < 3] == []


@THEMES
def test_marks_on_areas_have_a_contrast_of_3(theme: Theme) -> None:
    """Dots and signs stand on the land, lines and crosses on the bands."""
    pairs = [
        ("forecast", "land"),
        ("alarm", "land"),
        ("forecast", "band"),
        ("counted", "band"),
        ("usual", "usual_band"),
    ]
    assert [pair for pair in pairs if contrast(getattr(theme, pair[0]), getattr(theme, pair[1])) < 3] == []


@THEMES
def test_what_is_shown_side_by_side_differs_in_grey(theme: Theme) -> None:
    """Shapes and dashes differ as well, so that a small difference is enough."""
    pairs = combinations(("forecast", "counted", "usual"), 2)
    assert [pair for pair in pairs if contrast(getattr(theme, pair[0]), getattr(theme, pair[1])) < 1.1] == []


@THEMES
def test_the_scale_runs_from_the_page_to_the_strongest_in_steps_that_differ_in_grey(theme: Theme) -> None:
    ratios = [contrast(colour, theme.background) for colour in theme.scale]
    assert ratios == sorted(ratios)
    assert [pair for pair in zip(theme.scale, theme.scale[1:], strict=False) if contrast(*pair) < 1.15] == []


@THEMES
def test_every_colour_is_six_digits(theme: Theme) -> None:
    values = attrs.asdict(theme).values()
    colours = [colour for value in values for colour in (value if isinstance(value, tuple) else (value,))]
    assert [colour for colour in colours if len(colour) != 7 or luminance(colour) > 1] == []
