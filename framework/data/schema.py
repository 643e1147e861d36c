"""The City's columns: their names over the years, and parsers of their values.

Each parser looks at the distinct values of a column only: a year of counts has half a million rows, but
fifty counters and nine thousand hours. A value that cannot be parsed becomes missing; `bike_traffic.data.check`
reports where and why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, LATITUDE, LONGITUDE, TIME, TIME_ZONE
from bike_traffic.errors import SchemaError, no_such

COORDINATES = "coordonnees_geographiques"
"""Standard name of a published column that the clean frame holds as latitude and longitude."""

IDENTIFYING = (COUNTER, TIME, COORDINATES)
"""The columns that a prediction needs."""

CITY_HEADERS: Mapping[str, str] = {
    COUNTER: "Nom du compteur",
    TIME: "Date et heure de comptage",
    COORDINATES: "Coordonnées géographiques",
    COUNT: "Comptage horaire",
}

# What the same columns are called in exports by field name instead of by label.
_FIELD_NAMES = {"nom_compteur": COUNTER, "date": TIME, "coordinates": COORDINATES, "sum_counts": COUNT}

LATITUDES = (48.0, 49.5)
LONGITUDES = (1.4, 3.6)
"""Île-de-France with a margin, in degrees; no counter of Paris is outside."""

FloatT = TypeVar("FloatT", bound=np.floating[Any])

YEARS = (2000, 2100)
"""A time in any other year is a typing error."""

# An offset follows a time of day, so that the hyphens of a plain date do not match.
_OFFSET = re.compile(r"\d[T ]\d.*(?:Z|[+-]\d\d(?::?\d\d)?)$")


def standard_name(header: str) -> str:
    """Return a header in lower case, without accents, words joined by ``_``."""
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return _FIELD_NAMES.get(name, name)


def headers_of(columns: Iterable[object], wanted: Sequence[str], where: str = "the counts") -> dict[str, str]:
    """Return the header of each wanted column, by standard name; raise `SchemaError` if a column is missing."""
    present: dict[str, str] = {}
    for header in columns:
        present.setdefault(standard_name(str(header)), str(header))
    for name in wanted:
        if name not in present:
            raise SchemaError(
                f"{where}: {no_such('column', CITY_HEADERS[name], present.values())}",
                "column-missing",
                where=where,
                name=CITY_HEADERS[name],
                known=sorted(present.values()),
            )
    return {name: present[name] for name in wanted}


def has_counts(counts: pd.DataFrame) -> bool:
    """Return whether the frame has the column of counts."""
    return any(standard_name(str(header)) == COUNT for header in counts.columns)


def column_of(counts: pd.DataFrame, name: str) -> pd.Series:
    """Return a column by its standard name; raise `SchemaError` if it is missing."""
    return counts[headers_of(counts.columns, [name])[name]]


def distinct_values(column: pd.Series) -> tuple[NDArray[np.intp], pd.Index]:
    """Return for each row the position of its value among the distinct values, -1 if missing, and these values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.intp), column.cat.categories
    codes, values = pd.factorize(column)
    return codes, pd.Index(values)


def distinct_times(column: pd.Series) -> tuple[NDArray[np.intp], pd.DatetimeIndex]:
    """Return the position of each row's time among the distinct times, and these in Europe/Paris time.

    A time without an offset is taken as Paris time: the first of the two hours 02:00 in autumn, and the next
    hour if the clock skips it in spring. A time that cannot be parsed is ``NaT``.
    """
    codes, values = distinct_values(column)
    if isinstance(values, pd.DatetimeIndex):
        return codes, _plausible(values.tz_convert(TIME_ZONE) if values.tz else _from_wall_clock(values))
    texts = values.astype(str).str.strip()
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    naive = ~np.array([bool(_OFFSET.search(text)) for text in texts], dtype=bool)
    if naive.any():
        paris = _from_wall_clock(times.tz_localize(None)).tz_convert("UTC")
        times = times.where(~naive, paris)
    return codes, _plausible(pd.DatetimeIndex(times).tz_convert(TIME_ZONE))


def _plausible(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times.where((times.year >= YEARS[0]) & (times.year < YEARS[1])))


def _from_wall_clock(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    first = np.ones(len(times), dtype=bool)
    return times.tz_localize(TIME_ZONE, ambiguous=first, nonexistent="shift_forward")


def take_times(times: pd.DatetimeIndex, codes: NDArray[np.intp]) -> pd.DatetimeIndex:
    """Spread distinct times over the rows, ``NaT`` where the code is -1."""
    return pd.DatetimeIndex(times.append(pd.DatetimeIndex([pd.NaT]).tz_localize(TIME_ZONE)).take(codes))


def parse_times(column: pd.Series) -> pd.Series:
    """Return the times of a column in Europe/Paris time, ``NaT`` where they cannot be parsed."""
    codes, times = distinct_times(column)
    return pd.Series(take_times(times, codes), index=column.index)


def parse_counts(column: pd.Series) -> pd.Series:
    """Return counts in bikes per hour as float64, NaN where they are missing or not a number."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(np.float64)
    codes, values = distinct_values(column)
    numbers = pd.to_numeric(pd.Series(values.astype(str)), errors="coerce").to_numpy(np.float64)
    return pd.Series(_take(numbers, codes), index=column.index)


def parse_coordinates(column: pd.Series) -> pd.DataFrame:
    """Return ``latitude`` and ``longitude`` in degrees (float32), NaN where they cannot be parsed."""
    codes, values = distinct_values(column)
    parts = values.astype(str).str.extract(r"^\s*([-+]?\d+(?:\.\d+)?)\s*,\s*([-+]?\d+(?:\.\d+)?)\s*$")
    pairs = parts.to_numpy(dtype=object).astype(np.float32).reshape(-1, 2)
    return pd.DataFrame(
        {LATITUDE: _take(pairs[:, 0], codes), LONGITUDE: _take(pairs[:, 1], codes)}, index=column.index
    )


def clean_counter_names(column: pd.Series) -> pd.Series:
    """Return the names as a categorical: composed accents, single spaces, and no space at the ends."""
    codes, values = distinct_values(column)
    cleaned = [" ".join(unicodedata.normalize("NFC", str(value)).split()) for value in values]
    positions, names = pd.factorize(np.array(cleaned, dtype=object))
    spread = np.append(positions, -1)[codes]
    return pd.Series(pd.Categorical.from_codes(spread, categories=pd.Index(names)), index=column.index)


def _take(values: NDArray[FloatT], codes: NDArray[np.intp]) -> NDArray[FloatT]:
    """Spread distinct numbers over the rows, NaN where the code is -1."""
    return np.append(values, np.asarray([np.nan], dtype=values.dtype))[codes]
