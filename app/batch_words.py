"""What is said and drawn of a reader's file: its faults, its predictions, their error. No Streamlit here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bike_traffic.answering import UNKNOWN_COUNTER
from bike_traffic.app.charts.calendar import calendar_chart
from bike_traffic.app.charts.day import day_chart
from bike_traffic.app.charts.months import months_chart
from bike_traffic.app.charts.week import week_chart
from bike_traffic.app.limits import FILES, MEGABYTES
from bike_traffic.app.uploads import MAX_BYTES, MAX_ROWS
from bike_traffic.app.words import Words, plain
from bike_traffic.evaluation.intervals import LEVEL
from bike_traffic.pipeline import LOWER, PREDICTION, PROBABILITY, UPPER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bike_traffic.app.batch import Batch
    from bike_traffic.app.charts.chart import Chart
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.uploads import Checked

BARS, CELLS = 14, 400
"""Days up to which each is a bar, and a cell of a calendar; of more the months are drawn, the last `MONTHS`."""
MONTHS = 120
NAMED = 3
"""Unknown counters that are named."""


def limits_in_words(words: Words, megabytes: int) -> str:
    """Return what a file may be.

    Parameters
    ----------
    megabytes : of one upload, as the server allows.
    """
    return words.say(
        "CSV, JSON or Parquet, packed or not, with the City's columns: counter, time, and the count if there is one. "
        "At most {megabytes} MB a file, {files} files and {total} MB a session; after unpacking {rows} rows and "
        "{unpacked} MB. The file and its predictions stay in this session, and are removed when it ends; reload the "
        "page to begin a new one.",
        megabytes=words.number(megabytes),
        files=words.number(FILES),
        total=words.number(MEGABYTES),
        rows=words.number(MAX_ROWS),
        unpacked=words.number(MAX_BYTES / 1e6),
    )


def checked_in_words(words: Words, checked: Checked) -> str:
    """Return what a file holds, and whether it has faults, in one sentence."""
    name = plain(checked.name)
    if checked.refused:
        return words.plural(
            "{name}: {count} kind of fault; nothing is predicted before it is mended",
            "{name}: {count} kinds of fault; nothing is predicted before they are mended",
            len(checked.faults),
            name=name,
            count=words.number(len(checked.faults)),
        )
    if checked.faults:
        return words.plural(
            "{name}: {count} row of {rows} cannot be used; the others are predicted",
            "{name}: {count} rows of {rows} cannot be used; the others are predicted",
            checked.left_out,
            name=name,
            count=words.number(checked.left_out),
            rows=words.number(checked.rows),
        )
    first, last = (
        "?" if hour is None else words.date(hour, "medium") for hour in (checked.first_hour, checked.last_hour)
    )
    return words.plural(
        "{name}: no fault in {rows} rows of {count} counter, from {first} to {last}",
        "{name}: no fault in {rows} rows of {count} counters, from {first} to {last}",
        len(checked.counters),
        name=name,
        rows=words.number(checked.rows),
        count=words.number(len(checked.counters)),
        first=first,
        last=last,
    )


def faults_table(words: Words, checked: Checked) -> pd.DataFrame:
    """Return the faults as a table of Markdown that is only text: what is wrong, in how many rows, in which first."""
    return pd.DataFrame(
        {
            words.say("What is wrong"): [plain(words.fault(fault)) for fault in checked.faults],
            words.say("Rows"): [words.number(fault.rows) for fault in checked.faults],
            words.say("First rows"): [
                ", ".join(words.number(row) for row in fault.first_rows)
                + (" …" if fault.rows > len(fault.first_rows) else "")
                for fault in checked.faults
            ],
        }
    )


def unknown_in_words(words: Words, unknown: Mapping[str, int]) -> str:
    """Return which counters a model does not know, the first by name."""
    names = ", ".join(plain(name) for name in list(unknown)[:NAMED])
    return words.plural(
        "{count} counter in {rows} rows was not in the training of this model: {names}",
        "{count} counters in {rows} rows were not in the training of this model: {names}",
        len(unknown),
        count=words.number(len(unknown)),
        rows=words.number(sum(unknown.values())),
        names=names + (" …" if len(unknown) > NAMED else ""),
    )


def batch_in_words(words: Words, name: str, batch: Batch) -> str:
    """Return what was predicted in one sentence."""
    total = float(batch.sums["forecast"].sum())
    rows = words.number(batch.rows)
    if "probability" in batch.sums:
        return words.say(
            "{name}: {rows} rows predicted, {hours} of them busy",
            name=plain(name),
            rows=rows,
            hours=words.number(total),
        )
    return words.say(
        "{name}: {rows} rows predicted, {bikes} bikes in all", name=plain(name), rows=rows, bikes=words.number(total)
    )


def figures(words: Words, batch: Batch) -> list[tuple[str, str, str | None]]:
    """Return the errors of a model on the counts of a file: what is measured, its value, and what beside it."""
    metrics = batch.metrics
    if "rmse" not in metrics:
        shares = {"accuracy": words.say("Hours labelled rightly"), "recall": words.say("Busy hours found")}
        return [(label, words.percent(metrics[name]), None) for name, label in shares.items() if name in metrics]
    against = words.skill(metrics["skill"]) if "skill" in metrics else None
    found = [(words.say("Error (RMSE), bikes per hour"), words.number(metrics["rmse"], 1), against)]
    if "wape" in metrics:
        found.append((words.say("Absolute error in all bikes (WAPE)"), words.percent(metrics["wape"], 1), None))
    if "coverage" in metrics:
        of = words.say("{share} are meant to be", share=words.percent(LEVEL))
        found.append((words.say("Counts inside the interval"), words.percent(metrics["coverage"]), of))
    return found


def measured_in_words(words: Words, batch: Batch) -> str:
    """Return on which rows the error was measured, and whether the model may know them."""
    measured = words.say(
        "Measured on {rows} rows with a count, of counters that the model knows.", rows=words.number(batch.measured)
    )
    if batch.seen is None or batch.known_until is None:
        note = words.say("Its record does not say which of them it was trained on.")
    elif batch.seen:
        note = words.say(
            "Its training ended on {day}: it may know {rows} of these rows, and its error on new ones is larger.",
            day=words.date(pd.Timestamp(batch.known_until), "medium"),
            rows=words.number(batch.seen),
        )
    else:
        note = words.say("All of them are later than its training.")
    return f"{measured} {note}"


def preview(words: Words, batch: Batch, zone: str) -> pd.DataFrame:
    """Return the first rows of the predictions with times and our own columns in the reader's form."""
    titles = {
        PREDICTION: words.say("Busy") if "probability" in batch.sums else words.say("Forecast"),
        LOWER: words.say("Interval from"),
        UPPER: words.say("Interval to"),
        PROBABILITY: words.say("Chance of a busy hour"),
        UNKNOWN_COUNTER: words.say("Unknown counter"),
    }
    shown = batch.preview.rename(columns=titles)
    for name in shown.columns:
        times = _times(shown[name], zone)
        if times is not None:
            shown[name] = [words.moment(time) for time in times]
    return shown


