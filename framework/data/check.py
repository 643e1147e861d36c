"""The rules that the values of counts must follow, and reports of the rows that break them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, LATITUDE, LONGITUDE, TIME
from bike_traffic.data.checking.seen import SeenHours
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files.csv_rows import row_number
from bike_traffic.data.files.reading import first_position
from bike_traffic.data.schema import COORDINATES, LATITUDES, LONGITUDES, distinct_values, headers_of
from bike_traffic.errors import SchemaError

FIRST_ROWS = 5
RULES = (
    "counter-missing",
    "time-malformed",
    "coordinates-elsewhere",
    "count-malformed",
    "count-negative",
    "count-fractional",
    "hour-repeated",
)
"""The ids of all faults, the most serious first."""

_EXAMPLE_LENGTH = 60


@attrs.frozen
class Fault:
    """A rule that rows break: its id, what is wrong, in how many rows, the first of them, and what to do."""

    id: str
    column: str
    found: str
    rows: int
    first_rows: tuple[int, ...]
    example: str
    advice: str

    def __str__(self) -> str:
        """Return the fault in one line."""
        more = f" and {self.rows - 1} more" if self.rows > 1 else ""
        return (
            f"column '{self.column}': {self.found} in row {self.first_rows[0]}{more} ({self.example}); {self.advice}"
        )


def faults(counts: pd.DataFrame, cleaned: pd.DataFrame | None = None) -> list[Fault]:
    """Return every fault of published counts, the most serious first; raise `SchemaError` if a column is missing.

    If the column of counts is there, it is checked, and no hour may occur twice.

    Parameters
    ----------
    cleaned : the same counts as a clean frame, if the caller has it.
    """
    cleaned = clean(counts) if cleaned is None else cleaned
    return list(faults_of_chunk(counts, cleaned, SeenHours() if COUNT in cleaned else None))


def valid_counts(counts: pd.DataFrame, where: str, *, with_counts: bool) -> pd.DataFrame:
    """Return published counts as a clean frame; raise `SchemaError` with the first fault and the number of others.

    Without counts, as for a prediction, counts are not checked, and an hour may occur twice.
    """
    headers_of(counts.columns, [COUNTER, TIME, COORDINATES, *([COUNT] if with_counts else [])], where)
    if counts.empty:
        raise SchemaError(f"{where}: it has no rows", "counts-no-rows", where=where)
    cleaned = clean(counts)
    broken = list(faults_of_chunk(counts, cleaned, SeenHours() if with_counts else None))
    if broken:
        others = f"{len(broken) - 1} other fault{'s' if len(broken) > 2 else ''}"
        more = f" (and {others}: `bt data check` lists them)" if len(broken) > 1 else ""
        parts = {"where": where, "faults": len(broken), **attrs.asdict(broken[0])}
        raise SchemaError(f"{where}: {broken[0]}{more}", parts.pop("id"), **parts)
    return cleaned


def faults_of_chunk(counts: pd.DataFrame, cleaned: pd.DataFrame, seen: SeenHours | None) -> Iterator[Fault]:
    """Yield the faults of some rows of a file, the most serious first.

    Parameters
    ----------
    counts, cleaned : the rows as published, whose index continues that of the rows before, and as a clean frame.
    seen : the hours of the rows before, to which these are added; ``None`` leaves the counts unchecked.
    """
    names, times = cleaned[COUNTER], cleaned[TIME]
    unnamed = (names.isna() | (names == "")).to_numpy()
    rules = [
        ("counter-missing", COUNTER, "no name", unnamed, "give each row the name of its counter"),
        (
            "time-malformed",
            TIME,
            "not a time",
            times.isna().to_numpy(),
            "write times as ISO 8601 with their offset, like 2021-06-01T08:00:00+02:00",
        ),
        (
            "coordinates-elsewhere",
            COORDINATES,
            "not coordinates in or near Paris",
            _misplaced(counts, cleaned),
            _COORDINATES_ADVICE,
        ),
    ]
    if seen is not None:
        number = cleaned[COUNT].to_numpy()
        with np.errstate(invalid="ignore"):
            rules += [
                (
                    "count-malformed",
                    COUNT,
                    "not a number",
                    ~np.isfinite(number),
                    "give each row its count, or leave the row out",
                ),
                ("count-negative", COUNT, "a negative count", number < 0, "counts are 0 or more bikes per hour"),
                (
                    "count-fractional",
                    COUNT,
                    "a fractional count",
                    (number % 1 > 0),
                    "counts are whole bikes per hour",
                ),
                (
                    "hour-repeated",
                    TIME,
                    "the same counter and hour again",
                    seen.add(cleaned),
                    "keep one row for each counter and hour",
                ),
            ]
    start = first_position(counts)
    for rule, column, found, broken, advice in rules:
        positions = np.flatnonzero(broken)
        if len(positions):
            header = headers_of(counts.columns, [column])[column]
            rows = tuple(row_number(int(at) + start) for at in positions[:FIRST_ROWS])
            value = counts[header].iloc[positions[0]]
            example = "empty" if pd.isna(value) else repr(_shorten(str(value)))
            yield Fault(rule, header, found, len(positions), rows, example, advice)


def _shorten(text: str) -> str:
    return text if len(text) <= _EXAMPLE_LENGTH else f"{text[:_EXAMPLE_LENGTH]}…"


_COORDINATES_ADVICE = (
    f"write 'latitude,longitude' in degrees, {LATITUDES[0]} to {LATITUDES[1]} and {LONGITUDES[0]} to "
    f"{LONGITUDES[1]}, or leave them empty"
)


def _misplaced(counts: pd.DataFrame, cleaned: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows have coordinates that cannot be parsed or are not in or near Paris; they may be empty."""
    column = counts[headers_of(counts.columns, [COORDINATES])[COORDINATES]]
    inside = cleaned[LATITUDE].between(*LATITUDES) & cleaned[LONGITUDE].between(*LONGITUDES)
    codes, values = distinct_values(column)
    blank = np.array([*(not str(value).strip() for value in values), True])[codes]
    return np.asarray(~blank & ~inside.to_numpy(dtype=bool))
