"""What the page of yesterday says in words: the day, its rank, the state of each counter, and the forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bike_traffic.app import state
from bike_traffic.app.charts.formats import sentence
from bike_traffic.app.morning import LIKE_DAYS, REMOVED, Verdict, exchange, to_check
from bike_traffic.app.views.parts import date_of
from bike_traffic.app.words import Words
from bike_traffic.columns import COUNTER
from bike_traffic.forecasting import tomorrow
from bike_traffic.monitoring.outages import SILENT, ZEROS
from bike_traffic.monitoring.states import COUNTING, FAR, SINCE, STATE, SWAPPED

if TYPE_CHECKING:
    from pandas._libs.tslibs.nattype import NaTType

    from bike_traffic.app.morning import Morning
    from bike_traffic.loading import LoadedModel
    from bike_traffic.monitoring.city import CityDay

SYMBOLS = {SILENT: "✕", ZEROS: "∅", SWAPPED: "⇄", FAR: "≠", COUNTING: "✓", REMOVED: "–"}
"""Beside the words, so that trouble is seen without colours."""


def morning_in_words(words: Words, morning: Morning, found: pd.DataFrame) -> str:
    """Return the answer to the question of the page in one sentence."""
    day, city = sentence(words.date(morning.day)), morning.city
    if city is None:
        text = words.say("{day}: no counter counted a bike", day=day)
    else:
        text = words.say("{day}: {bikes} bikes in the city", day=day, bikes=words.number(city.total))
        if city.days > 1:
            text = words.say("{sentence}, {rank}", sentence=text, rank=_rank(words, city))
    number = to_check(found)
    if not number:
        return words.say("{sentence}; no counter to check", sentence=text)
    check = words.plural("{count} counter to check", "{count} counters to check", number, count=words.number(number))
    return words.say("{sentence}; {check}", sentence=text, check=check)


def _rank(words: Words, city: CityDay) -> str:
    """Return the rank of a day among the days like it, such as ``44th of the last 47 Mondays``."""
    rank, days = words.ordinal(city.rank), words.number(city.days)
    if city.kind == "day_off":
        return words.say("{rank} of the last {days} Sundays and public holidays", rank=rank, days=days)
    weekday = words.weekday(city.day.weekday())
    return words.say("{rank} of the last {days} {weekday}s", rank=rank, days=days, weekday=weekday)


def against_like_days(words: Words, city: CityDay) -> str | None:
    """Return how the total differs from the median of the days like it; ``None`` if there is none."""
    if not city.middle:
        return None
    change, days = words.change(city.total / city.middle - 1), words.number(len(city.others))
    if city.kind == "day_off":
        return words.say(
            "{change} against the median of {days} Sundays and public holidays", change=change, days=days
        )
    weekday = words.weekday(city.day.weekday())
    return words.say("{change} against the median of {days} {weekday}s", change=change, days=days, weekday=weekday)


def title_of_like_days(words: Words, city: CityDay) -> str:
    """Return what the chart of like days shows."""
    days = words.number(min(len(city.others), LIKE_DAYS) + 1)
    if city.kind == "day_off":
        return words.say("Bikes in the city on the last {days} Sundays and public holidays", days=days)
    weekday = words.weekday(city.day.weekday())
    return words.say("Bikes in the city on the last {days} {weekday}s", days=days, weekday=weekday)


def counts_in_words(words: Words, days: tuple[pd.Timestamp, pd.Timestamp], *, sample: bool) -> str:
    """Return of when the counts are, how old they are, and whether they are invented."""
    first, newest = days
    text = words.say(
        "Counts of {first} to {last}", first=words.date(first, "medium"), last=words.date(newest, "medium")
    )
    age = (tomorrow(state.zone()).date() - newest.date()).days - 1
    if age > 1:
        late = words.say("the last whole day was {days} days ago", days=words.number(age))
        text = words.say("{sentence}; {late}", sentence=text, late=late)
    if sample:
        text = words.say("{sentence}; generated sample: streets and counts are invented", sentence=text)
    return text + "."


def state_in_words(words: Words, state: str, *, forecast: bool) -> str:
    """Return a state of `Morning.states` with its symbol.

    Parameters
    ----------
    forecast : whether the counts are compared with a forecast, and not with what was usual.
    """
    text = {
        SILENT: words.say("Silent"),
        ZEROS: words.say("Only zeros"),
        SWAPPED: words.say("Directions exchanged"),
        FAR: words.say("Far from the forecast") if forecast else words.say("Far from usual"),
        REMOVED: words.say("Gone"),
        COUNTING: words.say("Counting"),
    }[state]
    return f"{SYMBOLS[state]} {text}"


def since_in_words(words: Words, state: str, since: pd.Timestamp | NaTType) -> str:
    """Return since when a counter is in its state: the hour it fell silent, else the day; empty if it counts."""
    if pd.isna(since):
        return ""
    return words.moment(since) if state == SILENT else words.date(since, "medium")


def counter_in_words(words: Words, found: pd.DataFrame, counter: str, *, forecast: bool) -> str:
    """Return the state of one counter as a sentence."""
    row = found.iloc[int((found[COUNTER] == counter).argmax())]
    state = state_in_words(words, row[STATE], forecast=forecast)
    since = since_in_words(words, row[STATE], row[SINCE])
    return words.say("{state} since {moment}", state=state, moment=since) if since else state


def exchange_in_words(words: Words, morning: Morning, found: pd.DataFrame, counter: str) -> str | None:
    """Return why a counter is called exchanged; ``None`` if it is not, or if that cannot be told."""
    row = found.iloc[int((found[COUNTER] == counter).argmax())]
    shares = exchange(morning, counter, row[SINCE]) if row[STATE] == SWAPPED else None
    if shares is None:
        return None
    named, exchanged = map(words.percent, shares)
    return words.say(
        "Since then {named} of the bikes of this place have come at other hours than usual; with the two directions "
        "exchanged it would be {exchanged}.",
        named=named,
        exchanged=exchanged,
    )


def options(found: pd.DataFrame) -> dict[str, str]:
    """Return the counters to choose from, the worst first, each with the symbol of its state."""
    return {name: f"{SYMBOLS[state]} {name}" for name, state in zip(found[COUNTER], found[STATE], strict=True)}


def troubles_in_words(words: Words, found: pd.DataFrame) -> str:
    """Return how many counters are in which trouble; empty if none is."""
    numbers = found[STATE].value_counts()
    silent, zeros, swapped, far = (int(numbers.get(state, 0)) for state in (SILENT, ZEROS, SWAPPED, FAR))
    texts = {
        words.plural("{count} silent", "{count} silent", silent, count=words.number(silent)): silent,
        words.plural("{count} with zeros", "{count} with zeros", zeros, count=words.number(zeros)): zeros,
        words.plural("{count} exchanged", "{count} exchanged", swapped, count=words.number(swapped)): swapped,
        words.plural("{count} far off", "{count} far off", far, count=words.number(far)): far,
    }
    return ", ".join(text for text, number in texts.items() if number)


def why_no_forecast(words: Words, loaded: LoadedModel, day: pd.Timestamp) -> str | None:
    """Return why what a model says of a day is no forecast of its bikes; ``None`` if it is one."""
    if loaded.pipeline.task != "regression":
        return words.say(
            "This model says when hours are busy, not how many bikes come: "
            "the counts are compared with what was usual."
        )
    until = loaded.record.known_until
    if until is not None and date_of(until) >= day:
        return words.say(
            "This model has learned from the counts up to {date}, so that what it says of this day is no forecast: "
            "the counts are compared with what was usual.",
            date=words.date(date_of(until), "medium"),
        )
    return None


def forecast_in_words(words: Words, loaded: LoadedModel, day: pd.Timestamp) -> str:
    """Return what a forecast of a day knew."""
    if "history" in loaded.pipeline.needs:
        return words.say("Forecast made from the counts up to the day before.")
    until = loaded.record.known_until
    if until is None:
        return words.say("The record of the model does not say how old its counts are.")
    days = (day - date_of(until).normalize()).days
    return words.plural(
        "Forecast of a model that knew the counts up to {date}, {days} day before.",
        "Forecast of a model that knew the counts up to {date}, {days} days before.",
        days, days=words.number(days), date=words.date(date_of(until), "medium"),
    )  # fmt: skip


def verdict_in_words(words: Words, found: Verdict) -> str:
    """Return how far the forecast was off, and what was usual, where both are known."""
    text = words.plural(
        "On {count} counter that is not broken, off by {error} bikes per hour on average",
        "On {count} counters that are not broken, off by {error} bikes per hour on average",
        found.counters, count=words.number(found.counters), error=words.number(found.error, 1),
    )  # fmt: skip
    if found.usual_error is None:
        return text + "."
    return words.say("{sentence}; what was usual: {error}.", sentence=text, error=words.number(found.usual_error, 1))


def table_of_ended(words: Words, counters: pd.DataFrame) -> pd.DataFrame:
    """Return the table of `bike_traffic.app.morning.ended` in the reader's form."""
    return pd.DataFrame(
        {
            words.say("Counter"): counters["counter"],
            words.say("First count"): [words.moment(time) for time in counters["first"]],
            words.say("Last count"): [words.moment(time) for time in counters["last"]],
        }
    )
