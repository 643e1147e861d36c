"""Load counts from a frame, a file, a URL or the generated sample as a valid clean frame."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bike_traffic.addresses import shown
from bike_traffic.columns import COUNT
from bike_traffic.config import SAMPLE
from bike_traffic.data.check import valid_counts
from bike_traffic.data.cleaning import clean, is_clean
from bike_traffic.data.files.reading import read_counts
from bike_traffic.data.sample import generate_sample
from bike_traffic.data.schema import IDENTIFYING, headers_of
from bike_traffic.data.weather import join_weather, name_of, read_weather
from bike_traffic.errors import SchemaError


def clean_counts(counts: pd.DataFrame, where: str, *, with_counts: bool) -> pd.DataFrame:
    """Return published counts as a clean frame on the same index, after a check; a clean frame stays as it is.

    Parameters
    ----------
    where : name of the counts in messages, such as the path of their file.
    with_counts : whether the column of counts is needed, and checked.

    Raises
    ------
    SchemaError
        A column is missing, there is no row, or a value breaks a rule of `bike_traffic.data.check`.
    """
    if is_clean(counts):
        if counts.empty:
            raise SchemaError(f"{where}: it has no rows", "counts-no-rows", where=where)
        if with_counts:
            headers_of(counts.columns, [COUNT], where)
        return counts
    return valid_counts(counts, where, with_counts=with_counts)


def load_counts(
    source: str | pd.DataFrame, *, rows: int | None = None, weather: str | pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return counts that carry the truth, as a valid clean frame.

    Parameters
    ----------
    source : a frame, the path or URL of a file, or ``"sample"`` for the generated sample.
    rows : read only this many rows.
    weather : the weather of their hours, as `read_weather` takes it, to be joined to the rows.

    Raises
    ------
    ReadError, SchemaError
    """
    if weather is not None:
        known = read_weather(weather)  # short; what is wrong with it is raised before the counts are read
        return join_weather(load_counts(source, rows=rows), known, name_of(weather))
    if isinstance(source, pd.DataFrame):
        return clean_counts(_first(source, rows), "the frame", with_counts=True)
    if source == SAMPLE:
        return clean(_first(generate_sample(), rows))
    wanted: Sequence[str] = (*IDENTIFYING, COUNT)
    return clean_counts(read_counts(source, rows=rows, wanted=wanted), source, with_counts=True)


def _first(counts: pd.DataFrame, rows: int | None) -> pd.DataFrame:
    return counts if rows is None else counts.head(rows)


def source_of(source: str | pd.DataFrame) -> str:
    """Return where counts came from, for a record: a path or URL without user, password and query, or ``frame``."""
    return "frame" if isinstance(source, pd.DataFrame) else shown(source)
