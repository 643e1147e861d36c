"""The counts of the past as small tables that are made once: hours and days by counter. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.features.calendar import hour_numbers
from bike_traffic.features.outages import without_outages
from bike_traffic.monitoring.city import CityDay, compare_day, counted_days
from bike_traffic.monitoring.counters import counters_of
from bike_traffic.monitoring.outages import outages
from bike_traffic.places import Counter

LAST_MONTHS = "12-months"
"""The period that ends with the newest day; the others are calendar years."""
IN_BOTH = 0.5
"""A counter belongs to a total if it counted on at least this share of the days of each span."""


@attrs.frozen
class Period:
    """A span of local days, both included, without time zone."""

    first: pd.Timestamp
    last: pd.Timestamp

    def year_before(self) -> Period:
        """Return the same dates a year earlier."""
        year = pd.DateOffset(years=1)
        return Period(self.first - year, self.last - year)


@attrs.frozen(eq=False)
class History:
    """All counts as arrays to read. Missing hours and days of zeros, which are outages, are NaN.

    Parameters
    ----------
    counters : by clean name.
    days : bikes of each local day, an index without gaps and without time zone, and counter; NaN of a day that is not
        whole, see `counted_days`.
    hours : bikes per hour, shape (hours, counters): from `first_hour` on, without gaps; the columns of `days`.
    first_hour : since 1970 UTC.
    outages : see `bike_traffic.monitoring.outages`.
    zone : the time zone.
    """

    counters: Mapping[str, Counter]
    days: pd.DataFrame
    hours: NDArray[np.float32]
    first_hour: int
    outages: pd.DataFrame
    zone: str

    @classmethod
    def of(cls, cleaned: pd.DataFrame) -> Self:
        """Return the history of clean rows that carry the count."""
        days = counted_days(cleaned)
        days.index = pd.DatetimeIndex(days.index.to_numpy().astype("datetime64[D]").astype("datetime64[s]"))
        if len(days):
            days = days.reindex(pd.date_range(days.index[0], days.index[-1]))
        live = without_outages(cleaned)
        numbers = hour_numbers(live[TIME])
        first = int(numbers.min()) if len(numbers) else 0
        shape = (int(numbers.max()) - first + 1 if len(numbers) else 0, days.shape[1])
        hours = np.full(shape, np.nan, np.float32)
        hours[numbers - first, live[COUNTER].cat.codes.to_numpy().astype(np.intp)] = live[COUNT].to_numpy()
        return cls(counters_of(cleaned), days, hours, first, outages(cleaned), str(cleaned[TIME].dt.tz))

    def days_of(self, counters: Sequence[str]) -> pd.Series[float]:
        """Return the bikes of each day at some counters together; NaN where one of them did not count."""
        if not counters:  # the sum of none would be zero
            return pd.Series(np.nan, index=self.days.index)
        return self.days[list(counters)].sum(axis="columns", skipna=False)

    def hours_of(self, counters: Sequence[str]) -> pd.Series[float]:
        """Return the bikes of each local hour at some counters together; NaN where one did not count."""
        columns = self.days.columns.get_indexer(pd.Index(list(counters)))
        times = (self.first_hour + np.arange(len(self.hours))).astype("datetime64[h]").astype("datetime64[s]")
        index = pd.DatetimeIndex(times, tz="UTC").tz_convert(self.zone)
        if not counters:
            return pd.Series(np.nan, index=index)
        return pd.Series(self.hours[:, columns].sum(axis=1, dtype=np.float64), index=index)

    def compare(self, counters: Sequence[str], day: pd.Timestamp) -> CityDay:
        """Compare a day at some counters with all earlier ones like it; raise `SchemaError` if none counted on it."""
        own = self.days[list(counters)]
        numbers = self.days.index.to_numpy().astype("datetime64[D]").astype(np.int64)
        return compare_day(own.set_axis(numbers), day, len(own))

    def newest(self, counters: Sequence[str]) -> pd.Timestamp | None:
        """Return the newest day on which one of the counters counted; ``None`` without one."""
        counted = self.days[list(counters)].dropna(how="all").index
        return counted[-1] if len(counted) else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all counters."""
        return tuple(map(str, self.days.columns))

    def periods(self) -> dict[str, Period]:
        """Return the periods to choose from: the last twelve months, and each calendar year, the newest first.

        The month of the newest day is one of the twelve.
        """
        first, last = self.days.index[0], self.days.index[-1]
        recent = Period(max(first, last.replace(day=1) - pd.DateOffset(months=11)), last)
        years = {
            str(year): Period(max(first, pd.Timestamp(year, 1, 1)), min(last, pd.Timestamp(year, 12, 31)))
            for year in range(last.year, first.year - 1, -1)
        }
        return {LAST_MONTHS: recent, **years}

    def steady(self, *spans: Period) -> tuple[str, ...]:
        """Return counters whose total can be compared through all spans: the same ones on every day.

        Each counter that is added makes the total larger and the days fewer on which all of them counted. These are
        the counters with the greatest product of their share of the bikes and their share of the days. A span without
        counts is left out. Those of the first span are taken if no counter is in all of them.
        """
        parts = [part for span in spans if len(part := self._counted(span))]
        for used in (parts, parts[:1]):
            good = [name for name in self.days.columns if all(part[name].notna().mean() >= IN_BOTH for part in used)]
            if used and good:
                return _largest(pd.concat([part[good] for part in used]))
        return ()

    def _counted(self, span: Period) -> pd.DataFrame:
        """Return the days of a span on which any counter counted."""
        return self.days.loc[span.first : span.last].dropna(how="all")


def _largest(days: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns with the greatest product of bikes and whole rows, in their order."""
    order = days.notna().sum().sort_values(ascending=False, kind="stable").index
    whole = np.logical_and.accumulate(days[order].notna().to_numpy(), axis=1).mean(axis=0)
    bikes = days[order].mean().cumsum().to_numpy()
    best = set(order[: int(np.argmax(whole * bikes)) + 1])
    return tuple(name for name in days.columns if name in best)


def within(values: pd.Series[float], span: Period) -> pd.Series[float]:
    """Return the days or the hours of a span."""
    after = span.last + pd.DateOffset(days=1)
    zone = values.index.tz  # type: ignore[attr-defined]  # a DatetimeIndex
    first, end = (moment.tz_localize(zone) for moment in (span.first, after))
    return values[(values.index >= first) & (values.index < end)]
