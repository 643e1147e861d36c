"""Features from the clean frame: each counter's own history, alone or with the calendar.

Plugin authors use them as the built-in pipelines do: `HistoryFeatures` for tables fitted on training rows only,
`CountFeatures` for these and `bike_traffic.features.calendar` together.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, HOUR, TIME, WEATHER_COLUMNS
from bike_traffic.estimator import Transformer, raise_not_fitted
from bike_traffic.features.calendar import FRANCE, calendar_features, day_numbers
from bike_traffic.features.parts import Parts, counters_in, positions_of

Floats = NDArray[np.float64]

HALF_LIFE_DAYS = 60.0
PSEUDO_COUNTS = 8.0

_NOT_FITTED = "This {name} instance is not fitted yet. Call 'fit' before it is used."


class HistoryFeatures(Transformer):
    """Means of the training counts, from coarse to fine, each shrunk toward the coarser one.

    Columns out (bikes per hour, except `level`): ``counter_mean``; ``profile``, the mean of counter ×
    day type × hour; ``school_profile``, the same × school holiday; ``level``, the recency-weighted mean
    of counts over the profile (a ratio, half-life 60 days). A counter that training does not have gets the
    means over all counters.

    Parameters
    ----------
    holidays : whose public holidays, see `calendar_features`.
    """

    holidays: str = FRANCE
    """Set here for objects that an earlier version pickled."""

    def __init__(self, holidays: str = FRANCE) -> None:
        self.holidays = holidays

    def fit(self, cleaned: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Learn the tables from clean rows that carry the count."""
        return self.fit_parts([cleaned])

    def fit_parts(self, parts: Parts) -> Self:
        """Learn the tables from clean rows in parts, which are gone through twice."""
        sums = [self._sums(part) for part in parts]
        names = np.concatenate([part.counters.to_numpy(object) for part in sums])
        order = np.argsort(names, kind="stable")
        self.counters_ = pd.Index(list(names[order]))
        total, number = (np.concatenate([part[of] for part in sums])[order] for of in (1, 2))
        newest = max(part.last_day for part in sums)
        known = len(self.counters_)

        mean = total.sum() / number.sum()
        overall = _shrunk_means(total.sum(axis=(0, 2)), number.sum(axis=(0, 2)), np.full(72, mean))
        means = _shrunk_means(total.sum(axis=(1, 2)), number.sum(axis=(1, 2)), np.full(known, mean))
        relative = overall / mean if mean else np.ones(72)
        profile = _shrunk_means(total.sum(axis=2), number.sum(axis=2), np.outer(means, relative))
        school_profile = _shrunk_means(total, number, np.repeat(profile[:, :, None], 2, axis=2))
        level = self._level(parts, means, school_profile, newest)
        # The last row is for counters that training does not have; `positions` gives them -1.
        self.counter_mean_ = np.append(means, means.mean())
        self.profile_ = np.vstack([profile, overall])
        self.school_profile_ = np.concatenate([school_profile, school_profile.mean(axis=0)[None]])
        self.level_ = np.append(level, 1.0)
        return self

    def _sums(self, part: pd.DataFrame) -> _Sums:
        calendar = calendar_features(part[TIME], holidays=self.holidays)
        count = part[COUNT].to_numpy(np.float64)
        counters = counters_in(part)
        place = (positions_of(part, counters) * 72 + _cell(part, calendar)) * 2 + _school(calendar)
        shape, size = (len(counters), 72, 2), len(counters) * 72 * 2
        total = np.asarray(np.bincount(place, count, size), dtype=np.float64).reshape(shape)
        number = np.bincount(place, minlength=size).reshape(shape)
        return _Sums(counters, total, number, int(day_numbers(part[TIME]).max()))

    def _level(self, parts: Parts, means: Floats, school_profile: Floats, newest: int) -> Floats:
        """Return the recency-weighted mean of counts over the profile, shape (counters,)."""
        usual, recent = PSEUDO_COUNTS * means, PSEUDO_COUNTS * means
        known = len(means)
        for part in parts:
            calendar = calendar_features(part[TIME], holidays=self.holidays)
            counter = self.positions(part)
            weight = 0.5 ** ((newest - day_numbers(part[TIME])) / HALF_LIFE_DAYS)
            expected = school_profile[counter, _cell(part, calendar), _school(calendar)]
            own = np.unique(counter)
            usual[own] += np.bincount(counter, weight * expected, known)[own]
            recent[own] += np.bincount(counter, weight * part[COUNT].to_numpy(np.float64), known)[own]
        return np.divide(recent, usual, out=np.ones(known), where=usual > 0)

    def transform(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        """Look up the tables for clean rows: shape (n, 4), float32."""
        self._check_fitted()
        return self.look_up(cleaned, calendar_features(cleaned[TIME], holidays=self.holidays))

    def look_up(self, cleaned: pd.DataFrame, calendar: pd.DataFrame) -> pd.DataFrame:
        """Return the same as `transform`, for a caller that has the calendar features of the rows."""
        counter, cell, school = self.positions(cleaned), _cell(cleaned, calendar), _school(calendar)
        return pd.DataFrame(
            {
                "counter_mean": self.counter_mean_[counter],
                "profile": self.profile_[counter, cell],
                "school_profile": self.school_profile_[counter, cell, school],
                "level": self.level_[counter],
            },
            index=cleaned.index,
            dtype=np.float32,
        )

    def means_of(self, cleaned: pd.DataFrame) -> pd.Series:
        """Return the training mean of each row's counter, in bikes per hour (float32), on the same index."""
        self._check_fitted()
        return pd.Series(self.counter_mean_[self.positions(cleaned)], index=cleaned.index, dtype=np.float32)

    def positions(self, cleaned: pd.DataFrame) -> NDArray[np.intp]:
        """Return each row's position among the counters in training, -1 for any other counter."""
        return positions_of(cleaned, self.counters_)

    def _check_fitted(self) -> None:
        if not hasattr(self, "level_"):
            raise_not_fitted(_NOT_FITTED.format(name=type(self).__name__))


class _Sums(NamedTuple):
    """Sums of counts and numbers of rows by counter, day type × hour, and school holiday; and the last day."""

    counters: pd.Index
    total: NDArray[np.float64]
    number: NDArray[np.integer[Any]]
    last_day: int


def _cell(cleaned: pd.DataFrame, calendar: pd.DataFrame) -> NDArray[np.intp]:
    cell = (calendar["day_type"].to_numpy(np.intp) * 24) + cleaned[HOUR].to_numpy(np.intp)
    return np.asarray(cell, dtype=np.intp)


def _school(calendar: pd.DataFrame) -> NDArray[np.intp]:
    return np.asarray(calendar["school_holiday"].to_numpy(np.intp))


def _shrunk_means(total: Floats, number: NDArray[np.integer[Any]], coarser: Floats) -> Floats:
    """Return the mean of each cell, with `PSEUDO_COUNTS` observations of the coarser mean added."""
    return np.asarray((total + PSEUDO_COUNTS * coarser) / (number + PSEUDO_COUNTS))


class CountFeatures(Transformer):
    """The columns of the clean frame with its calendar and history features, on the same index.

    Parameters
    ----------
    holidays : whose public holidays, see `calendar_features`.
    """

    holidays: str = FRANCE
    """Set here for objects that an earlier version pickled."""

    def __init__(self, holidays: str = FRANCE) -> None:
        self.holidays = holidays

    def fit(self, cleaned: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Learn the history from clean rows that carry the count."""
        return self.fit_parts([cleaned])

    def fit_parts(self, parts: Parts) -> Self:
        """Learn the history from clean rows in parts, which are gone through twice."""
        self.history_ = HistoryFeatures(holidays=self.holidays).fit_parts(parts)
        return self

    def transform(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        """Return counter, time parts, coordinates, calendar and history of clean rows."""
        if not hasattr(self, "history_"):
            raise_not_fitted(_NOT_FITTED.format(name=type(self).__name__))
        parts = cleaned.drop(columns=[TIME, COUNT, *WEATHER_COLUMNS], errors="ignore")
        calendar = calendar_features(cleaned[TIME], holidays=self.holidays)
        columns = [parts, calendar, self.history_.look_up(cleaned, calendar)]
        return pd.concat(columns, axis="columns", sort=False)