def _times(values: pd.Series, zone: str) -> pd.Series | None:
    """Return the local times that a column of text holds; ``None`` if it holds something else."""
    if not isinstance(values.dtype, pd.StringDtype):
        return None
    try:
        return pd.to_datetime(values, format="ISO8601", utc=True).dt.tz_convert(zone)
    except ValueError:
        return None


def picture(batch: Batch, words: Words, theme: Theme) -> Chart:
    """Return the chart of all counters in the file: the hours of one day, or the days, or the months of many."""
    sums = batch.sums
    if batch.hourly:
        return day_chart(sums, words, theme)
    days = sums.rename(columns={"time": "day", "forecast": "bikes"})
    span = (days["day"].iloc[-1] - days["day"].iloc[0]).days + 1
    busy = "probability" in days
    if span <= BARS:
        return week_chart(days.drop(columns="bikes") if busy else days, words, theme)
    unit = words.say("busy hours per day") if busy else words.say("bikes per day")
    if span <= CELLS:
        return calendar_chart(days, words, theme, unit=unit)
    month = days["day"].dt.tz_localize(None).dt.to_period("M").dt.start_time
    means = days.groupby(month)["bikes"].mean().rename_axis("month").reset_index()
    return months_chart(means.tail(MONTHS), words, theme, unit=unit)
