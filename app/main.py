"""The app: its pages and the language switch. Streamlit runs this file at every interaction."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from bike_traffic.app.address import Address, change
from bike_traffic.app.failures import show_failure
from bike_traffic.app.views import PAGES, AppPage, Visit
from bike_traffic.app.views.parts import show_error
from bike_traffic.app.words import LANGUAGES, Words, plain, words_of
from bike_traffic.errors import BikeTrafficError

HEAD_WIDTH = 900
"""Pixels; where less than that is free, as on a phone, the language switch goes below the first sentence."""


def main() -> None:
    """Show the page that the address names, in its language."""
    st.set_page_config(page_title="bike-traffic", page_icon="🚲", layout="wide")
    address = Address(st.query_params, st.session_state)
    words = words_of(address.one_of("lang", {language: language for language in LANGUAGES}, "fr"))
    visit = Visit(words, address)
    visit.pages = {
        page.path: st.Page(
            _runner(page, visit), title=page.title(words), url_path=page.path, default=page is PAGES[0]
        )
        for page in PAGES
    }
    page = st.navigation(list(visit.pages.values()), position="top")
    with st.container(horizontal=True, vertical_alignment="center"):
        visit.head = st.container(width=HEAD_WIDTH)
        _switch_language(words)
    dropped = st.container()
    try:
        page.run()
    except BikeTrafficError as error:
        show_error(words, error)
    except Exception as error:
        show_failure(error, words)
    with dropped:
        _say_what_was_dropped(words, address)
    address.write()


def _runner(page: AppPage, visit: Visit) -> Callable[[], None]:
    def run() -> None:
        page.show(visit)

    run.__name__ = page.path  # by which Streamlit tells pages apart
    return run


def _switch_language(words: Words) -> None:
    """Offer the languages where a phone shows them too."""

    def choose() -> None:
        chosen = st.session_state["language"]
        change(st.session_state, "lang", None if chosen == "fr" else chosen)

    st.session_state["language"] = words.language
    st.segmented_control(
        words.say("Language"),
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        key="language",
        on_change=choose,
        label_visibility="collapsed",
        required=True,
        width="content",
    )


def _say_what_was_dropped(words: Words, address: Address) -> None:
    for name, value in address.dropped.items():
        st.warning(
            words.say(
                "The link asks for something that is not here: {name} = {value}. The default is shown.",
                name=plain(name),
                value=plain(value[:80]),
            )
        )


if __name__ == "__main__":
    main()
