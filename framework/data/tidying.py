"""From a file with faults to one that every command takes: the usable rows, as the City publishes them."""

from __future__ import annotations

from typing import IO

import numpy as np
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, LATITUDE, LONGITUDE, TIME
from bike_traffic.data.checking.usable import Tolerance, Usable, find_usable
from bike_traffic.data.files.malformed import MalformedRows
from bike_traffic.data.files.reading import read_counts
from bike_traffic.data.files.writing import table_writer
from bike_traffic.data.hours import as_published
from bike_traffic.data.schema import CITY_HEADERS, COORDINATES, IDENTIFYING


def clean_file(
    source: str, target: str | IO[bytes], tolerance: Tolerance, *, sum_to_hours: bool = False, city: City = PARIS
) -> Usable:
    """Write the usable rows of a file of counts, whole or not at all, and return them with what was left out.

    Parameters
    ----------
    source : a path or URL, or ``-`` for standard input.
    target : a path or URL, Parquet or compressed CSV by its ending; or an open file for CSV.
    sum_to_hours : whether rows of parts of an hour are summed.
    city : whose counts they are.

    Raises
    ------
    ReadError, SchemaError, WriteError
    """
    malformed = MalformedRows()
    counts = read_counts(source, wanted=(*IDENTIFYING, COUNT), on_malformed=malformed.add, city=city)
    found = find_usable(counts, source, tolerance, sum_to_hours=sum_to_hours, malformed=malformed, city=city)
    with table_writer(target, ";") as write:
        write(published(found.cleaned))
    return found


def published(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return clean rows that carry the count under the City's headers, ordered by time and counter.

    Returns
    -------
    ``Identifiant du compteur`` if it is known, ``Nom du compteur``, ``Comptage horaire``, ``Date et heure de
    comptage`` (local ISO 8601 with offset), and ``Coordonnées géographiques`` (latitude,longitude; empty where
    unknown).
    """
    rows = cleaned.sort_values([TIME, COUNTER], kind="stable", ignore_index=True)
    columns: dict[str, object] = {}
    if IDENTIFIER in rows:
        columns[CITY_HEADERS[IDENTIFIER]] = rows[IDENTIFIER].astype("str")
    names_and_times = as_published(rows)
    columns[CITY_HEADERS[COUNTER]] = names_and_times[CITY_HEADERS[COUNTER]]
    columns[CITY_HEADERS[COUNT]] = rows[COUNT].astype(np.int64)
    columns[CITY_HEADERS[TIME]] = names_and_times[CITY_HEADERS[TIME]]
    places = rows[[LATITUDE, LONGITUDE]].drop_duplicates()
    texts = [f"{one:.5f},{other:.5f}" for one, other in places.itertuples(index=False)]
    known = places.assign(text=texts).dropna()
    columns[CITY_HEADERS[COORDINATES]] = rows.merge(known, on=[LATITUDE, LONGITUDE], how="left")["text"].fillna("")
    return pd.DataFrame(columns)
