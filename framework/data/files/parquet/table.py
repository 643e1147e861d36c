"""Read Parquet: its columns as the City's text, a limited number of rows at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any

import attrs

from bike_traffic.data.files.formats.points import LATITUDE_NAME, LONGITUDE_NAME
from bike_traffic.data.files.formats.refusals import no_coordinates, unsupported_type
from bike_traffic.data.files.parquet.pages import refuse_large_pages
from bike_traffic.data.files.parquet.values import is_bytes, is_number, is_text, published
from bike_traffic.data.files.unpacking import BROKEN_STREAM, broken_off, reason_of, seekable, too_large
from bike_traffic.errors import ReadError

if TYPE_CHECKING:
    import pyarrow as pa

_COORDINATES = (LATITUDE_NAME, LONGITUDE_NAME)


@attrs.frozen
class ParquetTable:
    """An open Parquet file: its columns, its number of rows, and its rows."""

    name: str
    _file: IO[bytes]
    _table: Any

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns; those of a structure count as one."""
        return list(self._table.schema_arrow.names)

    @property
    def rows(self) -> int:
        """Return the number of rows that the file declares; no more are read."""
        return int(self._table.metadata.num_rows)

    def tables(self, columns: Sequence[str], rows: int, max_bytes: int | None) -> Iterator[pa.Table]:
        """Return an iterator over some columns in tables of at most `rows` rows, flat and texts as categories.

        A pair of coordinates, which is a structure or well-known binary in exports, becomes the City's text.

        Raises
        ------
        SchemaError
            A column has values of a type that counts do not have; raised before a row is read.
        ReadError
            The columns are declared to have more than `max_bytes` unpacked bytes, or a page is larger than is usual.
        """
        for column in columns:
            self._refuse_nested(column)
        if max_bytes is not None:
            self._refuse_bytes(columns, max_bytes)
        return self._read([leaf for column in columns for leaf in self._leaves(column)], rows)

    def _read(self, leaves: Sequence[str], rows: int) -> Iterator[pa.Table]:
        import pyarrow as pa

        batches = self._table.iter_batches(batch_size=rows, columns=leaves)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                table = published(batch)
            except (pa.ArrowException, *BROKEN_STREAM) as error:
                reason = reason_of(error)
                raise ReadError(
                    f"{self.name}: cannot be read: {reason}", "file-not-read", uri=self.name, reason=reason
                ) from None
            yield table

    def _leaves(self, column: str) -> list[str]:
        import pyarrow as pa

        is_structure = pa.types.is_struct(self._table.schema_arrow.field(column).type)
        return [f"{column}.{part}" for part in _COORDINATES] if is_structure else [column]

    def _refuse_nested(self, column: str) -> None:
        """Refuse what would not be flat: the length of a list has no bound that a batch of rows would give it."""
        import pyarrow as pa

        kind = self._table.schema_arrow.field(column).type
        if pa.types.is_struct(kind):
            parts = {field.name: field.type for field in kind}
            numbers = [name for name, part in parts.items() if is_number(part)]
            if not {*_COORDINATES} <= {*numbers}:
                raise no_coordinates(self.name, column, list(parts))
        elif pa.types.is_nested(kind):
            raise unsupported_type(self.name, column, str(kind))

    def _refuse_bytes(self, columns: Sequence[str], max_bytes: int) -> None:
        leaves = {leaf for column in columns for leaf in self._leaves(column)}
        metadata = self._table.metadata
        chunks = [
            metadata.row_group(group).column(column)
            for group in range(metadata.num_row_groups)
            for column in range(metadata.num_columns)
        ]
        chunks = [chunk for chunk in chunks if chunk.path_in_schema in leaves]
        if sum(chunk.total_uncompressed_size for chunk in chunks) > max_bytes:
            raise too_large(self.name, max_bytes)
        for chunk in chunks:
            refuse_large_pages(self.name, self._file, chunk)


@contextmanager
def open_parquet(name: str, file: io.BufferedReader) -> Iterator[ParquetTable]:
    """Open a Parquet file; raise `ReadError` if it is none.

    Parquet is read from its end: what can be read only once, from its beginning, is copied to a temporary file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with ExitStack() as closing:
        try:
            moving = closing.enter_context(seekable(file))
            metadata = parquet.read_metadata(moving)
            texts = [field.name for field in metadata.schema.to_arrow_schema() if _may_repeat(field.type)]
            # A text that occurs often stays one text, as in the file: written out it could be of any size.
            table = parquet.ParquetFile(moving, metadata=metadata, read_dictionary=texts)
        except ReadError:
            raise
        except EOFError as error:
            raise broken_off(name, error) from None
        except (pa.ArrowException, *BROKEN_STREAM) as error:
            reason = reason_of(error)
            raise ReadError(
                f"{name}: not a Parquet file: {reason}", "file-not-parquet", uri=name, reason=reason
            ) from None
        yield ParquetTable(name, moving, table)


def _may_repeat(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return (is_text(kind) or is_bytes(kind)) and not pa.types.is_fixed_size_binary(kind)
