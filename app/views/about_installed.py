"""What is installed, and with which settings the app runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from bike_traffic.app import state
from bike_traffic.app.views.parts import date_of, model_title
from bike_traffic.app.words import Words, plain
from bike_traffic.config import SCHEME_OF
from bike_traffic.inspection import shown_settings

if TYPE_CHECKING:
    from bike_traffic.registry.records import ModelRecord

LIBRARIES = ("numpy", "pandas", "scikit-learn", "streamlit", "babel", "uvicorn", "tensorflow")


def show(words: Words, record: ModelRecord | None) -> None:
    """Show versions, plugins and settings."""
    _show_versions(words, record)
    _show_plugins(words)
    _show_settings(words)


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
        words.say("From"): [_in_words(words, one.source) for one in settings],
    }
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    st.caption(words.say("Passwords and tokens in addresses, keys and credentials are not shown."))


def _value(words: Words, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return words.say("yes") if value else words.say("no")
    return _in_words(words, str(value))


def _in_words(words: Words, text: str) -> str:
    """Return what `shown_settings` says instead of a name, in the reader's language; a name is left as it is."""
    if text.startswith(SCHEME_OF):
        return words.say("the scheme of {setting}", setting=text.removeprefix(SCHEME_OF))
    said = {
        "default": words.say("default"),
        "not set": words.say("not set"),
        "all": words.say("all"),
        "built-ins only": words.say("built-ins only"),
        "the server's": words.say("the server's"),
    }
    return said.get(text, text)
