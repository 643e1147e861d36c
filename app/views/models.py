"""Which model is the best now, how good was it last week, and who put it there?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

import pandas as pd
import streamlit as st

from bike_traffic.app import state
from bike_traffic.app.charts.metric_history import metric_history_chart
from bike_traffic.app.leaderboard import RANKING, Line, admitted, metric_for, ordered, ranking_metric, task_of
from bike_traffic.app.views import models_board, models_records, models_week
from bike_traffic.app.views.models_words import best_in_words, metric_title
from bike_traffic.app.views.parts import (
    date_of,
    model_name,
    pick,
    pick_choice,
    pick_flag,
    show_chart,
    show_error,
    theme,
)
from bike_traffic.config import ENVIRONMENTS
from bike_traffic.errors import MissingExtra, MissingInput, NoRecord, NoRegistry, PluginError, UnknownPipeline
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.names import Task
from bike_traffic.searching import require_registry

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.app.words import Words

_NO_CHOICE = (NoRecord, MissingExtra, MissingInput, PluginError, UnknownPipeline)
"""Why there may be no best model; the page still lists the records."""


def show(visit: Visit) -> None:
    """Show the page."""
    words, registry = visit.words, state.registry()
    if not registry.records:
        with visit.head:
            st.subheader(words.say("No model is registered yet"), anchor=False)
        st.write(words.say("`bt train` trains and registers the first one, and this page shows it."))
        try:
            require_registry(state.workspace().registry, state.workspace().registry_in_words)
        except NoRegistry as error:
            show_error(words, error)
        return
    choice, newest_first, left_out = _filters(visit)
    chosen = None
    try:
        chosen = state.choose(choice)
        sentence = best_in_words(words, chosen.record, choice.metric, of_all=choice.model is None)
    except _NO_CHOICE as error:
        sentence = words.say("No model can be used with this choice")
        show_error(words, error)
    with visit.head:
        st.subheader(sentence, anchor=False)
    sample = chosen is not None and chosen.sample
    if sample:
        st.info(words.say("These models were trained on the generated sample: streets and counts are invented."))
    query = state.query_of(choice, sample=sample)
    lines, every = (
        admitted(registry.records, registry.events, registry.withdrawn, query, left_out=whole)
        for whole in (left_out, True)
    )
    for task in get_args(Task):
        own = [line for line in lines if task_of(line.record) == task]
        if own:
            best_first = ordered(own, ranking_metric(task, choice.metric, own), newest_first=newest_first)
            models_board.show_board(words, task, best_first, metric_for(task, choice.metric))
    models_board.say_what_is_hidden(words, len(every) - len(lines))
    if chosen is not None:
        models_week.show_week(visit, chosen.record, query)
    _show_history(words, every, choice.metric, "regression" if chosen is None else task_of(chosen.record))
    models_records.show_events(words, registry)
    models_records.show_pair(visit, registry, None if chosen is None else chosen.record)


def _filters(visit: Visit) -> tuple[state.Choice, bool, bool]:
    """Return the choice of a model, whether the newest records come first, and whether those left out are shown."""
    words = visit.words
    of_model, of_env, of_metric, by_order = st.columns(4)
    with of_env:
        pick(
            visit,
            "env",
            words.say("Environment"),
            {"all": words.say("All")} | {one: one for one in ENVIRONMENTS},
            "all",
        )
    with of_metric:
        titles = {name: metric_title(words, name) for name in RANKING}
        pick(visit, "metric", words.say("Metric"), {"usual": words.say("The usual one")} | titles, "usual")
    with by_order:
        orders = {"best": words.say("Best first"), "newest": words.say("Newest first")}
        order = pick(visit, "order", words.say("Order"), orders, "best")
    with st.container(horizontal=True):
        pick_flag(visit, "test", words.say("Test mode"))
        left_out = pick_flag(visit, "all", words.say("Also those left out"))
    with of_model:
        choice = pick_choice(visit)
    return choice, order == "newest", left_out


def _show_history(words: Words, lines: Sequence[Line], wanted: str | None, task: Task) -> None:
    """Show how a metric of records changed over time; of the sample and of random splits only what is comparable."""
    metric = metric_for(task, wanted)
    own = [
        line for line in lines if metric in line.record.metrics and set(line.marks) <= {"withdrawn", "behind mean"}
    ]
    if len(own) < 2:
        return
    st.subheader(words.say("History of {metric}", metric=metric_title(words, metric)), anchor=False)
    history = pd.DataFrame(
        {
            "time": [date_of(line.record.timestamp) for line in own],
            "value": [line.record.metrics[metric] for line in own],
            "model": [model_name(words, line.record.model_type) for line in own],
            "withdrawn": ["withdrawn" in line.marks for line in own],
            "alias": [", ".join(line.aliases) for line in own],
        }
    )
    higher = bool(METRICS[metric].higher_is_better)
    title = metric_title(words, metric)
    show_chart(metric_history_chart(history, words, theme(), title, higher_is_better=higher), words, "metric-history")
