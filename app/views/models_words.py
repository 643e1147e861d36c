"""What the page of models says in words: metrics and their values, the best record, marks, checks of files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.addresses import shown
from bike_traffic.app import state
from bike_traffic.app.last_week import error_of
from bike_traffic.app.leaderboard import GENERAL, metric_for, task_of
from bike_traffic.app.views.parts import date_of, model_title
from bike_traffic.app.words import Words

if TYPE_CHECKING:
    from bike_traffic.app.checks import Check
    from bike_traffic.app.last_week import Week
    from bike_traffic.names import Task
    from bike_traffic.registry.files.findings import Finding
    from bike_traffic.registry.queries import Mark
    from bike_traffic.registry.records import ModelRecord

_IN_BIKES = ("rmse", "mae", "interval_width", "interval_score")
_IN_PERCENT = ("wape", "accuracy", "precision", "recall", "f1_score", "skill", "coverage")
_SKILL_OF = ("rmse", "accuracy", "skill")
"""The metrics that the skill compares with those of the mean: beside another one it would be taken for its."""
OF_METRICS = ("metrics", "baseline", "recent")
"""The parts of a record that hold metrics."""
LONGEST_VALUE = 200


def metric_title(words: Words, name: str) -> str:
    """Return what a metric is called."""
    titles = {
        "r2": words.say("R²"),
        "rmse": words.say("RMSE (bikes per hour)"),
        "mae": words.say("Mean error (bikes per hour)"),
        "wape": words.say("Error in the sum (WAPE)"),
        "rmsle": "RMSLE",
        "accuracy": words.say("Right labels"),
        "precision": words.say("Precision"),
        "recall": words.say("Recall"),
        "f1_score": words.say("F1 score"),
        "roc_auc": words.say("Area under ROC"),
        "skill": words.say("Better than the 4-week mean"),
        "coverage": words.say("Counts in the interval"),
        "interval_width": words.say("Width of the interval"),
        "interval_score": words.say("Score of the interval"),
    }
    return titles.get(name, name)


def value_text(words: Words, name: str, value: float) -> str:
    """Return the value of a metric in the reader's form."""
    if name in _IN_BIKES:
        return words.number(value, 1)
    return words.percent(value, 1) if name in _IN_PERCENT else words.number(value, 3)


def best_in_words(words: Words, record: ModelRecord, wanted: str | None, *, of_all: bool) -> str:
    """Return the best model, its error, how much better than the mean it is, and where that was measured.

    Parameters
    ----------
    wanted : the metric that decided, if one was chosen.
    of_all : whether it is the best of all models, not just the best record of its own.
    """
    metric = metric_for(task_of(record), wanted)
    model = model_title(words, record.model_type)
    subject = (
        words.say("Best model now, {model}", model=model) if of_all else words.say("Best {model} now", model=model)
    )
    parts = []
    if metric == "rmse" and metric in record.metrics:
        error = words.number(record.metrics[metric], 1)
        parts.append(words.say("error (RMSE) of {error} bikes per hour", error=error))
    elif metric in record.metrics and metric != "skill":
        title, value = metric_title(words, metric), value_text(words, metric, record.metrics[metric])
        parts.append(words.say("{metric} {value}", metric=title, value=value))
    if "skill" in record.metrics and metric in _SKILL_OF:
        parts.append(words.skill(record.metrics["skill"]))
    split = record.split
    if split is not None and split.training_until and split.measured_until:
        start, end = (words.date(date_of(time), "medium") for time in (split.training_until, split.measured_until))
        parts.append(words.say("measured from {start} to {end}", start=start, end=end))
    else:
        parts.append(words.say("registered on {date}", date=words.date(date_of(record.timestamp), "medium")))
    return words.say("{subject}: {details}", subject=subject, details=", ".join(parts))


def mark_text(words: Words, mark: Mark) -> str:
    """Return why a record is not, or should not be, the best."""
    texts: dict[Mark, str] = {
        "withdrawn": words.say("withdrawn"),
        "test mode": words.say("test mode"),
        "sample": words.say("generated sample"),
        "random split": words.say("random split"),
        "behind mean": words.say("worse than the mean"),
    }
    return texts[mark]


