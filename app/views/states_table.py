"""The table of the counters, the worst first, from which one is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from bike_traffic.app.address import change
from bike_traffic.app.morning import to_check
from bike_traffic.app.views.faults import since_in_words, state_in_words
from bike_traffic.app.words import Words
from bike_traffic.columns import COUNT, COUNTER
from bike_traffic.monitoring.states import FACTOR, MISSING, PREDICTED, SINCE, STATE, USUAL

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

    from bike_traffic.app.morning import Morning

_LISTED, _CHOSEN, _FIRST = "states-listed", "states-chosen", "states-first"
ROWS, ROW_HEIGHT = 12, 35
"""How many rows are seen at once, and the pixels of one."""
STATE_WIDTH, COUNTER_WIDTH = 165, 275
"""Pixels: both are read whole, on a phone the state and the street."""


def list_states(words: Words, table: pd.DataFrame, found: pd.DataFrame, counter: str, day: str) -> None:
    """Show the counters, the worst first; a row can be chosen by a click or by keyboard."""
    session = st.session_state
    names = list(found[COUNTER])

    def choose() -> None:
        rows = session[session[_LISTED][0]]["selection"]["rows"]
        if rows:
            session[_CHOSEN] = session[_LISTED][1][rows[0]]
            change(session, "counter", session[_CHOSEN])

    if session.get(_CHOSEN) != counter:  # by another way than the table: it is drawn anew, with the row selected
        session[_CHOSEN] = session[_FIRST] = counter
    first = session[_FIRST] if session.get(_FIRST) in names else counter
    key = f"states-{day}-{first}"
    session[_LISTED] = (key, names)
    head = headers(words)
    st.dataframe(
        _formatted(words, table),
        hide_index=True,
        width="stretch",
        height=(min(len(table), ROWS) + 1) * ROW_HEIGHT + 3,
        key=key,
        on_select=choose,
        selection_mode="single-row",
        selection_default={"selection": {"rows": [names.index(first)]}},
        column_config={
            head["state"]: st.column_config.TextColumn(width=STATE_WIDTH),
            head["counter"]: st.column_config.TextColumn(width=COUNTER_WIDTH),
            head["factor"]: st.column_config.NumberColumn(
                help=words.say("Counted over expected, against the others")
            ),
            head["missing"]: st.column_config.NumberColumn(help=words.say("Of the last 7 days")),
            head["days"]: st.column_config.LineChartColumn(y_min=0),
        },
        placeholder="–",
        alt=_say_table(words, found),
    )


def headers(words: Words) -> dict[str, str]:
    """Return the header of each column of the table."""
    return {
        "state": words.say("State"),
        "counter": words.say("Counter"),
        "since": words.say("Since"),
        "count": words.say("Counted"),
        "forecast": words.say("Forecast"),
        "usual": words.say("Usual"),
        "factor": words.say("Against the others"),
        "missing": words.say("Hours missing"),
        "days": words.say("Last 28 days"),
    }


def table_of_states(words: Words, morning: Morning, found: pd.DataFrame, *, forecast: bool) -> pd.DataFrame:
    """Return the table of the page, a row a counter, under `headers`.

    Numbers are numbers, so that a reader can sort by them. A day without an hour is drawn as zero: Streamlit draws no
    line with a gap.

    Parameters
    ----------
    forecast : whether the counts are compared with a forecast.
    """
    recent = morning.recent.reindex(columns=found[COUNTER])
    columns: dict[str, Any] = {
        "state": [state_in_words(words, state, forecast=forecast) for state in found[STATE]],
        "counter": found[COUNTER].astype("str"),
        "since": [since_in_words(words, *row) for row in zip(found[STATE], found[SINCE], strict=True)],
        "count": found[COUNT],
        "forecast": found[PREDICTED].round(),
        "usual": found[USUAL].round(),
        "factor": found[FACTOR].round(2),
        "missing": found[MISSING],
        "days": [recent[name].fillna(0.0).tolist() for name in recent],
    }
    if not forecast:
        del columns["forecast"]
    head = headers(words)
    return pd.DataFrame({head[name]: values for name, values in columns.items()})


def _formatted(words: Words, table: pd.DataFrame) -> Styler:
    """Return a table of states whose numbers are written in the reader's form, and stay numbers."""
    head = headers(words)
    forms: dict[str, Callable[[Any], str]] = {head["factor"]: lambda value: f"×{words.number(value, 2)}"}
    for name in ("count", "forecast", "usual", "missing"):
        if head[name] in table:
            forms[head[name]] = words.number
    return table.style.format(forms, na_rep="")  # type: ignore[arg-type]  # a key may be any of the headers


def _say_table(words: Words, found: pd.DataFrame) -> str:
    """Return what the table says, for those who cannot see it."""
    number = to_check(found)
    if not number:
        return words.say("All counters count.")
    return words.say("To check: {names}", names="; ".join(found[COUNTER].head(min(number, 5))))
