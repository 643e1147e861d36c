"""The weather of the hours: read from a file, and joined to a clean frame.

Two forms are read. The plain form has a row an hour: ``time`` (start of the hour, ISO 8601 with its offset),
``temperature`` (degrees Celsius), ``rain`` (mm in the hour) and ``cloud`` (percent). SYNOP reports are read as
Météo-France publishes them: ``date`` (UTC), ``t`` (kelvin), ``rr1`` and ``rr3`` (mm in the hour and the three
hours before) and ``n`` (percent), every three hours, of one station.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, TIME, WEATHER_COLUMNS
from bike_traffic.data.files.formats.content import JSON, PARQUET, format_of
from bike_traffic.data.files.formats.json_rows import JsonTable
from bike_traffic.data.files.formats.refusals import row_number
from bike_traffic.data.files.header import read_header
from bike_traffic.data.files.parquet.table import open_parquet
from bike_traffic.data.files.reading import refuse_rows
from bike_traffic.data.files.unpacking import BROKEN_STREAM, open_binary
from bike_traffic.errors import ReadError, SchemaError, no_such

if TYPE_CHECKING:
    import pyarrow as pa

WEATHER_TIME = "time"
"""Header of the times in the plain form."""

LONGEST_GAP: Mapping[str, int] = {TEMPERATURE: 6, RAIN: 6, CLOUD: 12}
"""Hours in a row that are interpolated if they are missing; SYNOP stations often leave out the cloud cover."""

_RANGES: Mapping[str, tuple[float, float, str]] = {
    TEMPERATURE: (-60, 60, "degrees Celsius"),
    RAIN: (0, 300, "mm in the hour"),
    CLOUD: (0, 100, "percent"),
}
_PLAIN = (WEATHER_TIME, *WEATHER_COLUMNS)
_SYNOP = ("date", "t", "rr1", "rr3", "n")
_STATION = "numer_sta"
_READ = {*_PLAIN, *_SYNOP, _STATION}
_KELVIN = 273.15
# The hours of a century, and their bytes with all columns of SYNOP reports.
_MOST_ROWS, _MOST_BYTES = 1_000_000, 512_000_000
_HOUR = pd.Timedelta(hours=1)
_OFFSET = re.compile(r"\d[T ]\d.*(?:Z|[+-]\d\d(?::?\d\d)?)$")


def read_weather(source: str | pd.DataFrame) -> pd.DataFrame:
    """Read hourly weather in the plain form, or SYNOP reports, which are spread over the hours.

    Temperature and cloud cover between two reports are interpolated, and the rain of three hours is divided among
    them. So are gaps of at most `LONGEST_GAP`; in longer ones the hours are missing from the result or NaN.

    Parameters
    ----------
    source : the path or URL of CSV (``,`` or ``;``), Parquet or JSON, packed or not, or a frame with these columns.

    Returns
    -------
    Shape (hours, 3), float32: ``temperature`` (degrees Celsius), ``rain`` (mm in the hour that starts at the index)
    and ``cloud`` (percent), on an index of UTC hours in ascending order.

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
    names = {_plain(name): name for name in columns_there}
    synop = WEATHER_TIME not in names and all(name in names for name in _SYNOP)
    wanted = _SYNOP if synop else _PLAIN
    for name in wanted:
        if name not in names:
            raise SchemaError(
                f"{where}: {no_such('column', name, names)}; it needs {', '.join(_PLAIN)}",
                "weather-column-missing",
                where=where,
                name=name,
                known=sorted(names),
            )
    columns = {name: table[names[name]] for name in wanted}
    if not synop:
        return _filled(_plain_hours(columns, where))
    if _STATION in names and (stations := table[names[_STATION]].nunique()) > 1:
        raise SchemaError(
            f"{where}: it has the reports of {stations} stations ('{_STATION}'); keep those of one",
            "weather-stations",
            where=where,
            stations=int(stations),
        )
    return _filled(_synop_hours(columns, where))


def join_weather(cleaned: pd.DataFrame, weather: pd.DataFrame, where: str = "the weather") -> pd.DataFrame:
    """Return a clean frame with the weather of each row's hour as its last three columns.

    Parameters
    ----------
    cleaned : a valid clean frame; weather that it has already is replaced.
    weather : as `read_weather` returns it.
    where : name of the weather in messages.

    Raises
    ------
    SchemaError
        The weather of an hour is not known; the message says how many, from when to when.
    """
    codes, distinct = pd.factorize(cleaned[TIME].dt.tz_convert("UTC").dt.floor("h"))
    known = weather.reindex(pd.DatetimeIndex(distinct))
    missing = known.index[known.isna().any(axis=1)]
    if len(missing):
        first, last = (time.tz_convert(cleaned[TIME].dt.tz).isoformat() for time in (missing.min(), missing.max()))
        raise SchemaError(
            f"{where}: the weather of {len(missing)} of {len(distinct)} hours is not known, the first {first}, "
            f"the last {last}; give weather that has all hours of the counts",
            "weather-hours-missing",
            where=where,
            missing=len(missing),
            hours=len(distinct),
            first=first,
            last=last,
        )
    return cleaned.assign(**{name: known[name].to_numpy(np.float32)[codes] for name in WEATHER_COLUMNS})