def check_text(words: Words, check: Check | None) -> str:
    """Return what is known about the files of a record, in a few words."""
    if check is None:
        return words.say("not checked")
    if any(finding.is_error for finding in check.findings):
        return words.say("not as registered")
    if check.findings:
        return words.say("cannot be checked")
    time = pd.Timestamp(check.time, unit="s", tz="UTC").tz_convert(state.zone())
    return words.say("checked at {time}", time=time.strftime("%H:%M"))


def part_texts(words: Words) -> dict[str, str]:
    """Return what the parts of a record are called."""
    return {
        GENERAL: words.say("record"),
        "metrics": words.say("metric"),
        "baseline": words.say("mean of four weeks"),
        "recent": words.say("recent level"),
        "interval": words.say("interval"),
        "parameters": words.say("parameter"),
        "split": words.say("held-out rows"),
        "data": words.say("data"),
        "registered_fit": words.say("registered fit"),
        "plugin": words.say("package"),
        "libraries": words.say("library"),
    }


def record_value(words: Words, part: str, name: str, value: Any) -> str:
    """Return a value of a record as the text of a cell."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return words.say("yes") if value else words.say("no")
    if isinstance(value, int | float):
        if part in OF_METRICS:
            return value_text(words, name, value)
        return words.number(value) if isinstance(value, int) else f"{words.number(value, 4)}"
    text = shown(value) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def finding_text(words: Words, finding: Finding) -> str:
    """Return what a check of one record found, in the reader's language."""
    texts = {
        "missing-files": words.say("Files of this model are missing; it cannot be loaded."),
        "changed-files": words.say("The files are not those that were registered; this model is not loaded."),
        "unverified": words.say("The record has no digests: its files cannot be checked, and are not loaded."),
        "unsigned": words.say("The record is not signed, and a signature is required here; it is not loaded."),
        "forged": words.say("The signature of the record is wrong; it is not loaded."),
    }
    return texts[finding.kind]


def error_text(words: Words, task: Task, error: float) -> str:
    """Return an error of `bike_traffic.app.last_week.error_of`; NaN is unknown."""
    if math.isnan(error):
        return words.say("error unknown")
    if task == "classification":
        return words.say("{share} of the hours wrong", share=words.percent(error, 1))
    return words.say("off by {error} bikes per hour on average", error=words.number(error, 1))


def error_figure(words: Words, task: Task, error: float) -> str:
    """Return an error of `bike_traffic.app.last_week.error_of` as a figure with its unit; a dash if it is unknown."""
    if math.isnan(error):
        return "–"
    if task == "classification":
        return words.say("{share} of the hours wrong", share=words.percent(error, 1))
    return words.say("{error} bikes per hour", error=words.number(error, 1))


def compared_errors(words: Words, error: float, usual: float) -> str | None:
    """Return how much smaller or larger an error is than that of the mean of four weeks; ``None`` if unknown."""
    if not usual > 0 or math.isnan(error):
        return None
    share = words.percent(abs(error / usual - 1))
    if error > usual:
        return words.say("{share} more than the mean of four weeks", share=share)
    return words.say("{share} less than the mean of four weeks", share=share)


def known_week(words: Words, record: ModelRecord, week: Week) -> list[str]:
    """Return why a model is not asked about a week that it may know, and how good it was when it was trained."""
    model = model_title(words, record.model_type)
    trained = measured_when_trained(words, record)
    if record.known_until is None:
        unknown = words.say("The record of {model} does not say which counts it has learned from.", model=model)
        return [unknown, trained]
    known = words.say(
        "{model} has learned from counts until {until}, and the week from {start} to {end} is among them: a "
        "forecast of days that a model has seen looks better than it is. A newer file of counts shows how "
        "good the next one was; so does a model that is trained without the last weeks "
        "(`bt train --no-refit`).",
        model=model,
        until=words.date(date_of(record.known_until), "medium"),
        start=words.date(week.start, "medium"),
        end=words.date(week.last_day, "medium"),
    )
    return [known, trained]


def measured_when_trained(words: Words, record: ModelRecord) -> str:
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
