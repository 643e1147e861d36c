"""Read counts from any file or URL into data frames, whole or in chunks.

CSV with ``;`` or ``,``, plain or compressed, and Parquet, at any URL that fsspec opens; ``-`` is CSV on standard
input. The columns keep the City's headers, and their values stay as published, as categories. The index is
the row's position: row 2 of a spreadsheet is index 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import attrs
import pandas as pd

from bike_traffic.columns import COUNT
from bike_traffic.data.files.csv_rows import csv_tables
from bike_traffic.data.files.header import read_header
from bike_traffic.data.files.parquet import is_parquet, open_parquet
from bike_traffic.data.files.unpacking import open_binary, shown_name
from bike_traffic.data.schema import IDENTIFYING, has_counts, headers_of
from bike_traffic.errors import ReadError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 100_000
"""Approximate rows of a chunk; so many that the fixed cost of a chunk does not matter."""


def first_position(counts: pd.DataFrame) -> int:
    """Return the position of a frame's first row in its file: a chunk continues the index of the chunk before it."""
    return int(counts.index[0]) if isinstance(counts.index, pd.RangeIndex) and len(counts) else 0


def read_counts(
    source: str | IO[bytes],
    *,
    rows: int | None = None,
    wanted: Sequence[str] = IDENTIFYING,
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
) -> pd.DataFrame:
    """Read the City's columns that matter: counter, time, coordinates, and the count if it is there.

    Parameters
    ----------
    source : a path or URL of CSV or Parquet, ``-`` for standard input, or an open binary file, which stays open.
    rows : read only this many rows, the first.
    wanted : standard names of the columns that must be there; the count is read whenever it is there.
    name : stands for the source in messages; its ending says the format and how the source is packed.
    max_rows, max_bytes : refuse a source with more rows, or more bytes after unpacking, before more is read.

    Raises
    ------
    ReadError
        The file is not there, truncated, not a table, or larger than is allowed.
    SchemaError
        A column is missing, or there is no row.
    """
    import pyarrow as pa

    with open_counts(source, wanted, name=name, max_rows=max_rows, max_bytes=max_bytes) as opened:
        tables = []
        have = 0
        for table in opened.tables():
            tables.append(table)
            have += table.num_rows
            if rows is not None and have >= rows:
                break
    return _as_frame([pa.concat_tables(tables).slice(0, rows)], 0)


def _as_frame(tables: list[pa.Table], start: int) -> pd.DataFrame:
    """Join tables to a frame whose index begins at `start`."""
    import pyarrow as pa

    frame: pd.DataFrame = pa.concat_tables(tables).unify_dictionaries().to_pandas()
    frame.index = pd.RangeIndex(start, start + len(frame))
    return frame


@attrs.frozen
class CountsSource:
    """An open file of counts: its columns, and an iterator over its rows."""

    uri: str
    headers: dict[str, str]
    """Standard name to header, of the columns that are read."""
    delimiter: str
    """What separates the fields of a CSV; the City's ``;`` for Parquet."""
    _tables: Iterator[pa.Table]
    _max_rows: int | None

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows as Arrow tables of dictionary-encoded text; raise `SchemaError` if there is none."""
        rows = 0
        for table in self._tables:
            rows += table.num_rows
            refuse_rows(self.uri, rows, self._max_rows)
            if table.num_rows:
                yield table
        if not rows:
            raise SchemaError(
                f"{self.uri}: there is no row of counts, only a header", "file-only-header", uri=self.uri
            )

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the rows as data frames of about `CHUNK_ROWS`; the index continues from one to the next."""
        start = 0
        waiting: list[pa.Table] = []
        for table in self.tables():
            waiting.append(table)
            if sum(part.num_rows for part in waiting) >= CHUNK_ROWS:
                yield _as_frame(waiting, start)
                start += sum(part.num_rows for part in waiting)
                waiting = []
        if waiting:
            yield _as_frame(waiting, start)


@contextmanager
def open_counts(
    source: str | IO[bytes],
    wanted: Sequence[str] = IDENTIFYING,
    *,
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
) -> Iterator[CountsSource]:
    """Open counts for reading in chunks; raise as `read_counts` does.

    Parameters
    ----------
    source : a path or URL of CSV or Parquet, ``-`` for standard input, or an open binary file, which stays open.
    wanted, name, max_rows, max_bytes : as for `read_counts`.
    """
    shown = shown_name(source, name)
    with open_binary(source, name=name, max_bytes=max_bytes) as file:
        if not is_parquet(shown):
            columns, delimiter = read_header(shown, file)
            headers = _wanted_headers(columns, wanted, shown)
            tables = csv_tables(shown, file, columns, delimiter, list(headers.values()))
            yield CountsSource(shown, headers, delimiter, tables, max_rows)
            return
        with open_parquet(shown, file) as parquet:
            headers = _wanted_headers(parquet.columns, wanted, shown)
            refuse_rows(shown, parquet.rows, max_rows)
            tables = parquet.tables(list(headers.values()), CHUNK_ROWS, max_bytes)
            yield CountsSource(shown, headers, ";", tables, max_rows)


def _wanted_headers(columns: Sequence[str], wanted: Sequence[str], uri: str) -> dict[str, str]:
    names = list(wanted)
    if COUNT not in names and has_counts(pd.DataFrame(columns=pd.Index(columns))):
        names.append(COUNT)
    return headers_of(columns, names, uri)


def refuse_rows(uri: str, rows: int, max_rows: int | None) -> None:
    """Raise `ReadError` if a file has more rows than are allowed."""
    if max_rows is not None and rows > max_rows:
        raise ReadError(
            f"{uri}: more than {max_rows:,} rows; divide it into smaller files",
            "file-too-many-rows",
            uri=uri,
            max_rows=max_rows,
        )
