"""The tables of several files as those of one: under the headers of the first, and numbered on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

import pandas as pd
from pandas.api.types import union_categoricals

from bike_traffic.data.files.formats.refusals import row_number

if TYPE_CHECKING:
    import pyarrow as pa

Malformed = Callable[[int, str], None]


class OpenFile(Protocol):
    """An open file: its headers by standard name, and its tables."""

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the columns that are read, by standard name."""

    def parts(self) -> Iterator[pa.Table]:
        """Return an iterator over the rows."""


Open = Callable[[str, Malformed | None], AbstractContextManager[OpenFile]]


def joined(
    first: OpenFile,
    others: Sequence[str],
    opening: Open,
    on_malformed: Malformed | None,
    starts: list[tuple[int, str]],
) -> Iterator[pa.Table]:
    """Yield the tables of an open file and then those of other files, which are opened one after the other.

    Parameters
    ----------
    opening : opens a file, and is given what is called with malformed rows.
    on_malformed : called with positions that count the rows of all files before.
    starts : gets the position of the first row of each other file, and its name, when it is opened.
    """
    schema, rows = None, 0
    for table in first.parts():
        schema = table.schema
        rows += table.num_rows
        yield table
    for name in others:
        starts.append((rows, PurePosixPath(name).name))
        with opening(name, on_malformed and _shifted(on_malformed, rows)) as opened:
            for table in opened.parts():
                table = _under(table, opened.headers, first.headers, schema)
                rows += table.num_rows
                yield table


def _shifted(on_malformed: Malformed, rows: int) -> Malformed:
    return lambda position, reason: on_malformed(rows + position, reason)


def _under(
    table: pa.Table, headers: Mapping[str, str], wanted: Mapping[str, str], schema: pa.Schema | None
) -> pa.Table:
    """Return a table with the wanted headers; a column that it lacks is missing in all rows."""
    import pyarrow as pa

    columns = []
    for name, header in wanted.items():
        if name in headers:
            columns.append(table.column(headers[name]))
        else:
            kind = pa.string() if schema is None else schema.field(header).type
            columns.append(pa.nulls(table.num_rows, kind))
    return pa.table(columns, names=list(wanted.values()))


STARTS = "files"
"""Key in the attributes of a frame of several files: the position of the first row of each file, and its name."""


def row_of_file(frame: pd.DataFrame, position: int) -> str:
    """Return the place of a row of a frame that was read from several files, else an empty text."""
    begun = [(start, name) for start, name in frame.attrs.get(STARTS, ()) if start <= position]
    return f" in row {row_number(position - begun[-1][0])} of {begun[-1][1]}" if begun else ""


def as_frame(tables: Sequence[pa.Table], start: int = 0) -> pd.DataFrame:
    """Join tables, whose columns may differ in their types, to a frame whose index begins at `start`."""
    import pyarrow as pa

    alike: list[list[pa.Table]] = []
    for table in tables:
        if alike and alike[-1][0].schema.equals(table.schema):
            alike[-1].append(table)
        else:
            alike.append([table])
    frames = [pa.concat_tables(group).unify_dictionaries().to_pandas() for group in alike]
    frame: pd.DataFrame = frames[0] if len(frames) == 1 else _concatenated(frames)
    frame.index = pd.RangeIndex(start, start + len(frame))
    return frame


def _concatenated(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate frames; categories stay categories, which values of every type can be."""
    columns = {}
    for name in frames[0]:
        parts = [frame[name] for frame in frames]
        if any(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            columns[name] = pd.Series(union_categoricals([_of_objects(part) for part in parts]))
        else:
            columns[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns)


def _of_objects(column: pd.Series) -> pd.Series:
    """Return a column as categories of one type, whatever its values are."""
    categories = column.astype("category")
    objects = categories.cat.categories.astype(object)
    return categories.cat.rename_categories(objects)  # type: ignore[arg-type]  # an Index is a sequence
