"""The forms of files of weather, each spread over the UTC hours."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, WEATHER_COLUMNS, WIND
from bike_traffic.data.weather.values import DAY_AND_HOUR, SECONDS, numbers_in, refuse_values, times_in

WEATHER_TIME = "time"
"""Header of the times in the plain form."""

RANGES: Mapping[str, tuple[float, float, str]] = {
    TEMPERATURE: (-60, 60, "degrees Celsius"),
    RAIN: (0, 300, "mm in the hour"),
    WIND: (0, 100, "metres per second"),
    CLOUD: (0, 100, "percent"),
}
SHORT: Mapping[str, str] = {"temperature": TEMPERATURE, "rain": RAIN, "cloud": CLOUD}
"""What the plain form called its columns before their names had units; files keep them."""
_KELVIN = 273.15
_HOUR = pd.Timedelta(hours=1)
_EIGHTHS, _SKY_HIDDEN = 8, 9
"""Cloud in the hourly files of Météo-France: of eight parts of the sky, and the code for a sky that fog hides."""
_DOUBTFUL = 2
"""Their code of quality for a value that is still being checked."""

Columns = Mapping[str, pd.Series]


@attrs.frozen
class Form:
    """A form of files of weather.

    Parameters
    ----------
    needed, optional : names of its columns, in small letters.
    hours : spreads the columns over UTC hours, in ascending order; it gets the name of the file for messages.
    stations : columns that number or name the station of a row.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    hours: Callable[[Columns, str], pd.DataFrame]
    stations: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns that are read."""
        return (*self.needed, *self.optional, *self.stations)


def _plain_hours(columns: Columns, where: str) -> pd.DataFrame:
    """Return the rows of the plain form on their UTC hours."""
    times = times_in(columns[WEATHER_TIME], where)
    values = {}
    for name in WEATHER_COLUMNS:
        if name in columns:
            values[name] = numbers_in(columns[name], where)
            _refuse_outside(name, values[name], columns[name], where)
        else:
            values[name] = np.full(len(times), np.nan)
    refuse_values(
        times != times.floor("h"), where, columns[WEATHER_TIME], "not a full hour", "give one row for each hour"
    )
    refuse_values(times.duplicated(), where, columns[WEATHER_TIME], "an hour again", "give one row for each hour")
    return pd.DataFrame(values, index=times).sort_index().asfreq("h")


def _synop_hours(columns: Columns, where: str) -> pd.DataFrame:
    """Spread reports over UTC hours; the hours between two reports have rain, and nothing else yet."""
    times = times_in(columns["date"], where, in_utc=SECONDS)
    refuse_values(times != times.floor("h"), where, columns["date"], "not a full hour", "give reports at full hours")
    values = {name: numbers_in(columns[name], where) for name in ("t", "rr1", "rr3", "n", "ff") if name in columns}
    temperature = values["t"] - _KELVIN
    low, high, _ = RANGES[TEMPERATURE]
    refuse_values((temperature < low) | (temperature > high), where, columns["t"], "not kelvin", "SYNOP has kelvin")
    reports = _newest(pd.DataFrame({"ff": np.nan, **values, "t": temperature}, index=times))
    hours = pd.date_range(times.min() - 3 * _HOUR, times.max(), freq="h")
    # A trace of rain is published as -0.1, and a sky that cannot be seen as 101 percent.
    three, one = reports["rr3"].clip(lower=0), reports["rr1"].clip(lower=0)
    last = one.fillna(three / 3)
    rain, stamps = pd.Series(np.nan, index=hours), pd.DatetimeIndex(reports.index)
    for before in (3, 2):
        rain.update(((three - last) / 2).clip(lower=0).set_axis(stamps - before * _HOUR))
    rain.update(last.set_axis(stamps - _HOUR))
    at_report = {TEMPERATURE: reports["t"], WIND: reports["ff"].clip(lower=0), CLOUD: reports["n"].clip(0, 100)}
    spread = {name: column.reindex(hours) for name, column in at_report.items()}
    return pd.DataFrame({**spread, RAIN: rain})[list(WEATHER_COLUMNS)]


def _hourly_hours(columns: Columns, where: str) -> pd.DataFrame:
    """Return the hourly values of Météo-France on their UTC hours; the rain of an hour is stamped with its end."""
    times = times_in(columns["aaaammjjhh"], where, in_utc=DAY_AND_HOUR)
    values = {}
    for name, header in {TEMPERATURE: "t", RAIN: "rr1", WIND: "ff", CLOUD: "n"}.items():
        read = numbers_in(columns[header], where) if header in columns else np.full(len(times), np.nan)
        if f"q{header}" in columns:
            read = np.where(numbers_in(columns[f"q{header}"], where) == _DOUBTFUL, np.nan, read)
        values[name] = read
    values[CLOUD] = np.where(values[CLOUD] == _SKY_HIDDEN, 100, values[CLOUD] / _EIGHTHS * 100)
    for name, header in {TEMPERATURE: "t", RAIN: "rr1"}.items():
        _refuse_outside(name, values[name], columns[header], where)
    reports = _newest(pd.DataFrame(values, index=times))
    hours = pd.date_range(times.min() - _HOUR, times.max(), freq="h")
    rain = reports[RAIN].set_axis(pd.DatetimeIndex(reports.index) - _HOUR).reindex(hours)
    return reports.reindex(hours).assign(**{RAIN: rain})


PLAIN = Form((WEATHER_TIME, TEMPERATURE, RAIN, CLOUD), (WIND,), _plain_hours)
SYNOP = Form(("date", "t", "rr1", "rr3", "n"), ("ff",), _synop_hours, ("numer_sta", "nom"))
HOURLY = Form(
    ("aaaammjjhh", "rr1", "t"), ("ff", "n", "qrr1", "qt", "qff", "qn"), _hourly_hours, ("num_poste", "nom_usuel")
)
"""The hourly files of Météo-France, one of a department; not every station reports wind and cloud."""
FORMS = (SYNOP, HOURLY, PLAIN)


def _newest(reports: pd.DataFrame) -> pd.DataFrame:
    """Return reports by time; a corrected one follows under the same time."""
    return reports[~reports.index.duplicated(keep="last")].sort_index()


def _refuse_outside(name: str, values: NDArray[np.float64], column: pd.Series, where: str) -> None:
    low, high, unit = RANGES[name]
    refuse_values((values < low) | (values > high), where, column, f"not {unit}", f"it must be from {low} to {high}")
