"""Read counts from any file or URL into data frames, whole or in chunks.

CSV with ``;`` or ``,``, plain or compressed, and Parquet, at any URL that fsspec opens; ``-`` is CSV on standard
input. The columns keep the City's headers, and their values stay as published, as categories. The index is
the row's position: row 2 of a spreadsheet is index 0.
"""

from __future__ import annotations

import csv
import io
import lzma
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import attrs
import pandas as pd

from bike_traffic.columns import COUNT
from bike_traffic.data.files.nested import flat_batch
from bike_traffic.data.schema import IDENTIFYING, has_counts, headers_of
from bike_traffic.errors import ReadError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 100_000
"""Approximate rows of a chunk; so many that the fixed cost of a chunk does not matter."""

# Arrow reads up to 32 blocks ahead.
_BLOCK_BYTES = 1 << 20
_STANDARD_INPUT = "-"
BROKEN_STREAM = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError)


def row_number(position: int) -> int:
    """Return the number that a spreadsheet or an editor shows for a row: the header is row 1."""
    return position + 2


def first_position(counts: pd.DataFrame) -> int:
    """Return the position of a frame's first row in its file: a chunk continues the index of the chunk before it."""
    return int(counts.index[0]) if isinstance(counts.index, pd.RangeIndex) and len(counts) else 0


