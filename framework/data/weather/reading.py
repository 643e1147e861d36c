"""The weather of the hours: read from a file, and joined to a clean frame.

Three forms are read. The plain form has a row an hour: ``time`` (start of the hour, ISO 8601 with its offset),
``temperature_celsius``, ``rain_millimetres`` (in the hour), ``wind_metres_per_second`` (may be left out) and
``cloud_percent``. SYNOP reports are read as Météo-France publishes them: ``date`` (UTC), ``t`` (kelvin), ``rr1`` and
``rr3`` (mm in the hour and the three hours before), ``ff`` (m/s) and ``n`` (percent), every three hours. So are its
hourly files: ``AAAAMMJJHH`` (UTC), ``T`` (degrees Celsius), ``RR1`` (mm in the hour before), ``FF`` (m/s) and ``N``
(eighths).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, WEATHER_COLUMNS, WIND
from bike_traffic.data.files.formats.content import JSON, PARQUET, format_of
from bike_traffic.data.files.formats.json_rows import JsonTable
from bike_traffic.data.files.header import read_header
from bike_traffic.data.files.parquet.table import open_parquet
from bike_traffic.data.files.reading import refuse_rows
from bike_traffic.data.files.unpacking import BROKEN_STREAM, open_binary
from bike_traffic.data.weather.forms import FORMS, PLAIN, SHORT, WEATHER_TIME, Form
from bike_traffic.errors import ReadError, SchemaError, no_such

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_GAP: Mapping[str, int] = {TEMPERATURE: 6, RAIN: 6, WIND: 6, CLOUD: 12}
"""Hours in a row that are interpolated if they are missing; SYNOP stations often leave out the cloud cover."""

_READ = {*SHORT, *(name for form in FORMS for name in form.columns)}
_SHOWN = 6
# The hours of a century, and their bytes with all columns of SYNOP reports.
_MOST_ROWS, _MOST_BYTES = 1_000_000, 512_000_000


def read_weather(source: str | pd.DataFrame, city: City = PARIS) -> pd.DataFrame:
    """Read hourly weather in the plain form or in that of Météo-France, or SYNOP reports, spread over the hours.

    Temperature and cloud cover between two reports are interpolated, and the rain of three hours is divided among
    them. So are gaps of at most `LONGEST_GAP`; in longer ones the hours are missing from the result or NaN.

    Parameters
    ----------
    source : the path or URL of CSV (``,`` or ``;``), Parquet or JSON, packed or not, or a frame with these columns.
    city : its `weather_station` is the one that is read of several.

    Returns
    -------
    Shape (hours, 4), float32, with the columns `WEATHER_COLUMNS`: temperature (degrees Celsius), rain (mm in the hour
    that starts at the index), wind (m/s; NaN if the source has none) and cloud (percent), on an index of UTC hours in
    ascending order.

    Raises
    ------
    ReadError
        The file is not there, truncated, or not a table.
    SchemaError
        A column is missing, or a value breaks a rule; the message names the row.
    """
    where = name_of(source)
    table, columns_there = (source, source.columns) if isinstance(source, pd.DataFrame) else _read_table(source)
    if not len(table):
        raise SchemaError(f"{where}: there is no row of weather", "weather-no-rows", where=where)
    there = sorted(str(name).strip() for name in columns_there)
    names = {_plain(name): name for name in columns_there}
    form = next((form for form in FORMS if all(name in names for name in form.needed)), PLAIN)
    for name in form.needed:
        if name not in names:
            raise SchemaError(
                f"{where}: {no_such('column', name, there)}; it needs {', '.join(form.needed)}",
                "weather-column-missing",
                where=where,
                name=name,
                known=there,
            )
    columns = {name: table[names[name]] for name in form.columns if name in names}
    return _filled(form.hours(_of_one_station(form, columns, where, city), where))


def _of_one_station(form: Form, columns: dict[str, pd.Series], where: str, city: City) -> dict[str, pd.Series]:
    """Return the rows of one station: of the only one, or of that which the city names."""
    wanted = (city.weather_station or "").strip().lstrip("0").casefold()
    known: dict[str, None] = {}
    for header in form.stations:
        if header in columns:
            texts = columns[header].astype(str).str.strip()
            chosen = texts.str.lstrip("0").str.casefold() == wanted
            if wanted and chosen.any():
                return {name: column[chosen] for name, column in columns.items()}
            if texts.nunique() > 1:
                known |= dict.fromkeys(texts)
    if known:
        stations = list(known)
        listed = ", ".join(stations[:_SHOWN]) + (", …" if len(stations) > _SHOWN else "")
        raise SchemaError(
            f'{where}: it has the reports of several stations ({listed}); write one as weather_station = "STATION" '
            f"under [cities.{city.name}] in bt.toml, or keep those of one",
            "weather-stations",
            where=where,
            stations=stations,
            city=city.name,
        )
    return columns


def name_of(source: str | pd.DataFrame) -> str:
    """Return the name of a source of weather in messages."""
    return "the frame of weather" if isinstance(source, pd.DataFrame) else source


def _plain(column: object) -> str:
    name = str(column).strip().lower()
    return SHORT.get(name, name)


def _read_table(uri: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns of a file that may be needed, and the names of all."""
    with open_binary(uri, max_bytes=_MOST_BYTES) as file:
        try:
            form = format_of(uri, file, uri)
            if form == PARQUET:
                with open_parquet(uri, file) as parquet:
                    refuse_rows(uri, parquet.rows, _MOST_ROWS)
                    read = _read_of(parquet.columns)
                    return _joined(uri, parquet.tables(read, _MOST_ROWS, _MOST_BYTES), read), parquet.columns
            if form == JSON:
                table = JsonTable(uri, file, uri)
                read = _read_of(table.columns)
                return _joined(uri, table.tables(read), read), table.columns
            header = read_header(uri, file)
            frame = pd.read_csv(
                file,
                sep=header.delimiter,
                names=header.columns,
                header=None,
                dtype=str,
                index_col=False,
                usecols=_read_of(header.columns),
                encoding_errors="replace",  # no column that is read has other letters than ASCII
            )
            refuse_rows(uri, len(frame), _MOST_ROWS)
            return frame, header.columns
        except (ReadError, SchemaError):
            raise
        except (ValueError, *BROKEN_STREAM) as error:  # a parser's errors are values that are wrong
            reason = " ".join(str(error).split())[:160]
            raise ReadError(
                f"{uri}: not a table of weather: {reason}", "weather-not-read", uri=uri, reason=reason
            ) from None