def name_of(source: str | pd.DataFrame) -> str:
    """Return the name of a source of weather in messages."""
    return "the frame of weather" if isinstance(source, pd.DataFrame) else source


def _plain(column: object) -> str:
    return str(column).strip().lower()


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


def _plain_hours(columns: Mapping[str, pd.Series], where: str) -> pd.DataFrame:
    """Return the rows of the plain form on their UTC hours, in ascending order."""
    times = _times(columns[WEATHER_TIME], where, utc=False)
    values = {}
    for name in WEATHER_COLUMNS:
        values[name] = _numbers(columns[name], where)
        low, high, unit = _RANGES[name]
        _refuse_rows(
            (values[name] < low) | (values[name] > high),
            where,
            columns[name],
            f"not {unit}",
            f"it must be from {low} to {high}",
        )
    _refuse_rows(
        times != times.floor("h"), where, columns[WEATHER_TIME], "not a full hour", "give one row for each hour"
    )
    _refuse_rows(times.duplicated(), where, columns[WEATHER_TIME], "an hour again", "give one row for each hour")
    return pd.DataFrame(values, index=times).sort_index().asfreq("h")


def _synop_hours(columns: Mapping[str, pd.Series], where: str) -> pd.DataFrame:
    """Spread reports over UTC hours; the hours between two reports have rain, and no temperature and cloud yet."""
    times = _times(columns["date"], where, utc=True)
    _refuse_rows(times != times.floor("h"), where, columns["date"], "not a full hour", "give reports at full hours")
    values = {name: _numbers(columns[name], where) for name in _SYNOP[1:]}
    temperature = values["t"] - _KELVIN
    low, high, _ = _RANGES[TEMPERATURE]
    _refuse_rows((temperature < low) | (temperature > high), where, columns["t"], "not kelvin", "SYNOP has kelvin")
    reports = pd.DataFrame({**values, "t": temperature}, index=times)
    reports = reports[
        ~reports.index.duplicated(keep="last")
    ].sort_index()  # a corrected report follows under the same time
    hours = pd.date_range(times.min() - 3 * _HOUR, times.max(), freq="h")
    # A trace of rain is published as -0.1, and a sky that cannot be seen as 101 percent.
    three, one = reports["rr3"].clip(lower=0), reports["rr1"].clip(lower=0)
    last = one.fillna(three / 3)
    rain, stamps = pd.Series(np.nan, index=hours), pd.DatetimeIndex(reports.index)
    for before in (3, 2):
        rain.update(((three - last) / 2).clip(lower=0).set_axis(stamps - before * _HOUR))
    rain.update(last.set_axis(stamps - _HOUR))
    return pd.DataFrame(
        {TEMPERATURE: reports["t"].reindex(hours), RAIN: rain, CLOUD: reports["n"].clip(0, 100).reindex(hours)}
    )


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


def _times(column: pd.Series, where: str, *, utc: bool) -> pd.DatetimeIndex:
    """Return times in UTC; a time without an offset is UTC if `utc`, and an error if not."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(column).tz_convert("UTC")
    texts = column.astype(str).str.strip()
    digits = texts.str.fullmatch(r"\d{14}")  # YYYYMMDDhhmmss, in the monthly files of SYNOP reports
    texts = texts.mask(digits, texts.str.replace(r"^(\d{8})(\d{6})$", r"\1T\2", regex=True))
    times = pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce"))
    _refuse_rows(
        np.asarray(times.isna()), where, column, "not a time", "write it as ISO 8601, like 2021-06-01T08:00:00+02:00"
    )
    if not utc:
        without = ~np.array([bool(_OFFSET.search(text)) for text in texts])
        _refuse_rows(without, where, column, "a time without an offset", "write it like 2021-06-01T08:00:00+02:00")
    return times


def _numbers(column: pd.Series, where: str) -> NDArray[np.float64]:
    """Return numbers, NaN where a value is empty or, as SYNOP has it, ``mq``."""
    texts = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    empty = texts.isin(["", "mq"]).to_numpy()
    values = pd.to_numeric(texts.mask(empty), errors="coerce").to_numpy(np.float64)
    _refuse_rows(~empty & ~np.isfinite(values), where, column, "not a number", "leave a missing value empty")
    return values


def _refuse_rows(broken: NDArray[np.bool_], where: str, column: pd.Series, found: str, advice: str) -> None:
    """Raise `SchemaError` for the first row that breaks a rule."""
    rows = np.flatnonzero(broken)
    if len(rows):
        row, value = row_number(int(rows[0])), str(column.iloc[rows[0]])
        more = f" and {len(rows) - 1} more rows" if len(rows) > 1 else ""
        raise SchemaError(
            f"{where}: column '{column.name}': {found} in row {row} ('{value}'){more}; {advice}",
            "weather-value",
            where=where,
            column=str(column.name),
            found=found,
            row=row,
            rows=len(rows),
            value=value,
        )
