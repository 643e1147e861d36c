"""From an export of a portal to the table of a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.cities import CityColumns
from bike_traffic.data.files.csv_rows import csv_tables
from bike_traffic.data.files.formats.content import CSV, PARQUET, format_of
from bike_traffic.data.files.header import read_header
from bike_traffic.data.files.parquet.table import open_parquet
from bike_traffic.data.files.unpacking import open_binary
from bike_traffic.data.parsing.values import parse_numbers
from bike_traffic.errors import ReadError, SchemaError, no_such
from bike_traffic.http.messages import said_in

if TYPE_CHECKING:
    import pyarrow as pa

STORED = {
    "identifier": "id_compteur",
    "counter": "nom_compteur",
    "count": "sum_counts",
    "time": "date",
    "coordinates": "coordinates",
}
"""The columns of a store, by the fields of `CityColumns`: those that the City's own portal has, in every city."""

_ROWS = 1 << 16


def read_export(path: Path, name: str, columns: CityColumns) -> pa.Table:
    """Return the rows of an export, ordered by time and counter, as a store keeps them.

    Texts stay as published. Times are milliseconds in UTC, counts are float64, coordinates are
    ``latitude,longitude``. A column that the city has not is missing.

    Parameters
    ----------
    name : stands for the file in messages.

    Raises
    ------
    ReadError
        It is no whole table.
    SchemaError
        A column is missing, or a value is none.
    """
    import pyarrow as pa

    wanted = {field: getattr(columns, field) for field in STORED if getattr(columns, field) is not None}
    with open_binary(str(path), name=name) as file:
        form = format_of(name, file)
        if form == PARQUET:
            with open_parquet(name, file) as parquet:
                _require(name, list(wanted.values()), parquet.columns)
                tables = list(parquet.tables(list(wanted.values()), _ROWS, None))
        elif form == CSV:
            header = read_header(name, file)
            _require(name, list(wanted.values()), header.columns)
            tables = list(csv_tables(name, file, header, list(wanted.values())))
        else:
            said = said_in(file.read(_ROWS))[0]
            raise ReadError(
                f"{name}: the server sends no table but: {said}", "export-not-a-table", uri=name, reason=said
            )
    if not tables:
        return pa.table({STORED[field]: pa.array([], column_types()[field]) for field in wanted})
    table = pa.concat_tables(tables).unify_dictionaries()
    stored = {STORED[field]: _stored(name, field, table.column(header)) for field, header in wanted.items()}
    return pa.table(stored).sort_by([(STORED["time"], "ascending"), (STORED["counter"], "ascending")])


def column_types() -> dict[str, Any]:
    """Return the Arrow types of the columns of a store, by the fields of `CityColumns`."""
    import pyarrow as pa

    text = pa.string()
    kinds = {"identifier": text, "counter": text, "coordinates": text}
    return {**kinds, "count": pa.float64(), "time": pa.timestamp("ms", "UTC")}


def _stored(name: str, field: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    kind = column_types()[field]
    if field == "count":
        return pa.chunked_array([pa.Array.from_pandas(parse_numbers(column.to_pandas()), type=kind)])
    if field == "time":
        return _times(name, column, kind)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(kind)


def _times(name: str, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return times in UTC, which the portal was asked for: also those without an offset."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(kind)
    values = column.to_pandas()
    times = pd.to_datetime(values.astype("str"), format="ISO8601", utc=True, errors="coerce")
    unreadable = times.isna() & values.notna()
    if unreadable.any():
        example = str(values[unreadable].iloc[0])
        raise SchemaError(
            f"{name}: '{example}' is no time; the portal sends another column than it should",
            "export-time-malformed",
            uri=name,
            example=example,
        )
    utc = times.dt.tz_convert(None).to_numpy().astype("datetime64[ms]")
    return pa.chunked_array([pa.array(utc, from_pandas=True).cast(kind)])


def _require(name: str, wanted: list[str], columns: list[str]) -> None:
    for column in wanted:
        if column not in columns:
            raise SchemaError(
                f"{name}: {no_such('column', column, columns)}",
                "column-missing",
                where=name,
                name=column,
                known=columns,
            )
