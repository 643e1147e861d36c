"""How many bikes tomorrow, here, and is that unusual?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from bike_traffic.app import forecasts, state
from bike_traffic.app.address import change
from bike_traffic.app.charts.day import day_chart
from bike_traffic.app.charts.map import map_chart
from bike_traffic.app.charts.week import week_chart
from bike_traffic.app.outlook import Outlook, Spot, outlook
from bike_traffic.app.views import places, sentences
from bike_traffic.app.views.parts import pick, pick_day, pick_model, show_chart, show_figure, theme
from bike_traffic.forecasting import tomorrow

if TYPE_CHECKING:
    from bike_traffic.app.charts.chart import Chart
    from bike_traffic.app.views import Visit
    from bike_traffic.app.words import Words

MAP_HEIGHT = 280
"""Pixels: a phone must show more than the map."""
WEEK = pd.DateOffset(days=7)


def show(visit: Visit) -> None:
    """Show the page."""
    words = visit.words
    where, which_way, when, at_hour, by_what = st.columns([3, 2, 2, 1.2, 2])
    with by_what:
        chosen = pick_model(visit)
    record = chosen.record
    loaded = state.model(record.run_id)
    known = places.of_model(loaded)
    with where:
        place = places.pick_place(visit, known, places.busiest(known, loaded.references.counters))
    with which_way:
        direction = places.pick_direction(visit, place)
    first = forecasts.first_day(loaded)
    with when:
        day = pick_day(visit, words.say("Day"), first)

    spot = Spot.of(place, direction)
    start = first if first <= day < first + WEEK else day - pd.DateOffset(days=day.weekday())
    key = (record.run_id, spot.name, f"{day:%Y-%m-%d}", f"{start:%Y-%m-%d}", state.counts_version())

    def look() -> Outlook:
        with st.spinner(words.say("Computing the forecast …")):
            rows, city = forecasts.forecast_around(record.run_id, day, start, 7, spot.counters)
            counts = state.counts_between(start, start + WEEK, record)
            return outlook(rows, city, known, place, direction, day, loaded.references.usual, counts)

    seen = state.kept(("outlook", *key), look)
    with at_hour:
        hour = _pick_hour(visit, seen.today)
    with visit.head:
        st.subheader(sentences.day_in_words(words, day, spot, seen.today), anchor=False)
    _say_how_old(visit, chosen, day, first, forecasts.newest_known(loaded))
    _show_figures(words, seen.today, hour)
    how = (words.language, theme().background, *key)
    charts = state.kept(("tomorrow", *how), lambda: _draw(seen, words))
    of_day = state.kept(("hours", str(hour), *how), lambda: day_chart(seen.today, words, theme(), chosen=hour))
    show_chart(of_day, words, "day-chart")
    busy = "probability" in seen.today
    explained = sentences.busy_in_words(words, loaded, spot) if busy else sentences.usual_in_words(words, loaded)
    for text in (explained, sentences.model_in_words(words, loaded, spot)):
        if text is not None:
            st.caption(text)
    # With the choice in their keys, charts whose marks are chosen forget it as soon as it is another one.
    show_chart(charts[1], words, f"week-chart-{day:%Y-%m-%d}", on_select=_choose_day)
    if not places.are_located(known):
        places.list_places(words, seen.city)
        return
    left, right = st.columns(2)
    with left:
        show_chart(charts[0], words, f"map-chart-{place.name}", on_select=places.choose_on_map)
    with right:
        places.list_places(words, seen.city)


def _draw(seen: Outlook, words: Words) -> list[Chart]:
    """Return the charts of the city, and of the week."""
    return [map_chart(seen.city, words, theme(), height=MAP_HEIGHT), week_chart(seen.week, words, theme())]


def _say_how_old(
    visit: Visit, chosen: state.Chosen, day: pd.Timestamp, first: pd.Timestamp, newest: pd.Timestamp | None
) -> None:
    words = visit.words
    if newest is not None and first < (coming := tomorrow(state.zone())):
        st.caption(sentences.ended_in_words(words, newest, coming))
    if chosen.sample:
        st.info(words.say("This model was trained on the generated sample: streets and counts are invented."))
    age = sentences.age_in_words(words, chosen.record, newest, day)
    if age is not None and newest is not None and day - newest > forecasts.LONGEST_GAP:
        st.warning(words.say("{age} So far ahead, season and calendar alone decide.", age=age))
    elif age is not None:
        st.caption(age)


def _pick_hour(visit: Visit, today: pd.DataFrame) -> int:
    """Let the reader choose an hour of the day, the busiest one by default, and return its row."""
    labels = sentences.hour_labels(today["time"])
    texts = {label: sentences.hour_text(visit.words, label) for label in labels}
    value = "probability" if "probability" in today else "forecast"
    return labels.index(pick(visit, "hour", visit.words.say("Hour"), texts, labels[int(today[value].argmax())]))


def _show_figures(words: Words, today: pd.DataFrame, row: int) -> None:
    """Show the day's total, its peak, and the chosen hour."""
    total, peak, at = st.columns(3)
    value = "probability" if "probability" in today else "forecast"
    labels = [sentences.hour_text(words, label) for label in sentences.hour_labels(today["time"])]
    top, hour = today.iloc[int(today[value].argmax())], today.iloc[row]
    top_label = labels[int(today[value].argmax())]
    if value == "probability":
        several = {"count": words.number(sentences.busy_hours(today)), "all": words.number(len(today))}
        show_figure(total, words.say("Busy hours"), words.say("{count} of {all}", **several))
        show_figure(peak, words.say("Busiest hour"), top_label, words.percent(top[value]))
        show_figure(at, words.say("Busy at {hour}", hour=labels[row]), words.percent(hour[value]), "")
        return
    usual, bikes = sentences.usual_total(today), today[value].sum()
    against = "" if not usual else words.say("{change} against usual", change=words.change(bikes / usual - 1))
    show_figure(total, words.say("Bikes in the day"), words.number(bikes), against)
    show_figure(peak, words.say("Peak"), top_label, words.say("{bikes} bikes", bikes=words.number(top[value])))
    label = words.say("Bikes at {hour}", hour=labels[row])
    show_figure(at, label, words.number(hour[value]), sentences.hour_in_words(words, hour))
    if pd.notna(hour.get("lower")):
        low, high = words.number(hour["lower"]), words.number(hour["upper"])
        at.caption(words.say("8 times in 10 between {low} and {high}", low=low, high=high))


def _choose_day(selection: Any) -> None:
    points = selection.get("day", [])
    if points:
        change(st.session_state, "day", str(points[0]["day"])[:10])
