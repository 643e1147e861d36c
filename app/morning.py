"""What the cycling office asks each morning: which counters are broken, and what kind of day was it? No Streamlit."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import pandas as pd

from bike_traffic.app.outlook import Spot, hours_of_spot
from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME
from bike_traffic.data.hours import hours_of_counters, hours_of_days
from bike_traffic.errors import SchemaError
from bike_traffic.evaluation.measuring import scores
from bike_traffic.evaluation.parts.sums import Sums
from bike_traffic.features.calendar import day_numbers
from bike_traffic.monitoring.city import CityDay, city_day
from bike_traffic.monitoring.outages import GONE, LAST_HOUR, SILENT, ZEROS
from bike_traffic.monitoring.states import COUNTING, STATE, SWAPPED, end_of_counts, states
from bike_traffic.monitoring.swaps import moved_shares
from bike_traffic.monitoring.usual import MIDDLE, Usual
from bike_traffic.pipeline import PREDICTION
from bike_traffic.places import Counter, Place

WEEKS = 54
"""A year of like days, and what came shortly before them; a counter that has been silent for longer is not listed."""
RECENT_DAYS = 28
LIKE_DAYS = 12
"""Bars of a chart: on a phone more have no room."""
REMOVED = "removed"
"""A counter that has been silent for `GONE` hours: nobody waits for it."""
BROKEN = (SILENT, ZEROS, SWAPPED)
"""The states in which a count says nothing about a forecast."""


@attrs.frozen(eq=False)
class Morning:
    """The counts of a day and of the weeks before it; shared and never changed.

    Parameters
    ----------
    day : its start in Europe/Paris.
    rows : clean counter, time and count of the last `WEEKS`, up to `end`.
    end : of the day; of the newest one the end of the counts.
    of_day : the rows of the day.
    usual : what was usual in the 12 weeks before the day.
    city : the total of the day and its rank; ``None`` if no counter counted.
    recent : bikes of the last `RECENT_DAYS` days up to the day, NaN where a counter has no hour; days by counters.
    """

    day: pd.Timestamp
    rows: pd.DataFrame
    end: pd.Timestamp
    of_day: pd.DataFrame
    usual: Usual
    city: CityDay | None
    recent: pd.DataFrame

    @classmethod
    def of(cls, cleaned: pd.DataFrame, day: pd.Timestamp, *, whole: bool) -> Morning:
        """Collect what the page needs of clean counts.

        Parameters
        ----------
        whole : whether the hours after the day count too: a counter that fell silent since then is broken now.
        """
        midnight = day + pd.DateOffset(days=1)
        inside = cleaned[TIME] >= day - pd.DateOffset(weeks=WEEKS)
        if not whole:
            inside &= cleaned[TIME] < midnight
        rows = cleaned.loc[inside.to_numpy(), [COUNTER, TIME, COUNT]]
        before = rows[(rows[TIME] < day).to_numpy()]
        of_day = rows[((rows[TIME] >= day) & (rows[TIME] < midnight)).to_numpy()]
        try:
            city = city_day(rows[(rows[TIME] < midnight).to_numpy()], day)
        except SchemaError:
            city = None
        end = end_of_counts(rows) if whole else midnight
        usual = Usual.learn(before if len(before) else rows)
        return cls(day, rows, end, of_day, usual, city, _recent(rows, day))

    def states(self, predicted: pd.DataFrame | None) -> pd.DataFrame:
        """Return the states of the counters at the `end`, as the core tells them; the `REMOVED` ones last."""
        found = states(self.rows, predicted, at=self.end, usual=self.usual)
        gone = (found[STATE] == SILENT) & (self.end - found[LAST_HOUR] > pd.Timedelta(hours=GONE))
        named = found.assign(**{STATE: found[STATE].mask(gone, REMOVED)})
        return pd.concat([named[~gone], named[gone]], ignore_index=True)


def _recent(rows: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    last = int(day_numbers(pd.Series([day]))[0])
    days = np.arange(last - RECENT_DAYS + 1, last + 1)
    near = rows[(rows[TIME] >= day - pd.DateOffset(days=RECENT_DAYS)).to_numpy()]
    numbers = pd.Series(day_numbers(near[TIME]), near.index, name="day")
    sums = near.groupby([numbers, COUNTER], observed=True)[COUNT].sum().unstack()
    return sums.rename(columns=str).reindex(days)


def to_check(found: pd.DataFrame) -> int:
    """Return how many counters somebody should look at."""
    return int((~found[STATE].isin([COUNTING, REMOVED])).sum())


@attrs.frozen(kw_only=True)
class Verdict:
    """How good the forecast of a day was, over the counter-hours that were counted and predicted.

    Parameters
    ----------
    counted, predicted : bikes.
    error, usual_error : mean absolute error of the forecast, and of what was usual, in bikes per hour and counter,
        where it is known what was usual; ``None`` if it is nowhere.
    counters : their number.
    """

    counted: float
    predicted: float
    error: float
    usual_error: float | None
    counters: int


def verdict(morning: Morning, found: pd.DataFrame, predicted: pd.DataFrame | None) -> Verdict | None:
    """Compare a forecast with the counts of the day; ``None`` if nothing was both predicted and counted.

    Counters that are broken say nothing about the forecast and are left out.
    """
    if predicted is None:
        return None
    broken = found.loc[found[STATE].isin([*BROKEN, REMOVED]), COUNTER]
    counts = morning.of_day.astype({COUNTER: "str"})
    given = predicted[[COUNTER, TIME, PREDICTION]].astype({COUNTER: "str"})
    both = counts[~counts[COUNTER].isin(broken)].merge(given, on=[COUNTER, TIME]).dropna(subset=[PREDICTION])
    if both.empty:
        return None
    usual = morning.usual.of(both[COUNTER], both[TIME])[MIDDLE]
    known = usual.notna()
    compared = both[known] if known.any() else both  # both errors over the same hours
    return Verdict(
        counted=float(both[COUNT].sum()),
        predicted=float(both[PREDICTION].sum()),
        error=_error(compared[COUNT], compared[PREDICTION]),
        usual_error=_error(compared[COUNT], usual[known]) if known.any() else None,
        counters=both[COUNTER].nunique(),
    )


def _error(truth: pd.Series, predicted: pd.Series) -> float:
    """Return the mean absolute error."""
    return scores("regression", Sums.of(truth.to_numpy(np.float64), predicted.to_numpy(np.float64)))["mae"]


def hours_of_counter(morning: Morning, counter: str, predicted: pd.DataFrame | None) -> pd.DataFrame:
    """Return the hours of a counter on the day, as `hours_of_spot`; without a forecast the other columns."""
    rows = None if predicted is None else predicted[(predicted[COUNTER] == counter).to_numpy()]
    if rows is None or rows.empty:
        rows = hours_of_counters([counter], hours_of_days(morning.day, 1), [None], [None])[[COUNTER, TIME, HOUR]]
        rows = rows.assign(**{PREDICTION: np.nan})
    hours = hours_of_spot(rows, Spot(counter, (counter,)), morning.usual, morning.of_day)
    # The sum of no numbers is zero.
    return hours if rows[PREDICTION].notna().any() else hours.drop(columns="forecast")


def exchange(morning: Morning, counter: str, since: pd.Timestamp) -> tuple[float, float] | None:
    """Return `moved_shares` of the days since a counter is called exchanged."""
    rows = morning.rows
    seen = (rows[TIME] >= since).to_numpy() & (rows[TIME] <= morning.end).to_numpy()
    return moved_shares(rows[seen], morning.usual, counter)


def like_days(city: CityDay) -> pd.DataFrame:
    """Return the last days like a day, and the day itself last: ``day``, ``bikes`` and ``chosen``."""
    others = dict(list(city.others.items())[-LIKE_DAYS:])
    days = [*others, city.day]
    return pd.DataFrame(
        {
            "day": pd.to_datetime(pd.Series(days)),
            "bikes": [*others.values(), float(city.total)],
            "chosen": [day == city.day for day in days],
        }
    )


def ended(counters: Mapping[str, Counter]) -> pd.DataFrame:
    """Return what a registry tells of its counters: ``counter``, ``first``, ``last``; the first to end first."""
    known = {name: one for name, one in counters.items() if one.last_hour}
    table = pd.DataFrame(
        {
            "counter": list(known),
            "first": [pd.Timestamp(one.first_hour) for one in known.values()],
            "last": [pd.Timestamp(one.last_hour) for one in known.values()],
        }
    )
    return table.sort_values(["last", "counter"], ignore_index=True)


def place_of_counter(known: Mapping[str, Place], counter: str) -> tuple[str, str] | None:
    """Return the place of a counter and its direction there; ``None`` if none of the places has it."""
    for place in known.values():
        for direction, name in place.counters.items():
            if name == counter:
                return place.name, direction
    return None
