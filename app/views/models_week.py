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
from bike_traffic.app.views.models_words import error_text
from bike_traffic.app.views.parts import date_of, model_title, pick, show_chart, show_error, theme
from bike_traffic.app.words import plain
from bike_traffic.columns import TIME
from bike_traffic.errors import BikeTrafficError

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.app.words import Words
    from bike_traffic.evaluation.measuring import Evaluation
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
            st.write(_measured_when_trained(words, chosen))
            return
        week = Week.before(counts[TIME].max())
        registry = state.registry()
        record = honest_record(registry.records, chosen, week, query, registry.withdrawn)
        if record is None:
            _say_that_it_knows(words, chosen, week)
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


def _say_that_it_knows(words: Words, record: ModelRecord, week: Week) -> None:
    model = model_title(words, record.model_type)
    if record.known_until is None:
        st.write(words.say("The record of {model} does not say which counts it has learned from.", model=model))
    else:
        st.write(
            words.say(
                "{model} has learned from counts until {until}, and the week from {start} to {end} is among them: a "
                "forecast of days that a model has seen looks better than it is. A newer file of counts shows how "
                "good the next one was; so does a model that is trained without the last weeks "
                "(`bt train --no-refit`).",
                model=model,
                until=words.date(date_of(record.known_until), "medium"),
                start=words.date(week.start, "medium"),
                end=words.date(week.last_day, "medium"),
            )
        )
    st.write(_measured_when_trained(words, record))


def _measured_when_trained(words: Words, record: ModelRecord) -> str:
    """Return the error of the record on rows that the measured fit had not seen."""
    split = record.split
    error = error_text(words, task_of(record), error_of(record.metrics))
    if split is None or split.training_until is None or split.measured_until is None:
        return words.say("When it was trained: {error}.", error=error)
    return words.say(
        "When it was trained, on the days from {start} to {end}, which that fit had not seen: {error}; the mean of "
        "four weeks: {baseline}.",
        start=words.date(date_of(split.training_until), "medium"),
        end=words.date(date_of(split.measured_until), "medium"),
        error=error,
        baseline=error_text(words, task_of(record), error_of(record.baseline or {})),
    )


def _say_result(words: Words, record: ModelRecord, chosen: ModelRecord, week: Week, evaluation: Evaluation) -> None:
    task = task_of(record)
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
