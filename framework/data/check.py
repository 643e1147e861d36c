"""What can be wrong with the values of a table of counts: each rule once, for training and for people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.data.reading import row_number
from bike_traffic.data.schema import (
    CITY_HEADERS,
    COORDINATES,
    COUNT,
    COUNTER,
    LATITUDES,
    LONGITUDES,
    TIME,
    clean_counter_names,
    distinct_values,
    has_counts,
    headers_of,
    parse_coordinates,
    parse_counts,
    parse_times,
)
from bike_traffic.errors import SchemaError

FIRST_ROWS = 5


@attrs.frozen
class Fault:
    """A rule that rows break: what was found, in how many rows, which come first, and what to do."""

    column: str
    found: str
    rows: int
    first_rows: tuple[int, ...]
    example: str
    advice: str

    def __str__(self) -> str:
        """Say it in one line."""
        more = f" and {self.rows - 1} more" if self.rows > 1 else ""
        return (
            f"column '{self.column}': {self.found} in row {self.first_rows[0]}{more} ({self.example}); {self.advice}"
        )


def faults(counts: pd.DataFrame) -> list[Fault]:
    """Return every fault of the counts, the gravest first; raise `SchemaError` when a column is missing.

    The column of counts is checked where it is there, and with it that no hour stands twice.
    """
    return list(_faults(counts, with_counts=has_counts(counts)))


def require_valid(counts: pd.DataFrame, where: str, *, with_counts: bool) -> None:
    """Raise `SchemaError` with the first fault, and say how many there are.

    Without counts, as for a prediction, it is no fault that a count is wrong or that an hour stands twice.
    """
    headers_of(counts.columns, [COUNTER, TIME, COORDINATES, *([COUNT] if with_counts else [])], where)
    if counts.empty:
        raise SchemaError(f"{where}: it has no rows")
    found = list(_faults(counts, with_counts=with_counts))
    if found:
        others = f"{len(found) - 1} other fault{'s' if len(found) > 2 else ''}"
        more = f" (and {others}: `bt data check` lists them)" if len(found) > 1 else ""
        raise SchemaError(f"{where}: {found[0]}{more}")


def _faults(counts: pd.DataFrame, *, with_counts: bool) -> Iterator[Fault]:
    times = parse_times(counts[headers_of(counts.columns, [TIME])[TIME]])
    names = clean_counter_names(counts[headers_of(counts.columns, [COUNTER])[COUNTER]])
    unnamed = (names.isna() | (names == "")).to_numpy()
    coordinates = parse_coordinates(counts[headers_of(counts.columns, [COORDINATES])[COORDINATES]])
    rules = [
        (COUNTER, "no name", unnamed, "give each row the name of its counter"),
        (
            TIME,
            "not a time",
            times.isna().to_numpy(),
            "write times as ISO 8601 with their offset, like 2021-06-01T08:00:00+02:00",
        ),
        (COORDINATES, "not coordinates in or near Paris", _misplaced(counts, coordinates), _COORDINATES_ADVICE),
    ]
    if with_counts:
        number = parse_counts(counts[headers_of(counts.columns, [COUNT])[COUNT]]).to_numpy()
        identity = _same_hour(names, times)
        with np.errstate(invalid="ignore"):
            rules += [
                (COUNT, "not a number", ~np.isfinite(number), "give each row its count, or leave the row out"),
                (COUNT, "a negative count", number < 0, "counts are 0 or more bikes per hour"),
                (COUNT, "a fractional count", (number % 1 > 0), "counts are whole bikes per hour"),
                (TIME, "the same counter and hour again", identity, "keep one row for each counter and hour"),
            ]
    start = counts.index[0] if isinstance(counts.index, pd.RangeIndex) else 0  # a chunk of a file goes on counting
    for column, found, broken, advice in rules:
        positions = np.flatnonzero(broken)
        if len(positions):
            header = headers_of(counts.columns, [column])[column]
            rows = tuple(row_number(int(at) + start) for at in positions[:FIRST_ROWS])
            value = counts[header].iloc[positions[0]]
            example = "empty" if pd.isna(value) else repr(str(value))
            yield Fault(header, found, len(positions), rows, example, advice)


_COORDINATES_ADVICE = (
    f"write 'latitude,longitude' in degrees, {LATITUDES[0]} to {LATITUDES[1]} and {LONGITUDES[0]} to "
    f"{LONGITUDES[1]}, or leave them empty"
)


def _misplaced(counts: pd.DataFrame, coordinates: pd.DataFrame) -> NDArray[np.bool_]:
    """Say which rows have coordinates that cannot be read or lie elsewhere; none at all is no fault."""
    column = counts[headers_of(counts.columns, [COORDINATES])[COORDINATES]]
    inside = coordinates["latitude"].between(*LATITUDES) & coordinates["longitude"].between(*LONGITUDES)
    codes, values = distinct_values(column)
    blank = np.append([not str(value).strip() for value in values], True)[codes]
    return (~blank & ~inside.to_numpy(dtype=bool)).astype(bool)


def _same_hour(names: pd.Series, times: pd.Series) -> NDArray[np.bool_]:
    """Say which rows repeat the counter and the moment of an earlier one."""
    moment = _seconds(times)
    known = times.notna().to_numpy() & names.notna().to_numpy()
    identity = pd.Series(names.cat.codes.to_numpy() * np.int64(1 << 40) + moment)
    return (identity.duplicated() & known).to_numpy()


def _seconds(times: pd.Series) -> NDArray[np.int64]:
    """Return moments as seconds since 1970."""
    moments = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return np.asarray(moments.astype("datetime64[s]").astype(np.int64))


def describe(counts: pd.DataFrame) -> dict[str, object]:
    """Return rows, counters and span of valid counts, for people."""
    times = parse_times(counts[headers_of(counts.columns, [TIME])[TIME]])
    names = clean_counter_names(counts[headers_of(counts.columns, [COUNTER])[COUNTER]])
    return {
        "rows": len(counts),
        "counters": int(names.nunique()),
        "first_hour": times.min().isoformat() if times.notna().any() else None,
        "last_hour": times.max().isoformat() if times.notna().any() else None,
        "counts": CITY_HEADERS[COUNT] if has_counts(counts) else None,
    }


def fingerprint(counts: pd.DataFrame) -> str:
    """Return the SHA-256 of valid counts: counter, hour and count row by row, however their file writes them."""
    headers = headers_of(counts.columns, [COUNTER, TIME, COUNT])
    names = pd.util.hash_pandas_object(clean_counter_names(counts[headers[COUNTER]]), index=False)
    columns = [
        names.to_numpy(),
        _seconds(parse_times(counts[headers[TIME]])),
        parse_counts(counts[headers[COUNT]]).to_numpy(np.float64),
    ]
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()
