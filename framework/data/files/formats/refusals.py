"""Errors of rows and columns that every format can have."""

from __future__ import annotations

from collections.abc import Sequence

from bike_traffic.data.files.formats.points import LATITUDE_NAME, LONGITUDE_NAME
from bike_traffic.data.files.unpacking import broken_off, reason_of
from bike_traffic.errors import ReadError, SchemaError

MOST_MALFORMED = 10_000
"""If more rows than this do not fit the table, and they are most of the rows, the file is no table."""
LONGEST_ROW = 1 << 20
"""Bytes of a CSV, or characters of JSON."""
LONGEST_REASON = 160


def row_number(position: int) -> int:
    """Return the number that a spreadsheet or an editor shows for a row: the header is row 1."""
    return position + 2


def broken_off_after(uri: str, error: Exception, rows: int) -> ReadError:
    """Return the error of a file that ends in the middle, after a number of rows."""
    if not rows:
        return broken_off(uri, error)
    after, reason = row_number(rows - 1), reason_of(error)
    return ReadError(
        f"{uri}: broken off somewhere after row {after}: {reason}",
        "file-broken-off-after-row",
        uri=uri,
        row=after,
        reason=reason,
    )


def row_too_long(uri: str, row: int) -> ReadError:
    """Return the error of a row that is longer than `LONGEST_ROW`."""
    return ReadError(
        f"{uri}: row {row} is longer than {LONGEST_ROW >> 20} MB; check its quotes",
        "row-too-long",
        uri=uri,
        row=row,
        megabytes=LONGEST_ROW >> 20,
    )


def malformed_row(uri: str, row: int, reason: str, where: str | None = None) -> SchemaError:
    """Return the error of a row that does not fit the table; `where` says less exactly which it is."""
    reason = reason[:LONGEST_REASON]
    return SchemaError(
        f"{uri}: {where or f'row {row}'} does not fit the table: {reason}; check its delimiters and quotes",
        "row-does-not-fit",
        uri=uri,
        row=row,
        reason=reason,
    )


def are_most(malformed: int, rows: int) -> bool:
    """Return whether so many malformed rows of the first rows mean that the file is no table."""
    return malformed > MOST_MALFORMED and 2 * malformed > rows


def mostly_malformed(uri: str, row: int, reason: str) -> SchemaError:
    """Return the error of a file of which most rows do not fit the table, with the first of them."""
    return malformed_row(uri, row, reason, f"row {row}, like most rows,")


def mixed_encodings(uri: str, row: int) -> ReadError:
    """Return the error of a row in another encoding than the rows before it."""
    return ReadError(
        f"{uri}: row {row} is in another encoding than the rows before it, or has two; save the file as UTF-8",
        "row-not-utf-8",
        uri=uri,
        row=row,
    )


def no_coordinates(uri: str, column: str, fields: Sequence[str]) -> SchemaError:
    """Return the error of a column of structures that are no coordinates."""
    return SchemaError(
        f"{uri}: column '{column}': a structure of {', '.join(fields)}; it needs the numbers {LATITUDE_NAME} and "
        f"{LONGITUDE_NAME}",
        "column-structure",
        uri=uri,
        name=column,
        fields=list(fields),
    )


def unsupported_type(uri: str, column: str, kind: str) -> SchemaError:
    """Return the error of a column whose values counts do not have."""
    return SchemaError(
        f"{uri}: column '{column}': values of type {kind} are not supported",
        "column-type",
        uri=uri,
        name=column,
        type=kind,
    )