def _read_of(columns: list[str]) -> list[str]:
    """Return the columns that may be needed; one of them at least, which has the number of rows."""
    return [name for name in columns if _plain(name) in _READ] or columns[:1]


def _joined(uri: str, tables: Iterator[pa.Table], columns: list[str]) -> pd.DataFrame:
    import pyarrow as pa

    parts: list[pa.Table] = []
    for table in tables:
        parts.append(table)
        refuse_rows(uri, sum(part.num_rows for part in parts), _MOST_ROWS)
    frame: pd.DataFrame = (
        pa.concat_tables(parts).unify_dictionaries().to_pandas() if parts else pd.DataFrame(columns=columns)
    )
    return frame


def _filled(hourly: pd.DataFrame) -> pd.DataFrame:
    """Interpolate gaps between two known hours that are not longer than `LONGEST_GAP`; longer ones stay whole."""
    filled = {}
    for name in WEATHER_COLUMNS:
        column = hourly[name]
        missing = column.isna()
        length = missing.groupby((missing != missing.shift()).cumsum()).transform("size")
        whole = column.interpolate(limit_area="inside")
        filled[name] = whole.where(~missing | (length <= LONGEST_GAP[name])).astype(np.float32)
    return pd.DataFrame(filled).rename_axis(WEATHER_TIME)
