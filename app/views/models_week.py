"""Last week's forecast against what came, on the page of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from bike_traffic.app import forecasts, state
from bike_traffic.app.charts.came import came_chart
from bike_traffic.app.charts.errors import error_by_counter_chart, error_by_hour_chart
from bike_traffic.app.last_week import Week, error_of, errors, honest_record, hours_that_came
from bike_traffic.app.leaderboard import task_of
from bike_traffic.app.views import places
from bike_traffic.app.views.models_words import (
    compared_errors,
    error_figure,
    error_text,
    known_week,
    measured_when_trained,
)
from bike_traffic.app.views.parts import date_of, model_title, pick, show_chart, show_error, show_figure, theme
from bike_traffic.app.words import plain
from bike_traffic.columns import TIME
from bike_traffic.errors import BikeTrafficError
from bike_traffic.evaluation.rows import TRUTH
from bike_traffic.pipeline import PREDICTION

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.app.words import Words
    from bike_traffic.evaluation.measuring import Evaluation
    from bike_traffic.names import Task
    from bike_traffic.registry.queries import Query
    from bike_traffic.registry.records import ModelRecord

EVERYWHERE = "all"


def show_week(visit: Visit, chosen: ModelRecord, query: Query) -> None:
    """Show how far the forecast of the last seven days was from what came.

    A model that may know these days is not asked; an older record of the same model is, if there is one.
    """
    words = visit.words
    st.subheader(words.say("Last week's forecast against what came"), anchor=False)
    try:
        with st.spinner(words.say("Reading the counts…")):
            counts = state.counts()
        if counts is None:
            st.write(words.say("No counts are configured, so it is not known what came."))
            st.write(measured_when_trained(words, chosen))
            return
        week = Week.before(counts[TIME].max())
        registry = state.registry()
        record = honest_record(registry.records, chosen, week, query, registry.withdrawn)
        if record is None:
            _show_held_out(visit, chosen, week)
            return
        with st.spinner(words.say("Measuring the forecast…")):
            evaluation = forecasts.measured(record.run_id, week.start, week.end)
    except BikeTrafficError as error:
        show_error(words, error)
        return
    if evaluation is None:
        st.write(words.say("The model knows none of the counters that counted in this week."))
        return
    _say_result(words, record, chosen, week, evaluation)
    _show_charts(visit, record, evaluation)


def _show_held_out(visit: Visit, record: ModelRecord, week: Week) -> None:
    """Show the week as the measured fit of a model forecast it, which had not seen it; else say that it is known."""
    words, task = visit.words, task_of(record)
    evaluation = forecasts.held_out(record.run_id, week.start, week.end)
    if evaluation is None or record.split is None or record.split.training_until is None:
        for text in known_week(words, record, week):
            st.write(text)
        return
    _show_figures(words, task, evaluation)
    st.write(
        words.say(
            "From {start} to {end}: {error}; the mean of four weeks: {baseline}. This is how far {model} was off "
            "when it had learned from the counts until {until} alone; since then it has learned from the later ones "
            "too.",
            start=words.date(week.start, "medium"),
            end=words.date(week.last_day, "medium"),
            error=error_text(words, task, error_of(evaluation.metrics)),
            baseline=error_text(words, task, error_of(evaluation.baseline)),
            model=model_title(words, record.model_type),
            until=words.date(date_of(record.split.training_until), "medium"),
        )
    )
    _show_charts(visit, record, evaluation)


def _say_result(words: Words, record: ModelRecord, chosen: ModelRecord, week: Week, evaluation: Evaluation) -> None:
    task = task_of(record)
    _show_figures(words, task, evaluation)
    if record.run_id != chosen.run_id:
        st.caption(
            words.say(
                "The chosen run {chosen} may know this week. Shown is run {run} of the same model.",
                chosen=plain(chosen.run_id[:8]),
                run=plain(record.run_id[:8]),
            )
        )
    st.write(
        words.say(
            "From {start} to {end}: {error}; the mean of four weeks: {baseline}. {model}, run {run}, had learned "
            "from counts until {until} and could not know these days.",
            start=words.date(week.start, "medium"),
            end=words.date(week.last_day, "medium"),
            error=error_text(words, task, error_of(evaluation.metrics)),
            baseline=error_text(words, task, error_of(evaluation.baseline)),
            model=model_title(words, record.model_type),
            run=plain(record.run_id[:8]),
            until=words.date(date_of(record.known_until or record.timestamp), "medium"),
        )
    )
    if "history" in state.model(record.run_id).pipeline.needs:
        st.caption(words.say("This model was also given the counts up to the week; the mean of four weeks was not."))


def _show_figures(words: Words, task: Task, evaluation: Evaluation) -> None:
    """Show the error beside that of the mean of four weeks, and how many bikes were expected in all."""
    of_error, of_sum = st.columns(2)
    error, usual = error_of(evaluation.metrics), error_of(evaluation.baseline)
    label, figure = words.say("Mean error of the forecast"), error_figure(words, task, error)
    show_figure(of_error, label, figure, compared_errors(words, error, usual))
    expected, counted = (float(evaluation.rows[column].sum()) for column in (PREDICTION, TRUTH))
    if task == "regression" and expected > 0:
        change = words.change(counted / expected - 1)
        told = words.say("{bikes} counted ({change})", bikes=words.number(counted), change=change)
        show_figure(of_sum, words.say("Bikes in the forecast"), words.number(expected), told)


def _show_charts(visit: Visit, record: ModelRecord, evaluation: Evaluation) -> None:
    words, task = visit.words, task_of(record)
    unit, factor = (words.say("% of the hours wrong"), 100) if task == "classification" else (None, 1)
    if task == "regression":
        known = places.of_model(state.model(record.run_id))
        texts = {EVERYWHERE: words.say("All counters")} | {name: name for name in known}
        place = pick(visit, "place", words.say("Place"), texts, EVERYWHERE)
        counters = None if place == EVERYWHERE else tuple(known[place].counters.values())
        hours = hours_that_came(evaluation, counters)
        if hours.empty:
            st.write(words.say("Nothing was counted here in this week."))
        else:
            show_chart(came_chart(hours, words, theme()), words, "week-came")
    st.caption(words.say("The error by hour of the day, over all counters:"))
    by_hour, by_counter = (errors(task, evaluation.rows, by, factor) for by in ("hour", "counter"))
    show_chart(error_by_hour_chart(by_hour, words, theme(), unit=unit), words, "week-by-hour")
    with st.expander(words.say("By counter, the largest error first")):
        show_chart(error_by_counter_chart(by_counter, words, theme(), unit=unit), words, "week-by-counter")
