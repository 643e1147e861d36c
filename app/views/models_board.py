"""The leaderboard of the page of models: its tables, and whether their records compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from bike_traffic.app.checks import last_check
from bike_traffic.app.leaderboard import Line, columns_of, different_rows
from bike_traffic.app.views.models_words import check_text, mark_text, metric_title, value_text
from bike_traffic.app.views.parts import date_of, model_name, model_title
from bike_traffic.app.words import Words

if TYPE_CHECKING:
    from bike_traffic.comparison import MeasuredRows
    from bike_traffic.names import Task

SETS_SHOWN = 5
"""Largest number of sets of rows that are described."""


def show_board(words: Words, task: Task, lines: Sequence[Line], metric: str) -> None:
    """Show the records of a task as a table, and say whether its metric compares them."""
    titles: dict[Task, str] = {
        "regression": words.say("Models of bikes per hour"),
        "classification": words.say("Models of busy hours"),
    }
    st.subheader(titles[task], anchor=False)
    table = pd.DataFrame(
        {
            words.say("Model"): [model_name(words, line.record.model_type) for line in lines],
            words.say("Aliases"): [", ".join(line.aliases) for line in lines],
            words.say("Remarks"): [", ".join(mark_text(words, mark) for mark in line.marks) for line in lines],
        }
    )
    for column in columns_of(lines):
        values = [line.record.metrics.get(column.name) for line in lines]
        table[metric_title(words, column.name)] = in_one_width(
            ["" if value is None else value_text(words, column.name, value) for value in values]
        )
    table[words.say("Date")] = [f"{date_of(line.record.timestamp):%Y-%m-%d %H:%M}" for line in lines]
    table[words.say("Environment")] = [str(line.record.env) for line in lines]
    table[words.say("Run")] = [line.record.run_id[:8] for line in lines]
    table[words.say("Files")] = [check_text(words, last_check(line.record)) for line in lines]
    st.dataframe(table.drop(columns=_empty(table)), hide_index=True, width="stretch")
    groups = different_rows(lines, metric)
    if groups:
        _say_different_rows(words, groups, metric)


def _empty(table: pd.DataFrame) -> list[str]:
    """Return the columns without a word, which take room that others need."""
    return [str(name) for name in table if not table[name].astype(bool).any()]


def in_one_width(texts: Sequence[str]) -> list[str]:
    """Return numbers filled from the left by spaces as wide as digits: so they can be sorted as text too."""
    width = max(map(len, texts))
    return [text.rjust(width, "\N{FIGURE SPACE}") for text in texts]


def say_what_is_hidden(words: Words, number: int) -> None:
    """Say how many records are left out, and why."""
    if number:
        st.caption(
            words.plural(
                "{count} record is left out, as `bt registry best` does: withdrawn, of test mode, of the generated "
                "sample or of a random split.",
                "{count} records are left out, as `bt registry best` does: withdrawn, of test mode, of the generated "
                "sample or of a random split.",
                number,
                count=words.number(number),
            )
        )


def _say_different_rows(words: Words, groups: Sequence[MeasuredRows], metric: str) -> None:
    """Say on which rows records were measured."""
    title = metric_title(words, metric)
    lines = [
        words.say(
            "These records were measured on different counts: {metric} says little about which model is better. "
            "“{skill}” compares them.",
            metric=title,
            skill=metric_title(words, "skill"),
        )
    ]
    for group in groups[:SETS_SHOWN]:
        models = ", ".join(model_title(words, model) for model in group.models)
        value = value_text(words, metric, group.best)
        if group.rows is None or group.after is None or group.until is None:
            lines.append(words.say("- {models}: on unknown rows; best {value}", models=models, value=value))
            continue
        lines.append(
            words.say(
                "- {models}: on {rows} rows from {start} to {end}; best {value}",
                models=models,
                rows=words.number(group.rows),
                value=value,
                start=words.date(date_of(group.after), "medium"),
                end=words.date(date_of(group.until), "medium"),
            )
        )
    st.caption("\n".join(lines))
