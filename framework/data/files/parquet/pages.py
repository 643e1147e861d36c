"""The pages of a Parquet file: their unpacked sizes, read from their own headers before anything is unpacked.

A reader takes the memory that the header of a page declares, whatever the end of the file says about the column. The
headers are in Thrift's compact protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import IO, Any

from bike_traffic.errors import ReadError

LARGEST_PAGE = 64 << 20
"""Bytes; writers make pages of about one MB."""
MOST_PAGES = 100_000
"""In a column of a row group."""

_HEADER_BYTES = 1 << 16
_UNPACKED, _PACKED = 2, 3
"""Fields of a page's header."""
_TRUE, _FALSE, _BYTE, _SHORT, _INT, _LONG, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


def refuse_large_pages(name: str, file: IO[bytes], chunk: Any) -> None:
    """Raise `ReadError` if a page of a column is malformed or larger than `LARGEST_PAGE`.

    Parameters
    ----------
    chunk : metadata of a column in a row group, as pyarrow gives it.
    """
    start = chunk.data_page_offset
    if chunk.dictionary_page_offset:
        start = min(start, chunk.dictionary_page_offset)
    end = start + chunk.total_compressed_size
    try:
        for _ in range(MOST_PAGES):
            if start >= end:
                return
            file.seek(start)
            header = _Header(file.read(_HEADER_BYTES))
            sizes = header.integers()
            if not 0 <= sizes[_UNPACKED] <= LARGEST_PAGE or sizes[_PACKED] < 0:
                break
            start += header.position + sizes[_PACKED]
        column = chunk.path_in_schema
        raise ReadError(
            f"{name}: column '{column}' has pages of more than {LARGEST_PAGE >> 20} MB, or too many; write the file "
            "again with smaller ones",
            "parquet-pages",
            uri=name,
            name=column,
            megabytes=LARGEST_PAGE >> 20,
        )
    except (IndexError, KeyError, RecursionError) as error:
        reason = f"a page of column '{chunk.path_in_schema}' has no header"
        raise ReadError(
            f"{name}: not a Parquet file: {reason}", "file-not-parquet", uri=name, reason=reason
        ) from error


class _Header:
    """A structure in the compact protocol, of which the integers are kept."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def integers(self) -> dict[int, int]:
        """Read a structure to its end, and return its own integers by the number of their field."""
        found: dict[int, int] = {}
        field = 0
        while byte := self._byte():
            kind = byte & 15
            field = field + (byte >> 4) if byte >> 4 else self._integer()
            if kind in (_SHORT, _INT, _LONG):
                found[field] = self._integer()
            elif kind not in (_TRUE, _FALSE):  # a boolean stands in its kind
                self._skip(kind)
        return found

    def _skip(self, kind: int) -> None:
        if kind in (_SHORT, _INT, _LONG):
            self._unsigned()
        elif kind in (_TRUE, _FALSE, _BYTE):
            self.position += 1
        elif kind == _DOUBLE:
            self.position += 8
        elif kind == _BINARY:
            length = self._unsigned()  # moves the position, so it comes first
            self.position += length
        elif kind in (_LIST, _SET):
            byte = self._byte()
            for _ in range(byte >> 4 if byte >> 4 < 15 else self._unsigned()):
                self._skip(byte & 15)
        elif kind == _STRUCT:
            self.integers()
        else:  # a page's header has no map
            raise KeyError(kind)

    def _byte(self) -> int:
        byte = self._data[self.position]
        self.position += 1
        return byte

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)
