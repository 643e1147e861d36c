"""Nested columns of Parquet exports as the City's text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bike_traffic.errors import SchemaError

if TYPE_CHECKING:
    import pyarrow as pa


def flat_batch(uri: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn a pair of coordinates, which is a structure in Parquet exports, into the City's text.

    Raises `SchemaError` if another column is nested.
    """
    import pyarrow as pa
    from pyarrow import compute

    columns: list[Any] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_struct(column.type):
            parts = {field.name: column.field(field.name) for field in column.type}
            if not {"lat", "lon"} <= parts.keys():
                raise SchemaError(
                    f"{uri}: column '{name}': a structure of {', '.join(parts)}; it needs lat and lon",
                    "column-structure",
                    uri=uri,
                    name=name,
                    fields=list(parts),
                )
            texts = [compute.cast(parts[part], pa.string()) for part in ("lat", "lon")]
            column = compute.binary_join_element_wise(*texts, ",")
        elif pa.types.is_nested(column.type):
            raise SchemaError(
                f"{uri}: column '{name}': values of type {column.type} are not supported",
                "column-type",
                uri=uri,
                name=name,
                type=str(column.type),
            )
        if pa.types.is_integer(column.type):
            column = column.cast(pa.float64())  # one type for chunks with and without missing values
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        columns.append(column)
    return pa.record_batch(columns, names=batch.schema.names)
