"""When counters were silent, and when they counted nothing but zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, TIME, TIME_ZONE
from bike_traffic.features.calendar import day_numbers, hour_numbers
from bike_traffic.features.outages import in_outage

SILENT, ZEROS = "silent", "zeros"
FIRST_HOUR, LAST_HOUR, KIND, HOURS, LASTING = "first_hour", "last_hour", "kind", "hours", "lasting"
COLUMNS = [COUNTER, FIRST_HOUR, LAST_HOUR, KIND, HOURS, LASTING]

SILENT_HOURS = 6
"""Fewer missing hours are a hiccup of the transmission, or the hour that an export loses when the clock changes."""
OTHERS = 0.5
"""An hour counts as missing if at least this share of the counters counted it: else the file has a gap, for all."""
NEXT_DAYS = 2
"""Days of zeros this far apart are one outage: the day between, or some hours of it, is missing."""
LARGEST = 2_000_000
"""Rows of a file in which `OutagesInParts` looks for outages: more need too much memory at once."""
GONE = 12 * 7 * 24
"""A counter that has been silent for this many hours is no longer asked whether others count."""

Hours = NDArray[np.int64]


def outages(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return the times in which a counter was silent or counted nothing but zeros, by counter and time.

    ``silent`` are `SILENT_HOURS` or more missing hours that at least half of the counters counted. ``zeros`` are days
    with `OUTAGE_HOURS` or more hours, all of them zero: the days that no model learns from.

    Returns
    -------
    One row an outage: the counter (``nom_du_compteur``), ``first_hour`` and ``last_hour`` (Europe/Paris), ``kind``,
    ``hours`` (missing hours that others counted, or hours of zeros) and ``lasting``, whether the counter has not
    counted a bike since.
    """
    if cleaned.empty:
        return pd.DataFrame(columns=COLUMNS)
    found = pd.concat([_silences(cleaned), _zeros(cleaned)], ignore_index=True)
    return found.sort_values([COUNTER, FIRST_HOUR], ignore_index=True)[COLUMNS]


def counted_hours(cleaned: pd.DataFrame) -> Hours:
    """Return the hours, since 1970 UTC and in order, that at least half of the counters of their time counted."""
    start, counted = _counted(cleaned)
    return np.flatnonzero(counted) + start


def _counted(cleaned: pd.DataFrame) -> tuple[int, NDArray[np.bool_]]:
    """Return the first hour of all, and for each hour from it on whether at least half of the counters counted it."""
    hours = hour_numbers(cleaned[TIME])
    start, size = int(hours.min()), int(hours.max() - hours.min()) + 1
    spans = pd.Series(hours).groupby(cleaned[COUNTER].cat.codes.to_numpy()).agg(["min", "max"]).to_numpy() - start
    begun = np.bincount(spans[:, 0], minlength=size)
    gone = np.bincount(np.minimum(spans[:, 1] + GONE, size), minlength=size + 1)[:size]
    return start, np.bincount(hours - start, minlength=size) >= np.maximum(OTHERS * np.cumsum(begun - gone), 1)


def _silences(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return the silent times: the gaps between two hours of a counter, and the time after its last hour."""
    start, counted = _counted(cleaned)
    before = np.append(0, np.cumsum(counted))  # counted hours before each hour
    end = int(np.flatnonzero(counted).max()) + 1
    codes = cleaned[COUNTER].cat.codes.to_numpy()
    hours = hour_numbers(cleaned[TIME]) - start
    order = np.lexsort((hours, codes))
    codes, hours = codes[order], hours[order]
    final = np.append(codes[1:] != codes[:-1], True)
    following = np.where(final, np.maximum(end, hours + 1), np.append(hours[1:], 0))
    missing = before[following] - before[hours + 1]
    gap = np.flatnonzero(missing >= SILENT_HOURS)
    return pd.DataFrame(
        {
            COUNTER: _names(cleaned, codes[gap]),
            FIRST_HOUR: _times(hours[gap] + 1 + start),
            LAST_HOUR: _times(following[gap] - 1 + start),
            KIND: SILENT,
            HOURS: missing[gap],
            LASTING: final[gap],
        }
    )


def _zeros(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return the times of zeros: days of outage that follow each other without a bike between."""
    codes, count = cleaned[COUNTER].cat.codes.to_numpy().astype(np.intp), cleaned[COUNT].to_numpy()
    days, hours = day_numbers(cleaned[TIME]), hour_numbers(cleaned[TIME])
    dead = in_outage(codes, days, count)
    rows = pd.DataFrame({"code": codes, "day": days, "hour": hours, "count": count, "dead": dead})
    every = rows.groupby(["code", "day"], as_index=False).agg(
        first=("hour", "min"),
        last=("hour", "max"),
        size=("hour", "size"),
        bikes=("count", "sum"),
        dead=("dead", "any"),
    )
    every = every[every["dead"] | (every["bikes"] > 0)]  # a short day of zeros says nothing
    follows = (every["code"].diff() == 0) & (every["day"].diff() <= NEXT_DAYS) & every["dead"].shift(fill_value=False)
    run = (~follows).cumsum()[every["dead"]]
    table = every[every["dead"]].groupby(run).agg({"code": "first", "first": "min", "last": "max", "size": "sum"})
    newest_bike = rows[count > 0].groupby("code")["hour"].max().reindex(table["code"]).fillna(-1).to_numpy()
    newest_row = rows.groupby("code")["hour"].max().reindex(table["code"]).to_numpy()
    alive = newest_row > counted_hours(cleaned).max() - SILENT_HOURS  # else it is silent by now
    return pd.DataFrame(
        {
            COUNTER: _names(cleaned, table["code"].to_numpy()),
            FIRST_HOUR: _times(table["first"].to_numpy()),
            LAST_HOUR: _times(table["last"].to_numpy()),
            KIND: ZEROS,
            HOURS: table["size"].to_numpy(),
            LASTING: alive & (newest_bike < table["first"].to_numpy()),
        }
    )


def _names(cleaned: pd.DataFrame, codes: NDArray[np.integer[Any]]) -> pd.Index:
    return cleaned[COUNTER].cat.categories.astype("str").take(codes)


def _times(hours: Hours) -> pd.DatetimeIndex:
    """Return hours since 1970 UTC as times in Europe/Paris."""
    return pd.DatetimeIndex(hours.astype("datetime64[h]").astype("datetime64[us]"), tz="UTC").tz_convert(TIME_ZONE)


class OutagesInParts:
    """The outages in a file that is read in parts, whose rows may be faulty; of one of `LARGEST` rows at most."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []
        self._rows = 0

    def add(self, cleaned: pd.DataFrame) -> None:
        """Take the next part, a clean frame in which what cannot be read is missing."""
        self._rows += len(cleaned)
        if self._rows > LARGEST:
            self._parts.clear()
        elif COUNT in cleaned:
            self._parts.append(cleaned[[COUNTER, TIME, COUNT]].dropna().astype({COUNTER: "str"}))

    def outages(self) -> pd.DataFrame | None:
        """Return the `outages` of all parts; ``None`` if there are more than `LARGEST` rows."""
        if self._rows > LARGEST:
            return None
        if not any(map(len, self._parts)):
            return pd.DataFrame(columns=COLUMNS)
        return outages(pd.concat(self._parts, ignore_index=True).astype({COUNTER: "category"}))
