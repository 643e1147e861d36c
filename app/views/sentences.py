"""What the page of a day says in words: the day, an hour, the model and its age."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bike_traffic.app.charts.formats import sentence
from bike_traffic.app.outlook import Spot, unusual
from bike_traffic.app.views.parts import date_of, model_title
from bike_traffic.app.words import Words, plain
from bike_traffic.monitoring.usual import WEEKS

if TYPE_CHECKING:
    from bike_traffic.loading import LoadedModel
    from bike_traffic.registry.records import ModelRecord

BUSY = 0.5
"""An hour is called busy from this probability on."""


def day_in_words(words: Words, day: pd.Timestamp, spot: Spot, hours: pd.DataFrame) -> str:
    """Return a day at a spot in one sentence."""
    when, where = sentence(words.date(day)), plain(spot.name)
    if "probability" in hours:
        busy = hours[hours["probability"] >= BUSY]
        if busy.empty:
            return words.say("{day}, {place}: no busy hour expected", day=when, place=where)
        first, last = busy["time"].iloc[0], busy["time"].iloc[-1]
        return words.say(
            "{day}, {place}: busy hours expected, the first at {first}, the last at {last}",
            day=when, place=where, first=words.hour(first.hour), last=words.hour(last.hour),
        )  # fmt: skip
    total = hours["forecast"].sum()
    peak = hours["time"].iloc[int(hours["forecast"].argmax())]
    text = words.say(
        "{day}, {place}: {bikes} bikes, peak at {hour}",
        day=when, place=where, bikes=words.number(total), hour=words.hour(peak.hour),
    )  # fmt: skip
    usual = usual_total(hours)
    if usual is None:
        return text
    return words.say("{sentence}; usually {bikes}", sentence=text, bikes=words.number(usual))


def busy_hours(hours: pd.DataFrame) -> int:
    """Return how many hours of a day are expected to be busy."""
    return int((hours["probability"] >= BUSY).sum())


def hour_labels(times: pd.Series) -> list[str]:
    """Return the hours of a day as the parameter of a link names them: ``08``; the second of an hour is ``02b``."""
    labels = [f"{time:%H}" for time in times]
    return [label + ("b" if label in labels[:place] else "") for place, label in enumerate(labels)]


def hour_text(words: Words, label: str) -> str:
    """Return an hour of `hour_labels` in words."""
    hour = words.hour(int(label[:2]))
    return words.say("{hour} (second time)", hour=hour) if label.endswith("b") else hour


def usual_total(hours: pd.DataFrame) -> float | None:
    """Return the bikes of a usual day of this kind; ``None`` if that is not known for each hour."""
    if "usual_middle" not in hours or hours["usual_middle"].isna().any():
        return None
    return float(hours["usual_middle"].sum())


def hour_in_words(words: Words, hour: pd.Series) -> str:
    """Return what is expected of an hour, compared with what was usual."""
    low, high = hour.get("usual_lower", np.nan), hour.get("usual_upper", np.nan)
    if pd.isna(low) or pd.isna(high):
        return words.say("what is usual is not known")
    span = {"low": words.number(low), "high": words.number(high)}
    match unusual(hour["forecast"], low, high):
        case 1:
            return words.say("more than usual ({low} to {high})", **span)
        case -1:
            return words.say("less than usual ({low} to {high})", **span)
        case _:
            return words.say("as usual ({low} to {high})", **span)


def model_in_words(words: Words, loaded: LoadedModel, spot: Spot) -> str:
    """Return the model, the date of its training, its error here, and whether it beats the simple mean."""
    record = loaded.record
    parts = [run_in_words(words, record)]
    here = loaded.references.errors.get(spot.name)
    error = record.metrics.get("rmse")
    if here is not None:
        parts.append(words.say("error (RMSE) here: {error} bikes per hour", error=words.number(here.rmse, 1)))
    elif error is not None:
        parts.append(
            words.say("error (RMSE) over all counters: {error} bikes per hour", error=words.number(error, 1))
        )
    skill = record.metrics.get("skill")
    if here is not None and here.baseline:
        skill = 1 - here.rmse / here.baseline
    if skill is not None:
        parts.append(words.skill(skill))
    text = parts[0]
    for part in parts[1:]:
        text = words.say("{text}; {more}", text=text, more=part)
    return text + "."


def usual_in_words(words: Words, loaded: LoadedModel) -> str | None:
    """Return what is called usual on the charts; ``None`` if the model does not know."""
    usual = loaded.references.usual
    if usual is None:
        return None
    return words.say(
        "Usual: the median and the range of 8 in 10 of that hour on such days in the {weeks} weeks up to {date}.",
        weeks=words.number(WEEKS),
        date=words.date(usual.last_hour, "medium"),
    )


def busy_in_words(words: Words, loaded: LoadedModel, spot: Spot) -> str | None:
    """Return which hours are called busy here; ``None`` if the model knows no mean of the counters."""
    means = [loaded.references.counters[name].mean for name in spot.counters if name in loaded.references.counters]
    if not means:
        return None
    bikes = words.say(" and ").join(words.number(mean) for mean in means)
    return words.plural(
        "An hour is busy if more bikes pass than in the mean of all hours of the counter: {bikes} per hour here.",
        "An hour is busy if more bikes pass than in the mean of all hours of a counter: {bikes} per hour here. Of two"
        " directions the busier one is shown.",
        len(means),
        bikes=bikes,
    )


def run_in_words(words: Words, record: ModelRecord) -> str:
    """Return which model it is, of which training."""
    return words.say(
        "Model: {model}, trained on {date}, run {run}",
        model=model_title(words, record.model_type),
        date=words.date(date_of(record.timestamp), "medium"),
        run=plain(record.run_id[:8]),
    )


def ended_in_words(words: Words, newest: pd.Timestamp, coming: pd.Timestamp) -> str:
    """Return that the counts end long before tomorrow, and which day is therefore shown first.

    Parameters
    ----------
    coming : the start of tomorrow.
    """
    days = (coming - newest.normalize()).days - 1
    return words.plural(
        "The counts end on {date}, {days} day ago: the day shown first is the one after, not tomorrow.",
        "The counts end on {date}, {days} days ago: the day shown first is the one after, not tomorrow.",
        days,
        date=words.date(newest, "medium"),
        days=words.number(days),
    )


def age_in_words(words: Words, record: ModelRecord, newest: pd.Timestamp | None, day: pd.Timestamp) -> str | None:
    """Return how old the counts are that a forecast builds on; ``None`` if they are of the day before or newer.

    Parameters
    ----------
    newest : the hour of the newest of these counts.
    """
    if record.known_until is None or newest is None:
        return words.say("The record of the model does not say how old its counts are.")
    if day <= (learned := date_of(record.known_until)):
        text = words.say("The newest count that the model knows is of {date}", date=words.date(learned))
        return words.say("{newest}: it may know the counts of the day shown.", newest=text)
    days = (day - newest.normalize()).days
    text = words.say("The newest count that the model knows is of {date}", date=words.date(newest))
    if days <= 1:
        return None
    return text + words.plural(
        ", {days} day before the day shown.", ", {days} days before the day shown.", days, days=words.number(days)
    )
