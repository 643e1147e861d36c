"""An unexpected error: a number on the page, and in the log its kind and place under this number."""

from __future__ import annotations

import logging
import traceback
import uuid
from pathlib import Path

import streamlit as st

from bike_traffic.app.words import Words, plain, words_of

logger = logging.getLogger("bike_traffic.app")


def show_failure(error: Exception, words: Words) -> None:
    """Log an unexpected error and show its number."""
    number = log_failure(error)
    text = words.say(
        "Something unexpected happened. Tell the people who run this app the number {number}.", number=number
    )
    st.error(plain(text))


def log_failure(error: Exception) -> str:
    """Log the kind of an error and where it was raised, and return its number.

    Its message stays out of the log: it may hold a secret, such as an address with a password.
    """
    number = uuid.uuid4().hex[:8]
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    logger.error("unexpected error %s: %s at %s", number, type(error).__name__, places)
    return number


def report(error: Exception) -> bool:
    """Treat an error of a callback, in which no page is, in the same way."""
    show_failure(error, words_of("en" if st.query_params.get("lang") == "en" else "fr"))
    return True


def hide_messages() -> None:
    """Keep Streamlit from logging the messages of errors that `report` gets."""
    logging.getLogger("streamlit.error_util").addFilter(lambda record: record.exc_info is None)
