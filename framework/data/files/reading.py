"""Read counts from any file or URL into data frames, whole or in chunks.

CSV with ``;`` or ``,``, Parquet, and JSON, plain or packed, over http or at any URL that fsspec opens; ``-`` is
standard input. What a file is, its first bytes say. A folder, or a pattern such as ``counts-*.csv``, is read as one
file: the columns of its first file are read of all its files. The columns keep the City's headers, and their values
stay as published: texts as categories, numbers as float64. The index is the row's position: row 2 of a spreadsheet
is index 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

import attrs
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.data.files.csv_rows import csv_tables
from bike_traffic.data.files.folders.joining import STARTS, as_frame, joined
from bike_traffic.data.files.folders.listing import files_of
from bike_traffic.data.files.formats.content import JSON, PARQUET, format_of
from bike_traffic.data.files.formats.json_rows import JsonTable
from bike_traffic.data.files.formats.of_city import form_for, hours_in, tables_of
from bike_traffic.data.files.header import read_header
from bike_traffic.data.files.malformed import RefuseMany
from bike_traffic.data.files.parquet.table import open_parquet
from bike_traffic.data.files.unpacking import open_binary, shown_name
from bike_traffic.data.schema import IDENTIFYING, OPTIONAL, headers_of, under_labels
from bike_traffic.data.window import EVERYTHING, Window
from bike_traffic.errors import ReadError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 100_000
"""Approximate rows of a chunk; so many that the fixed cost of a chunk does not matter."""


def read_counts(
    source: str | IO[bytes],
    *,
    rows: int | None = None,
    wanted: Sequence[str] = IDENTIFYING,
    optional: Sequence[str] = OPTIONAL,
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
    on_malformed: Callable[[int, str], None] | None = None,
    window: Window = EVERYTHING,
    city: City = PARIS,
) -> pd.DataFrame:
    """Read the City's columns that matter: what identifies a count, and the count if it is there.

    Parameters
    ----------
    source : a path or URL of a file, a folder, or a pattern, ``-`` for standard input, or an open binary file, which
        stays open.
    rows : read only this many rows, the first.
    wanted : standard names of the columns that must be there.
    optional : those of the columns that are read if they are there.
    name : stands for the source, which is one file, in messages.
    max_rows, max_bytes : refuse a source with more rows, or more bytes after unpacking, before more is read.
    on_malformed : called with the position of each row that does not fit the table, in ascending order, and why. Such
        a row keeps its place, and all its values are missing. Without it the first such row is an error.
    window : of a store, only the months that have a part of it are read.
    city : whose counts they are: it may know other names of the columns, and files of a form of its own.

    Raises
    ------
    ReadError
        The file is not there, truncated, not a table, or larger than is allowed.
    SchemaError
        A column is missing, there is no row, or a row does not fit the table and `on_malformed` is not given.
    """

    def malformed(position: int, reason: str) -> None:
        if on_malformed is not None and (rows is None or position < rows):
            on_malformed(position, reason)

    with open_counts(
        source,
        wanted,
        optional=optional,
        name=name,
        max_rows=max_rows,
        max_bytes=max_bytes,
        on_malformed=on_malformed and malformed,
        window=window,
        city=city,
    ) as opened:
        tables = []
        have = 0
        for table in opened.tables():
            tables.append(table.slice(0, None if rows is None else rows - have))
            have += table.num_rows
            if rows is not None and have >= rows:
                break
        return opened.frame(tables)


@attrs.frozen
class CountsSource:
    """An open file of counts, or several files: the columns, and an iterator over the rows."""

    uri: str
    headers: dict[str, str]
    """Standard name to header, of the columns that are read."""
    delimiter: str
    """What separates the fields of a CSV; the City's ``;`` for other formats."""
    _tables: Iterator[pa.Table]
    _max_rows: int | None
    _starts: list[tuple[int, str]] = attrs.field(factory=list)

    def parts(self) -> Iterator[pa.Table]:
        """Return the rows as Arrow tables, of which any may be empty."""
        return self._tables

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
                yield self.frame(waiting, start)
                start += sum(part.num_rows for part in waiting)
                waiting = []
        if waiting:
            yield self.frame(waiting, start)

    def frame(self, tables: Sequence[pa.Table], start: int = 0) -> pd.DataFrame:
        """Join tables to a frame whose index begins at `start`; it knows the files of its rows, see `row_of_file`."""
        joint = as_frame(tables, start)
        if self._starts:
            joint.attrs[STARTS] = list(self._starts)
        return joint


