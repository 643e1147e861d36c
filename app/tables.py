"""A frame as a reader takes it along: with words and numbers on the screen, plain in a CSV. No Streamlit here."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.formats import sentence

if TYPE_CHECKING:
    from bike_traffic.app.words import Words

SEPARATOR = ";"
"""That of the City's own files, which spreadsheets in French expect."""


def shown_table(frame: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return a frame of `bike_traffic.app.summaries` with headers, dates and numbers in the reader's form."""
    texts = {name: _texts(frame, name, words) for name in frame.columns}
    return pd.DataFrame(texts).rename(columns=headers(words))


def csv(frame: pd.DataFrame, words: Words) -> bytes:
    """Return the same rows and columns as CSV: the headers in words, ISO dates, plain numbers; empty is unknown.

    UTF-8 with a mark at the beginning, without which spreadsheets take accents for something else.
    """
    cells = {name: pd.Series(_plain(frame, name), dtype=object) for name in frame.columns}  # whole numbers stay whole
    return pd.DataFrame(cells).rename(columns=headers(words)).to_csv(sep=SEPARATOR, index=False).encode("utf-8-sig")


def headers(words: Words) -> dict[str | int, str]:
    """Return the header of each column."""
    return {
        "day": words.say("Day"),
        "month": words.say("Month"),
        "hour": words.say("Hour"),
        "name": words.say("Place"),
        "latitude": words.say("Latitude"),
        "longitude": words.say("Longitude"),
        "kind": words.say("Span"),
        "rank": words.say("Rank"),
        "start": words.say("Beginning"),
        "compared": words.say("Among how many"),
        "bikes": words.say("Bikes"),
        "per_day": words.say("Bikes per day"),
        "days": words.say("Days"),
        "last_year": words.say("Year before"),
        "to_date": words.say("Year to date"),
        "last_year_to_date": words.say("Year before to date"),
        **{day: sentence(words.weekday(day)) for day in range(7)},
    }


def kinds(words: Words) -> dict[str, str]:
    """Return the names of the spans that have records."""
    return {
        "hour": words.say("hour"),
        "day": words.say("day"),
        "week": words.say("week"),
        "month": words.say("month (per day)"),
    }


def start_text(kind: str, start: pd.Timestamp, words: Words) -> str:
    """Return when an hour, a day, a week or a month was."""
    match kind:
        case "hour":
            return words.moment(start)
        case "week":
            return words.say("week of {day}", day=words.date(start, "medium"))
        case "month":
            return words.date(start, "month")
        case _:
            return words.date(start, "full")


def _texts(frame: pd.DataFrame, name: str | int, words: Words) -> list[str]:
    if name == "start":
        return [start_text(kind, start, words) for kind, start in zip(frame["kind"], frame["start"], strict=True)]
    return [_text(value, name, words) for value in frame[name]]


def _text(value: Any, name: str | int, words: Words) -> str:
    if pd.isna(value):
        return "–"
    match name:
        case "day":
            return words.date(value, "full")
        case "month":
            return words.date(value, "month")
        case "hour":
            return words.hour(int(value))
        case "kind":
            return kinds(words)[str(value)]
        case "name":
            return str(value)
        case "latitude" | "longitude":
            return words.number(float(value), 5)
        case _:
            return words.number(float(value))


def _plain(frame: pd.DataFrame, name: str | int) -> list[Any]:
    if name == "start":
        return [_stamp(kind, start) for kind, start in zip(frame["kind"], frame["start"], strict=True)]
    return [_cell(value, name) for value in frame[name]]


def _stamp(kind: str, start: pd.Timestamp) -> str:
    """Return an hour with its offset, since an hour comes twice when the clock changes; else the first day."""
    return start.isoformat() if kind == "hour" else f"{start:%Y-%m-%d}"


def _cell(value: Any, name: str | int) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, datetime.date):  # a Timestamp is one
        return f"{value:%Y-%m}" if name == "month" else f"{value:%Y-%m-%d}"
    if isinstance(value, str) or name in ("latitude", "longitude"):
        return value
    return round(float(value))
