"""Which counter is broken, was yesterday unusual, and how good was the forecast?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from bike_traffic.app import forecasts, mornings, state
from bike_traffic.app.charts.day import day_chart
from bike_traffic.app.charts.like_days import like_days_chart
from bike_traffic.app.morning import Morning, Verdict, ended, like_days, place_of_counter, to_check
from bike_traffic.app.views import faults, places
from bike_traffic.app.views.parts import pick, pick_day, pick_model, show_chart, show_error, show_figure, theme
from bike_traffic.app.views.states_table import list_states, table_of_states
from bike_traffic.app.words import Words, plain
from bike_traffic.columns import COUNTER
from bike_traffic.errors import BikeTrafficError

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.loading import LoadedModel


def show(visit: Visit) -> None:
    """Show the page."""
    words = visit.words
    when, by_what, _ = st.columns([2, 2, 3])
    loaded, problem = None, None
    with by_what:
        try:
            loaded = state.model(pick_model(visit).record.run_id)
        except BikeTrafficError as error:
            problem = error
    with st.spinner(words.say("Reading the counts…")):
        days = mornings.days_of_counts()
    if days is None:
        _show_without_counts(visit, loaded)
    else:
        with when:
            day = pick_day(visit, words.say("Day"), days[1])
        st.caption(faults.counts_in_words(words, days, sample=mornings.counts_of_sample()))
        if days[0] <= day <= days[1]:
            _show_day(visit, day, loaded)
        else:
            st.warning(words.say("There are no counts of this day."))
    if problem is not None:
        show_error(words, problem)


def _show_day(visit: Visit, day: pd.Timestamp, loaded: LoadedModel | None) -> None:
    words = visit.words
    with st.spinner(words.say("Looking at each counter…")):
        run, note = _forecaster(words, loaded, day)
        morning, found = mornings.morning(day), mornings.states_of(day, run)
    with visit.head:
        st.subheader(faults.morning_in_words(words, morning, found), anchor=False)
    _show_figures(words, morning, found, mornings.verdict_of(day, run))
    st.caption(note)
    table = st.container()
    counter = pick(visit, "counter", words.say("Counter"), faults.options(found), found[COUNTER].iloc[0])
    told = faults.counter_in_words(words, found, counter, forecast=run is not None)
    with table:
        list_states(
            words,
            table_of_states(words, morning, found, forecast=run is not None),
            found,
            counter,
            f"{day:%Y-%m-%d}",
        )
    st.markdown(words.say("{counter}: {state}", counter=f"**{plain(counter)}**", state=told))
    if why := faults.exchange_in_words(words, morning, found, counter):
        st.caption(why)
    show_chart(day_chart(mornings.hours_of(day, run, counter), words, theme()), words, "counter-chart")
    _link_to_tomorrow(visit, loaded, counter, day)
    if morning.city is not None and morning.city.others:
        st.markdown(f"**{faults.title_of_like_days(words, morning.city)}**")
        city = morning.city
        chart = like_days_chart(like_days(city), words, theme(), middle=city.middle, others=len(city.others))
        show_chart(chart, words, "like-days-chart")
        st.caption(words.say("Each day is compared on the counters that counted on both days."))


def _forecaster(words: Words, loaded: LoadedModel | None, day: pd.Timestamp) -> tuple[str | None, str]:
    """Return the run whose model forecasts a day that it does not know, else ``None``, and a line about it."""
    if loaded is None:
        return None, words.say("Without a model the counts are compared with what was usual.")
    reason = faults.why_no_forecast(words, loaded, day)
    if reason:
        return None, reason
    try:
        forecasts.forecast(loaded.record.run_id, day, 1)
    except BikeTrafficError as error:  # such as no counts before the day, which `ahead` needs
        return None, plain(words.error(error))
    return loaded.record.run_id, faults.forecast_in_words(words, loaded, day)


def _show_figures(words: Words, morning: Morning, found: pd.DataFrame, judged: Verdict | None) -> None:
    """Show the total, the forecast of it, and how many counters are to be checked."""
    total, predicted, check = st.columns(3)
    city = morning.city
    if city is not None:
        against = faults.against_like_days(words, city)
        show_figure(total, words.say("Bikes in the city"), words.number(city.total), against)
        counters = {"count": words.number(city.counters), "all": words.number(len(found))}
        total.caption(words.say("Counted by {count} of {all} counters.", **counters))
    if judged is not None:
        change = words.change(judged.counted / max(judged.predicted, 1.0) - 1)
        told = words.say("{bikes} counted ({change})", bikes=words.number(judged.counted), change=change)
        show_figure(predicted, words.say("Bikes in the forecast"), words.number(judged.predicted), told)
        predicted.caption(faults.verdict_in_words(words, judged))
    several = words.say("{count} of {all}", count=words.number(to_check(found)), all=words.number(len(found)))
    show_figure(check, words.say("Counters to check"), several, faults.troubles_in_words(words, found))


def _link_to_tomorrow(visit: Visit, loaded: LoadedModel | None, counter: str, day: pd.Timestamp) -> None:
    """Offer the same place and day on the page that shows a week and the map."""
    where = None if loaded is None else place_of_counter(places.of_model(loaded), counter)
    if where is not None:
        query = visit.address.link(place=where[0], direction=where[1].lower() or None, day=f"{day:%Y-%m-%d}")
        label = visit.words.say("The week of this place, and the map")
        st.page_link(visit.pages["tomorrow"], label=label, query_params=query)


def _show_without_counts(visit: Visit, loaded: LoadedModel | None) -> None:
    """Say what to set, and what a registry alone tells about its counters."""
    words = visit.words
    with visit.head:
        st.subheader(words.say("Without counts nobody can say which counters are broken"), anchor=False)
    st.info(words.say("Start the app with the counts, a file or an address that is kept up to date:"))
    st.code("bt app --data https://…/comptage-velo-donnees-compteurs.csv", language=None)
    known = {} if loaded is None else loaded.references.counters
    if known:
        st.markdown(words.say("What the model knows: when its counters began and ended in its training."))
        st.dataframe(faults.table_of_ended(words, ended(known)), hide_index=True, width="stretch")
