"""Where do the numbers come from, and what happens to mine?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from bike_traffic.addresses import shown
from bike_traffic.app import state
from bike_traffic.app.views import about_installed, about_texts
from bike_traffic.app.views.parts import date_of, show_error
from bike_traffic.app.words import Words, plain
from bike_traffic.config import SAMPLE
from bike_traffic.errors import BikeTrafficError

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.registry.records import ModelRecord


def show(visit: Visit) -> None:
    """Show the page."""
    words = visit.words
    record = None
    try:
        record = state.choose(state.Choice()).record
    except BikeTrafficError as error:
        show_error(words, error)
    with visit.head:
        st.subheader(_first_sentence(words, record), anchor=False)
    _say_source(words, record)
    _say_store(words)
    st.subheader(words.say("How a forecast is made"), anchor=False)
    st.markdown(about_texts.how_it_is_made(words))
    st.write(about_texts.sketch(words))
    st.subheader(words.say("What this app keeps"), anchor=False)
    st.markdown(about_texts.what_is_kept(words))
    about_installed.show(words, record)


def _first_sentence(words: Words, record: ModelRecord | None) -> str:
    if record is None:
        return words.say("Forecasts of bikes at counters; no model can be used yet")
    data = record.data
    counters = data.counters if data is not None else None
    if data is not None and data.source == SAMPLE:
        return words.say("A demonstration: the forecasts are learned from invented counts")
    if record.known_until is None or counters is None:
        return words.say("Forecasts of bikes at counters, learned from past counts")
    return words.say(
        "Forecasts learned from the counts of {counters} counters, the newest of {date}",
        counters=words.number(counters),
        date=words.date(date_of(record.known_until)),
    )


def _say_source(words: Words, record: ModelRecord | None) -> None:
    st.subheader(words.say("The counts"), anchor=False)
    source = record.data.source if record is not None and record.data is not None else None
    if source == SAMPLE:
        st.write(
            words.say(
                "The best model has learned from the sample that bike-traffic generates: its streets, counters and "
                "counts are invented, and nobody's licence applies."
            )
        )
        return
    if source is not None:
        st.write(words.say("The best model has learned from:"))
        st.text(shown(source))
    st.write(about_texts.licence(words))
    if record is not None and record.known_until is not None:
        newest = date_of(record.known_until)
        st.write(words.say("The newest count that this model knows: {moment}.", moment=words.moment(newest)))


def _say_store(words: Words) -> None:
    store = state.store()
    if store is None or store.last_hour is None:
        return
    newest = pd.Timestamp(store.last_hour).tz_convert(state.zone())
    st.write(
        words.plural(
            "The counts shown were fetched: {months} month, the newest hour {moment}.",
            "The counts shown were fetched: {months} months, the newest hour {moment}.",
            len(store.months),
            months=words.number(len(store.months)),
            moment=words.moment(newest),
        )
    )
    if store.licence:
        st.write(words.say("Their licence, as the portal says it: {licence}.", licence=plain(store.licence)))
    if store.missing:
        st.write(words.say("Months that are missing: {months}.", months=", ".join(store.missing)))
