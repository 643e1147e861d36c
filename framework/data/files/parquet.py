"""Read Parquet: its columns as the City's text, a limited number of rows at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any

import attrs

from bike_traffic.data.files.parquet_pages import refuse_large_pages
from bike_traffic.data.files.unpacking import BROKEN_STREAM, is_packed, reason_of, too_large
from bike_traffic.errors import ReadError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

_COORDINATES = ("lat", "lon")


def is_parquet(name: str) -> bool:
    """Return whether the ending of a name, before that of a compression, is one of Parquet."""
    table = str(PurePath(name).with_suffix("")) if is_packed(name) else name
    return table.lower().endswith((".parquet", ".pq"))


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

        A pair of coordinates, which is a structure in exports, becomes the City's text.

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
                table = _flat(batch)
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
            numbers = [name for name, part in parts.items() if _is_number(part)]
            if not {*_COORDINATES} <= {*numbers}:
                raise SchemaError(
                    f"{self.name}: column '{column}': a structure of {', '.join(parts)}; it needs the numbers lat "
                    "and lon",
                    "column-structure",
                    uri=self.name,
                    name=column,
                    fields=list(parts),
                )
        elif pa.types.is_nested(kind):
            raise SchemaError(
                f"{self.name}: column '{column}': values of type {kind} are not supported",
                "column-type",
                uri=self.name,
                name=column,
                type=str(kind),
            )

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
def open_parquet(name: str, file: IO[bytes]) -> Iterator[ParquetTable]:
    """Open a Parquet file; raise `ReadError` if it is none.

    Parquet is read from its end, where unpacking it would begin again and again: a packed file is unpacked once.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with tempfile.TemporaryFile() as unpacked:
        try:
            if is_packed(name):
                shutil.copyfileobj(file, unpacked)
                file = unpacked
            metadata = parquet.read_metadata(file)
            texts = [field.name for field in metadata.schema.to_arrow_schema() if _is_text(field.type)]
            # A text that occurs often stays one text, as in the file: written out it could be of any size.
            table = parquet.ParquetFile(file, metadata=metadata, read_dictionary=texts)
        except ReadError:
            raise
        except (pa.ArrowException, *BROKEN_STREAM) as error:
            reason = reason_of(error)
            raise ReadError(
                f"{name}: not a Parquet file: {reason}", "file-not-parquet", uri=name, reason=reason
            ) from None
        yield ParquetTable(name, file, table)


def _flat(batch: pa.RecordBatch) -> pa.Table:
    """Return the rows with coordinates as text, integers as numbers with a point, and texts as categories."""
    import pyarrow as pa
    from pyarrow import compute

    columns: list[Any] = []
    for column in batch.columns:
        if pa.types.is_struct(column.type):
            texts = [compute.cast(compute.struct_field(column, part), pa.string()) for part in _COORDINATES]
            column = compute.binary_join_element_wise(*texts, ",")
        if pa.types.is_integer(column.type):
            column = column.cast(pa.float64())  # one type for chunks with and without missing values
        if _is_text(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        if pa.types.is_dictionary(column.type):
            column.dictionary.validate(full=True)  # a Parquet file may call any bytes UTF-8
        columns.append(column)
    return pa.table(columns, names=batch.schema.names)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
