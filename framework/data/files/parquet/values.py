"""The values of a Parquet file as the City's text and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bike_traffic.data.files.formats.encoding import text_of
from bike_traffic.data.files.formats.points import (
    LATITUDE_NAME,
    LONGITUDE_NAME,
    is_well_known_binary,
    point_text,
)

if TYPE_CHECKING:
    import pyarrow as pa


def published(batch: pa.RecordBatch) -> pa.Table:
    """Return rows as a CSV would hold them, in few types.

    Texts become categories, also those stored as bytes, which are UTF-8 or else Windows-1252. Coordinates become the
    City's text, and so do days without a time. Numbers are float64, one type for missing values or none. Times stay.

    Raises
    ------
    pyarrow.ArrowInvalid
        A text is not UTF-8.
    """
    import pyarrow as pa

    return pa.table([_published(column) for column in batch.columns], names=batch.schema.names)


def _published(column: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute

    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_dictionary(kind) and not (is_text(kind.value_type) or is_bytes(kind.value_type)):
        column = column.dictionary_decode()
    elif pa.types.is_struct(kind):
        parts = [compute.struct_field(column, name) for name in (LATITUDE_NAME, LONGITUDE_NAME)]
        column = compute.binary_join_element_wise(*(compute.cast(part, pa.string()) for part in parts), ",")
    elif pa.types.is_date(kind):
        column = column.cast(pa.date32()).cast(pa.string())
    kind = column.type
    if is_number(kind):
        return column.cast(pa.float64())
    if is_text(kind) or is_bytes(kind):
        if pa.types.is_binary_view(kind):
            column = column.cast(pa.binary())
        column = column.dictionary_encode()
    return _as_categories(column) if pa.types.is_dictionary(column.type) else column


def _as_categories(column: Any) -> Any:
    """Return a dictionary-encoded column with distinct texts."""
    import pyarrow as pa
    from pyarrow import compute

    values = column.dictionary
    if is_bytes(values.type):
        texts = [None if value is None else _text(value) for value in values.to_pylist()]
        values = pa.array(texts, pa.string())
    else:
        values = values.cast(pa.string())
        values.validate(full=True)  # a Parquet file may call any bytes UTF-8
    if compute.count_distinct(values, mode="all").as_py() == len(values) and not values.null_count:
        return pa.DictionaryArray.from_arrays(column.indices.cast(pa.int32()), values)
    again = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(again.indices.take(column.indices), again.dictionary)


def _text(value: bytes) -> str | None:
    return point_text(value) if is_well_known_binary(value) else text_of(value)


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of a type are texts."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether values of a type are bytes, as some writers store texts, and most store points."""
    import pyarrow as pa

    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def is_number(kind: pa.DataType) -> bool:
    """Return whether values of a type are numbers."""
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
