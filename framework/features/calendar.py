"""The calendar of a city: public and school holidays, bridge days, the kind of day, the season."""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.cities import FIRST_SCHOOL_ZONE, PARIS, SCHOOL_ZONES
from bike_traffic.errors import ParameterError

WORKING_DAY, SATURDAY, SUNDAY_OR_HOLIDAY = 0, 1, 2
FRANCE = PARIS.calendar
"""The public and school holidays that are meant where none are named."""
LOOKED_UP = 30_000
"""So many times or more are looked up to find their days; fewer are converted in less time."""


def calendar_features(times: pd.Series, holidays: str = FRANCE) -> pd.DataFrame:
    """Describe the local day of each time.

    Parameters
    ----------
    times : shape (n,), times of the city.
    holidays : whose public holidays: a country such as ``"FR"``, or country and subdivision such as ``"DE-NW"``, with
        the codes of the package ``holidays``. School holidays are known for France alone: ``"FR"`` has those of zone
        C, ``"FR:A"`` and ``"FR:B"`` those of the others.

    Returns
    -------
    Shape (n, 8), float32: ``public_holiday``, ``school_holiday``, ``bridge_day``, ``previous_day_off``,
    ``next_day_off``, ``day_type`` (0 working day, 1 Saturday, 2 Sunday or public holiday), and the day of
    the year as ``season_sine`` and ``season_cosine``.

    Raises
    ------
    ParameterError
        The public holidays of this country or subdivision are not known.
    """
    table, position = _days_of(times, holidays)
    return pd.DataFrame(table.to_numpy()[position], index=times.index, columns=table.columns)


def day_types(times: pd.Series, holidays: str = FRANCE) -> NDArray[np.intp]:
    """Return the column ``day_type`` of `calendar_features` alone, which takes a tenth of the time."""
    table, position = _days_of(times, holidays)
    return table["day_type"].to_numpy(np.intp)[position]


def _days_of(times: pd.Series, holidays: str) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the calendar of the years from the first to the last time, and each time's position in it."""
    days = day_numbers(times)
    first, last = whole_years(days)
    return _day_table(first, last, holidays), days - first


def whole_years(days: NDArray[np.int64]) -> tuple[int, int]:
    """Return the first and the last day, since 1970, of the years of some days; their table serves others."""
    first, last = (days.min(), days.max()) if len(days) else (0, 0)
    years = np.array([first, last]).astype("datetime64[D]").astype("datetime64[Y]")
    begin, end = (years + np.array([0, 1])).astype("datetime64[D]").astype(np.int64)
    return int(begin), int(end) - 1


def day_numbers(times: pd.Series) -> NDArray[np.int64]:
    """Return the local day of each time, in days since 1970."""
    zone = times.dt.tz
    if len(times) >= LOOKED_UP and isinstance(zone, datetime.tzinfo) and times.notna().all():
        # Days begin on whole hours, of which there are fewer than rows: to look them up is faster than to convert.
        hours = hour_numbers(times)
        first, last = int(hours.min()), int(hours.max())
        if last - first < len(times):
            of_hour = pd.DatetimeIndex(np.arange(first, last + 1).astype("datetime64[h]"), tz="UTC")
            return _local_days(of_hour.tz_convert(zone))[hours - first]
    return _local_days(pd.DatetimeIndex(times))


def _local_days(times: pd.DatetimeIndex) -> NDArray[np.int64]:
    days: NDArray[np.int64] = times.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)
    return days


def kinds_of_hours(times: pd.Series, holidays: str = FRANCE) -> NDArray[np.intp]:
    """Return the day type and the local hour of each time as one number, 0 to 71."""
    return np.asarray(day_types(times, holidays) * 24 + times.dt.hour.to_numpy(np.intp))


def hour_numbers(times: pd.Series) -> NDArray[np.int64]:
    """Return the hour of each time, in hours since 1970 UTC."""
    return np.asarray(times.dt.tz_convert(None).to_numpy().astype("datetime64[h]").astype(np.int64))


