"""The rules that the values of counts must follow, and reports of the rows that break them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, LATITUDE, LONGITUDE, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files.reading import first_position, row_number
from bike_traffic.data.schema import COORDINATES, LATITUDES, LONGITUDES, distinct_values, headers_of
from bike_traffic.errors import SchemaError

FIRST_ROWS = 5


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
    return list(_faults(counts, cleaned, with_counts=COUNT in cleaned))


def valid_counts(counts: pd.DataFrame, where: str, *, with_counts: bool) -> pd.DataFrame:
    """Return published counts as a clean frame; raise `SchemaError` with the first fault and the number of others.

    Without counts, as for a prediction, counts are not checked, and an hour may occur twice.
    """
    headers_of(counts.columns, [COUNTER, TIME, COORDINATES, *([COUNT] if with_counts else [])], where)
    if counts.empty:
        raise SchemaError(f"{where}: it has no rows", "counts-no-rows", where=where)
    cleaned = clean(counts)
    broken = list(_faults(counts, cleaned, with_counts=with_counts))
    if broken:
        others = f"{len(broken) - 1} other fault{'s' if len(broken) > 2 else ''}"
        more = f" (and {others}: `bt data check` lists them)" if len(broken) > 1 else ""
        parts = {"where": where, "faults": len(broken), **attrs.asdict(broken[0])}
        raise SchemaError(f"{where}: {broken[0]}{more}", parts.pop("id"), **parts)
    return cleaned


def _faults(counts: pd.DataFrame, cleaned: pd.DataFrame, *, with_counts: bool) -> Iterator[Fault]:
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
    if with_counts:
        number = cleaned[COUNT].to_numpy()
        identity = _same_hour(names, times)
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
                    identity,
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
            example = "empty" if pd.isna(value) else repr(str(value))
            yield Fault(rule, header, found, len(positions), rows, example, advice)


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


def _same_hour(names: pd.Series, times: pd.Series) -> NDArray[np.bool_]:
    """Return which rows repeat the counter and the time of an earlier row."""
    moment = _seconds(times)
    known = times.notna().to_numpy() & names.notna().to_numpy()
    identity = pd.Series(names.cat.codes.to_numpy() * np.int64(1 << 40) + moment)
    return (identity.duplicated() & known).to_numpy()


def _seconds(times: pd.Series) -> NDArray[np.int64]:
    """Return times as seconds since 1970."""
    moments = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return np.asarray(moments.astype("datetime64[s]").astype(np.int64))


def describe(cleaned: pd.DataFrame) -> dict[str, object]:
    """Return rows, counters, and first and last hour of a clean frame, as in a record and in `bt data check`."""
    times = cleaned[TIME]
    known = times.notna().any()
    return {
        "rows": len(cleaned),
        "counters": int(cleaned[COUNTER].nunique()),
        "first_hour": times.min().isoformat() if known else None,
        "last_hour": times.max().isoformat() if known else None,
    }


def fingerprint(cleaned: pd.DataFrame) -> str:
    """Return the SHA-256 of a clean frame's counters, hours and counts, row by row: the same for any file format."""
    names = pd.util.hash_pandas_object(cleaned[COUNTER], index=False)
    columns = [names.to_numpy(), _seconds(cleaned[TIME]), cleaned[COUNT].to_numpy(np.float64)]
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()
