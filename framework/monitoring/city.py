"""The total of a day over the counters, and its rank among the days like it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Literal

import attrs
import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.hours import hours_of_days
from bike_traffic.errors import SchemaError
from bike_traffic.features.calendar import FRANCE, SUNDAY_OR_HOLIDAY, calendar_features, day_numbers
from bike_traffic.features.outages import OUTAGE_HOURS, without_outages
from bike_traffic.features.recent import SUNDAY

LIKE_DAYS = 52
"""A year of one weekday."""
IN_COMMON = 0.5
"""A day is compared if at least this share of the counters of the day counted on it too."""

Kind = Literal["weekday", "day_off"]


@attrs.frozen(kw_only=True)
class CityDay:
    """The total of a day, and its rank among the days like it.

    Parameters
    ----------
    day : the local day.
    total : bikes of all counters that counted on the day: `OUTAGE_HOURS` hours or more, not all of them zero.
    counters : their number.
    kind : what days like it are: the same ``weekday``, no public holidays; or of a Sunday or public holiday every
        ``day_off``, Sundays and public holidays.
    rank : 1 if none of the compared days had more bikes.
    days : number of days in the ranking, the day itself included.
    middle : the median of the other days, as a total of the same counters; ``None`` without another day.
    since : the first of the days.
    others : the total of each other day, as one of the same counters, in order of time.
    """

    day: datetime.date
    total: int
    counters: int
    kind: Kind
    rank: int
    days: int
    middle: float | None
    since: datetime.date
    others: Mapping[datetime.date, float] = attrs.field(factory=dict, eq=False, repr=False)


def city_day(
    cleaned: pd.DataFrame, day: pd.Timestamp, like_days: int = LIKE_DAYS, *, holidays: str = FRANCE
) -> CityDay:
    """Compare the total of a day with those of the last days like it.

    Counters come, go, and have outages, so that totals of all counters do not compare. Each earlier day is compared
    on the counters that counted on both days, and left out if these are fewer than half of those of the day.

    Parameters
    ----------
    cleaned : clean rows that carry the count.
    day : any time of the day, in Europe/Paris if it has no time zone.
    like_days : how many earlier days at most.
    holidays : the public holidays, see `calendar_features`.

    Raises
    ------
    SchemaError
        No counter counted on the day.
    """
    return compare_day(counted_days(cleaned), day, like_days, holidays=holidays)


def compare_day(
    totals: pd.DataFrame, day: pd.Timestamp, like_days: int = LIKE_DAYS, *, holidays: str = FRANCE
) -> CityDay:
    """Compare a day as `city_day` does, on a table that is made once for many days, or on some of its counters.

    Parameters
    ----------
    totals : see `counted_days`; the counters are its columns.
    day, like_days, holidays : as `city_day` takes them.

    Raises
    ------
    SchemaError
        No counter counted on the day.
    """
    number = int(day_numbers(pd.Series(hours_of_days(day, 1)[:1]))[0])
    totals = totals.dropna(how="all")
    if number not in totals.index:
        raise SchemaError(f"no counter counted on {day:%Y-%m-%d}", "counts-no-day", day=f"{day:%Y-%m-%d}")
    own = totals.loc[number].dropna()
    kinds = _kinds(totals.index, holidays)
    like = totals.index[(totals.index < number) & (kinds == kinds[totals.index.get_loc(number)])]
    others = totals.loc[like, own.index]
    others = others[others.notna().mean(axis="columns") >= IN_COMMON].tail(like_days)
    # Share of the day's bikes, on the counters that both days have.
    share = others.sum(axis="columns") / others.notna().mul(own, axis="columns").sum(axis="columns")
    total = float(own.to_numpy().sum())
    return CityDay(
        day=_date(number),
        total=round(total),
        counters=len(own),
        kind="day_off" if kinds[totals.index.get_loc(number)] == SUNDAY else "weekday",
        rank=1 + int((share > 1.0).sum()),
        days=1 + len(share),
        middle=round(float(share.median()) * total, 1) if len(share) else None,
        since=_date(int(share.index.min()) if len(share) else number),
        others=dict(zip(map(_date, share.index), (share * total).round(1), strict=True)),
    )


def counted_days(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return the bikes of each local day and counter, NaN where the counter did not count.

    A counter has counted on a day with `OUTAGE_HOURS` hours or more that are not all zero.

    Returns
    -------
    A row a day, in days since 1970, without days on which no counter counted; a column a counter.
    """
    live = without_outages(cleaned)
    names = live[COUNTER].cat.categories.astype("str")
    days, codes = day_numbers(live[TIME]), live[COUNTER].cat.codes.to_numpy().astype(np.intp)
    first = int(days.min()) if len(days) else 0
    cell = (days - first) * len(names) + codes
    cells = (int(days.max()) - first + 1 if len(days) else 0) * len(names)
    bikes = np.bincount(cell, live[COUNT].to_numpy(), minlength=cells)
    hours = np.bincount(cell, minlength=cells)
    table = np.where(hours >= OUTAGE_HOURS, bikes, np.nan).reshape(-1, max(len(names), 1))
    return pd.DataFrame(table, index=first + np.arange(len(table)), columns=names).dropna(how="all")


def _kinds(days: pd.Index, holidays: str) -> pd.Index:
    """Return the weekday of each day, that of a public holiday as a Sunday."""
    dates = pd.Series(pd.DatetimeIndex(days.to_numpy().astype("datetime64[D]")))
    off = calendar_features(dates, holidays=holidays)["day_type"].to_numpy() == SUNDAY_OR_HOLIDAY
    return pd.Index(np.where(off, SUNDAY, dates.dt.day_of_week))


def _date(day: int) -> datetime.date:
    date: datetime.date = np.datetime64(day, "D").item()
    return date
