"""How season and calendar change the coming weeks, relative to the weeks that the recent level is the mean of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME
from bike_traffic.features.calendar import (
    FRANCE,
    SUNDAY_OR_HOLIDAY,
    WORKING_DAY,
    calendar_features,
    day_numbers,
    whole_years,
)
from bike_traffic.features.outages import in_outage
from bike_traffic.features.parts import Parts, span_of

Values = NDArray[np.float64]

WEEKS, HALF_LIFE_WEEKS = 10, 2.0
"""The recent level is the mean of this many weeks, with weights that halve every two weeks."""
HORIZONS = (1, 2, 4, 8)
"""Weeks from the end of an origin's counts to the end of the week that is learned from."""
FEWEST_WEEKS, LONGEST_YEARS = 4, 5
"""Fewest weeks before an origin, and how much of the counts is used at most."""
LOG_RANGE = (-2.0, 1.5)
"""The logarithm of the factor is clipped to it."""
HARMONICS = 4
PENALTY = 2.0
"""Of a year of training; more years divide it, so that a season seen often is believed and one seen once is not."""
CALENDAR_WEIGHT, CHRISTMAS_WEIGHT = 2.0, 3.0
"""Divide the penalty's effect for the calendar, of which even one year has several days."""
PSEUDO_COUNTS = 0.3
STEPS = 1024.0
"""Parts of a bike to which the recent level of each hour is rounded before it is summed."""

PEAK, MIDDAY, NIGHT, DAY_OFF, NIGHT_OFF = range(5)
_WORKING_HOURS = [NIGHT] * 7 + [PEAK] * 3 + [MIDDAY] * 6 + [PEAK] * 4 + [NIGHT] * 4
_HOURS_OFF = [NIGHT_OFF] * 8 + [DAY_OFF] * 12 + [NIGHT_OFF] * 4
HOUR_CLASS = np.array([_WORKING_HOURS, _HOURS_OFF])
"""Class of an hour by whether the day is off, shape (2, 24)."""


