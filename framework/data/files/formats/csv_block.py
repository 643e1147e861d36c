"""A block of a CSV as an Arrow table of texts, in which rows that do not fit the table keep their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bike_traffic.data.files.formats.encoding import require_utf_8
from bike_traffic.data.files.formats.refusals import LONGEST_REASON, are_most

if TYPE_CHECKING:
    import pyarrow as pa

_OPEN_QUOTE = "?"
"""Stands for a line with an open quote: a row of one field, which no table has."""


class MostMalformed(Exception):
    """Most rows of a block do not fit the table: the position of the first of them, and why."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position, self.reason = position, reason


class BlockParser:
    """Parse blocks of whole lines.

    Parameters
    ----------
    columns : all columns of the file, in their order.
    wanted : those that are read.
    """

    def __init__(self, columns: Sequence[str], delimiter: str, wanted: Sequence[str]) -> None:
        self._columns = columns
        self._delimiter = delimiter
        self._wanted = wanted

    def parse(self, block: bytes) -> tuple[pa.Table, Mapping[int, str]]:
        """Return the rows, and the positions of those with another number of fields than the header, and why.

        A quote that is never closed would make one value of the rows up to the next quote, or to the end of the
        block. Where this happens, each line with an odd number of quotes is a row that does not fit.

        Raises
        ------
        MixedEncodings
            A value is not UTF-8.
        MostMalformed
        pyarrow.ArrowInvalid
            The block cannot be parsed.
        """
        import pyarrow as pa

        malformed: dict[int, Any] = {}
        try:
            table = self._read(block, self._wanted)
        except pa.ArrowInvalid:
            require_utf_8(block)
            table = self._read_but(block, malformed)
        if b'"' in block and _lines(block) != table.num_rows + len(malformed) and self._has_open_quote(block):
            malformed = {}
            table = self._read_but(_without_open_quotes(block), malformed)
        if not malformed:
            return table, {}
        return _with_places(table, list(malformed)), {at: _reason(row) for at, row in malformed.items()}

    def _read_but(self, block: bytes, malformed: dict[int, Any]) -> pa.Table:
        """Return the rows, but for those that do not fit, which are collected."""
        import pyarrow as pa

        try:
            return self._read(block, self._wanted, malformed)
        except pa.ArrowInvalid:
            if not _most(malformed):
                raise
            raise MostMalformed(next(iter(malformed)), _reason(next(iter(malformed.values())))) from None

    def _read(self, block: bytes, wanted: Sequence[str], malformed: dict[int, Any] | None = None) -> pa.Table:
        """Return the rows, but for those that do not fit, if these are collected."""
        import pyarrow as pa
        from pyarrow import csv

        def skip(row: Any) -> str:
            if malformed is not None:
                malformed[row.number - 1] = row
            return "error" if malformed is not None and _most(malformed) else "skip"

        return csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(column_names=self._columns, block_size=len(block), use_threads=False),
            csv.ParseOptions(delimiter=self._delimiter, invalid_row_handler=None if malformed is None else skip),
            csv.ConvertOptions(
                include_columns=list(wanted),
                column_types=dict.fromkeys(wanted, pa.dictionary(pa.int32(), pa.string())),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )

    def _has_open_quote(self, block: bytes) -> bool:
        """Return whether a value or a malformed row holds a line break and the delimiters of a whole row."""
        import pyarrow as pa

        malformed: dict[int, Any] = {}
        try:
            table = self._read(block, self._columns, malformed)
        except pa.ArrowInvalid:  # most rows do not fit, which is told when they are read without open quotes
            return True
        texts = [text for column in table.columns for text in column.unique().to_pylist() if text]
        return any(
            "\n" in text and text.count(self._delimiter) >= len(self._columns) - 1
            for text in (*texts, *(row.text for row in malformed.values()))
        )


def _lines(block: bytes) -> int:
    import numpy as np

    # `block.count` takes ten times as long, a tenth of reading.
    return int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n"))) + (not block.endswith(b"\n"))


def _most(malformed: dict[int, Any]) -> bool:
    return bool(malformed) and are_most(len(malformed), next(reversed(malformed)) + 1)


def _reason(row: Any) -> str:
    if row.text == _OPEN_QUOTE:
        return "a quote is not closed"
    text = " ".join(row.text[:LONGEST_REASON].split())
    return f"Expected {row.expected_columns} columns, got {row.actual_columns}: {text}"[:LONGEST_REASON]


def _without_open_quotes(block: bytes) -> bytes:
    return b"\n".join(_OPEN_QUOTE.encode() if line.count(b'"') % 2 else line for line in block.split(b"\n"))


def _with_places(table: pa.Table, missing: Sequence[int]) -> pa.Table:
    """Return a table with rows of missing values inserted, so that they stand at some positions."""
    import numpy as np
    import pyarrow as pa

    present = np.ones(table.num_rows + len(missing), dtype=bool)
    present[missing] = False
    return table.take(pa.array(np.cumsum(present) - 1, mask=~present))
