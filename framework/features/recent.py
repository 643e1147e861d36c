"""The recent level: what each counter counts now in each hour of the week."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, HOUR, TIME, TIME_ZONE, WEEKDAY
from bike_traffic.features.calendar import FRANCE, calendar_features, day_numbers, hour_numbers
from bike_traffic.features.outages import OUTAGE_HOURS, in_outage
from bike_traffic.features.parts import Parts, counters_in, positions_of, span_of
from bike_traffic.features.season import SeasonFactor

Values = NDArray[np.float64]

WEEKS = 10
HALF_LIFE_WEEKS = 2.0
SUNDAY = 6
DEAD_HOURS = 48
"""A counter that counted nothing in its last 48 hours is dead: its zeros are the forecast."""
CELL_PSEUDO_COUNTS, TYPE_PSEUDO_COUNTS = 0.3, 0.5
HALF_A_BIKE = 0.5
"""Added before the factor of the season, so that an hour without a bike can get some."""
WEIGHTS_OF_MODEL = (0.2, 0.5, 0.3)
"""In a blend, for dates that training has never seen, has seen in one earlier year, and in more. A model can only
guess the season of a date that it never saw, and its error can be twice that of the recent level. What it saw once it
knows, while `SeasonFactor` hardly believes a single year. After more years both know the season, and the level of the
model is the older one."""
RECENT_FILE = "recent_level.json"


class RecentLevel:
    """Predicts the exponentially weighted mean of the last ten weeks by counter and hour of the week.

    Week by week the weight falls with a half-life of two weeks, counted back from the last hour of each counter. A
    public holiday counts as a Sunday. Bridge days are left out, and so are the days on which a counter was dead,
    unless it counted nothing in its last 48 hours: then it is predicted to be 0. Each mean is shrunk toward that of
    the counter's day type and hour, and this one toward the counter's mean. An unknown counter gets the mean of all.

    Parameters
    ----------
    holidays : whose public holidays, see `calendar_features`.
    season : whether to learn the factor for `seasonal` and `blend`, which takes longer than the level itself.

    Attributes
    ----------
    since_, until_ : the first and the last hour of training, in the city's time zone.
    counters_ : names of the counters in training.
    table_ : bikes per hour, shape (counters + 1, 168); Monday at 0:00 first, and an unknown counter last.
    season_ : factor on the table for the season and the calendar of later days.
    """

    since_: pd.Timestamp
    until_: pd.Timestamp
    counters_: pd.Index
    table_: Values
    season_: SeasonFactor
    holidays: str = FRANCE
    """Set here for objects that an earlier version pickled."""

    def __init__(self, holidays: str = FRANCE, *, season: bool = True) -> None:
        self.holidays = holidays
        self.season = season

    def fit(self, cleaned: pd.DataFrame) -> Self:
        """Learn from clean training rows, those of outages included."""
        return self.fit_parts([cleaned])

    def fit_parts(self, parts: Parts) -> Self:
        """Learn from clean training rows in parts, which are gone through three times."""
        self.since_, self.until_ = span_of(parts)
        if self.season:
            self.season_ = SeasonFactor(holidays=self.holidays).fit_parts(parts)
        names, tables = zip(*(self._table(part) for part in parts), strict=True)
        every = np.concatenate([part.to_numpy(object) for part in names])
        order = np.argsort(every, kind="stable")
        self.counters_, table = pd.Index(list(every[order])), np.concatenate(tables)[order]
        self.table_ = np.vstack([table, table.mean(axis=0)]).round(2)
        return self

    def _table(self, cleaned: pd.DataFrame) -> tuple[pd.Index, Values]:
        """Return the counters of a part, and their bikes per hour, shape (counters, 168)."""
        counters = counters_in(cleaned)
        known = len(counters)
        hours = hour_numbers(cleaned[TIME])
        counter = positions_of(cleaned, counters)
        last = np.full(known, hours.min())
        np.maximum.at(last, counter, hours)
        newest = last[counter] - hours < WEEKS * 168
        cleaned, hours, counter = cleaned[newest], hours[newest], counter[newest]

        count = cleaned[COUNT].to_numpy(np.float64)
        ago = last[counter] - hours
        at_end = ago < DEAD_HOURS
        dead = (np.bincount(counter, at_end, known) >= OUTAGE_HOURS) & (
            np.bincount(counter, count * at_end, known) == 0
        )
        calendar = calendar_features(cleaned[TIME], holidays=self.holidays)
        used = ~in_outage(counter, day_numbers(cleaned[TIME]), count) & (calendar["bridge_day"].to_numpy() == 0)
        # A counter of which nothing else is left keeps all its rows.
        used |= (np.bincount(counter, used, known) == 0)[counter]
        weight = used * 0.5 ** (ago // 168 / HALF_LIFE_WEEKS)

        kind = calendar["day_type"].to_numpy(np.intp) * 24 + cleaned[HOUR].to_numpy(np.intp)
        mean = np.bincount(counter, weight * count, known) / np.bincount(counter, weight, known)
        by_kind = _shrunk(counter * 72 + kind, count, weight, np.repeat(mean, 72), TYPE_PSEUDO_COUNTS)
        kind_of_hour = np.concatenate([np.tile(np.arange(24), 5), np.arange(24, 72)])
        coarser = by_kind.reshape(known, 72)[:, kind_of_hour].ravel()
        cell = counter * 168 + _hour_of_week(cleaned, calendar)
        table = _shrunk(cell, count, weight, coarser, CELL_PSEUDO_COUNTS).reshape(known, 168)
        table[dead] = 0.0
        return counters, table

    def predict(self, cleaned: pd.DataFrame) -> Values:
        """Predict bikes per hour for clean rows, shape (n,)."""
        cell = _hour_of_week(cleaned, calendar_features(cleaned[TIME], holidays=self.holidays))
        return np.asarray(self.table_[positions_of(cleaned, self.counters_), cell])

    def seasonal(self, cleaned: pd.DataFrame) -> Values:
        """Predict bikes per hour for clean rows after training: the recent level times the factor of `season_`."""
        predicted = (self.predict(cleaned) + HALF_A_BIKE) * self.season_.predict(cleaned) - HALF_A_BIKE
        return np.asarray(predicted.clip(0.0))

    def blend(self, cleaned: pd.DataFrame, predicted: Values, weight: float | None = None) -> Values:
        """Return a model's predictions, blended with `seasonal` for the hours after training.

        The blend is the weighted geometric mean of both plus one: a dead counter is predicted to be nearly 0. Hours
        until the last one of training keep the model's prediction: today's level says nothing about last winter.

        Parameters
        ----------
        predicted : shape (n,), bikes per hour, for the same rows.
        weight : of `seasonal`, from 0 to 1; without it the weight of `weight_of_model` is left for `seasonal`.
        """
        after = (cleaned[TIME] > self.until_).to_numpy()
        of_level = 1.0 - self.weight_of_model(cleaned) if weight is None else weight
        blended = (predicted + 1.0) ** (1.0 - of_level) * (self.seasonal(cleaned) + 1.0) ** of_level - 1.0
        return np.where(after, blended.clip(0.0), predicted)

    def weight_of_model(self, cleaned: pd.DataFrame) -> Values:
        """Return the weight of a model beside `seasonal`, shape (n,), by how often training has seen the season.

        A date was seen in an earlier year if one at most a week apart from it was.
        """
        first = [self.since_ + pd.DateOffset(days=365 * years - 7) for years in range(1, len(WEIGHTS_OF_MODEL))]
        years = np.searchsorted(pd.DatetimeIndex(first), pd.DatetimeIndex(cleaned[TIME]), side="right")
        return np.asarray(np.array(WEIGHTS_OF_MODEL)[years])

    def save(self, directory: Path) -> None:
        """Write the table into the folder of a model's files."""
        rows = dict(zip([*self.counters_, ""], self.table_.tolist(), strict=True))
        ends = {"since": self.since_.isoformat(), "until": self.until_.isoformat()}
        tables = {"holidays": self.holidays, "time_zone": str(self.until_.tz)} | ends | {"bikes_per_hour": rows}
        if self.season:
            tables["season"] = self.season_.as_lists()
        text = json.dumps(tables, ensure_ascii=False)
        (directory / RECENT_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Read what `save` wrote; return ``None`` if the folder has no recent level."""
        path = directory / RECENT_FILE
        if not path.exists():
            return None
        tables = json.loads(path.read_text(encoding="utf-8"))
        recent = cls(holidays=tables.get("holidays", FRANCE), season="season" in tables)
        recent.since_, recent.until_ = (
            pd.Timestamp(tables[name]).tz_convert(tables.get("time_zone", TIME_ZONE)) for name in ("since", "until")
        )
        recent.counters_ = pd.Index(list(tables["bikes_per_hour"])[:-1], dtype="str")
        recent.table_ = np.array(list(tables["bikes_per_hour"].values()))
        if recent.season:
            recent.season_ = SeasonFactor.from_lists(tables["season"], holidays=recent.holidays)
        return recent


def _hour_of_week(cleaned: pd.DataFrame, calendar: pd.DataFrame) -> NDArray[np.intp]:
    """Return the hour of the week of each row, 0 to 167; a public holiday is a Sunday."""
    weekday = np.where(calendar["public_holiday"].to_numpy() > 0, SUNDAY, cleaned[WEEKDAY].to_numpy(np.intp))
    return np.asarray(weekday * 24 + cleaned[HOUR].to_numpy(np.intp), dtype=np.intp)


def _shrunk(cell: NDArray[np.intp], count: Values, weight: Values, coarser: Values, pseudo_counts: float) -> Values:
    """Return the weighted mean of each cell, with some observations of the coarser mean added."""
    size = len(coarser)
    total = np.bincount(cell, weight * count, size) + pseudo_counts * coarser
    return np.asarray(total / (np.bincount(cell, weight, size) + pseudo_counts))
