"""The columns of the regressions: what may make an hour differ from its base."""

from __future__ import annotations

import numpy as np

from bike_traffic.plugins.ahead.cube import Days, Floats, Weather
from bike_traffic.plugins.ahead.origin import Origin

_PEAK = [7, 8, 9, 16, 17, 18, 19]
_CLASSES = 5
_HOUR_CLASS = np.array([[2] * 24, [4] * 24])
"""Class of each hour: on a working day peak (0), 10 to 15 (1) or other (2); on a day off 8 to 20 (3) or other (4)."""
_HOUR_CLASS[0, 10:16] = 1
_HOUR_CLASS[0, _PEAK] = 0
_HOUR_CLASS[1, 8:21] = 3
_CLASS_FLAGS = np.eye(_CLASSES)[_HOUR_CLASS]
_YESTERDAY = [0, 1, 2, 4]
"""The columns of the weather whose gap of yesterday explains the level of yesterday."""

WEATHER_SIZE = 5 * _CLASSES + len(_YESTERDAY)
"""Number of the columns of the weather."""

_FADING_DAYS = 10.0


def shared_columns(origin: Origin, days: Days, day: int, *, season: bool) -> Floats:
    """Return the columns that all counters share in the hours of a local day, shape (24, columns).

    All but the newest counts by hour are the value of the hour minus its mean over the days of the base, which has
    already seen it.

    School holidays are taken by class of hours, the sun's height by the hour. Days next to a day off, bridge days and
    public holidays have a column each. With `season` come the days from 23 December to 2 January, and the
    harmonics of the year, of working days and of days off.
    """
    place = day - days.first
    off = int(days.off[place])
    flags = [days.after[place], days.before[place], float(days.bridge[place]), days.public[place]]
    columns = [
        _CLASS_FLAGS[off] * (days.school[place] - origin.school),
        np.tile(flags, (24, 1)),
        (days.sun[place] - origin.sun)[:, None],
        origin.by_hour[:, None],
    ]
    if season:
        change = days.season[place] - origin.season
        both = np.zeros((2, len(change)))
        both[off] = change
        columns.append(np.tile([days.year_end[place] - origin.year_end, *both.ravel()], (24, 1)))
    return np.concatenate(columns, axis=1)


def weather_columns(origin: Origin, weather: Weather, days: Days, day: int) -> Floats:
    """Return the columns of the weather in the hours of a local day, shape (24, columns).

    Each of the five of `Weather` is taken by class of hours, minus the usual weather of the hour. Yesterday's gap
    tells which part of yesterday's level was its weather.
    """
    if origin.usual is None or origin.gap is None:
        raise ValueError("the origin was described without weather")
    flags = _CLASS_FLAGS[int(days.off[day - days.first])]
    change = weather.around[day - weather.first] - origin.usual
    by_class = (change[:, :, None] * flags[:, None, :]).reshape(24, -1)
    return np.concatenate([by_class, np.tile(origin.gap[_YESTERDAY], (24, 1))], axis=1)


def ratio_columns(origin: Origin, horizon: int, *, late: bool) -> Floats:
    """Return the columns of a counter's recent ratios, shape (counters, columns).

    Near the origin they are those of the city and the counter's own. Late they are the counter's own, once as they
    are and once fading with the horizon: the city's recent level says little about the level weeks later.
    """
    if not late:
        return np.concatenate([np.tile(origin.city, (len(origin.own), 1)), origin.own], axis=1)
    return np.concatenate([origin.own, origin.own * np.exp(-horizon / _FADING_DAYS)], axis=1)
