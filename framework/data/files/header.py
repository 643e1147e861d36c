"""The first line of a CSV: its columns and its delimiter, or why it is no CSV of counts."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import IO

from bike_traffic.data.files.unpacking import BROKEN_STREAM, reason_of
from bike_traffic.errors import ReadError, SchemaError

LONGEST_HEADER = 1 << 16
"""Bytes; the City's header has about 600."""


def read_header(uri: str, file: IO[bytes]) -> tuple[list[str], str]:
    """Read the first line: the columns, and whether ``;`` or ``,`` separates them."""
    try:
        line = file.readline(LONGEST_HEADER + 1)
    except ReadError:
        raise
    except EOFError as error:
        raise broken_off(uri, error) from None
    except BROKEN_STREAM as error:
        reason = reason_of(error)
        raise ReadError(f"{uri}: cannot be read: {reason}", "file-not-read", uri=uri, reason=reason) from None
    if not line.strip():
        raise SchemaError(f"{uri}: the file is empty", "file-empty", uri=uri)
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ReadError(f"{uri}: UTF-16 text; save it as UTF-8", "file-utf-16", uri=uri)
    if line.startswith(b"PAR1"):
        raise ReadError(f"{uri}: a Parquet file; give it a name that ends in .parquet", "file-is-parquet", uri=uri)
    if line.startswith(b"\x1f\x8b"):
        raise ReadError(f"{uri}: gzip data; give it a name that ends in .gz", "file-is-gzip", uri=uri)
    if len(line) > LONGEST_HEADER:
        raise ReadError(
            f"{uri}: row 1 is longer than {LONGEST_HEADER >> 10} KiB; it should hold the names of the columns, and "
            "end there",
            "header-too-long",
            uri=uri,
            kilobytes=LONGEST_HEADER >> 10,
        )
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
    duplicated = min((name for name, number in Counter(columns).items() if number > 1), default=None)
    if duplicated is not None:
        raise SchemaError(
            f"{uri}: row 1 has the column '{duplicated}' more than once", "column-twice", uri=uri, name=duplicated
        )
    return columns, delimiter


def broken_off(uri: str, error: Exception) -> ReadError:
    """Return the error of a file that ends in the middle before a row could be read."""
    reason = reason_of(error)
    return ReadError(f"{uri}: broken off: {reason}", "file-broken-off", uri=uri, reason=reason)
