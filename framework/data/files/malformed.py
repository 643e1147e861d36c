"""Rows that do not fit the table of their file: few are left out, and of many the file is no table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bike_traffic.data.files.formats.refusals import are_most, mostly_malformed, row_number


class MalformedRows:
    """The positions of rows that a reader could not divide into fields, until `among` was asked about them."""

    def __init__(self) -> None:
        self._waiting: list[int] = []

    def add(self, position: int, reason: str) -> None:  # noqa: ARG002  # as readers call it
        """Add the position of a row; they come in ascending order."""
        self._waiting.append(position)

    def among(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the next positions are those of malformed rows; these are forgotten."""
        waiting = np.array(self._waiting, dtype=np.int64)
        last = positions[-1] if len(positions) else -1
        self._waiting = waiting[waiting > last].tolist()
        return np.isin(positions, waiting)


class RefuseMany:
    """Count malformed rows, and raise `SchemaError` once they are many and most of the rows so far."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._number = 0
        self._first: tuple[int, str] | None = None

    def add(self, position: int, reason: str) -> None:
        """Count the malformed row at a position."""
        self._number += 1
        self._first = self._first or (position, reason)
        if are_most(self._number, position + 1):
            raise mostly_malformed(self._uri, row_number(self._first[0]), self._first[1])
