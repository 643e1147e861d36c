"""What the counts of the past say, in a sentence that names its basis, and in notes. No Streamlit here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.formats import bikes, sentence
from bike_traffic.app.summaries import MOST_DAYS
from bike_traffic.app.tables import start_text
from bike_traffic.app.words import Words, plain
from bike_traffic.columns import COUNTER
from bike_traffic.monitoring.outages import FIRST_HOUR, KIND, LAST_HOUR, SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bike_traffic.app.history import Period
    from bike_traffic.monitoring.city import CityDay

OUTAGES = 5
"""So many are named, the newest first."""


def day_in_words(words: Words, where: str, compared: CityDay) -> str:
    """Return the bikes of a day and its rank among the earlier days like it."""
    start = {
        "day": sentence(words.date(compared.day)),
        "place": where,
        "bikes": bikes(words, compared.total),
    }
    if compared.days == 1:
        return words.say("{day}, {place}: {bikes}; no day like it was counted before", **start)
    basis = {"days": words.number(compared.days), "since": words.date(compared.since, "medium")}
    weekday = words.weekday(compared.day.weekday())
    if compared.rank == 1 and compared.kind == "day_off":
        return words.say(
            "{day}, {place}: {bikes}, a record: most of the {days} Sundays and public holidays counted since {since}",
            **start, **basis,
        )  # fmt: skip
    if compared.rank == 1:
        return words.say(
            "{day}, {place}: {bikes}, a record: most of the {days} {weekday}s counted since {since}",
            weekday=weekday, **start, **basis,
        )  # fmt: skip
    rank = words.ordinal(compared.rank)
    if compared.kind == "day_off":
        return words.say(
            "{day}, {place}: {bikes}, {rank} of the {days} Sundays and public holidays counted since {since}",
            rank=rank, **start, **basis,
        )  # fmt: skip
    return words.say(
        "{day}, {place}: {bikes}, {rank} of the {days} {weekday}s counted since {since}",
        rank=rank, weekday=weekday, **start, **basis,
    )  # fmt: skip


def most_in_words(words: Words, compared: CityDay) -> str | None:
    """Return which of the days like a day had most bikes, if that is another day."""
    if compared.rank == 1:
        return None
    best = max(compared.others, key=lambda day: compared.others[day])
    return words.say(
        "The highest of these: {day}, {bikes}.", day=words.date(best), bikes=bikes(words, compared.others[best])
    )


def week_in_words(words: Words, where: str, week: pd.DataFrame) -> str:
    """Return the busiest hour of the week."""
    if week.empty:
        return nothing_in_words(words, where)
    best = _best(week)
    return words.say(
        "{place}: busiest on {weekday}s at {hour}, {bikes} on average",
        place=where, weekday=words.weekday(int(best["weekday"])), hour=words.hour(int(best["hour"])),
        bikes=bikes(words, best["bikes"]),
    )  # fmt: skip


def calendar_in_words(words: Words, where: str, days: pd.DataFrame) -> str:
    """Return the day with most bikes, and of how many."""
    known = days.dropna()
    if known.empty:
        return nothing_in_words(words, where)
    best = _best(known)
    return words.say(
        "{place}: most bikes on {day}, {bikes}, of {days} days counted",
        place=where, day=words.date(best["day"]), bikes=bikes(words, best["bikes"]), days=words.number(len(known)),
    )  # fmt: skip


def months_in_words(words: Words, where: str, months: pd.DataFrame) -> str:
    """Return how the months differ from those of the year before, or the one with most bikes."""
    both = months.dropna()
    if len(both):
        days = both["days"].sum()
        change = (both["bikes"] * both["days"]).sum() / max((both["last_year"] * both["days"]).sum(), 1.0) - 1
        return words.say(
            "{place}: {change} against the year before, on the same {days} dates that both years counted",
            place=where, change=words.change(change), days=words.number(days),
        )  # fmt: skip
    known = months.dropna(subset=["bikes"])
    if known.empty:
        return nothing_in_words(words, where)
    best = _best(known)
    return words.say(
        "{place}: most in {month}, {bikes} a day; there is no year before to compare with",
        place=where, month=words.date(best["month"], "month"), bikes=bikes(words, best["bikes"]),
    )  # fmt: skip


def short_months_in_words(words: Words, months: pd.DataFrame) -> str | None:
    """Return the months that are means of few of their days, such as the running one; ``None`` if there are none."""
    short = [
        words.say(
            "{month} ({days})", month=words.date(row["month"], "month"),
            days=words.plural("{count} day", "{count} days", row["days"], count=words.number(row["days"])),
        )
        for row in months.dropna(subset=["bikes"]).to_dict("records")
        if row["days"] < MOST_DAYS * row["month"].days_in_month
    ]  # fmt: skip
    return words.say("Incomplete months: {list}.", list=", ".join(short)) if short else None


def to_date_in_words(words: Words, year: pd.DataFrame) -> str | None:
    """Return which dates the sums to date are of; ``None`` if there are none."""
    if year.empty:
        return None
    return words.say(
        "Year to date: {days} dates that both years counted, from {first} to {last}.",
        days=words.number(len(year.dropna())), first=words.date(year["day"].iloc[0], "medium"),
        last=words.date(year["day"].iloc[-1], "medium"),
    )  # fmt: skip


def record_in_words(words: Words, where: str, records: pd.DataFrame) -> str:
    """Return the day with most bikes of all, and of how many."""
    days = records[records["kind"] == "day"]
    if days.empty:
        return nothing_in_words(words, where)
    best = days.iloc[0].to_dict()
    return words.say(
        "{place}: the record is {bikes}, on {day}, of {days} days counted",
        place=where, bikes=bikes(words, best["bikes"]), day=start_text("day", best["start"], words),
        days=words.number(best["compared"]),
    )  # fmt: skip


def ranking_in_words(words: Words, places: pd.DataFrame, chosen: str | None) -> str:
    """Return which place is first, or which rank the chosen one has."""
    ranked = places.dropna(subset=["bikes"])
    if ranked.empty or (chosen is not None and chosen not in list(ranked["name"])):
        return nothing_in_words(words, plain(chosen) if chosen else words.say("The whole city"))
    names = list(ranked["name"])
    at = 0 if chosen is None else names.index(chosen)
    return words.say(
        "{place}: {rank} of {count} places, {bikes} a day on average",
        place=plain(names[at]), rank=words.ordinal(at + 1), count=words.number(len(ranked)),
        bikes=bikes(words, ranked["bikes"].iloc[at]),
    )  # fmt: skip


def _best(frame: pd.DataFrame) -> dict[Any, Any]:
    """Return the row with most bikes."""
    return frame.sort_values("bikes", ascending=False, kind="stable").iloc[0].to_dict()


def nothing_in_words(words: Words, where: str) -> str:
    """Say that there is nothing to show."""
    return words.say("{place}: too few counts to tell", place=where)


def basis_in_words(words: Words, counters: int, every: int | None) -> str:
    """Return which counters are summed.

    Parameters
    ----------
    every : of how many the same ones were taken for all days; ``None`` of a place.
    """
    if every is not None:
        return words.plural(
            "Counts of {count} counter (of {every}), the one that counted on most days. Days on which it did not"
            " count are left out.",
            "Total of the same {count} counters (of {every}) on every day. Days on which one of them did not count"
            " are left out: with other counters totals do not compare.",
            counters, count=words.number(counters), every=words.number(every),
        )  # fmt: skip
    return words.plural(
        "Counts of {count} counter; days on which it did not count are left out, and outages are never zeros.",
        "Total of {count} counters; days on which one of them did not count are left out, and outages are never"
        " zeros.",
        counters, count=words.number(counters),
    )  # fmt: skip


def span_in_words(words: Words, span: Period, days: pd.Series[float]) -> str:
    """Return the span, and how many of its days are known."""
    known = int(days.notna().sum())
    said = words.say(
        "{first} to {last}: {days}",
        first=sentence(words.date(span.first, "medium")), last=words.date(span.last, "medium"),
        days=words.plural("{count} day counted", "{count} days counted", known, count=words.number(known)),
    )  # fmt: skip
    if missing := len(days) - known:
        return said + words.plural(
            ", {count} not known.", ", {count} not known.", missing, count=words.number(missing)
        )
    return said + "."


def outages_in_words(words: Words, outages: pd.DataFrame, counters: Sequence[str], span: Period) -> str | None:
    """Return the outages of the counters of a place in a span; ``None`` if there are none.

    Counters of a place mostly fail together: days on which all of them did are named without them.
    """
    first, last = (
        moment.tz_localize(outages[FIRST_HOUR].dt.tz) for moment in (span.first, span.last + pd.DateOffset(days=1))
    )
    own = outages[outages[COUNTER].isin(list(counters))]
    own = own[(own[FIRST_HOUR] < last) & (own[LAST_HOUR] >= first)]
    if own.empty:
        return None
    days = [own[FIRST_HOUR].dt.normalize(), own[LAST_HOUR].dt.normalize(), own[KIND]]
    together = list(own.groupby(days)[COUNTER].agg(list).sort_index(ascending=False).items())
    named = [_outage(words, when, found, len(counters)) for when, found in together[:OUTAGES]]
    if more := len(together) - OUTAGES:
        named += [] if more < 0 else [words.plural("{count} earlier", "{count} earlier", more, count=more)]
    return words.say("Outages: {list}.", list="; ".join(named))


def _outage(words: Words, when: Any, found: Sequence[str], every: int) -> str:
    """Return the days of an outage, its kind, and which counters it was if not all of the place."""
    first, last, kind = when
    start, end = words.date(first, "medium"), words.date(last, "medium")
    said = start if first == last else words.say("{first} to {last}", first=start, last=end)
    kind = words.say("silent") if kind == SILENT else words.say("nothing but zeros")
    if len(found) < every:
        kind = words.say("{counters}, {kind}", counters=", ".join(plain(name) for name in found), kind=kind)
    return f"{said} ({kind})"
