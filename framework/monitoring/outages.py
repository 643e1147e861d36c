"""When counters were silent, and when they counted nothing but zeros."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.features.calendar import hour_numbers
from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.history.hours import times_of

SILENT, ZEROS = "silent", "zeros"
FIRST_HOUR, LAST_HOUR, KIND, HOURS, LASTING = "first_hour", "last_hour", "kind", "hours", "lasting"
COLUMNS = [COUNTER, FIRST_HOUR, LAST_HOUR, KIND, HOURS, LASTING]

SILENT_HOURS = 6
"""Fewer missing hours are a hiccup of the transmission, or the hour that an export loses when the clock changes."""
OTHERS = 0.5
"""An hour counts as missing if at least this share of the counters counted it: else the file has a gap, for all."""
NEXT_DAYS = 2
"""Days of zeros this far apart are one outage: the day between, or some hours of it, is missing."""
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
    return outages_of_days(CounterDays.of(cleaned))


def outages_of_days(days: CounterDays) -> pd.DataFrame:
    """Return the `outages` of counts that were added in parts."""
    if not len(days):
        return pd.DataFrame(columns=COLUMNS)
    start, counted = counted_of_days(days)
    end = int(np.flatnonzero(counted).max()) + start + 1
    found = pd.concat([_silences(days, start, counted, end), _zeros(days, end)], ignore_index=True)
    return found.sort_values([COUNTER, FIRST_HOUR], ignore_index=True)[COLUMNS]


def counted_hours(cleaned: pd.DataFrame) -> Hours:
    """Return the hours, since 1970 UTC and in order, that at least half of the counters of their time counted."""
    hours = hour_numbers(cleaned[TIME])
    start = int(hours.min())
    spans = pd.Series(hours).groupby(cleaned[COUNTER].cat.codes.to_numpy()).agg(["min", "max"]).to_numpy() - start
    return np.flatnonzero(_counted(np.bincount(hours - start), spans[:, 0], spans[:, 1])) + start


def counted_of_days(days: CounterDays) -> tuple[int, NDArray[np.bool_]]:
    """Return the first hour of all, and for each hour from it on whether at least half of the counters counted it."""
    first, last = days.bounds()
    start, size = int(first.min()), int(last.max() - first.min()) + 1
    counters = np.zeros(size, np.int64)
    for part in days.batches():
        counters += np.bincount(part.hour - start, minlength=size)
    parts = [part for _, part in days.slices()]
    begun = first[[part.start for part in parts]] - start
    return start, _counted(counters, begun, last[[part.stop - 1 for part in parts]] - start)


def _counted(counters: Hours, first: Hours, last: Hours) -> NDArray[np.bool_]:
    """Return which hours at least half of the counters of their time counted.

    Parameters
    ----------
    counters : how many counters counted each hour.
    first, last : the first and the last hour of each counter, from that of the first one on.
    """
    size = len(counters)
    begun = np.bincount(first, minlength=size)
    gone = np.bincount(np.minimum(last + GONE, size), minlength=size + 1)[:size]
    return np.asarray(counters >= np.maximum(OTHERS * np.cumsum(begun - gone), 1))


def _silences(days: CounterDays, start: int, counted: NDArray[np.bool_], end: int) -> pd.DataFrame:
    """Return the silent times: the gaps between two hours of a counter, and the time after its last hour."""
    before = np.append(0, np.cumsum(counted))  # counted hours before each hour
    gaps = []
    for part in days.batches():
        hours = part.hour - start
        final = np.append(part.number[1:] != part.number[:-1], True)
        following = np.where(final, np.maximum(end - start, hours + 1), np.append(hours[1:], 0))
        missing = before[following] - before[hours + 1]
        gap = np.flatnonzero(missing >= SILENT_HOURS)
        gaps.append(np.stack([part.number, hours + 1 + start, following - 1 + start, missing, final])[:, gap])
    number, first, last, missing, final = np.concatenate(gaps, axis=1)
    return _table(days, number, first, last, SILENT, missing, final.astype(bool))


def _zeros(days: CounterDays, end: int) -> pd.DataFrame:
    """Return the times of zeros: days of outage that follow each other without a bike between."""
    first, last = days.bounds()
    every = pd.DataFrame({"number": days.number, "day": days.day, "first": first, "last": last})
    every["size"], every["dead"], every["bikes"] = days.size, days.dead, days.bikes > 0
    newest = every.groupby("number")["last"].max()
    newest_bike = every[every["bikes"]].groupby("number")["day"].max()
    every = every[every["dead"] | every["bikes"]]  # a short day of zeros says nothing
    follows = (
        (every["number"].diff() == 0) & (every["day"].diff() <= NEXT_DAYS) & every["dead"].shift(fill_value=False)
    )
    run = (~follows).cumsum()[every["dead"]]
    table = every[every["dead"]].groupby(run)
    runs = table.agg({"number": "first", "day": "min", "first": "min", "last": "max", "size": "sum"})
    counting_since = newest_bike.reindex(runs["number"], fill_value=-(10**9)).to_numpy() >= runs["day"].to_numpy()
    alive = newest.reindex(runs["number"]).to_numpy() >= end - SILENT_HOURS  # else it is silent by now
    hours = (runs[name].to_numpy() for name in ("first", "last", "size"))
    first, last, size = hours
    return _table(days, runs["number"].to_numpy(), first, last, ZEROS, size, alive & ~counting_since)


def _table(
    days: CounterDays,
    number: Hours,
    first: Hours,
    last: Hours,
    kind: str,
    hours: Hours,
    lasting: NDArray[np.bool_],
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            COUNTER: pd.Index(days.names, dtype="str").take(number),
            FIRST_HOUR: times_of(first, days.zone),
            LAST_HOUR: times_of(last, days.zone),
            KIND: kind,
            HOURS: hours,
            LASTING: lasting,
        }
    )
