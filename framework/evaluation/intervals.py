"""Prediction intervals of any regression pipeline, by split conformal prediction on months it did not learn from."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME
from bike_traffic.evaluation.rows import DAYS_AHEAD, TRUTH
from bike_traffic.features.calendar import FRANCE, day_types, kinds_of_hours
from bike_traffic.features.outages import without_outages
from bike_traffic.features.parts import Changed, Parts, as_parts, span_of
from bike_traffic.pipeline import PREDICTION

LEVEL = 0.8
"""Share of the counts that an interval should contain."""
INTERVAL_FILE = "interval.json"

OFFSET = 10.0
"""Bikes per hour added to both sides of the ratio: the error of a quiet hour is absolute, of a busy one relative."""
PEAK_HOURS = (7, 8, 9, 16, 17, 18, 19)
NIGHT = (22, 7)
SHARES = tuple(thousandth / 1000 for thousandth in range(150, 15, -5))
"""Shares of the residuals outside at each end, from narrow to wide intervals."""

DOUBT_DAYS = 7
DOUBT_FACTOR = 3.0
"""A counter is doubtful whose last days are more than this factor above or below what the other counters suggest."""

Values = NDArray[np.float64]
Ends = tuple[float, float]


@attrs.frozen
class Interval:
    """The interval of a model: ends relative to the prediction, by hour class and day of horizon.

    Parameters
    ----------
    ends : for each day of horizon, 0 for all other ones, the two ends of each hour class as log ratios.
    typical : for each doubtful counter, bikes per hour by day type and hour, shape (72,), at today's level.
    holidays : whose public holidays, see `calendar_features`.
    """

    ends: Mapping[int, Mapping[int, Ends]]
    typical: Mapping[str, Sequence[float]] = attrs.field(factory=dict)
    holidays: str = FRANCE

    @classmethod
    def calibrate(cls, months: Sequence[pd.DataFrame], holidays: str = FRANCE) -> Self:
        """Learn the ends from predicted months.

        Residuals of one month resemble each other more than those of another month. So the share of residuals
        outside is lowered until the bounds learned from the other months contain `LEVEL` of each month's counts, on
        average.

        Parameters
        ----------
        months : each shape (n, …), predicted by a model that did not learn from it: time, hour, ``truth``,
            ``prediction``, and ``days_ahead`` if the month was predicted from several origins.
        holidays : whose public holidays, see `calendar_features`.

        Source: Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world; split conformal prediction.
        """
        residuals = [_residuals(month, holidays) for month in months]
        days = sorted({int(day) for month in residuals for day in month["day"].unique()} - {0})
        return cls({day: _ends(residuals, day) for day in [0, *days]}, holidays=holidays)

    def watch(self, counts: pd.DataFrame | Parts) -> Self:
        """Find the counters whose last days are not like their usual ones, from the clean rows a model learned from.

        A dead counter may come back, and one whose level jumped may fall back: their interval contains both.
        """
        parts = as_parts(counts)
        names = next(iter(parts))[COUNTER].cat.categories
        known = len(names)
        hours, bikes = np.zeros((2, known, 72))
        for live in Changed(parts, without_outages):
            kinds = kinds_of_hours(live[TIME], holidays=self.holidays)
            cell = live[COUNTER].cat.codes.to_numpy(np.intp) * 72 + kinds
            hours += np.bincount(cell, minlength=known * 72).reshape(known, 72)
            bikes += np.bincount(cell, live[COUNT].to_numpy(np.float64), known * 72).reshape(known, 72)
        mean = bikes.sum(axis=1) / np.maximum(hours.sum(axis=1), 1)
        usual = np.where(hours > 0, bikes / np.maximum(hours, 1), mean[:, None])

        start = span_of(parts)[1] - pd.Timedelta(days=DOUBT_DAYS)
        expected, counted = np.zeros((2, known))
        for newest in Changed(parts, lambda part: part[(part[TIME] > start).to_numpy()]):
            counter = newest[COUNTER].cat.codes.to_numpy(np.intp)
            kinds = kinds_of_hours(newest[TIME], holidays=self.holidays)
            expected += np.bincount(counter, usual[counter, kinds], known)
            counted += np.bincount(counter, newest[COUNT].to_numpy(np.float64), known)
        ratio = np.divide(counted, expected, out=np.full(known, np.nan), where=expected > 0)
        if np.isnan(ratio).all():
            return self
        city = float(np.nanmedian(ratio))
        doubtful = (ratio > city * DOUBT_FACTOR) | (ratio < city / DOUBT_FACTOR)
        typical = {
            str(name): (values * city).round(2).tolist()
            for name, values, one in zip(names, usual, doubtful, strict=True)
            if one
        }
        return attrs.evolve(self, typical=typical)

    def bounds(self, rows: pd.DataFrame) -> tuple[Values, Values]:
        """Return the lower and the upper bounds in whole bikes per hour, each of shape (n,).

        Parameters
        ----------
        rows : shape (n, …): counter, time, hour, ``prediction``, and ``days_ahead`` if the origin is known.
        """
        day_type, hour = day_types(rows[TIME], self.holidays), rows[HOUR].to_numpy(np.intp)
        ends = self._ends_of(rows, _hour_classes(hour, day_type))
        lower, upper = _bounds(rows[PREDICTION].to_numpy(np.float64), ends)
        if self.typical:
            names = rows[COUNTER].cat
            places = pd.Index(list(self.typical)).get_indexer(names.categories.astype(str))
            place = np.append(places, -1)[names.codes.to_numpy()]
            low, high = _bounds(np.array(list(self.typical.values()))[place, day_type * 24 + hour], ends)
            lower = np.where(place >= 0, np.minimum(lower, low), lower)
            upper = np.where(place >= 0, np.maximum(upper, high), upper)
        return lower, upper

    def _ends_of(self, rows: pd.DataFrame, classes: NDArray[np.intp]) -> Values:
        """Return the log ratios of each row, shape (n, 2)."""
        day = rows[DAYS_AHEAD].to_numpy(np.int64) if DAYS_AHEAD in rows else np.zeros(len(rows), np.int64)
        place = pd.Index(list(self.ends)).get_indexer(pd.Index(day))
        place = np.where(place < 0, list(self.ends).index(0), place)
        ends = np.array([[of[group] for group in range(4)] for of in self.ends.values()])
        return np.asarray(ends[place, classes])

    def save(self, directory: Path) -> None:
        """Write the numbers into the folder of a model's files."""
        ends = {str(day): {str(group): list(pair) for group, pair in of.items()} for day, of in self.ends.items()}
        stored = {"level": LEVEL, "holidays": self.holidays, "ends": ends, "typical": dict(self.typical)}
        text = json.dumps(stored, ensure_ascii=False)
        (directory / INTERVAL_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Read what `save` wrote; return ``None`` if the model has no interval."""
        path = directory / INTERVAL_FILE
        if not path.exists():
            return None
        stored = json.loads(path.read_text(encoding="utf-8"))
        ends = {
            int(day): {int(group): (pair[0], pair[1]) for group, pair in of.items()}
            for day, of in stored["ends"].items()
        }
        return cls(ends, stored["typical"], stored.get("holidays", FRANCE))


def _bounds(centre: Values, ends: Values) -> tuple[Values, Values]:
    """Return bounds in whole bikes from a centre, shape (n,), and log ratios, shape (n, 2); they hold the centre."""
    low, high = (np.rint((centre + OFFSET) * np.exp(ends[:, side]) - OFFSET).clip(0.0) for side in (0, 1))
    return np.minimum(low, np.floor(centre)), np.maximum(high, np.ceil(centre))


def _residuals(month: pd.DataFrame, holidays: str) -> pd.DataFrame:
    """Return count, prediction, their log ratio, hour class and day of horizon of each row."""
    truth, predicted = (month[name].to_numpy(np.float64) for name in (TRUTH, PREDICTION))
    return pd.DataFrame(
        {
            TRUTH: truth,
            PREDICTION: predicted,
            "ratio": np.log((truth + OFFSET) / (predicted + OFFSET)),
            "group": _hour_classes(month[HOUR].to_numpy(np.intp), day_types(month[TIME], holidays)),
            "day": month[DAYS_AHEAD].to_numpy(np.int64) if DAYS_AHEAD in month else 0,
        }
    )


def _ends(residuals: Sequence[pd.DataFrame], day: int) -> dict[int, Ends]:
    """Return the ends of each hour class for one day of horizon; 0 takes all rows if none is of it."""
    months = [month[month["day"] == day] for month in residuals]
    months = [month for month in months if len(month)] or list(residuals)
    others = [_others(months, month) for month in months]

    def covered(share: float) -> bool:
        pairs = zip(months, others, strict=True)
        return bool(np.mean([_coverage(month, _quantiles(rest, share)) for month, rest in pairs]) >= LEVEL)

    place = bisect_left(SHARES, True, key=covered)  # wider intervals cover more
    return _quantiles(pd.concat(months), SHARES[min(place, len(SHARES) - 1)])


def _others(months: Sequence[pd.DataFrame], one: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the other months; a single month is its own other."""
    return pd.concat([month for month in months if month is not one] or months)


def _quantiles(residuals: pd.DataFrame, share: float) -> dict[int, Ends]:
    """Return the quantiles of each hour class; a class without rows gets those of all rows."""
    every, group = residuals["ratio"].to_numpy(), residuals["group"].to_numpy()
    ends = {}
    for number in range(4):
        own = every[group == number]
        low, high = np.quantile(own if len(own) else every, [share, 1.0 - share])
        ends[number] = (round(float(low), 4), round(float(high), 4))
    return ends


def _coverage(residuals: pd.DataFrame, ends: Mapping[int, Ends]) -> float:
    of_rows = np.array([ends[group] for group in range(4)])[residuals["group"].to_numpy()]
    lower, upper = _bounds(residuals[PREDICTION].to_numpy(), of_rows)
    return float(((residuals[TRUTH] >= lower) & (residuals[TRUTH] <= upper)).mean())


def _hour_classes(hour: NDArray[np.intp], day_type: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the class of each hour: 0 night, 1 peak of a working day, 2 its other hours, 3 day off."""
    night = (hour >= NIGHT[0]) | (hour < NIGHT[1])
    return np.select([night, day_type > 0, np.isin(hour, PEAK_HOURS)], [0, 3, 1], 2).astype(np.intp)
