"""Files in the form of a city, turned into a row a counter and hour."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import IO, TYPE_CHECKING

import pandas as pd

from bike_traffic.cities import City, FileForm
from bike_traffic.columns import COUNTER, IDENTIFIER
from bike_traffic.data.files.csv_rows import csv_tables
from bike_traffic.data.files.folders.joining import as_frame
from bike_traffic.data.files.header import Header
from bike_traffic.data.schema import CITY_HEADERS
from bike_traffic.errors import BikeTrafficError, PluginError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa


def form_for(city: City, header: Header) -> FileForm | None:
    """Return the form of a city's files if a CSV with this header is of it; raise `PluginError` if it has a fault."""
    if city.form is None:
        return None
    module, _, name = city.form.partition(":")
    try:
        form: FileForm = getattr(import_module(module), name)()
        return form if form.fits(header.columns) else None
    except Exception as error:  # the code of a plugin
        raise PluginError(
            f"the form of the files of {city.title} ({city.form}) cannot be used: {type(error).__name__}: {error}",
            "city-form-failed",
            city=city.name,
            form=city.form,
            reason=f"{type(error).__name__}: {error}",
        ) from error


def hours_in(uri: str, file: IO[bytes], header: Header, form: FileForm) -> pd.DataFrame:
    """Return the counts of a whole file by counter and hour, under the City's labels.

    Parameters
    ----------
    file : as `read_header` left it.

    Raises
    ------
    ReadError
    SchemaError
        A row does not fit the table, there is none, or the form cannot make hours of them.
    """
    tables = [table for table in csv_tables(uri, file, header, header.columns) if table.num_rows]
    if not tables:
        raise SchemaError(f"{uri}: there is no row of counts, only a header", "file-only-header", uri=uri)
    rows = as_frame(tables).astype(object)
    try:
        hours = form.hours(rows)
        texts = [name for name in (COUNTER, IDENTIFIER) if name in hours]
        return hours.astype(dict.fromkeys(texts, "category")).rename(columns=CITY_HEADERS)
    except BikeTrafficError:
        raise
    except Exception as error:  # the code of a plugin, and a file that nobody has seen
        reason = f"{type(error).__name__}: {error}"
        raise SchemaError(
            f"{uri}: it looks like a file of the city, and no hours can be made of its rows: {reason}",
            "file-of-city-malformed",
            uri=uri,
            reason=reason,
        ) from error


def tables_of(hours: pd.DataFrame, columns: list[str], rows: int) -> Iterator[pa.Table]:
    """Yield some columns of a frame as Arrow tables of at most so many rows."""
    import pyarrow as pa

    table = pa.Table.from_pandas(hours[columns], preserve_index=False)
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)
