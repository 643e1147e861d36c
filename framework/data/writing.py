"""Tables to CSV or Parquet at any path or URL: whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.errors import WriteError

if TYPE_CHECKING:
    import pyarrow as pa

_STANDARD_OUTPUT = "-"


def write_counts(counts: pd.DataFrame, target: str) -> None:
    """Write a table as the City would: CSV with ``;``, or Parquet by the ending; raise `WriteError`."""
    with table_writer(target, ";") as write:
        write(counts)


@contextmanager
def table_writer(target: str, delimiter: str) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Give a function that appends a frame; `target` takes its name only when the block ends well.

    Parameters
    ----------
    target : a path or URL that ends in ``.parquet``, ``.csv.gz`` or anything else for CSV; ``-`` is standard output.
    delimiter : between the fields of a CSV.

    Raises
    ------
    WriteError
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    with _whole_file(target) as file:
        sink: Any = pa.CompressedOutputStream(file, "gzip") if target.endswith(".gz") else file
        writers: list[Any] = []

        def write(frame: pd.DataFrame) -> None:
            table = _as_table(frame)
            if not writers:
                if target.endswith((".parquet", ".pq")):
                    writers.append(parquet.ParquetWriter(sink, table.schema))
                else:
                    options = arrow_csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
                    writers.append(arrow_csv.CSVWriter(sink, table.schema, write_options=options))
            writers[0].write_table(table)

        try:
            yield write
        finally:
            for writer in writers:
                writer.close()
            if sink is not file:
                sink.close()


def _as_table(frame: pd.DataFrame) -> pa.Table:
    """Turn a frame into Arrow's form; text that is held as categories goes out as text."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=[str(name) for name in table.column_names])


@contextmanager
def _whole_file(target: str) -> Iterator[IO[bytes]]:
    if target == _STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    import fsspec

    local = "://" not in target
    try:
        descriptor, name = tempfile.mkstemp(prefix=".bt-tmp-", dir=Path(target).parent if local else None)
    except OSError as error:
        raise WriteError(f"{target}: cannot be written: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        try:
            if local:
                temporary.chmod(0o666 & ~_umask())
                temporary.replace(target)
            else:
                filesystem, path = fsspec.url_to_fs(target)
                with temporary.open("rb") as ready, filesystem.open(path, "wb") as remote:
                    shutil.copyfileobj(ready, remote)
        except (OSError, ValueError, ImportError) as error:
            raise WriteError(f"{target}: cannot be written: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
