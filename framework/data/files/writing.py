"""Write tables as CSV or Parquet to any path or URL, completely or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.data.files.folders.filesystem import filesystem_of, reason_of
from bike_traffic.errors import WriteError
from bike_traffic.folders import sync

if TYPE_CHECKING:
    import pyarrow as pa

TEMPORARY = ".bt-tmp-"
"""Beginning of the names of files that are being written."""
_STANDARD_OUTPUT = "-"


def write_counts(counts: pd.DataFrame, target: str) -> None:
    """Write a table as the City does: CSV with ``;``, or Parquet if the name ends so; raise `WriteError`."""
    with table_writer(target, ";") as write:
        write(counts)


def write_bytes(content: bytes, target: str) -> None:
    """Write bytes to a path or URL, completely or not at all; ``-`` is standard output; raise `WriteError`."""
    with _whole_file(target) as file:
        file.write(content)


@contextlib.contextmanager
def table_writer(
    target: str | IO[bytes], delimiter: str, metadata: Mapping[str, str] | None = None
) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield a function that appends a frame; `target` appears only if the block succeeds.

    Parameters
    ----------
    target : a path or URL, which is Parquet if it ends in ``.parquet``, gzip if in ``.csv.gz``, and CSV otherwise;
        ``-`` is standard output, and an open file gets CSV.
    delimiter : between the fields of a CSV.
    metadata : by key, what a Parquet file says of itself beside its table; a CSV cannot.

    Raises
    ------
    WriteError
    """
    import pyarrow as pa
    from pyarrow import parquet

    name = target if isinstance(target, str) else ""
    with _whole_file(target) as file, contextlib.ExitStack() as closing:
        sink: Any = file
        if name.endswith(".gz"):
            sink = closing.enter_context(pa.CompressedOutputStream(file, "gzip"))
        parquet_writer: Any = None
        headed = False

        def write(frame: pd.DataFrame) -> None:
            nonlocal parquet_writer, headed
            table = _as_table(frame)
            if name.endswith((".parquet", ".pq")):
                if parquet_writer is None:
                    parquet_writer = closing.enter_context(
                        parquet.ParquetWriter(sink, table.schema.with_metadata(metadata))
                    )
                parquet_writer.write_table(table)
            else:
                if not headed:
                    sink.write(_csv_header(table.column_names, delimiter))
                    headed = True
                sink.write(_as_csv(table, delimiter))

        yield write


def _csv_header(names: Sequence[str], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(names)
    return text.getvalue().encode()


def _as_csv(table: pa.Table, delimiter: str) -> bytes:
    """Return the rows as CSV, with quotes only if a text of the table needs them."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    for quoting in ("none", "needed"):  # "needed" quotes every text of the table
        buffer = pa.BufferOutputStream()
        options = arrow_csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style=quoting)
        try:
            arrow_csv.write_csv(table, buffer, options)
        except pa.ArrowInvalid:
            continue
        return bytes(buffer.getvalue())
    raise WriteError(
        f"the table cannot be written as CSV with '{delimiter}'", "csv-not-writable", delimiter=delimiter
    )


def _as_table(frame: pd.DataFrame) -> pa.Table:
    """Turn a frame into an Arrow table; categories become text."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=[str(name) for name in table.column_names])


@contextlib.contextmanager
def _whole_file(target: str | IO[bytes]) -> Iterator[IO[bytes]]:
    if target == _STANDARD_OUTPUT:
        target = sys.stdout.buffer
    if not isinstance(target, str):
        yield target
        target.flush()
        return
    target = target.removeprefix("file://")
    local = "://" not in target
    if local and Path(target).exists() and not Path(target).is_file() and not Path(target).is_dir():
        with Path(target).open("wb") as device:  # a pipe or a device is written to, not replaced
            yield device
        return
    try:
        descriptor, name = tempfile.mkstemp(prefix=TEMPORARY, dir=Path(target).parent if local else None)
    except OSError as error:
        raise WriteError(
            f"{target}: cannot be written: {error.strerror}",
            "file-not-writable",
            target=str(target),
            reason=str(error.strerror),
        ) from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        try:
            if local:
                sync(temporary)  # or a power cut would leave an empty file under the new name
                temporary.chmod(0o666 & ~_umask())
                temporary.replace(target)
            else:
                filesystem, path = filesystem_of(target)
                filesystem.put_file(str(temporary), path)  # what breaks off leaves nothing, as closing a file would
        except Exception as error:  # each kind of storage has its own errors
            reason = reason_of(error)
            raise WriteError(
                f"{target}: cannot be written: {reason}", "file-not-written", target=str(target), reason=reason
            ) from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
