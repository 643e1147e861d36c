"""Names, counts and coordinates of counters, in the forms that exports have."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

from bike_traffic.columns import LATITUDE, LONGITUDE
from bike_traffic.data.parsing.distinct import distinct_values, take, text_of

_DECIMAL_COMMA = r"^\s*[-+]?\d+,\d+\s*$"
_NUMBER = r"([-+]?\d+(?:\.\d+)?)"
_PAIR = re.compile(rf"\s*{_NUMBER}\s*,\s*{_NUMBER}\s*")
_LATITUDE = re.compile(rf"[\"']?\blat(?:itude)?[\"']?\s*[:=]\s*{_NUMBER}", re.IGNORECASE)
_LONGITUDE = re.compile(rf"[\"']?\blon(?:g|gitude)?[\"']?\s*[:=]\s*{_NUMBER}", re.IGNORECASE)
_POINT = re.compile(rf"[\"']coordinates[\"']\s*:\s*\[\s*{_NUMBER}\s*,\s*{_NUMBER}")


def parse_numbers(column: pd.Series) -> pd.Series:
    """Return counts, or degrees, as float64, NaN where they are missing or not a number; ``3,0`` is a number."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(np.float64)
    codes, values = distinct_values(column)
    texts = pd.Series([text_of(value) for value in values.tolist()], dtype=object)
    commas = texts.str.match(_DECIMAL_COMMA).to_numpy(dtype=bool)
    texts[commas] = texts[commas].str.replace(",", ".")
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    return pd.Series(take(numbers, codes), index=column.index)


def parse_coordinates(column: pd.Series) -> pd.DataFrame:
    """Return ``latitude`` and ``longitude`` in degrees (float32), NaN where they cannot be read.

    They are ``latitude,longitude``, an object such as ``{'lon': 2.35, 'lat': 48.86}``, or a GeoJSON point.
    """
    codes, values = distinct_values(column)
    pairs = np.array([_degrees(value) for value in values.tolist()], np.float32).reshape(-1, 2)
    return pd.DataFrame({LATITUDE: take(pairs[:, 0], codes), LONGITUDE: take(pairs[:, 1], codes)}, index=column.index)


def _degrees(value: object) -> tuple[float, float]:
    text = text_of(value)
    if pair := _PAIR.fullmatch(text):
        return float(pair[1]), float(pair[2])
    if point := _POINT.search(text):
        return float(point[2]), float(point[1])
    latitude, longitude = _LATITUDE.search(text), _LONGITUDE.search(text)
    return (float(latitude[1]), float(longitude[1])) if latitude and longitude else (np.nan, np.nan)


def clean_texts(column: pd.Series) -> pd.Series:
    """Return names or identifiers as a categorical: composed accents, single spaces, and no space at the ends."""
    codes, values = distinct_values(column)
    cleaned = [" ".join(unicodedata.normalize("NFC", text_of(value)).split()) for value in values.tolist()]
    positions, names = pd.factorize(np.array(cleaned, dtype=object))
    spread = np.append(positions, -1)[codes]
    return pd.Series(pd.Categorical.from_codes(spread, categories=pd.Index(names)), index=column.index)
