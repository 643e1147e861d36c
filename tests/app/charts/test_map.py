"""The map draws places on a sketch of Paris, and a click selects one."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.day import day_chart
from bike_traffic.app.charts.map import TROUBLE, map_chart
from bike_traffic.app.charts.sketch import apart, sketch
from bike_traffic.app.charts.theme import DARK, LIGHT
from bike_traffic.app.charts.week import week_chart
from bike_traffic.app.words import Language, words_of
from tests.app.charts.checks import check, marks, rows, selections
from tests.app.charts.frames import FULL, NAN, hours_of, places_of, week

EN = words_of("en")


def shapes(chart: Chart) -> list[str]:
    """Return the kinds of GeoJSON in a chart."""
    text = json.dumps(chart.spec)
    return [kind for kind in ("Polygon", "MultiLineString", "MultiPoint") if f'"{kind}"' in text]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_places_of_paris_stand_on_the_sketch_and_the_note_says_that_it_is_one(language: Language) -> None:
    chart = map_chart(places_of(26), words_of(language), LIGHT)
    check(chart)
    assert shapes(chart) == ["Polygon", "MultiLineString"]
    assert {"en": "sketch", "fr": "croquis"}[language] in " ".join(chart.spec["title"]["text"])


def test_places_of_another_city_stand_without_the_sketch() -> None:
    chart = map_chart(places_of(5).assign(latitude=lambda frame: frame["latitude"] + 3), EN, LIGHT)
    check(chart)
    assert shapes(chart) == ["MultiPoint"]
    assert "sketch" not in " ".join(chart.spec["title"]["text"])


def test_one_place_alone_has_a_frame_round_it() -> None:
    check(map_chart(places_of(1).assign(latitude=51.96, longitude=7.62), EN, LIGHT))


def test_a_click_selects_the_name() -> None:
    assert selections(map_chart(places_of(3), EN, LIGHT)) == {"place": ["name"]}


def test_the_unseen_disc_of_a_place_is_as_wide_as_a_finger() -> None:
    (hit,) = [mark for mark in marks(map_chart(places_of(3), EN, LIGHT)) if mark.get("cursor") == "pointer"]
    narrow, wide = (float(size) for size in hit["size"]["expr"].split("?")[1].split(":"))
    assert 2 * np.sqrt(min(narrow, wide) / np.pi) >= 24


def test_the_chosen_place_has_a_ring_and_its_name() -> None:
    texts = [mark["type"] for mark in marks(map_chart(places_of(3), EN, LIGHT)) if mark.get("fontWeight") == "bold"]
    assert texts != []
    nobody = places_of(3).assign(chosen=False)
    assert [mark for mark in marks(map_chart(nobody, EN, LIGHT)) if mark.get("fontWeight") == "bold"] == []


def test_a_place_with_a_fault_is_a_triangle_and_counted_in_the_text() -> None:
    places = places_of(3).assign(state=["", "silent since 3 June", NAN])
    chart = map_chart(places, EN, DARK)
    check(chart)
    assert [mark["shape"] for mark in marks(chart) if mark.get("stroke") == DARK.alarm] == [TROUBLE]
    assert [row.get("e") for row in rows(chart)] == [None, "silent since 3 June", None]
    assert chart.alt == (
        "3 places. Most: Face au 2 avenue de la porte de Bagnolet, 3,000 bikes. 1 place with a fault."
    )


def test_places_without_coordinates_or_bikes_are_said_and_stand_in_the_table() -> None:
    places = places_of(3).assign(latitude=[48.85, NAN, 48.86], bikes=[NAN, 5, NAN])
    chart = map_chart(places, EN, LIGHT)
    check(chart)
    assert [row["name"] for row in rows(chart)] == [places["name"][0], places["name"][2]]
    assert list(chart.table["Place"]) == list(places["name"])
    assert chart.alt.endswith("1 place without coordinates is not drawn.")


@pytest.mark.parametrize("places", [places_of(3).assign(latitude=NAN), places_of(0), places_of(2)[["name"]]])
def test_a_map_of_nothing_is_a_note(places: pd.DataFrame) -> None:
    chart = map_chart(places, EN, LIGHT)
    check(chart)
    assert chart.spec["title"]["text"] == "The places have no coordinates."
    assert '"params"' in json.dumps(chart.spec)  # a page listens to it all the same


def test_close_places_are_drawn_apart_and_others_stay() -> None:
    latitude, longitude = pd.Series([48.842, 48.8422, 48.89, 48.89]), pd.Series([2.368, 2.3681, 2.30, 2.30])
    drawn = apart(latitude, longitude)
    x, y = drawn["longitude"] * np.cos(np.radians(48.86)), drawn["latitude"]
    gaps = [np.hypot(x[one] - x[other], y[one] - y[other]) for one, other in ((0, 1), (2, 3))]
    assert min(gaps) > 0.002
    far = apart(pd.Series([48.82, 48.90]), pd.Series([2.26, 2.41]))
    assert list(far["latitude"]) == [48.82, 48.90]


def test_the_outline_runs_clockwise_and_the_seine_from_the_south_east_to_the_south_west() -> None:
    """The other way round, a ring is the whole world without Paris."""
    (ring,) = sketch()["land"]["coordinates"]
    x, y = np.array(ring).T
    assert float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) < 0
    assert ring[0] == ring[-1]
    river = sketch()["river"]["coordinates"]
    assert (river[0][0], river[-1][-1]) == ([2.39, 48.825], [2.259, 48.835])


def test_a_classifiers_map_shows_chances() -> None:
    places = places_of(3).drop(columns="bikes").assign(probability=[0.1, 0.95, NAN])
    chart = map_chart(places, EN, LIGHT)
    check(chart)
    assert rows(chart)[1]["n"] == 0.95
    assert "Most: Face au 1 avenue de la porte de Bagnolet, 95%." in chart.alt


def test_the_charts_of_the_first_page_are_small() -> None:
    """All of the page is to be at most 60 kB."""
    charts = [
        day_chart(hours_of("2021-10-31", *FULL), EN, LIGHT),
        week_chart(week().assign(count=1.0), EN, LIGHT),
        map_chart(places_of(26).assign(state="silent since 3 June 2021"), EN, LIGHT),
    ]
    assert sum(len(json.dumps(chart.spec)) for chart in charts) < 30_000
