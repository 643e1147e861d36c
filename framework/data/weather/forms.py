"""The forms of files of weather, each spread over the UTC hours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, WEATHER_COLUMNS
from bike_traffic.data.weather.values import numbers_in, refuse_values, times_in

WEATHER_TIME = "time"
"""Header of the times in the plain form."""

RANGES: Mapping[str, tuple[float, float, str]] = {
    TEMPERATURE: (-60, 60, "degrees Celsius"),
    RAIN: (0, 300, "mm in the hour"),
    CLOUD: (0, 100, "percent"),
}
PLAIN = (WEATHER_TIME, *WEATHER_COLUMNS)
SYNOP = ("date", "t", "rr1", "rr3", "n")
STATION = "numer_sta"
_KELVIN = 273.15
_HOUR = pd.Timedelta(hours=1)


def plain_hours(columns: Mapping[str, pd.Series], where: str) -> pd.DataFrame:
    """Return the rows of the plain form on their UTC hours, in ascending order."""
    times = times_in(columns[WEATHER_TIME], where, utc=False)
    values = {}
    for name in WEATHER_COLUMNS:
        values[name] = numbers_in(columns[name], where)
        low, high, unit = RANGES[name]
        refuse_values(
            (values[name] < low) | (values[name] > high),
            where,
            columns[name],
            f"not {unit}",
            f"it must be from {low} to {high}",
        )
    refuse_values(
        times != times.floor("h"), where, columns[WEATHER_TIME], "not a full hour", "give one row for each hour"
    )
    refuse_values(times.duplicated(), where, columns[WEATHER_TIME], "an hour again", "give one row for each hour")
    return pd.DataFrame(values, index=times).sort_index().asfreq("h")


def synop_hours(columns: Mapping[str, pd.Series], where: str) -> pd.DataFrame:
    """Spread reports over UTC hours; the hours between two reports have rain, and no temperature and cloud yet."""
    times = times_in(columns["date"], where, utc=True)
    refuse_values(times != times.floor("h"), where, columns["date"], "not a full hour", "give reports at full hours")
    values = {name: numbers_in(columns[name], where) for name in SYNOP[1:]}
    temperature = values["t"] - _KELVIN
    low, high, _ = RANGES[TEMPERATURE]
    refuse_values((temperature < low) | (temperature > high), where, columns["t"], "not kelvin", "SYNOP has kelvin")
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
