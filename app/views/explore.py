"""What happened at a place or in the city: was that day a record, and compared with what?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from bike_traffic.app import state
from bike_traffic.app.glances import (
    LIKE_DAYS,
    MAP,
    OF_A_PERIOD,
    OF_PLACES,
    RANKING,
    SHOWS,
    Asked,
    Glance,
    Picture,
    glance,
)
from bike_traffic.app.history import LAST_MONTHS, History
from bike_traffic.app.mornings import counts_of_sample
from bike_traffic.app.outlook import Spot
from bike_traffic.app.views.parts import pick, pick_day, show_chart, theme
from bike_traffic.app.views.places import are_located, choose_on_map, pick_direction
from bike_traffic.places import places_of

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.app.words import Words
    from bike_traffic.places import Place

CITY = "all"
"""The place that is all of them."""
PLACE_WIDTH = 420
"""Pixels; a phone has no room for another choice beside it."""


def show(visit: Visit) -> None:
    """Show the page."""
    words = visit.words
    with st.spinner(words.say("Reading the counts …")):
        history = state.history()
    if history is None or history.days.empty:
        _say_what_to_set(visit, configured=history is not None)
        return
    known = places_of(history.counters)
    asked = _ask(visit, history, known)
    spot = None if asked.spot is None else asked.spot.name
    key = (asked.show, asked.place, spot, f"{asked.span}", f"{asked.day:%Y-%m-%d}")
    with st.spinner(words.say("Adding up …")):
        seen = state.kept(
            ("explore", words.language, theme().background, state.counts_version(), *key),
            lambda: glance(history, known, asked, words, theme()),
        )
    with visit.head:
        st.subheader(seen.sentence, anchor=False)
    if counts_of_sample():
        st.info(words.say("These counts are of the generated sample: streets and counts are invented."))
    _show(visit, asked, seen)


def _ask(visit: Visit, history: History, known: Mapping[str, Place]) -> Asked:
    """Let the reader choose what to see, where, and when."""
    words = visit.words
    titles = _titles(words)
    if not are_located(known):
        del titles[MAP]
    what = pick(visit, "show", words.say("See"), titles, LIKE_DAYS, widget=st.segmented_control, required=True)
    row = st.container(horizontal=True)  # some of the choices are not there: they leave no gap
    with row:
        names = {CITY: words.say("The whole city"), **{name: name for name in known}}
        place = known.get(pick(visit, "place", words.say("Place"), names, CITY, width=PLACE_WIDTH))
    spot = None if place is None else Spot(place.name, tuple(place.counters.values()))
    if place is not None and what not in OF_PLACES:
        with row:
            spot = Spot.of(place, pick_direction(visit, place))
    periods = history.periods()
    with row:
        newest = history.newest(history.names if spot is None else spot.counters)
        day = pd.Timestamp(newest or history.days.index[-1], tz=history.zone)
        chosen = LAST_MONTHS
        if what == LIKE_DAYS:
            day = pick_day(visit, words.say("Day"), day)
        elif what in OF_A_PERIOD:
            texts = {name: words.say("Last twelve months") if name == LAST_MONTHS else name for name in periods}
            chosen = pick(visit, "period", words.say("Period"), texts, LAST_MONTHS)
    return Asked(what, spot, None if place is None else place.name, periods[chosen], day)


def _titles(words: Words) -> dict[str, str]:
    """Return what a reader can see, in the order of `SHOWS`."""
    titles = (
        words.say("One day"),
        words.say("Hours of the week"),
        words.say("Calendar"),
        words.say("Months"),
        words.say("Records"),
        words.say("Ranking"),
        words.say("Map"),
    )
    return dict(zip(SHOWS, titles, strict=True))


def _show(visit: Visit, asked: Asked, seen: Glance) -> None:
    """Show the pictures with what they are based on, and offer their rows as files."""
    words = visit.words
    for picture in seen.pictures:
        key = f"explore-{picture.name}"
        if picture.chart is None:
            st.dataframe(picture.table, hide_index=True, width="stretch", height="content")
        else:
            on_select = choose_on_map if asked.show in (RANKING, MAP) else None
            show_chart(picture.chart, words, key, on_select=on_select)
        st.download_button(
            words.say("Download as CSV"),
            picture.csv,
            file_name=_file_name(asked, picture),
            mime="text/csv",
            key=f"{key}-csv",
            on_click="ignore",
        )
    for note in seen.notes:
        st.caption(note)


def _file_name(asked: Asked, picture: Picture) -> str:
    """Return a name that tells files apart: what, where and when, in letters that every system takes."""
    where = "city" if asked.spot is None or asked.show in OF_PLACES else asked.spot.name
    span = f"{asked.span.first:%Y-%m-%d}_{asked.span.last:%Y-%m-%d}" if asked.show in OF_A_PERIOD else ""
    when = f"{asked.day:%Y-%m-%d}" if asked.show == LIKE_DAYS else span
    parts = [picture.name, "-".join("".join(c if c.isalnum() else " " for c in where).split()), when]
    return "_".join(part for part in parts if part) + ".csv"


def _say_what_to_set(visit: Visit, *, configured: bool) -> None:
    """Say what the page needs."""
    words = visit.words
    with visit.head:
        st.subheader(words.say("Without counts there is nothing to explore"), anchor=False)
    if configured:
        st.info(words.say("The configured counts have no whole day of any counter."))
        return
    st.info(words.say("Start the app with the counts, a file or an address that is kept up to date:"))
    st.code("bt app --data https://…/comptage-velo-donnees-compteurs.csv", language=None)