def days_ahead(times: pd.Series, newest: pd.Timestamp) -> NDArray[np.int64]:
    """Return how many local days each time is after the day of the first hour that follows the `newest` one, plus 1.

    So 1 is the first day of a forecast; a time before it has 0 or less.
    """
    origin = day_numbers(pd.Series([newest + pd.Timedelta(hours=1)]))[0]
    return np.asarray(day_numbers(times) - origin + 1)


def check_holidays(holidays: str) -> None:
    """Raise `ParameterError` if the public holidays of a country or subdivision are not known."""
    _public_holidays(holidays, ())
    _school_zone(holidays)


@lru_cache(maxsize=8)
def _day_table(first: int, last: int, holidays: str) -> pd.DataFrame:
    """Return the calendar from day `first` to day `last` (days since 1970), one row a day; it is not changed."""
    days = pd.DatetimeIndex(np.arange(first - 1, last + 2).astype("datetime64[D]"))
    public = _public_holidays(holidays, range(days[0].year, days[-1].year + 1))
    zone = _school_zone(holidays)
    years = range(days[1].year, days[-2].year + 1)
    school = frozenset[datetime.date]().union(*(_school_holidays(year, zone) for year in years if zone))
    holiday = np.array([day.date() in public for day in days])
    weekday = days.day_of_week.to_numpy()
    off = holiday | (weekday >= 5)
    before, here, after = slice(None, -2), slice(1, -1), slice(2, None)
    bridge = ~off[here] & off[before] & off[after]
    angle = 2 * np.pi * (days.day_of_year.to_numpy() - 1) / 365.25
    return pd.DataFrame(
        {
            "public_holiday": holiday[here],
            "school_holiday": np.array([day.date() in school for day in days])[here],
            "bridge_day": bridge,
            "previous_day_off": off[before],
            "next_day_off": off[after],
            "day_type": np.select(
                [holiday | (weekday == 6), weekday == 5], [SUNDAY_OR_HOLIDAY, SATURDAY], WORKING_DAY
            )[here],
            "season_sine": np.sin(angle)[here],
            "season_cosine": np.cos(angle)[here],
        },
        dtype=np.float32,
    )


def _public_holidays(place: str, years: Iterable[int]) -> frozenset[datetime.date]:
    """Return the public holidays of some years; raise `ParameterError` if the country or subdivision is not known."""
    import holidays

    country, _, subdivision = place.partition(":")[0].partition("-")
    try:
        if not re.fullmatch("[A-Z]{2}", country):  # the package also takes names of its classes
            raise NotImplementedError
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=years))
    except NotImplementedError:
        subdivisions = holidays.list_supported_countries().get(country, [])
        codes = "the code of a country, alone or with a subdivision, such as FR or DE-NW"
        if subdivisions:
            codes = f"{country}, or {country}- and one of {', '.join(subdivisions)}"
        raise ParameterError(
            f"no public holidays are known for '{place}'; give {codes}",
            "holidays-unknown",
            holidays=place,
            subdivisions=subdivisions,
        ) from None


def _school_zone(place: str) -> str | None:
    """Return the zone of France's school holidays, ``None`` elsewhere; raise `ParameterError` if there is no such."""
    country, _, zone = place.partition(":")
    if country == "FR" and not zone:
        return FIRST_SCHOOL_ZONE
    if zone and (not country.startswith("FR") or zone not in SCHOOL_ZONES):
        raise ParameterError(
            f"no school holidays are known for '{place}'; they are for FR:{', FR:'.join(SCHOOL_ZONES)}",
            "school-holidays-unknown",
            holidays=place,
        )
    return zone or None


@lru_cache
def _school_holidays(year: int, zone: str) -> frozenset[datetime.date]:
    """Return the days of a zone's school holidays; empty for a year that the library does not have.

    They are read from the library's table: its own class parses all of 40 years, which takes a quarter of a second.
    """
    table = files("vacances_scolaires_france").joinpath("data", "data.csv")
    with table.open(encoding="utf-8") as lines:
        days = csv.DictReader(line for line in lines if line.startswith(("date,", f"{year}-")))
        column = f"vacances_zone_{zone.lower()}"
        return frozenset(datetime.date.fromisoformat(day["date"]) for day in days if day[column] == "True")
