"""The pipeline `ahead`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.cities import PARIS_POSITION, degrees_of
from bike_traffic.columns import COUNT, COUNTER, HOUR, TEMPERATURE, TIME
from bike_traffic.errors import ParameterError
from bike_traffic.features.calendar import FRANCE, day_numbers
from bike_traffic.features.parts import counters_in, positions_of
from bike_traffic.names import Need, Task
from bike_traffic.pipeline import Pipeline
from bike_traffic.plugins.ahead.columns import WEATHER_SIZE, ratio_columns, shared_columns, weather_columns
from bike_traffic.plugins.ahead.cube import USED_WEATHER, Cube, Days, Floats, Weather
from bike_traffic.plugins.ahead.origin import BASE_DAYS, WINDOWS, Origin
from bike_traffic.plugins.ahead.regression import FactorRegression
from bike_traffic.search_space import Between, Searched

MODEL_FILE = "ahead.npz"

NEAR = 7
"""Days of horizon that have a regression each; all later ones share one."""
LATE = (8, 11, 14, 17, 20, 23, 26, 28)
"""Days of horizon that the regression of later days is fitted on."""

_POWERS = (1.0, 1.0, 1.0, 0.9, 0.9, 0.85, 0.85, 0.8)
"""Power of the factor by regression; below 1 a prediction stays nearer to the base: later days are less certain."""
_SEASON_DAYS = 2 * 365
"""The season is a column once it was seen twice."""
_FIRST_ORIGIN = 14
"""Days of counts before the first origin of a fit."""
_FEWEST_ORIGINS = 28
"""With fewer origins nothing is learned: the prediction is the base."""
_MOST_ORIGINS = 700
_USED = [COUNTER, TIME, HOUR, COUNT, *USED_WEATHER]
_MARGIN_DAYS = BASE_DAYS + max(WINDOWS) + 1


class AheadPipeline(Pipeline):
    """Poisson regressions on the factor by which an hour departs from its recent base.

    The base is an exponentially weighted mean of the last twenty weeks by counter and hour of the week. The columns
    of the regressions are how the counts of the last 1, 3 and 7 days compare with the base, calendar and daylight,
    the season if the training has two years, and the weather if it is given. Each of the first seven days has a
    regression of its own. All later days share one, without weather, which no forecast knows so far ahead.

    The origin of a forecast is the end of the history. The horizon is counted in local days, from the day of the
    first hour after it. Rows that are not later than the history are predicted as at the midnight before them. Counts
    after the origin are never used. A counter whose newest hours, 20 or more, are all zero is predicted to be zero.

    Parameters
    ----------
    alpha : penalty on the standardised coefficients.
    rows : hours that each regression is fitted on, at most, drawn at random.
    random_state : seed of this draw.
    holidays : whose public holidays, see `calendar_features`.
    position : ``latitude,longitude`` of the city in degrees, for its daylight.
    """

    name: ClassVar[str] = "ahead"
    task: ClassVar[Task] = "regression"
    needs: ClassVar[tuple[Need, ...]] = ("history",)

    @classmethod
    def search_space(cls) -> Mapping[str, Searched]:
        """Return the penalty, the one parameter that is a choice of the model and not of its cost."""
        return {"alpha": Between(1e-3, 10.0, log=True)}

    def __init__(
        self,
        alpha: float = 0.1,
        rows: int = 60_000,
        random_state: int = 0,
        holidays: str = FRANCE,
        position: str = PARIS_POSITION,
    ) -> None:
        self.alpha = alpha
        self.rows = rows
        self.random_state = random_state
        self.holidays = holidays
        self.position = position

    def _fit(self, cleaned: pd.DataFrame) -> None:
        """Describe an origin at each midnight, and fit the regressions on the days after them."""
        self.counters_ = counters_in(cleaned)
        numbers = day_numbers(cleaned[TIME])
        first, last = int(numbers.min()), int(numbers.max())
        cube = Cube.of(cleaned, numbers, self.counters_, first - _MARGIN_DAYS, last + 2)
        days = self._days(cube.first, last + 1, cleaned)
        weather = Weather.of([(cleaned, numbers)], first, last + 1) if TEMPERATURE in cleaned else None
        self.season_ = last - first + 1 >= _SEASON_DAYS
        end = Origin.at(last + 1, 0, cube, days, weather)
        self.base_: NDArray[np.float16] = end.base.astype(np.float16)
        step = max(1, -(-(last - first) // _MOST_ORIGINS))
        origins = {
            day: Origin.at(day, 0, cube, days, weather) for day in range(last, first + _FIRST_ORIGIN - 1, -step)
        }
        plain, with_weather = [], []
        for horizons in [*((ahead,) for ahead in range(1, NEAR + 1)), LATE]:
            near = None if horizons == LATE else weather
            pairs = [(day, ahead) for day in origins for ahead in horizons if day + ahead - 1 <= last]
            columns, base, counts = self._training_rows(pairs, origins, cube, days, near, end)
            sizes = [columns.shape[1]] if near is None else [columns.shape[1] - WEATHER_SIZE, columns.shape[1]]
            enough = len({day for day, _ in pairs}) >= _FEWEST_ORIGINS and len(base)
            both = [
                FactorRegression.fit(columns[:, :size], base, counts, self.alpha)
                if enough
                else FactorRegression.neutral(size)
                for size in sizes
            ]
            plain.append(both[0])
            with_weather += both[1:]
        self.plain_, self.with_weather_ = tuple(plain), tuple(with_weather)

    def _training_rows(
        self,
        pairs: Sequence[tuple[int, int]],
        origins: Mapping[int, Origin],
        cube: Cube,
        days: Days,
        weather: Weather | None,
        end: Origin,
    ) -> tuple[Floats, Floats, Floats]:
        """Draw hours at pairs of an origin and a day of horizon; return their columns, bases and counts.

        Hours of counters that are dead, at the origin or on the day itself, are left out. `end` is any origin.
        """
        random = np.random.default_rng(self.random_state)
        share = self.rows / max(len(pairs) * len(self.counters_) * 24, 1)
        of_counters, of_hours = self._columns(end, days, weather, days.first + BASE_DAYS + WINDOWS[-1] + 1, 1)
        columns = [np.empty((0, of_counters.shape[1] + of_hours.shape[1]))]
        base, counts = [np.empty(0)], [np.empty(0)]
        for day, ahead in pairs:
            origin, target = origins[day], day + ahead - 1
            counted = cube.counts[target - cube.first]
            alive = origin.known & ~origin.dead & ~cube.dead[target - cube.first]
            chosen = ~np.isnan(counted) & alive[:, None] & (random.random(counted.shape) < share)
            counter, hour = np.nonzero(chosen)
            of_counters, of_hours = self._columns(origin, days, weather, target, ahead)
            columns.append(np.concatenate([of_counters[counter], of_hours[hour]], axis=1))
            base.append(origin.base[days.cell_day[target - days.first]][chosen])
            counts.append(counted[chosen])
        return np.concatenate(columns), np.concatenate(base), np.concatenate(counts)

    def _columns(
        self, origin: Origin, days: Days, weather: Weather | None, day: int, ahead: int
    ) -> tuple[Floats, Floats]:
        """Return the columns of the counters, and those that they share in the hours of a day; weather comes last."""
        shared = [shared_columns(origin, days, day, season=self.season_)]
        if weather is not None:
            shared.append(weather_columns(origin, weather, days, day))
        return ratio_columns(origin, ahead, late=ahead > NEAR), np.concatenate(shared, axis=1)

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Floats:
        """Predict bikes per hour, shape (n,), from the history before each row."""
        if history is None:
            raise TypeError("history is needed")  # the base class has refused before
        day, hour = day_numbers(cleaned[TIME]), cleaned[HOUR].to_numpy(np.intp)
        origin_day, origin_hour = day.copy(), np.zeros(len(cleaned), dtype=np.intp)
        if len(history):
            newest = history[TIME].max()
            now = pd.Series([newest + pd.Timedelta(hours=1)])
            ahead = (cleaned[TIME] > newest).to_numpy()
            origin_day[ahead], origin_hour[ahead] = day_numbers(now)[0], now.dt.hour[0]
        first = int(origin_day.min()) - _MARGIN_DAYS
        recent = history[history.columns.intersection(_USED)][history[TIME] >= _midnight(first, history[TIME].dt.tz)]
        recent_day = day_numbers(recent[TIME])
        counters = counters_in(recent).union(self.counters_)
        cube = Cube.of(recent, recent_day, counters, first, int(origin_day.max()) + 1)
        last = int(max(day.max(), origin_day.max()))
        days = self._days(first, last, cleaned)
        weather = None
        if self.with_weather_ and len(recent) and TEMPERATURE in cleaned and TEMPERATURE in recent:
            weather = Weather.of([(recent, recent_day), (cleaned, day)], int(recent_day.min()), last + 1)
        kept = np.zeros((7, len(counters), 24), dtype=np.float32)
        kept[:, counters.get_indexer(self.counters_)] = self.base_
        counter = positions_of(cleaned, counters)
        predicted = np.empty(len(cleaned))
        issued = origin_day * 24 + origin_hour
        for moment in np.unique(issued):
            origin = Origin.at(int(moment // 24), int(moment % 24), cube, days, weather, kept)
            rows = np.flatnonzero(issued == moment)
            for target in np.unique(day[rows]):
                table = self._table(origin, days, weather, int(target), int(target - moment // 24) + 1)
                of_day = rows[day[rows] == target]
                predicted[of_day] = table[counter[of_day], hour[of_day]]
        return predicted

    def _table(self, origin: Origin, days: Days, weather: Weather | None, day: int, ahead: int) -> Floats:
        """Return what is predicted for a day, shape (counters + 1, 24); last the mean, for an unknown one."""
        group = min(ahead, NEAR + 1) - 1
        if ahead > NEAR or origin.usual is None:
            weather = None
        regression = (self.plain_ if weather is None else self.with_weather_)[group]
        of_counters, of_hours = self._columns(origin, days, weather, day, ahead)
        base = origin.base[days.cell_day[day - days.first]].astype(np.float64)
        table = regression.predict(of_counters, of_hours, base, _POWERS[group])
        table[origin.dead] = 0.0
        return np.vstack([table, table.mean(axis=0)])

    def _days(self, first: int, last: int, cleaned: pd.DataFrame) -> Days:
        try:
            place = degrees_of(self.position)
        except ValueError as error:
            raise ParameterError(
                f"'{self.name}': {error}", "parameter-refused", model_type=self.name, reason=str(error)
            ) from None
        return Days.between(first, last, holidays=self.holidays, zone=str(cleaned[TIME].dt.tz), place=place)

    def save(self, directory: Path) -> None:
        """Write ``ahead.npz``: plain arrays, no pickle."""
        state = {"parameters": self.get_params(), "season": self.season_, "counters": list(self.counters_)}
        np.savez_compressed(
            directory / MODEL_FILE,
            state=np.array(json.dumps(state, ensure_ascii=False)),
            base=self.base_,
            plain=np.array([regression.as_row() for regression in self.plain_]),
            with_weather=np.array([regression.as_row() for regression in self.with_weather_]),
        )

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(directory / MODEL_FILE, allow_pickle=False) as saved:
            state = json.loads(str(saved["state"]))
            pipeline = cls(**state["parameters"])
            pipeline.season_ = state["season"]
            pipeline.counters_ = pd.Index(state["counters"], dtype="str")
            pipeline.base_ = saved["base"]
            pipeline.plain_ = tuple(map(FactorRegression.of_row, saved["plain"]))
            pipeline.with_weather_ = tuple(map(FactorRegression.of_row, saved["with_weather"]))
        return pipeline


def _midnight(day: int, zone: Any) -> pd.Timestamp:
    """Return the start of a local day, given in days since 1970."""
    return pd.Timestamp(day, unit="D").tz_localize(zone)
