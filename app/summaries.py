"""What the counts of a place or the city sum up to: weeks, months, years, records, places. No Streamlit here."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bike_traffic.app.history import History, Period, within
from bike_traffic.columns import TIME_ZONE
from bike_traffic.places import Place

LEAST_DAYS = 7
"""A mean of fewer days says little about a month."""
RECORDS = 5
"""So many of each kind."""
MOST_DAYS = 0.9
"""A month has a record if at least this share of its days counted."""
RANKED_DAYS = 0.5
"""A place is ranked if it counted on at least this share of the days of the period."""
HOUR, DAY, WEEK, MONTH = "hour", "day", "week", "month"


def week(hours: pd.Series[float]) -> pd.DataFrame:
    """Return the mean of each hour of the week: ``weekday`` (0 is Monday), ``hour`` and ``bikes``.

    The hour that a day of 25 hours has twice counts as two of its kind, the one that a day of 23 hours lacks as none.
    """
    known = hours.dropna()
    index = pd.DatetimeIndex(known.index)
    means = known.groupby([index.day_of_week, index.hour]).mean()
    return means.rename_axis(["weekday", "hour"]).rename("bikes").reset_index()


def calendar(days: pd.Series[float], span: Period) -> pd.DataFrame:
    """Return the days of a span: ``day`` and ``bikes``, NaN where no number is known."""
    return within(days, span).rename("bikes").rename_axis("day").reset_index()


def beside_last_year(days: pd.Series[float], span: Period) -> pd.DataFrame:
    """Return the days of a span beside those of the same dates a year before: ``day``, ``bikes``, ``last_year``.

    Days before the first one of the counts are there too: the 29th of February and they have no number.
    """
    index = pd.date_range(span.first, span.last)
    before = days.reindex(index - pd.DateOffset(years=1)).to_numpy()
    leap = (index.month == 2) & (index.day == 29)
    return pd.DataFrame(
        {"day": index, "bikes": days.reindex(index).to_numpy(), "last_year": np.where(leap, np.nan, before)}
    )


def months(days: pd.Series[float], span: Period) -> pd.DataFrame:
    """Return the months of a span as means per day: ``month``, ``bikes``, ``last_year``, ``days``.

    A month that both years have is the mean of the dates that both counted, so that a running month is compared with
    the same dates of the year before. Means of fewer than `LEAST_DAYS` days are NaN. ``days`` is their number.
    """
    table = beside_last_year(days, span)
    rows = []
    for month, own in table.groupby(table["day"].dt.to_period("M")):
        both = own.dropna()
        used = both if len(both) >= LEAST_DAYS else own.assign(last_year=np.nan).dropna(subset=["bikes"])
        known = len(used) >= LEAST_DAYS
        means = used[["bikes", "last_year"]].mean() if known else pd.Series({"bikes": np.nan, "last_year": np.nan})
        rows.append({"month": month.start_time, **means, "days": len(used)})
    return pd.DataFrame(rows)


def to_date(days: pd.Series[float], span: Period) -> pd.DataFrame:
    """Return the year in which a span ends, up to its end: as `beside_last_year`, with the sums of both years.

    ``to_date`` and ``last_year_to_date`` sum the dates that both years counted. The table begins with the first of
    them and ends with the last: before and after them the sums would look like days without bikes.
    """
    table = beside_last_year(days, Period(pd.Timestamp(span.last.year, 1, 1), span.last))
    known = table[["bikes", "last_year"]].notna().all(axis="columns")
    table = table[known.cummax() & known[::-1].cummax()[::-1]].reset_index(drop=True)
    both = table[["bikes", "last_year"]].dropna().reindex(table.index).fillna(0.0)
    return table.assign(to_date=both["bikes"].cumsum(), last_year_to_date=both["last_year"].cumsum())


def records(hours: pd.Series[float], days: pd.Series[float]) -> pd.DataFrame:
    """Return the hours, days, weeks and months with most bikes, best first.

    Weeks run from Monday to Sunday and are sums of seven days that counted. Months are means per day, of months with
    `MOST_DAYS` of their days.

    Returns
    -------
    ``kind`` (hour, day, week, month), ``rank``, ``start`` (Europe/Paris), ``bikes``, and ``compared``: of how many.
    """
    index = pd.DatetimeIndex(days.index)
    weeks = days.groupby(index - pd.to_timedelta(index.day_of_week, unit="D"))
    by_month = days.groupby(index.to_period("M").start_time)
    lengths = np.array([month.days_in_month for month in by_month.count().index])
    found = {
        HOUR: hours.dropna(),
        DAY: days.dropna(),
        WEEK: weeks.sum()[weeks.count() == 7],
        MONTH: by_month.mean()[by_month.count() >= MOST_DAYS * lengths],
    }
    return pd.concat([_best(kind, values) for kind, values in found.items()], ignore_index=True)


def _best(kind: str, values: pd.Series[float]) -> pd.DataFrame:
    best = values.sort_values(ascending=False, kind="stable").head(RECORDS)
    index = pd.DatetimeIndex(best.index)
    starts = list(index if index.tz else index.tz_localize(TIME_ZONE))
    return pd.DataFrame(
        {
            "kind": kind,
            "rank": np.arange(1, len(best) + 1),
            "start": pd.Series(starts, dtype=object),
            "bikes": best.to_numpy(),
            "compared": len(values),
        }
    )


def ranking(history: History, places: Iterable[Place], span: Period, chosen: str | None) -> pd.DataFrame:
    """Return the places by their bikes per day, the busiest first.

    Returns
    -------
    ``name``, ``latitude``, ``longitude``, ``bikes`` (the mean of the days on which all counters of the place counted;
    NaN of fewer than `RANKED_DAYS` of the days), ``days`` (their number) and ``chosen``.
    """
    total = int(within(history.days.notna().any(axis="columns").astype(float), span).sum())
    rows = []
    for place in places:
        own = within(history.days_of(list(place.counters.values())), span).dropna()
        rows.append(
            {
                "name": place.name,
                "latitude": place.latitude,
                "longitude": place.longitude,
                "bikes": own.mean() if len(own) >= max(RANKED_DAYS * total, 1) else np.nan,
                "days": len(own),
                "chosen": place.name == chosen,
            }
        )
    table = pd.DataFrame(rows).astype({"latitude": float, "longitude": float, "bikes": float})
    return table.sort_values(["bikes", "name"], ascending=[False, True], ignore_index=True)