@contextmanager
def open_counts(
    source: str | IO[bytes],
    wanted: Sequence[str] = IDENTIFYING,
    *,
    optional: Sequence[str] = OPTIONAL,
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
    on_malformed: Callable[[int, str], None] | None = None,
    window: Window = EVERYTHING,
    city: City = PARIS,
) -> Iterator[CountsSource]:
    """Open counts for reading in chunks; raise as `read_counts` does.

    Parameters
    ----------
    source, wanted, optional, name, max_rows, max_bytes, window, city : as for `read_counts`.
    on_malformed : as for `read_counts`; called before the frame that has the row.
    """
    opening = partial(_open_file, wanted=wanted, optional=optional, max_rows=max_rows, max_bytes=max_bytes, city=city)
    files = files_of(source, window) if isinstance(source, str) and name is None else None
    if files is None:
        with opening(source, on_malformed, name=name) as one:
            yield one
        return
    with opening(files[0], on_malformed) as first:
        starts = [(0, PurePosixPath(files[0]).name)]
        tables = joined(first, files[1:], opening, on_malformed, starts)
        yield CountsSource(shown_name(source, name), first.headers, first.delimiter, tables, max_rows, starts)


@contextmanager
def _open_file(
    source: str | IO[bytes],
    on_malformed: Callable[[int, str], None] | None,
    *,
    wanted: Sequence[str],
    optional: Sequence[str],
    name: str | None = None,
    max_rows: int | None,
    max_bytes: int | None,
    city: City,
) -> Iterator[CountsSource]:
    shown = shown_name(source, name)
    address = source if isinstance(source, str) else ""
    many = RefuseMany(shown)

    def malformed(position: int, reason: str) -> None:
        many.add(position, reason)
        if on_malformed is not None:
            on_malformed(position, reason)

    with open_binary(source, name=name, max_bytes=max_bytes) as file:
        form = format_of(shown, file, address)
        if form == PARQUET:
            with open_parquet(shown, file) as parquet:
                headers = headers_of(parquet.columns, wanted, shown, optional, city.columns)
                refuse_rows(shown, parquet.rows, max_rows)
                tables = parquet.tables(list(headers.values()), CHUNK_ROWS, max_bytes)
                yield _source(shown, headers, ";", tables, max_rows)
        elif form == JSON:
            table = JsonTable(shown, file, address)
            headers = headers_of(table.columns, wanted, shown, optional, city.columns)
            rows = table.tables(list(headers.values()), on_malformed and malformed)
            yield _source(shown, headers, ";", rows, max_rows)
        else:
            header = read_header(shown, file)
            if (own := form_for(city, header)) is not None:
                hours = hours_in(shown, file, header, own)
                headers = headers_of(hours.columns, wanted, shown, optional)
                tables = tables_of(hours, list(headers.values()), CHUNK_ROWS)
                yield CountsSource(shown, headers, ";", tables, max_rows)
                return
            headers = headers_of(header.columns, wanted, shown, optional, city.columns)
            tables = csv_tables(shown, file, header, list(headers.values()), on_malformed and malformed)
            yield _source(shown, headers, header.delimiter, tables, max_rows)


def _source(
    uri: str, headers: dict[str, str], delimiter: str, tables: Iterator[pa.Table], max_rows: int | None
) -> CountsSource:
    """Return an open file, columns that only its city calls so under the City's labels."""
    labels = under_labels(headers)
    if labels != headers:
        tables = (table.rename_columns(list(labels.values())) for table in tables)
    return CountsSource(uri, labels, delimiter, tables, max_rows)


def refuse_rows(uri: str, rows: int, max_rows: int | None) -> None:
    """Raise `ReadError` if a file has more rows than are allowed."""
    if max_rows is not None and rows > max_rows:
        raise ReadError(
            f"{uri}: more than {max_rows:,} rows; divide it into smaller files",
            "file-too-many-rows",
            uri=uri,
            max_rows=max_rows,
        )
