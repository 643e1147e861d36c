"""The state of each counter at a moment: which ones are broken, the worst first."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.hours import hours_of_days
from bike_traffic.errors import SchemaError
from bike_traffic.features.calendar import FRANCE, day_numbers, hour_numbers
from bike_traffic.features.outages import OUTAGE_HOURS
from bike_traffic.monitoring.outages import (
    FIRST_HOUR,
    KIND,
    LAST_HOUR,
    LASTING,
    SILENT,
    ZEROS,
    counted_hours,
    outages,
)
from bike_traffic.monitoring.swaps import swapped_since
from bike_traffic.monitoring.usual import MIDDLE, Usual
from bike_traffic.pipeline import PREDICTION

SWAPPED, FAR, COUNTING = "swapped", "far", "counting"
STATES = (SILENT, ZEROS, SWAPPED, FAR, COUNTING)
"""The worst first."""
STATE, SINCE, MISSING, PREDICTED, USUAL, FACTOR = "state", "since", "missing_hours", "predicted", "usual", "factor"
COLUMNS = [COUNTER, STATE, SINCE, LAST_HOUR, MISSING, COUNT, PREDICTED, USUAL, FACTOR]

FAR_FACTOR = 2.5
"""Of the City's counters, 22 places without works or an outage raise 4 alarms in 253 mornings, 11 with a factor of 2;
compared with the forecast alone and not with the other counters, 150."""
FAR_BIKES = 50.0
"""Added to both sides of the ratio of a day: the day of a quiet counter varies by more than a factor."""
QUIET = 10.0
"""A counter that usually counts fewer bikes in a day may well count none."""
CITY = 5
"""Of fewer counters a median says nothing about the day of the city."""
DAYS = 28
"""How far back the beginning of a swap or of a strange level is searched."""


def end_of_counts(cleaned: pd.DataFrame) -> pd.Timestamp:
    """Return the end of the last hour that at least half of the counters counted."""
    newest = pd.Timestamp(int(counted_hours(cleaned).max() + 1) * 3600, unit="s", tz="UTC")
    return newest.tz_convert(cleaned[TIME].dt.tz)


def last_whole_day(cleaned: pd.DataFrame) -> pd.Timestamp:
    """Return the start of the last whole day of counts: it ended by `end_of_counts`."""
    return _day_before(end_of_counts(cleaned))


def states(
    cleaned: pd.DataFrame,
    predicted: pd.DataFrame | None = None,
    *,
    at: pd.Timestamp | None = None,
    usual: Usual | None = None,
    holidays: str = FRANCE,
) -> pd.DataFrame:
    """Return the state of each counter at a moment, the worst first; in one state the newest trouble first.

    A counter is ``silent`` or counts ``zeros`` if an outage of this kind lasts (see `outages`; zeros of a counter
    that usually counts fewer than `QUIET` bikes a day are none). It is ``swapped`` if it has exchanged its counts
    with the other direction of its place. It is ``far`` if the day before differs from the forecast, without one
    from what was usual, by more than a factor of `FAR_FACTOR` above or below the other counters: snow, a strike or a
    forecast that is wrong for the whole city is no fault of a counter. Else it is ``counting``.

    Parameters
    ----------
    cleaned : clean rows that carry the count; those before `at` are used.
    predicted : counter, time and ``prediction`` in bikes per hour, such as the rows of a `Forecast`.
    at : the moment; ``None`` is the `end_of_counts`.
    usual : what was usual before the last whole day; ``None`` learns it from the rows, with these `holidays`.

    Returns
    -------
    One row a counter: ``nom_du_compteur``, ``state``, ``since`` (begin of the trouble, Europe/Paris; ``NaT`` of a
    counting one), ``last_hour``, ``missing_hours`` of the last 7 days (of those that others counted), and of the last
    whole day before `at` the count (``comptage_horaire``, NaN without an hour), ``predicted``, ``usual`` (the sum of
    the medians of 12 weeks), and ``factor``: count over prediction, else over usual, in the hours counted, over the
    median of the same over all counters.

    Raises
    ------
    SchemaError
        No row is before `at`.
    """
    rows = cleaned if at is None else cleaned[(cleaned[TIME] < at).to_numpy()]
    if rows.empty:
        raise SchemaError(
            f"no count is before {at}: choose a later moment, or give older counts", "counts-not-before", at=str(at)
        )
    end = end_of_counts(rows) if at is None else at.tz_convert(rows[TIME].dt.tz)
    rows = rows[(rows[TIME] < end).to_numpy()]
    day = _day_before(end)
    if usual is None:
        before = rows[(rows[TIME] < day).to_numpy()]
        usual = Usual.learn(before if len(before) else rows, holidays=holidays)
    last_hour = rows.groupby(COUNTER, observed=True)[TIME].max()
    last_hour.index = last_hour.index.astype("str")
    names = last_hour.index.sort_values()

    first = (day - pd.DateOffset(days=DAYS - 1)).normalize()
    recent = rows[(rows[TIME] >= first).to_numpy()]
    whole = recent[(recent[TIME] < end.normalize()).to_numpy()]
    days = _days(whole, usual, predicted)
    number = int(day_numbers(pd.Series([day]))[0])
    result = pd.DataFrame(index=names.rename(COUNTER))
    result[LAST_HOUR] = last_hour
    result[MISSING] = _missing(rows, names)
    yesterday = days[days["day"] == number].set_index(COUNTER)
    result[[COUNT, FACTOR]] = yesterday[["count", FACTOR]].reindex(names)
    result[USUAL] = _sums(usual, names, hours_of_days(day, 1))
    result[PREDICTED] = _predicted_sums(predicted, day, end).reindex(names)
    found = {
        FAR: {name: _midnight(since, day) for name, since in _far_since(days, number).items()},
        SWAPPED: {name: _midnight(since, day) for name, since in swapped_since(whole, usual).items()},
        **_lasting(rows, result[USUAL]),
    }
    result[STATE], result[SINCE] = COUNTING, pd.Series(pd.NaT, names, dtype=rows[TIME].dtype)
    for state in (FAR, SWAPPED, ZEROS, SILENT):
        for name, since in found[state].items():
            result.loc[name, STATE] = state
            result.loc[name, SINCE] = since
    return _ordered(result.reset_index())[COLUMNS]


def _day_before(end: pd.Timestamp) -> pd.Timestamp:
    """Return the start of the last whole day before a moment."""
    return (end.normalize() - pd.Timedelta(hours=12)).normalize()  # right on days of 23 and 25 hours


def _days(recent: pd.DataFrame, usual: Usual, predicted: pd.DataFrame | None) -> pd.DataFrame:
    """Return for each counter and day the count and by which factor it differs from what is expected."""
    rows = pd.DataFrame({COUNTER: recent[COUNTER].astype("str"), TIME: recent[TIME], "count": recent[COUNT]})
    rows["day"] = day_numbers(recent[TIME])
    rows["expected"] = usual.of(rows[COUNTER], rows[TIME])[MIDDLE]
    if predicted is not None:
        given = predicted[[COUNTER, TIME, PREDICTION]].astype({COUNTER: "str"})
        own = rows.merge(given, on=[COUNTER, TIME], how="left")[PREDICTION]
        rows["expected"] = own.fillna(rows["expected"].reset_index(drop=True)).to_numpy()
    rows["known"] = rows["count"].where(rows["expected"].notna())
    days = rows.groupby([COUNTER, "day"], as_index=False).agg(
        count=("count", "sum"), known=("known", "sum"), expected=("expected", "sum"), hours=("known", "count")
    )
    enough = days["hours"] >= OUTAGE_HOURS
    for column, added in ((FACTOR, 0.0), ("steady", FAR_BIKES)):
        bikes, expected = days["known"] + added, days["expected"] + added
        ratio = (bikes / expected.where(expected > 0)).where(enough)
        city = ratio.groupby(days["day"]).transform("median")
        several = ratio.groupby(days["day"]).transform("count") >= CITY
        days[column] = ratio / city.where(several & (city > 0), 1.0)
    return days


def _far_since(days: pd.DataFrame, number: int) -> dict[str, int]:
    """Return the first day of each counter that has been far from what was expected up to a day."""
    far = days[(days["steady"] > FAR_FACTOR) | (days["steady"] < 1 / FAR_FACTOR)]
    found = {}
    for name, own in far.groupby(COUNTER)["day"]:
        ago = number - own.to_numpy()[::-1]
        run = int((ago == np.arange(len(ago))).cumprod().sum())
        if run:
            found[str(name)] = number - run + 1
    return found


def _lasting(rows: pd.DataFrame, usual: pd.Series) -> dict[str, dict[str, pd.Timestamp]]:
    """Return since when counters are silent, and since when they count zeros."""
    lasting = outages(rows)
    lasting = lasting[lasting[LASTING].to_numpy()]
    quiet = lasting[COUNTER].map(usual).to_numpy() < QUIET
    begun = {}
    for state in (SILENT, ZEROS):
        own = lasting[((lasting[KIND] == state) & ~((state == ZEROS) & quiet)).to_numpy()]
        begun[state] = dict(own.groupby(COUNTER)[FIRST_HOUR].min())
    return begun


def _missing(rows: pd.DataFrame, names: pd.Index) -> pd.Series:
    """Return how many of the hours of the last 7 days that others counted are missing of each counter."""
    counted = counted_hours(rows)
    counted = counted[counted > counted.max() - 7 * 24]
    hours = pd.Series(hour_numbers(rows[TIME]), rows.index)
    newest = rows.loc[hours.isin(counted), COUNTER].astype("str").value_counts()
    begun = hours.groupby(rows[COUNTER], observed=True).min()  # a new counter misses nothing before its first hour
    begun.index = begun.index.astype("str")
    possible = len(counted) - np.searchsorted(counted, begun.reindex(names))
    return pd.Series(possible, names) - newest.reindex(names, fill_value=0)


def _sums(usual: Usual, names: pd.Index, times: pd.DatetimeIndex) -> pd.Series:
    """Return the sum of what is usual in some hours, NaN if any of them is unknown."""
    every = usual.of(pd.Series(names.repeat(len(times))), times[np.tile(np.arange(len(times)), len(names))])
    return pd.Series(every[MIDDLE].to_numpy().reshape(len(names), len(times)).sum(axis=1), index=names)


def _predicted_sums(predicted: pd.DataFrame | None, day: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    if predicted is None:
        return pd.Series(dtype=np.float64)
    own = predicted[((predicted[TIME] >= day) & (predicted[TIME] < end.normalize())).to_numpy()]
    return own.groupby(own[COUNTER].astype("str"))[PREDICTION].sum()


def _ordered(result: pd.DataFrame) -> pd.DataFrame:
    """Return the worst first: by state, then the newest, the most missing hours, the largest factor."""
    keys = pd.DataFrame(
        {
            STATE: result[STATE].map({state: place for place, state in enumerate(STATES)}),
            SINCE: -hour_numbers(result[SINCE].fillna(result[LAST_HOUR].min())),
            MISSING: -result[MISSING],
            FACTOR: -np.log(result[FACTOR].clip(lower=1e-3)).abs().fillna(0.0),
            COUNTER: result[COUNTER],
        }
    )
    return result.loc[keys.sort_values(keys.columns.to_list()).index].reset_index(drop=True)


def _midnight(day: int, like: pd.Timestamp) -> pd.Timestamp:
    """Return the start of a day, given in days since 1970, in the time zone of another one."""
    return pd.Timestamp(np.datetime64(day, "D")).tz_localize(like.tz)
