"""The first line of a CSV: its columns and its delimiter, or why it is no CSV of counts."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import IO

import attrs

from bike_traffic.data.files.formats.encoding import MixedEncodings, ToUtf8
from bike_traffic.data.files.formats.refusals import mixed_encodings
from bike_traffic.data.files.unpacking import reading_the_start
from bike_traffic.errors import ReadError, SchemaError

LONGEST_HEADER = 1 << 16
"""Bytes; the City's header has about 600."""


@attrs.frozen
class Header:
    """The columns of a CSV, what separates them (``;`` or ``,``), and what turns the lines after it into UTF-8."""

    columns: list[str]
    delimiter: str
    to_utf_8: ToUtf8


def read_header(uri: str, file: IO[bytes]) -> Header:
    """Read the first line."""
    with reading_the_start(uri):
        line = file.readline(LONGEST_HEADER + 1)
    if not line.strip():
        raise SchemaError(f"{uri}: the file is empty", "file-empty", uri=uri)
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ReadError(f"{uri}: UTF-16 text; save it as UTF-8", "file-utf-16", uri=uri)
    if len(line) > LONGEST_HEADER:
        raise ReadError(
            f"{uri}: row 1 is longer than {LONGEST_HEADER >> 10} KiB; it should hold the names of the columns, and "
            "end there",
            "header-too-long",
            uri=uri,
            kilobytes=LONGEST_HEADER >> 10,
        )
    to_utf_8 = ToUtf8()
    try:
        text = to_utf_8(line.removeprefix(b"\xef\xbb\xbf")).decode()
    except MixedEncodings:
        raise mixed_encodings(uri, 1) from None
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
    return Header(columns, delimiter, to_utf_8)
