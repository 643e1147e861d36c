"""What several pages show: the choice of place, day and model, charts with their table, errors."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from bike_traffic.app import state
from bike_traffic.app.address import change
from bike_traffic.app.charts.theme import DARK, LIGHT, Theme
from bike_traffic.app.leaderboard import RANKING
from bike_traffic.app.words import Words, plain
from bike_traffic.errors import BikeTrafficError
from bike_traffic.registry.records import parse_time

if TYPE_CHECKING:
    from bike_traffic.app.charts.chart import Chart
    from bike_traffic.app.views import Visit


def show_error(words: Words, error: BikeTrafficError) -> None:
    """Show an expected error in the reader's language; nothing of it can be a link or a picture."""
    st.error(plain(words.error(error)))


def theme() -> Theme:
    """Return the colours of the reader's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def show_chart(chart: Chart, words: Words, key: str, *, on_select: Callable[[Any], None] | None = None) -> None:
    """Show a chart with its alternative text, and below it the same as a table.

    Parameters
    ----------
    on_select : called with the selections of the chart, by name, when the reader clicked; before the next rerun.
    """

    def selected() -> None:
        if on_select is not None:
            on_select(st.session_state[key]["selection"])

    if on_select is None:
        st.vega_lite_chart(chart.spec, theme=None, key=key, alt=chart.alt, width="stretch")
    else:
        st.vega_lite_chart(chart.spec, theme=None, key=key, alt=chart.alt, width="stretch", on_select=selected)
    with st.expander(words.say("As a table")):
        st.dataframe(chart.table, hide_index=True, width="stretch")


def show_figure(column: Any, label: str, value: str, beside: str | None = None) -> None:
    """Show a number in a column, and in small what is to be said beside it."""
    column.metric(label, value, beside or None, delta_color="off", delta_arrow="off")


def pick(
    visit: Visit,
    name: str,
    label: str,
    options: Mapping[str, str] | Sequence[str],
    default: str,
    *,
    widget: Callable[..., Any] = st.selectbox,
    **how: Any,
) -> str:
    """Let the reader choose one of some options, and return it; the choice is a parameter of the address.

    Parameters
    ----------
    name : of the parameter.
    options : what the parameter can be, with the text of each option if that is another one.
    """
    texts = dict(options) if isinstance(options, Mapping) else {option: option for option in options}
    key = f"pick-{name}"

    def choose() -> None:
        chosen = st.session_state[key]
        change(st.session_state, name, None if chosen == default else chosen)

    st.session_state[key] = visit.address.one_of(name, {option: option for option in texts}, default)
    chosen: str = widget(label, list(texts), format_func=texts.__getitem__, key=key, on_change=choose, **how)
    return chosen


def pick_day(visit: Visit, label: str, default: pd.Timestamp, *, name: str = "day") -> pd.Timestamp:
    """Let the reader choose a day, and return its start in the city."""
    key = f"pick-{name}"

    def choose() -> None:
        chosen = st.session_state[key]
        change(st.session_state, name, None if chosen in (None, default.date()) else f"{chosen:%Y-%m-%d}")

    st.session_state[key] = visit.address.read(name, _day, default).date()
    chosen: datetime.date | None = st.date_input(label, key=key, on_change=choose, format="DD/MM/YYYY")
    return default if chosen is None else pd.Timestamp(chosen, tz=state.zone())


def _day(text: str) -> pd.Timestamp | None:
    try:
        day = pd.Timestamp(datetime.date.fromisoformat(text), tz=state.zone())
    except ValueError:
        return None
    return day if 2000 <= day.year < 2100 else None


def model_name(words: Words, name: str) -> str:
    """Return what a pipeline is called in the app, as text for lists and cells; see `model_title`."""
    titles = {
        "rf": words.say("Random Forest"),
        "nn": words.say("Neural Net"),
        "rf_class": words.say("RF Classifier (busy hours)"),
        "ahead": words.say("Ahead (1 to 7 days)"),
    }
    return titles.get(name, name)


def model_title(words: Words, name: str) -> str:
    """Return what a pipeline is called in the app, for Markdown; one of a third party has its own name."""
    return plain(model_name(words, name))


def pick_flag(visit: Visit, name: str, label: str, *, help: str | None = None) -> bool:  # noqa: A002
    """Let the reader switch something on, and return whether it is; the choice is a parameter of the address."""
    key = f"pick-{name}"

    def choose() -> None:
        change(st.session_state, name, "1" if st.session_state[key] else None)

    st.session_state[key] = visit.address.one_of(name, {"1": True}, default=False)
    return bool(st.toggle(label, key=key, on_change=choose, help=help))


def pick_model(visit: Visit) -> state.Chosen:
    """Let the reader choose a model, and return its record; raise `NoRecord` if there is none."""
    return state.choose(pick_choice(visit))


def pick_choice(visit: Visit) -> state.Choice:
    """Let the reader choose a model, and return the choice, for which there may be no record.

    The environment, test mode and the metric that decides, which the page of the models sets, count here too.
    """
    words = visit.words
    names = sorted({record.model_type for record in state.registry().records})
    texts = {"best": words.say("The best")} | {name: model_name(words, name) for name in names}
    name = pick(visit, "model", words.say("Model"), texts, "best")
    return state.Choice(
        model=None if name == "best" else name,
        metric=visit.address.one_of("metric", {metric: metric for metric in RANKING}, None),
        env=visit.address.one_of("env", {"dev": "dev", "prod": "prod"}, None),
        test_mode=visit.address.one_of("test", {"1": True}, default=False),
    )


def date_of(record_time: str) -> pd.Timestamp:
    """Return the time of a record in the city."""
    return pd.Timestamp(parse_time(record_time)).tz_convert(state.zone())
