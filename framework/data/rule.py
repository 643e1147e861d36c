"""The rules that rows of counts must follow."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from bike_traffic.cities import City
from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.parsing.times import MALFORMED, NONEXISTENT, OUT_OF_RANGE, WITHOUT_HOUR, YEARS
from bike_traffic.data.schema import COORDINATES

TIME_ADVICE = "write times as ISO 8601 with their offset, like 2021-06-01T08:00:00+02:00"


@attrs.frozen
class Rule:
    """A rule: its id, its column by standard name, what a row that breaks it has, and what to do about it.

    A row that breaks a rule which is `grave` cannot be used; of the others only a value is left out.
    """

    id: str
    column: str
    found: str
    advice: str
    grave: bool = True


RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule("row-malformed", COUNTER, "another number of fields than the header", "check its delimiters and quotes"),
        Rule("counter-missing", COUNTER, "no name", "give each row the name of its counter"),
        Rule(MALFORMED, TIME, "not a time", TIME_ADVICE),
        Rule(OUT_OF_RANGE, TIME, "a year out of range", f"years are {YEARS[0]} to {YEARS[1] - 1}"),
        Rule(WITHOUT_HOUR, TIME, "a time without its hour", TIME_ADVICE),
        Rule(
            NONEXISTENT,
            TIME,
            "an hour that the clock skips in spring",
            "leave it out, or write times with their offset",
        ),
        Rule(
            "hour-not-whole",
            TIME,
            "not the start of an hour",
            "sum the rows of each hour: bt data clean IN OUT --sum-to-hours",
        ),
        Rule(
            "coordinates-elsewhere",
            COORDINATES,
            "not coordinates in or near {title}",
            "write 'latitude,longitude' in degrees, {latitudes[0]} to {latitudes[1]} and {longitudes[0]} to "
            "{longitudes[1]}, or leave them empty",
            grave=False,
        ),
        Rule("count-malformed", COUNT, "not a number", "give each row its count, or leave the row out"),
        Rule("count-negative", COUNT, "a negative count", "counts are 0 or more bikes per hour"),
        Rule("count-fractional", COUNT, "a fractional count", "counts are whole bikes per hour"),
        Rule("hour-repeated", TIME, "the same counter and hour again", "keep one row for each counter and hour"),
        Rule(
            "hour-incomplete", TIME, "a part of an hour whose other parts are missing", "give all parts of the hour"
        ),
        Rule("hours-of-days", TIME, "the same hour every day, as sums of days have", "give one row for each hour"),
        Rule(
            "hours-apart",
            TIME,
            "a few rows weeks away from all others",
            "correct their times, or leave them out",
        ),
        Rule(
            "count-doubtful",
            COUNT,
            "a count far above what is usual for its counter and hour",
            "look at the counter; --keep-doubtful uses such counts all the same",
        ),
    )
}
"""All rules by id, the most serious first."""


def rule_of(rule: str, city: City) -> Rule:
    """Return a rule in words of a city."""
    words = {"title": city.title, "latitudes": city.latitudes, "longitudes": city.longitudes}
    known = RULES[rule]
    return attrs.evolve(known, found=known.found.format(**words), advice=known.advice.format(**words))
