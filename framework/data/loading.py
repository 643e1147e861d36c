"""Load counts from a frame, a file, a folder, a URL or the generated sample as a valid clean frame."""

from __future__ import annotations

import pandas as pd

from bike_traffic.addresses import shown
from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNT
from bike_traffic.config import SAMPLE
from bike_traffic.data.checking.usable import DEFAULT_TOLERANCE, Tolerance, usable_counts
from bike_traffic.data.cleaning import clean, is_clean
from bike_traffic.data.files.malformed import MalformedRows
from bike_traffic.data.files.reading import read_counts
from bike_traffic.data.sample import generate_sample
from bike_traffic.data.schema import IDENTIFYING, headers_of, labelled
from bike_traffic.data.weather.joining import join_weather
from bike_traffic.data.weather.reading import name_of, read_weather
from bike_traffic.data.window import EVERYTHING, Window
from bike_traffic.errors import SchemaError
from bike_traffic.notices import Notify, log_warning


def load_counts(
    source: str | pd.DataFrame,
    *,
    rows: int | None = None,
    weather: str | pd.DataFrame | None = None,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    notify: Notify = log_warning,
    window: Window = EVERYTHING,
    city: City = PARIS,
) -> pd.DataFrame:
    """Return the usable rows of counts that carry the truth, as a valid clean frame.

    Parameters
    ----------
    source : a frame, published or clean, the path or URL of a file, a folder or a pattern, or ``"sample"`` for the
        generated sample.
    rows : return the usable ones of only this many rows.
    weather : the weather of their hours, as `read_weather` takes it, to be joined to the rows.
    tolerance : how much may be left out.
    notify : called with one line for each rule that rows break, and for each renamed counter.
    window : only its rows are returned, and of a store only its months read.
    city : whose counts they are.

    Raises
    ------
    ReadError
    SchemaError
        A column is missing, there is no row, or more rows cannot be used than is tolerated.
    """
    if weather is not None:
        known = read_weather(weather, city)  # short; what is wrong with it is raised before the counts are read
        cleaned = load_counts(source, rows=rows, tolerance=tolerance, notify=notify, window=window, city=city)
        return join_weather(cleaned, known, name_of(weather))
    if window.is_everything:
        return _load(source, rows, tolerance, notify, window, city)
    inside = window.of(_load(source, None, tolerance, notify, window, city))
    if inside.empty:
        where = source_of(source)
        raise SchemaError(
            f"{where}: none of its rows is of the hours that are wanted", "counts-none-wanted", where=where
        )
    return _first(inside, rows)


def _load(
    source: str | pd.DataFrame, rows: int | None, tolerance: Tolerance, notify: Notify, window: Window, city: City
) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return _of_frame(_first(source, rows), tolerance, notify, city)
    if source == SAMPLE:
        return clean(_first(generate_sample(), rows), city=city)
    malformed = MalformedRows()
    wanted = (*IDENTIFYING, COUNT)
    counts = read_counts(source, rows=rows, wanted=wanted, on_malformed=malformed.add, window=window, city=city)
    return usable_counts(counts, source, tolerance, notify, malformed, city)


def _of_frame(counts: pd.DataFrame, tolerance: Tolerance, notify: Notify, city: City) -> pd.DataFrame:
    if not is_clean(counts):
        return usable_counts(labelled(counts, city.columns), "the frame", tolerance, notify, city=city)
    if counts.empty:
        raise SchemaError("the frame: it has no rows", "counts-no-rows", where="the frame")
    headers_of(counts.columns, [COUNT], "the frame")
    return counts


def _first(counts: pd.DataFrame, rows: int | None) -> pd.DataFrame:
    return counts if rows is None else counts.head(rows)


def source_of(source: str | pd.DataFrame) -> str:
    """Return where counts came from, for a record: a path or URL without user, password and query, or ``frame``."""
    return "frame" if isinstance(source, pd.DataFrame) else shown(source)
