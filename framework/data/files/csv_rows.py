"""The rows of a CSV as Arrow tables of texts, block by block.

The blocks are cut and parsed in the thread that asks for them. Arrow's own streaming reader reads ahead in a thread
that calls Python; a process that ended, after an error for example, while this thread was reading hung or aborted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

from bike_traffic.data.files.header import broken_off
from bike_traffic.data.files.unpacking import BROKEN_STREAM, reason_of
from bike_traffic.errors import ReadError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 1 << 20
"""Bytes that are parsed at once, and the longest row."""


def row_number(position: int) -> int:
    """Return the number that a spreadsheet or an editor shows for a row: the header is row 1."""
    return position + 2


def csv_tables(
    uri: str, file: IO[bytes], columns: Sequence[str], delimiter: str, wanted: Sequence[str]
) -> Iterator[pa.Table]:
    """Yield the rows after the header.

    Parameters
    ----------
    columns : all columns of the file, in their order.
    wanted : those that are read; empty texts are missing.

    Raises
    ------
    ReadError
        The file breaks off, is not UTF-8, or a row is too long.
    SchemaError
        A row has another number of fields than the header.
    """
    import pyarrow as pa
    from pyarrow import csv

    parse = csv.ParseOptions(delimiter=delimiter)
    convert = csv.ConvertOptions(
        include_columns=list(wanted),
        column_types=dict.fromkeys(wanted, pa.dictionary(pa.int32(), pa.string())),
        strings_can_be_null=True,
        null_values=[""],
    )
    rows = 0
    blocks = _blocks(file)
    while True:
        try:
            block = next(blocks, None)
            if block is None:
                return
            read = csv.ReadOptions(column_names=columns, block_size=len(block), use_threads=False)
            table = csv.read_csv(pa.BufferReader(block), read, parse, convert)
        except pa.ArrowInvalid as error:
            raise _explained(uri, error, rows) from None
        except ReadError:
            raise
        except _RowTooLong:
            raise ReadError(
                f"{uri}: row {row_number(rows)} is longer than {_BLOCK_BYTES >> 20} MB; check its quotes",
                "row-too-long",
                uri=uri,
                row=row_number(rows),
                megabytes=_BLOCK_BYTES >> 20,
            ) from None
        except BROKEN_STREAM as error:
            raise _broken_off_after(uri, error, rows) if rows else broken_off(uri, error) from None
        rows += table.num_rows
        yield table


class _RowTooLong(Exception):
    """A block without the end of a row."""


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield pieces of a file that end with a line, blank ones left out."""
    begun = b""
    while piece := file.read(_BLOCK_BYTES):
        end = piece.rfind(b"\n") + 1
        if block := (begun + piece[:end] if end else b""):
            begun = piece[end:]
            if not block.isspace():
                yield block
        else:
            begun += piece
        if len(begun) > _BLOCK_BYTES:
            raise _RowTooLong
    if begun and not begun.isspace():
        yield begun


def _broken_off_after(uri: str, error: Exception, rows: int) -> ReadError:
    after, reason = row_number(rows - 1), reason_of(error)
    return ReadError(
        f"{uri}: broken off somewhere after row {after}: {reason}",
        "file-broken-off-after-row",
        uri=uri,
        row=after,
        reason=reason,
    )


def _explained(uri: str, error: Exception, rows: int) -> ReadError | SchemaError:
    """Turn a parser's error, after a number of rows, into one line; Arrow numbers the rows of a block from 1."""
    message = " ".join(str(error).split())
    match = re.search(r"Row #(\d+): (.*)", message)
    row = row_number(rows + int(match[1]) - 1) if match else row_number(rows)
    where = f"row {row}" if match else f"a row from {row} on"
    reason = match[2] if match else message
    if "UTF8" in message:
        return ReadError(f"{uri}: {where} is not UTF-8; save the file as UTF-8", "row-not-utf-8", uri=uri, row=row)
    return SchemaError(
        f"{uri}: {where} does not fit the table: {reason[:160]}; check its delimiters and quotes",
        "row-malformed",
        uri=uri,
        row=row,
        reason=reason[:160],
    )
