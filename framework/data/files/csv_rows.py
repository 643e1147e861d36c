"""The rows of a CSV as Arrow tables of texts, block by block.

The blocks are cut and parsed in the thread that asks for them. Arrow's own streaming reader reads ahead in a thread
that calls Python; a process that ended, after an error for example, while this thread was reading hung or aborted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from bike_traffic.data.files.formats.csv_block import BlockParser, MostMalformed
from bike_traffic.data.files.formats.encoding import MixedEncodings
from bike_traffic.data.files.formats.refusals import (
    LONGEST_ROW,
    broken_off_after,
    malformed_row,
    mixed_encodings,
    mostly_malformed,
    row_number,
    row_too_long,
)
from bike_traffic.data.files.header import Header
from bike_traffic.data.files.unpacking import BROKEN_STREAM
from bike_traffic.errors import ReadError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 4 << 20
"""Bytes that are parsed at once: with fewer, the distinct texts of a block are a larger part of the work."""


def csv_tables(
    uri: str,
    file: IO[bytes],
    header: Header,
    wanted: Sequence[str],
    on_malformed: Callable[[int, str], None] | None = None,
) -> Iterator[pa.Table]:
    """Yield the rows after the header.

    Parameters
    ----------
    file : as `read_header` left it.
    wanted : the columns that are read; empty texts are missing.
    on_malformed : called with the position of each row with another number of fields than the header, and why, before
        the table is yielded in which all values of this row are missing.

    Raises
    ------
    ReadError
        The file breaks off, has two encodings, or a row is too long.
    SchemaError
        A row has another number of fields than the header, and `on_malformed` is not given.
    """
    import pyarrow as pa

    rows = 0
    blocks = _blocks(file)
    parser = BlockParser(header.columns, header.delimiter, wanted)
    while True:
        try:
            block = next(blocks, None)
            if block is None:
                return
            table, malformed = parser.parse(header.to_utf_8(block))
        except MixedEncodings as mixed:
            before = (block or b"").count(b"\n", 0, mixed.position)
            raise mixed_encodings(uri, row_number(rows + before)) from None
        except MostMalformed as most:
            raise mostly_malformed(uri, row_number(rows + most.position), most.reason) from None
        except pa.ArrowInvalid as error:
            raise _explained(uri, error, rows) from None
        except ReadError:
            raise
        except _RowTooLong:
            raise row_too_long(uri, row_number(rows)) from None
        except BROKEN_STREAM as error:
            raise broken_off_after(uri, error, rows) from None
        for position, reason in malformed.items():
            if on_malformed is None:
                raise malformed_row(uri, row_number(rows + position), reason)
            on_malformed(rows + position, reason)
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
        if len(begun) > LONGEST_ROW:
            raise _RowTooLong
    if begun and not begun.isspace():
        yield begun


def _explained(uri: str, error: Exception, rows: int) -> SchemaError:
    """Turn a parser's error, after a number of rows, into one line; Arrow numbers the rows of a block from 1."""
    message = " ".join(str(error).split())
    match = re.search(r"Row #(\d+): (.*)", message)
    row = row_number(rows + int(match[1]) - 1) if match else row_number(rows)
    return malformed_row(uri, row, match[2] if match else message, None if match else f"a row from {row} on")
