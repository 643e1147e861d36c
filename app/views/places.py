"""The places of the counters on the pages: the choice of one, its direction, the map and the list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from bike_traffic.app.address import change
from bike_traffic.app.outlook import BOTH
from bike_traffic.app.views.parts import pick
from bike_traffic.app.words import Words
from bike_traffic.places import Counter, Place, places_of

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.loading import LoadedModel

_LISTED = "places-listed"
"""The names in the list as it was drawn: what a click in it is about."""


def of_model(loaded: LoadedModel) -> dict[str, Place]:
    """Return the places that a model knows, by name."""
    return places_of(loaded.counters)


def are_located(known: Mapping[str, Place]) -> bool:
    """Return whether any place has coordinates, so that there is something on a map."""
    return any(place.latitude is not None and place.longitude is not None for place in known.values())


def pick_place(visit: Visit, known: Mapping[str, Place], first: str) -> Place:
    """Let the reader choose a place by its name, which can be searched.

    Parameters
    ----------
    first : the place that is shown if the link names none.
    """
    return known[pick(visit, "place", visit.words.say("Place"), sorted(known, key=_natural), first)]


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts house numbers as numbers."""
    return [(int(part), "") if part.isdecimal() else (0, part.casefold()) for part in re.split(r"(\d+)", name)]


def pick_direction(visit: Visit, place: Place) -> str:
    """Let the reader choose a direction of a place, or all of them."""
    words = visit.words
    texts = {BOTH: words.say("Both directions") if len(place.counters) == 2 else words.say("All directions")}
    if len(place.counters) > 1:
        texts |= {name.lower(): name or words.say("Without direction") for name in place.counters}
    by_text = {name.lower(): name for name in place.counters}
    return by_text.get(pick(visit, "direction", words.say("Direction"), texts, BOTH), BOTH)


def choose_on_map(selection: Any) -> None:
    """Take over the place that the reader clicked on the map."""
    points = selection.get("place", [])
    if points:
        change(st.session_state, "place", points[0]["name"])


def list_places(words: Words, city: pd.DataFrame) -> None:
    """Show the places as a list that can be searched and chosen from by keyboard, as the map can by a click."""
    value = "probability" if "probability" in city else "bikes"
    table = city.sort_values(value, ascending=False)

    def choose() -> None:
        rows = st.session_state["place-list"]["selection"]["rows"]
        if rows:
            change(st.session_state, "place", st.session_state[_LISTED][rows[0]])

    st.session_state[_LISTED] = list(table["name"])
    shown = pd.DataFrame({words.say("Place"): table["name"]})
    if value == "probability":
        shown[words.say("Busy")] = [words.percent(chance) for chance in table[value]]
    else:
        shown[words.say("Bikes")] = [words.number(bikes) for bikes in table[value]]
    if "usual" in table:
        shown[words.say("Usually")] = ["" if pd.isna(bikes) else words.number(bikes) for bikes in table["usual"]]
    st.dataframe(
        shown,
        hide_index=True,
        width="stretch",
        height=400,
        key="place-list",
        on_select=choose,
        selection_mode="single-row",
    )


def busiest(known: Mapping[str, Place], counters: Mapping[str, Counter]) -> str:
    """Return the name of the place with most bikes in training."""
    means = {
        name: sum(counters[counter].mean for counter in place.counters.values() if counter in counters)
        for name, place in known.items()
    }
    return max(means, key=lambda name: means[name])
