"""The file that a reader without one can take: the coming hours of places."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from bike_traffic.app import forecasts
from bike_traffic.app.batch import hours_to_predict
from bike_traffic.app.views import places
from bike_traffic.app.views.parts import pick, pick_day

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.loading import LoadedModel

ALL_PLACES = "all"
DAYS = ("1", "2", "7", "14", "31")


def offer_coming_hours(visit: Visit, loaded: LoadedModel) -> None:
    """Offer a file of the hours of some days, at a place or all, as the City would publish them."""
    words = visit.words
    known = places.of_model(loaded)
    with st.expander(words.say("No file at hand? Take one of coming hours, and predict it")):
        where, when, how_long = st.columns(3)
        with where:
            texts = {ALL_PLACES: words.say("All places"), **{name: name for name in known}}
            name = pick(visit, "place", words.say("Place"), texts, ALL_PLACES)
        with when:
            day = pick_day(visit, words.say("First day"), forecasts.first_day(loaded))
        with how_long:
            days = pick(visit, "days", words.say("Days"), DAYS, DAYS[0])
        chosen = list(known.values()) if name == ALL_PLACES else [known[name]]
        counters = {counter: place for place in chosen for counter in place.counters.values()}
        make = partial(hours_to_predict, counters, day, int(days))
        st.download_button(words.say("Download the file"), make, "hours.csv", "text/csv", on_click="ignore")
