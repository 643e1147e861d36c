"""Features from the clean frame: each counter's own history, alone or with the calendar.

Plugin authors use them as the built-in pipelines do: `HistoryFeatures` for tables fitted on training rows only,
`CountFeatures` for these and `bike_traffic.features.calendar` together.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME, WEATHER_COLUMNS
from bike_traffic.estimator import Transformer, raise_not_fitted
from bike_traffic.features.calendar import FRANCE, calendar_features, day_numbers

Floats = NDArray[np.float32]

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
        calendar = calendar_features(cleaned[TIME], holidays=self.holidays)
        count = cleaned[COUNT].to_numpy(np.float64)
        self.counters_ = pd.Index(sorted(cleaned[COUNTER].cat.remove_unused_categories().cat.categories.astype(str)))
        known = len(self.counters_)
        counter = self.positions(cleaned)
        cell = (calendar["day_type"].to_numpy(np.intp) * 24) + cleaned[HOUR].to_numpy(np.intp)
        school = calendar["school_holiday"].to_numpy(np.intp)

        overall = _shrunk_means(cell, count, np.full(72, count.mean()))
        means = _shrunk_means(counter, count, np.full(known, count.mean()))
        relative = overall / count.mean() if count.mean() else np.ones(72)
        profile = _shrunk_means(counter * 72 + cell, count, np.outer(means, relative).ravel())
        school_profile = _shrunk_means((counter * 72 + cell) * 2 + school, count, np.repeat(profile, 2)).reshape(
            known, 72, 2
        )
        days = day_numbers(cleaned[TIME])
        weight = 0.5 ** ((days.max() - days) / HALF_LIFE_DAYS)
        expected = school_profile[counter, cell, school]
        usual = np.bincount(counter, weight * expected, known) + PSEUDO_COUNTS * means
        recent = np.bincount(counter, weight * count, known) + PSEUDO_COUNTS * means
        level = np.divide(recent, usual, out=np.ones(known), where=usual > 0)
        # The last row is for counters that training does not have; `positions` gives them -1.
        self.counter_mean_ = np.append(means, means.mean())
        self.profile_ = np.vstack([profile.reshape(known, 72), overall])
        self.school_profile_ = np.concatenate([school_profile, school_profile.mean(axis=0)[None]])
        self.level_ = np.append(level, 1.0)
        return self

    def transform(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        """Look up the tables for clean rows: shape (n, 4), float32."""
        self._check_fitted()
        return self.look_up(cleaned, calendar_features(cleaned[TIME], holidays=self.holidays))

    def look_up(self, cleaned: pd.DataFrame, calendar: pd.DataFrame) -> pd.DataFrame:
        """Return the same as `transform`, for a caller that has the calendar features of the rows."""
        counter = self.positions(cleaned)
        cell = (calendar["day_type"].to_numpy(np.intp) * 24) + cleaned[HOUR].to_numpy(np.intp)
        school = calendar["school_holiday"].to_numpy(np.intp)
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
        names = cleaned[COUNTER].cat
        places = self.counters_.get_indexer(names.categories.astype(str))
        return np.append(places, -1)[names.codes.to_numpy()]

    def _check_fitted(self) -> None:
        if not hasattr(self, "level_"):
            raise_not_fitted(_NOT_FITTED.format(name=type(self).__name__))


def _shrunk_means(cell: NDArray[np.intp], count: NDArray[np.float64], coarser: NDArray[np.float64]) -> Floats:
    """Return the mean of each cell, with `PSEUDO_COUNTS` observations of the coarser mean added."""
    size = len(coarser)
    total = np.bincount(cell, weights=count, minlength=size) + PSEUDO_COUNTS * coarser
    return total / (np.bincount(cell, minlength=size) + PSEUDO_COUNTS)


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
        self.history_ = HistoryFeatures(holidays=self.holidays).fit(cleaned)
        return self

    def transform(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        """Return counter, time parts, coordinates, calendar and history of clean rows."""
        if not hasattr(self, "history_"):
            raise_not_fitted(_NOT_FITTED.format(name=type(self).__name__))
        parts = cleaned.drop(columns=[TIME, COUNT, *WEATHER_COLUMNS], errors="ignore")
        calendar = calendar_features(cleaned[TIME], holidays=self.holidays)
        columns = [parts, calendar, self.history_.look_up(cleaned, calendar)]
        return pd.concat(columns, axis="columns", sort=False)