class SeasonFactor:
    """Ridge Poisson regression on the factor between later counts and the recent level of an earlier origin.

    Each week of training is an origin: the counts of the city one to eight weeks later, over what the recent level
    of that origin says, are regressed on what differs between the day and the weeks before the origin: four
    harmonics of the year by kind of day, school holidays by class of the hour, the days around Christmas, and next
    to it public holidays and days beside them. Differences are zero where nothing differs, and the factor is one.
    The penalty is that of a prior for one year of counts: with one year the recent level is changed a little,
    with several years as far as the seasons that were seen agree.

    Parameters
    ----------
    holidays : whose public holidays, see `calendar_features`.

    Attributes
    ----------
    coefficients_ : of the log factor, shape (columns,).
    low_, high_ : range of each column in training; later columns are clipped to it.
    base_ : weighted mean of the day's features over the weeks before the end, by working day or day off.
    """

    coefficients_: Values
    low_: Values
    high_: Values
    base_: Values
    holidays: str = FRANCE
    """Set here for objects that an earlier version pickled."""

    def __init__(self, holidays: str = FRANCE) -> None:
        self.holidays = holidays

    def fit(self, cleaned: pd.DataFrame) -> Self:
        """Learn from clean training rows, those of outages included; too few weeks give a factor of one."""
        return self.fit_parts([cleaned])

    def fit_parts(self, parts: Parts) -> Self:
        """Learn from clean training rows in parts, which are gone through twice."""
        begin, last = (int(day) for day in day_numbers(pd.Series(span_of(parts))))
        end = last + 1
        weeks = min((end - begin) // 7, LONGEST_YEARS * 52)
        first = end - 7 * weeks
        calendar = _DayFeatures(first, max(weeks, 1) * 7, holidays=self.holidays)
        recent = _recent_sums(calendar.weekly(weeks))
        sums, sizes = recent[:, :, :-1], recent[:, :, -1:]
        bases = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
        self.base_ = bases[-1]
        self.coefficients_ = self.low_ = self.high_ = np.zeros(calendar.columns(np.arange(1), self.base_).shape[-1])
        observed, expected = np.zeros((2, len(HORIZONS), weeks * 7, 5))
        for part in parts:
            days = day_numbers(part[TIME])
            bikes, usual = _city_totals(part[days >= first], days[days >= first] - first, weeks, calendar)
            observed, expected = observed + bikes, expected + usual
        designs, ratios, weights = [], [], []
        target, week = np.arange(weeks * 7), np.arange(weeks * 7) // 7
        for horizon, bikes, usual in zip(HORIZONS, observed, expected, strict=True):
            known = usual > 0
            origin = np.maximum(week - horizon + 1, 0)
            designs.append(calendar.columns(target, bases[origin])[known])
            ratios.append(bikes[known] / usual[known])
            weights.append(usual[known])
        if any(map(len, ratios)):
            self._regress(np.concatenate(designs), np.concatenate(ratios), np.concatenate(weights), weeks / 52)
        return self

    def _regress(self, columns: Values, ratio: Values, weight: Values, years: float) -> None:
        from sklearn.linear_model import PoissonRegressor

        self.low_, self.high_ = columns.min(axis=0), columns.max(axis=0)
        spread = np.sqrt(np.average(columns**2, axis=0, weights=weight))
        scale = np.divide(_column_weights(), spread, out=np.zeros_like(spread), where=spread > 0)
        model = PoissonRegressor(alpha=PENALTY / years, solver="newton-cholesky", fit_intercept=False)
        self.coefficients_ = model.fit(columns * scale, ratio, sample_weight=weight).coef_ * scale

    def predict(self, cleaned: pd.DataFrame) -> Values:
        """Return the factor on the recent level for clean rows, shape (n,)."""
        if not len(cleaned):
            return np.ones(0)
        days = day_numbers(cleaned[TIME])
        begin, end = whole_years(days)
        calendar = _day_features(begin, end - begin + 1, self.holidays)
        first = int(days.min())
        asked = np.arange(first, int(days.max()) + 1) - begin
        columns = calendar.columns(asked, self.base_).clip(self.low_, self.high_)
        factor = np.exp((columns @ self.coefficients_).clip(*LOG_RANGE))
        hour_class = HOUR_CLASS[calendar.off[days - begin], cleaned[HOUR].to_numpy(np.intp)]
        return np.asarray(factor[days - first, hour_class])

    def as_lists(self) -> dict[str, list[Any]]:
        """Return what `from_lists` takes, for a JSON file."""
        return {name: getattr(self, name).round(6).tolist() for name in ("coefficients_", "low_", "high_", "base_")}

    @classmethod
    def from_lists(cls, lists: dict[str, list[Any]], holidays: str) -> Self:
        """Return the regression of which these are the tables."""
        factor = cls(holidays=holidays)
        for name, values in lists.items():
            setattr(factor, name, np.array(values))
        return factor


class _DayFeatures:
    """What the regression knows of each day from day `first` (days since 1970)."""

    def __init__(self, first: int, number: int, holidays: str) -> None:
        dates = pd.date_range(np.datetime64(first, "D"), periods=number).tz_localize("Europe/Paris")
        table = calendar_features(pd.Series(dates), holidays=holidays)
        kind = table["day_type"].to_numpy(np.intp)
        self.off = (kind != WORKING_DAY).astype(np.intp)
        self.weekday = np.where(kind == SUNDAY_OR_HOLIDAY, 6, dates.day_of_week)
        self.bridge = table["bridge_day"].to_numpy() > 0
        beside = table[["previous_day_off", "next_day_off"]].to_numpy() * (self.off == 0)[:, None]
        holiday = table["public_holiday"].to_numpy() * (dates.day_of_week < 5)
        self.calendar = np.column_stack([holiday, self.bridge, beside])
        angle = 2 * np.pi * np.outer((dates.day_of_year - 1) / 365.25, np.arange(1, HARMONICS + 1))
        month, day = dates.month, dates.day
        christmas = ((month == 12) & (day >= 23)) | ((month == 1) & (day <= 2))
        self.differing = np.column_stack([np.sin(angle), np.cos(angle), christmas, table["school_holiday"]])

    def weekly(self, weeks: int) -> Values:
        """Return the sums of each week by kind of day, shape (weeks, 2, features + 1); the last is the days."""
        values = np.column_stack([self.differing, np.ones(len(self.off))])
        by_kind = np.stack([values * (~self.bridge & (self.off == kind))[:, None] for kind in (0, 1)], axis=1)
        return np.asarray(by_kind[: weeks * 7].reshape(weeks, 7, *by_kind.shape[1:]).sum(axis=1))

    def columns(self, day: NDArray[np.intp], bases: Values) -> Values:
        """Return the columns of days by class of the hour, shape (days, 5, columns).

        The bases are those of the end, shape (2, features), or one for each day, shape (days, 2, features).
        """
        off = self.off[day]
        base = bases[np.arange(len(day)), off] if bases.ndim == 3 else bases[off]
        differences = self.differing[day] - base
        season = differences[:, :-1]
        by_kind = np.concatenate([season * (off == kind)[:, None] for kind in (0, 1)], axis=1)
        same = np.concatenate([by_kind, self.calendar[day]], axis=1)
        school = differences[:, -1, None, None] * np.eye(5)
        return np.concatenate([np.repeat(same[:, None], 5, axis=1), school], axis=2)


@lru_cache(maxsize=16)
def _day_features(first: int, number: int, holidays: str) -> _DayFeatures:
    """Return the features of days, which are asked for again with other counters; they are not changed."""
    return _DayFeatures(first, number, holidays=holidays)


def _column_weights() -> Values:
    """Return by which a column of unit spread is multiplied, so that the penalty weighs less on it."""
    season = [1.0] * (2 * HARMONICS) + [CHRISTMAS_WEIGHT]
    return np.array([*season, *season, *[CALENDAR_WEIGHT] * (4 + 5)])


def _recent_sums(weekly: NDArray[np.floating]) -> Values:
    """Return the weighted sums of the weeks before each week, and before the end: one entry more than weeks."""
    weeks = len(weekly)
    sums = np.zeros((weeks + 1, *weekly.shape[1:]), dtype=weekly.dtype)
    for ago in range(min(WEEKS, weeks)):
        sums[ago + 1 :] += 0.5 ** (ago / HALF_LIFE_WEEKS) * weekly[: weeks - ago]
    return sums


def _city_totals(
    cleaned: pd.DataFrame, day: NDArray[np.int64], weeks: int, calendar: _DayFeatures
) -> tuple[Values, Values]:
    """Return what the counters of a part counted, and what the recent level of an origin says of the same hours.

    Bikes of a day by class of the hour, each shape (horizons, days, 5). They are multiples of a small power of two,
    so that their sums over the counters of a city are exact, in any order.
    """
    counter = pd.factorize(cleaned[COUNTER].cat.codes)[0].astype(np.intp)
    number = int(counter.max()) + 1 if len(counter) else 0
    count = cleaned[COUNT].to_numpy(np.float64)
    used = ~in_outage(counter, day, count)
    cell = ((day * 24 + cleaned[HOUR].to_numpy(np.intp)) * number + counter)[used]
    shape, size = (weeks * 7, 24, number), weeks * 7 * 24 * number
    # Single precision: these arrays are the largest of a training.
    bikes = np.bincount(cell, count[used], size).astype(np.float32).reshape(shape)
    hours = np.bincount(cell, minlength=size).astype(np.float32).reshape(shape)
    week, weekday = np.arange(weeks * 7) // 7, calendar.weekday[: weeks * 7]
    usual_day = ~calendar.bridge[: weeks * 7]
    by_weekday = []
    for values in (bikes, hours):
        weekly = np.zeros((weeks, 7, 24, number), dtype=np.float32)
        np.add.at(weekly, (week[usual_day], weekday[usual_day]), values[usual_day])
        by_weekday.append(_recent_sums(weekly))
    total, size_of_cell = by_weekday
    mean = _of_counters(total) / np.maximum(_of_counters(size_of_cell), 1e-9)
    level = (total + PSEUDO_COUNTS * mean[:, None, None]) / (size_of_cell + PSEUDO_COUNTS)
    level[size_of_cell == 0] = 0.0

    of_class = np.eye(5)[HOUR_CLASS][calendar.off[: weeks * 7]]
    observed, expected = np.zeros((2, len(HORIZONS), weeks * 7, 5))
    for place, horizon in enumerate(HORIZONS):
        origin = week - horizon + 1
        base = level[np.maximum(origin, 0), weekday] * (origin >= FEWEST_WEEKS)[:, None, None]
        known = (hours > 0) & (base > 0)
        observed[place] = np.einsum("dh,dhc->dc", _over_counters(np.where(known, bikes, 0.0)), of_class)
        expected[place] = np.einsum("dh,dhc->dc", _over_counters(np.where(known, base * hours, 0.0)), of_class)
    return observed, expected


def _over_counters(bikes: NDArray[np.floating[Any]]) -> Values:
    """Return the sums over all counters, shape (days, 24), each value rounded to a part of a bike."""
    return np.asarray(np.rint(bikes * STEPS).sum(axis=2, dtype=np.float64) / STEPS)


def _of_counters(weekly: Values) -> Values:
    """Return the sums over the hours of a week, shape (weeks, counters), added in one order for any counters."""
    total = np.zeros((len(weekly), weekly.shape[-1]), dtype=weekly.dtype)
    for day in range(weekly.shape[1]):
        for hour in range(weekly.shape[2]):
            total += weekly[:, day, hour]
    return total