def read_counts(uri: str, *, rows: int | None = None, wanted: Sequence[str] = IDENTIFYING) -> pd.DataFrame:
    """Read the City's columns that matter: counter, time, coordinates, and the count if it is there.

    Parameters
    ----------
    uri : a path or URL of CSV or Parquet.
    rows : read only this many rows, the first.
    wanted : standard names of the columns that must be there; the count is read whenever it is there.

    Raises
    ------
    ReadError
        The file is not there, truncated, or not a table.
    SchemaError
        A column is missing, or there is no row.
    """
    import pyarrow as pa

    with open_counts(uri, wanted) as source:
        tables = []
        have = 0
        for table in source.tables():
            tables.append(table)
            have += table.num_rows
            if rows is not None and have >= rows:
                break
    if not have:
        raise SchemaError(f"{uri}: there is no row of counts, only a header", "file-only-header", uri=uri)
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
    _batches: Iterator[pa.RecordBatch]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows as Arrow tables of dictionary-encoded text."""
        import pyarrow as pa

        row = 0
        while True:
            try:
                batch = next(self._batches)
            except StopIteration:
                return
            except pa.ArrowInvalid as error:
                raise _explain(self.uri, error) from None
            except BROKEN_STREAM as error:
                raise ReadError(
                    f"{self.uri}: broken off somewhere after row {row_number(row - 1)}: {error}",
                    "file-broken-off-after-row",
                    uri=self.uri,
                    row=row_number(row - 1),
                    reason=str(error),
                ) from None
            row += batch.num_rows
            if batch.num_rows:
                yield pa.Table.from_batches([batch])

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
def open_counts(uri: str, wanted: Sequence[str] = IDENTIFYING) -> Iterator[CountsSource]:
    """Open counts for reading in chunks; raise as `read_counts` does.

    Parameters
    ----------
    uri : a path or URL of CSV or Parquet, or ``-`` for standard input.
    wanted : as for `read_counts`.
    """
    with open_binary(uri) as file:
        if uri.removesuffix(".gz").endswith((".parquet", ".pq")):
            yield _open_parquet(uri, file, wanted)
        else:
            yield _open_csv(uri, file, wanted)


@contextmanager
def open_binary(uri: str) -> Iterator[IO[bytes]]:
    """Open a path or URL for reading, decompressed; raise `ReadError` if it cannot be opened."""
    if uri == _STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    import fsspec

    try:
        opened = fsspec.open(uri, "rb", compression="infer").open()
    except FileNotFoundError:
        raise ReadError(f"{uri}: no such file", "file-not-found", uri=uri) from None
    except IsADirectoryError:
        raise ReadError(f"{uri}: a folder, not a file", "file-is-folder", uri=uri) from None
    except (*BROKEN_STREAM, ValueError, ImportError) as error:
        raise ReadError(f"{uri}: cannot be opened: {error}", "file-not-opened", uri=uri, reason=str(error)) from None
    with opened:
        yield opened


def _wanted_headers(columns: Sequence[str], wanted: Sequence[str], uri: str) -> dict[str, str]:
    names = list(wanted)
    if COUNT not in names and has_counts(pd.DataFrame(columns=pd.Index(columns))):
        names.append(COUNT)
    return headers_of(columns, names, uri)


def _open_csv(uri: str, file: IO[bytes], wanted: Sequence[str]) -> CountsSource:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    columns, delimiter = read_header(uri, file)
    headers = _wanted_headers(columns, wanted, uri)
    text = pa.dictionary(pa.int32(), pa.string())
    try:
        reader = arrow_csv.open_csv(
            file,
            read_options=arrow_csv.ReadOptions(column_names=columns, block_size=_BLOCK_BYTES, use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(headers.values()),
                column_types=dict.fromkeys(headers.values(), text),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            raise SchemaError(
                f"{uri}: there is no row of counts, only a header", "file-only-header", uri=uri
            ) from None
        raise _explain(uri, error) from None
    except BROKEN_STREAM as error:
        raise ReadError(f"{uri}: broken off: {error}", "file-broken-off", uri=uri, reason=str(error)) from None
    return CountsSource(uri, headers, delimiter, iter(reader))


def read_header(uri: str, file: IO[bytes]) -> tuple[list[str], str]:
    """Read the first line: the columns, and whether ``;`` or ``,`` separates them."""
    try:
        line = file.readline()
    except BROKEN_STREAM as error:
        raise ReadError(f"{uri}: cannot be read: {error}", "file-not-read", uri=uri, reason=str(error)) from None
    if not line.strip():
        raise SchemaError(f"{uri}: the file is empty", "file-empty", uri=uri)
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ReadError(f"{uri}: UTF-16 text; save it as UTF-8", "file-utf-16", uri=uri)
    if line.startswith(b"PAR1"):
        raise ReadError(f"{uri}: a Parquet file; give it a name that ends in .parquet", "file-is-parquet", uri=uri)
    if line.startswith(b"\x1f\x8b"):
        raise ReadError(f"{uri}: gzip data; give it a name that ends in .gz", "file-is-gzip", uri=uri)
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(
            f"{uri}: row 1 is not UTF-8 (byte {line[error.start]:#04x} at position {error.start + 1}); "
            "save the file as UTF-8",
            "header-not-utf-8",
            uri=uri,
            byte=line[error.start],
            position=error.start + 1,
        ) from None
    delimiter = max(";,", key=text.count)
    if delimiter not in text:
        raise SchemaError(
            f"{uri}: row 1 has neither ';' nor ',' between column names: {text.strip()[:60]!r}; "
            "save the file with one of them as delimiter",
            "header-without-delimiter",
            uri=uri,
            header=text.strip()[:60],
        )
    columns = next(csv.reader(io.StringIO(text), delimiter=delimiter))
    duplicated = min((name for name in columns if columns.count(name) > 1), default=None)
    if duplicated is not None:
        raise SchemaError(
            f"{uri}: row 1 has the column '{duplicated}' more than once", "column-twice", uri=uri, name=duplicated
        )
    return columns, delimiter


def _explain(uri: str, error: Exception) -> ReadError | SchemaError:
    """Turn a parser's error into one line with the row's number in the file; Arrow's first data row is 1."""
    message = " ".join(str(error).split())
    match = re.search(r"Row #(\d+): (.*)", message)
    row = row_number(int(match[1]) - 1) if match else None
    where = "some row" if row is None else f"row {row}"
    reason = match[2] if match else message
    if "UTF8" in message:
        return ReadError(f"{uri}: {where} is not UTF-8; save the file as UTF-8", "row-not-utf-8", uri=uri, row=row)
    return SchemaError(
        f"{uri}: {where} does not fit the table: {reason[:160]}; check its delimiters and quotes",
        "row-malformed",
        uri=uri,
        row=row,
        reason=reason,
    )


def _open_parquet(uri: str, file: IO[bytes], wanted: Sequence[str]) -> CountsSource:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise ReadError(
            f"{uri}: not a Parquet file: {error}", "file-not-parquet", uri=uri, reason=str(error)
        ) from None
    headers = _wanted_headers(table.schema_arrow.names, wanted, uri)
    batches = table.iter_batches(batch_size=CHUNK_ROWS, columns=list(headers.values()))
    return CountsSource(uri, headers, ";", (flat_batch(uri, batch) for batch in batches))
