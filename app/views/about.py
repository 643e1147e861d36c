"""Where do the numbers come from, and what happens to mine?"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from bike_traffic.addresses import shown
from bike_traffic.app import state
from bike_traffic.app.views import about_texts
from bike_traffic.app.views.parts import date_of, model_title, show_error
from bike_traffic.app.words import Words, plain
from bike_traffic.config import SAMPLE
from bike_traffic.errors import BikeTrafficError
from bike_traffic.inspection import shown_settings

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.registry.records import ModelRecord

LIBRARIES = ("numpy", "pandas", "scikit-learn", "streamlit", "babel", "uvicorn", "tensorflow")


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
    _show_versions(words, record)
    _show_plugins(words)
    _show_settings(words)


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


def _show_versions(words: Words, record: ModelRecord | None) -> None:
    st.subheader(words.say("Versions"), anchor=False)
    names = ("bike-traffic", *LIBRARIES)
    rows = [(name, found) for name in names if (found := _version(name)) is not None]
    table = {words.say("Package"): [name for name, _ in rows], words.say("Version"): [found for _, found in rows]}
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    if record is not None:
        plugin = record.plugin
        unknown = words.say("an unknown version")
        package = unknown if plugin is None else f"{plugin.distribution} {plugin.version}"
        st.write(
            words.say(
                "The best model: {model}, run {run}, trained on {date} by {package}.",
                model=model_title(words, record.model_type),
                run=plain(record.run_id[:8]),
                date=words.date(date_of(record.timestamp), "medium"),
                package=plain(package),
            )
        )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _show_plugins(words: Words) -> None:
    host = state.workspace().plugins
    st.subheader(words.say("Plugins"), anchor=False)
    for source in dict.fromkeys(source.distribution + " " + source.version for source in host.sources):
        st.text(source)
    if not host.failures:
        st.write(words.say("No plugin has failed."))
    for failure in host.failures:
        st.error(
            words.say("The plugin {plugin} could not be used; `bt plugins` says more.", plugin=plain(failure.source))
        )
        st.text(str(failure))


def _show_settings(words: Words) -> None:
    st.subheader(words.say("Settings"), anchor=False)
    settings = shown_settings(state.workspace())
    table = {
        words.say("Setting"): [one.name for one in settings],
        words.say("Value"): [_value(words, one.value) for one in settings],
        words.say("From"): [one.source for one in settings],
    }
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    st.caption(words.say("Passwords and tokens in addresses, keys and credentials are not shown."))


def _value(words: Words, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return words.say("yes") if value else words.say("no")
    return str(value)
