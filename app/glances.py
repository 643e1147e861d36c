"""The views of the past: for each its sentence, notes, pictures and tables. No Streamlit here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import pandas as pd

from bike_traffic.app import findings, summaries
from bike_traffic.app.charts.calendar import calendar_chart
from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.heat import heat_chart
from bike_traffic.app.charts.like_days import like_days_chart
from bike_traffic.app.charts.map import map_chart
from bike_traffic.app.charts.months import months_chart
from bike_traffic.app.charts.ranking import ranking_chart
from bike_traffic.app.charts.to_date import to_date_chart
from bike_traffic.app.history import History, Period, within
from bike_traffic.app.morning import like_days
from bike_traffic.app.outlook import Spot
from bike_traffic.app.tables import csv, shown_table
from bike_traffic.app.words import Words, plain
from bike_traffic.errors import BikeTrafficError

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.places import Place

LIKE_DAYS, WEEK, CALENDAR, MONTHS, RECORDS, RANKING, MAP = (
    "like-days", "week", "calendar", "months", "records", "ranking", "map",
)  # fmt: skip
SHOWS = (LIKE_DAYS, WEEK, CALENDAR, MONTHS, RECORDS, RANKING, MAP)
"""What a reader can see of the past, as the parameter of a link names it."""
OF_A_PERIOD = (WEEK, CALENDAR, MONTHS, RANKING, MAP)
"""These are of a period; like days are of a day, and records of all counts."""
OF_PLACES = (RANKING, MAP)
"""These show all places side by side."""


@attrs.frozen
class Asked:
    """What a reader asks: what to see, where, and when.

    Parameters
    ----------
    show : one of `SHOWS`.
    spot : a place or one direction of it; ``None`` is the whole city.
    place : the name of the place; ``None`` is the whole city.
    span : the period of the views `OF_A_PERIOD`.
    day : of the like days.
    """

    show: str
    spot: Spot | None
    place: str | None
    span: Period
    day: pd.Timestamp


@attrs.frozen(eq=False)
class Picture:
    """A chart, or a table alone, and the same rows to take along.

    Parameters
    ----------
    name : short, for the name of the file.
    chart : with the table that is shown; records have none.
    table : what is shown as a table.
    csv : the same rows and columns as a file.
    """

    name: str
    chart: Chart | None
    table: pd.DataFrame
    csv: bytes


@attrs.frozen(eq=False)
class Glance:
    """What a page shows: a sentence, what it is based on, and pictures."""

    sentence: str
    notes: tuple[str, ...]
    pictures: tuple[Picture, ...]


def glance(history: History, known: Mapping[str, Place], asked: Asked, words: Words, theme: Theme) -> Glance:
    """Return the view that a reader asks for."""
    return _Drawer(history, known, asked, words, theme).draw()


@attrs.frozen(eq=False)
class _Drawer:
    history: History
    known: Mapping[str, Place]
    asked: Asked
    words: Words
    theme: Theme

    def draw(self) -> Glance:
        """Return the view."""
        views: dict[str, Callable[[], Glance]] = {
            LIKE_DAYS: self.like_days,
            WEEK: self.week,
            CALENDAR: self.calendar,
            MONTHS: self.months,
            RECORDS: self.records,
            RANKING: self.ranking,
            MAP: self.map,
        }
        return views[self.asked.show]()

    @property
    def where(self) -> str:
        """What the sentence calls the place."""
        return self.words.say("The whole city") if self.asked.spot is None else plain(self.asked.spot.name)

    def counters(self, *spans: Period) -> Sequence[str]:
        """Return the counters that are summed: those of the place, or of the city the same ones through all spans."""
        return self.asked.spot.counters if self.asked.spot is not None else self.history.steady(*spans)

    def basis(self, counters: Sequence[str]) -> str:
        """Return which counters are summed, in words."""
        every = len(self.history.counters) if self.asked.spot is None else None
        return findings.basis_in_words(self.words, len(counters), every)

    def picture(self, name: str, chart: Chart | None, frame: pd.DataFrame) -> Picture:
        """Return a chart with its frame as a table and a file."""
        table = shown_table(frame, self.words)
        chart = None if chart is None else attrs.evolve(chart, table=table)
        return Picture(name, chart, table, csv(frame, self.words))

    def like_days(self) -> Glance:
        """Compare a day with the earlier days like it."""
        words, day = self.words, self.asked.day
        counters = self.history.names if self.asked.spot is None else self.asked.spot.counters
        try:
            compared = self.history.compare(counters, day)
        except BikeTrafficError:
            said = words.say("{place}: no counts of {day}", place=self.where, day=words.date(day))
            newest = self.history.newest(counters)
            ends = [] if newest is None else [words.say("The counts end on {day}.", day=words.date(newest))]
            return Glance(said, tuple(ends), ())
        frame = like_days(compared)
        chart = like_days_chart(frame, words, self.theme, middle=compared.middle, others=len(compared.others))
        notes = [
            findings.most_in_words(words, compared),
            words.say("The picture shows the last {days} of them.", days=words.number(len(frame)))
            if len(frame) < compared.days
            else None,
            words.plural(
                "Counts of {count} counter.",
                "Total of the {count} counters that counted on the day. Each earlier day is compared on those of them"
                " that counted on both days.",
                compared.counters, count=words.number(compared.counters),
            ),
        ]  # fmt: skip
        return Glance(
            findings.day_in_words(words, self.where, compared),
            tuple(note for note in notes if note),
            (self.picture(LIKE_DAYS, chart, frame[["day", "bikes"]]),),
        )

    def week(self) -> Glance:
        """Show the mean of each hour of the week."""
        span = self.asked.span
        counters = self.counters(span)
        means = summaries.week(within(self.history.hours_of(counters), span))
        wide = means.pivot(index="hour", columns="weekday", values="bikes").reindex(range(24)).reindex(
            columns=range(7)
        )  # fmt: skip
        return Glance(
            findings.week_in_words(self.words, self.where, means),
            (self.span_note(counters), self.basis(counters)),
            (self.picture(WEEK, heat_chart(means, self.words, self.theme), wide.reset_index()),),
        )

    def calendar(self) -> Glance:
        """Show the days as a calendar."""
        span = self.asked.span
        counters = self.counters(span)
        days = summaries.calendar(self.history.days_of(counters), span)
        outages = findings.outages_in_words(self.words, self.history.outages, counters, span)
        notes = [self.span_note(counters), self.basis(counters)]
        if self.asked.spot is not None and outages is not None:
            notes.append(outages)
        return Glance(
            findings.calendar_in_words(self.words, self.where, days),
            tuple(notes),
            (self.picture(CALENDAR, calendar_chart(days, self.words, self.theme), days),),
        )

    def months(self) -> Glance:
        """Show the months beside those of the year before, and the year to date."""
        span = self.asked.span
        counters = self.counters(span, span.year_before())
        days = self.history.days_of(counters)
        months, year = summaries.months(days, span), summaries.to_date(days, span)
        pictures = [
            self.picture(
                MONTHS, months_chart(months, self.words, self.theme), months.rename(columns={"bikes": "per_day"})
            )
        ]
        if len(year):
            pictures.append(self.picture("to-date", to_date_chart(year, self.words, self.theme), year))
        same_dates = self.words.say(
            "Months are means per day. Where both years counted, they are of the dates that both counted: a month"
            " that is not over is compared with the same dates of the year before."
        )
        notes = (
            same_dates,
            findings.to_date_in_words(self.words, year),
            findings.short_months_in_words(self.words, months),
            self.basis(counters),
        )
        return Glance(
            findings.months_in_words(self.words, self.where, months),
            tuple(note for note in notes if note),
            tuple(pictures),
        )

    def records(self) -> Glance:
        """List the hours, days, weeks and months with most bikes of all counts."""
        index = self.history.days.index
        counters = self.counters(Period(index[0], index[-1]))
        found = summaries.records(self.history.hours_of(counters), self.history.days_of(counters))
        whole = self.words.say(
            "Weeks are of seven counted days; months are means per day, of months with nine tenths of their days."
        )
        return Glance(
            findings.record_in_words(self.words, self.where, found),
            (whole, self.basis(counters)),
            (self.picture(RECORDS, None, found),),
        )

    def ranking(self) -> Glance:
        """Show the places by their bikes per day."""
        table = self.places()
        shown = table[["name", "bikes", "days"]].rename(columns={"bikes": "per_day"})
        return self.of_places(table, self.picture(RANKING, ranking_chart(table, self.words, self.theme), shown))

    def map(self) -> Glance:
        """Show the places and their bikes per day on the map."""
        table = self.places()
        shown = table.drop(columns="chosen").rename(columns={"bikes": "per_day"})
        return self.of_places(table, self.picture(MAP, map_chart(table, self.words, self.theme), shown))

    def places(self) -> pd.DataFrame:
        """Return all places in the period."""
        return summaries.ranking(self.history, self.known.values(), self.asked.span, self.asked.place)

    def of_places(self, table: pd.DataFrame, picture: Picture) -> Glance:
        """Return a view of all places."""
        words, span = self.words, self.asked.span
        note = words.say(
            "{first} to {last}: means of the days on which all counters of a place counted. Places that counted on"
            " fewer than half of the days have no rank.",
            first=words.date(span.first, "medium"), last=words.date(span.last, "medium"),
        )  # fmt: skip
        return Glance(findings.ranking_in_words(words, table, self.asked.place), (note,), (picture,))

    def span_note(self, counters: Sequence[str]) -> str:
        """Return the period and how many of its days are known."""
        span = self.asked.span
        return findings.span_in_words(self.words, span, within(self.history.days_of(counters), span))
