"""Single records on the page of models: who promoted or withdrew which and why, their files, and two side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from bike_traffic.app import state
from bike_traffic.app.checks import Check, check, last_check
from bike_traffic.app.leaderboard import side_by_side, task_of
from bike_traffic.app.views.models_words import (
    OF_METRICS,
    check_text,
    finding_text,
    metric_title,
    part_texts,
    record_value,
)
from bike_traffic.app.views.parts import date_of, model_name, pick, show_error
from bike_traffic.app.words import Words
from bike_traffic.errors import BikeTrafficError
from bike_traffic.registry.events.event import aliases_of, targets

if TYPE_CHECKING:
    from bike_traffic.app.views import Visit
    from bike_traffic.registry.records import ModelRecord

_NARROW = 40


def show_events(words: Words, registry: state.Registry) -> None:
    """Show where the aliases point, and every change and withdrawal, the newest first; all of it as text."""
    st.subheader(words.say("Aliases and withdrawals"), anchor=False)
    if not registry.events:
        st.write(words.say("No alias was set and no run withdrawn (`bt registry promote`, `bt registry withdraw`)."))
        return
    for alias in aliases_of(registry.events):
        run_id = targets(registry.events, alias)[-1]
        record = registry.record(run_id)
        model = words.say("unknown model") if record is None else _title(words, record)
        text = words.say("{alias} → {model}", alias=alias, model=model)
        st.text(text + (" · " + words.say("withdrawn") if run_id in registry.withdrawn else ""))
    kinds = {
        "promote": words.say("promoted"),
        "rollback": words.say("rolled back"),
        "withdraw": words.say("withdrawn"),
        "restore": words.say("restored"),
        "sign": words.say("signed"),
    }
    events = list(reversed(registry.events))
    table = {
        words.say("Date"): [f"{date_of(event.timestamp):%Y-%m-%d %H:%M}" for event in events],
        words.say("Change"): [kinds[event.kind] for event in events],
        words.say("Alias"): [event.alias for event in events],
        words.say("Run"): [event.run_id[:8] for event in events],
        words.say("By whom"): [event.actor for event in events],
        words.say("Reason"): [event.reason for event in events],
    }
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")


def show_pair(visit: Visit, registry: state.Registry, best: ModelRecord | None) -> None:
    """Let the reader compare two records value by value, and check the files of each."""
    words = visit.words
    st.subheader(words.say("Records side by side"), anchor=False)
    records = {record.run_id: record for record in registry.records}
    texts = {run_id: _title(words, record) for run_id, record in records.items()}
    newest = list(reversed(records))
    first = newest[0] if best is None else best.run_id
    others = [run_id for run_id in newest if run_id != first]
    # Two of one task have metrics to compare.
    others.sort(key=lambda run_id: task_of(records[run_id]) != task_of(records[first]))
    second = others[0] if others else first
    sides = []
    for column, name, label, default in zip(
        st.columns(2), ("left", "right"), (words.say("First record"), words.say("Second record")), (first, second)
    , strict=True):  # fmt: skip
        with column:
            record = records[pick(visit, name, label, texts, default)]
            _show_files(words, record, name)
        sides.append(record)
    only = st.toggle(words.say("Only what differs"), value=True, key="pair-differing")
    rows = [row for row in side_by_side(*sides) if row.differs or not only]
    if not rows:
        st.write(words.say("These records do not differ."))
        return
    parts = part_texts(words)
    table = {
        "": ["≠" if row.differs else "" for row in rows],
        words.say("Part"): [parts.get(row.part, row.part) for row in rows],
        words.say("Name"): [metric_title(words, row.name) if row.part in OF_METRICS else row.name for row in rows],
        words.say("First"): [record_value(words, row.part, row.name, row.left) for row in rows],
        words.say("Second"): [record_value(words, row.part, row.name, row.right) for row in rows],
    }
    narrow = {"": st.column_config.Column(width=_NARROW)}
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch", column_config=narrow)


def _title(words: Words, record: ModelRecord) -> str:
    """Return a record as plain text: it is shown in lists and as `st.text`."""
    return words.say(
        "{model}, {date}, run {run}",
        model=model_name(words, record.model_type),
        date=words.date(date_of(record.timestamp), "medium"),
        run=record.run_id[:8],
    )


def _show_files(words: Words, record: ModelRecord, side: str) -> None:
    """Show what the last check of a record's files found, and a button that checks them."""
    if st.button(words.say("Check the files"), key=f"check-{side}"):
        try:
            with st.spinner(words.say("Checking the files…")):
                check(record)
        except BikeTrafficError as error:
            show_error(words, error)
    found = last_check(record)
    st.caption(words.say("Files: {state}", state=check_text(words, found)))
    if found is not None:
        _show_findings(words, found)


def _show_findings(words: Words, found: Check) -> None:
    signed = state.workspace().trust.public_keys is not None
    if not found.findings:
        st.success(
            words.say("Every file is as it was registered, and the signature is right.")
            if signed
            else words.say("Every file is as it was registered. No public key is set here to check the signature.")
        )
    for finding in found.findings:
        (st.error if finding.is_error else st.warning)(finding_text(words, finding))
