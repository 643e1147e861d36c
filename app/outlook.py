"""What a forecast says about places: their hours, their days, and the whole city on one day. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.monitoring.usual import Usual, sums_where_all_counted
from bike_traffic.pipeline import LOWER, PREDICTION, PROBABILITY, UPPER
from bike_traffic.places import Place

USUAL = ("usual_lower", "usual_middle", "usual_upper")
BOTH = "both"
"""The direction that is all of them."""


@attrs.frozen
class Spot:
    """A place, or one direction of it: what it is called, and the counters that count there."""

    name: str
    counters: tuple[str, ...]

    @classmethod
    def of(cls, place: Place, direction: str) -> Spot:
        """Return one direction of a place, or the place if the direction is `BOTH`."""
        if direction == BOTH:
            return cls(place.name, tuple(place.counters.values()))
        return cls(place.counters[direction], (place.counters[direction],))


@attrs.frozen(eq=False)
class Outlook:
    """What is expected at a spot on a day and in its week, and in the whole city on the day.

    Parameters
    ----------
    today : the hours of the day, see `hours_of_spot`.
    week : the days, see `days_of_spot`, and which is ``chosen``.
    city : see `places_of_day`.
    """

    today: pd.DataFrame
    week: pd.DataFrame
    city: pd.DataFrame


def outlook(
    rows: pd.DataFrame,
    of_day: pd.DataFrame,
    known: Mapping[str, Place],
    place: Place,
    direction: str,
    day: pd.Timestamp,
    usual: Usual | None,
    counts: pd.DataFrame | None,
) -> Outlook:
    """Return the outlook of a place or one direction of it.

    Parameters
    ----------
    rows : the forecast of the days of a week, see `Forecast.rows`; of the counters of the place at least.
    of_day : the forecast of the day, of all counters.
    known : all places of the model.
    counts : clean counts of these days, if there are any.
    """
    hours = hours_of_spot(rows, Spot.of(place, direction), usual, counts)
    return Outlook(
        today=hours[hours["time"].dt.normalize() == day].reset_index(drop=True),
        week=days_of_spot(hours).assign(chosen=lambda table: table["day"] == day),
        city=places_of_day(of_day, list(known.values()), usual, place.name),
    )


def hours_of_spot(rows: pd.DataFrame, spot: Spot, usual: Usual | None, counts: pd.DataFrame | None) -> pd.DataFrame:
    """Return the hours of a spot: the sum of its counters.

    The bounds of the sum are the sums of the bounds: they contain at least what the counters' own ones do. A hour is
    busy with the probability of its busiest counter. A count is there if all counters counted.

    Parameters
    ----------
    rows : a forecast, see `Forecast.rows`.
    usual : what was usual; ``None`` if the model does not know.
    counts : clean counts of these hours, if there are any.

    Returns
    -------
    One row an hour: ``time``, ``forecast``, ``lower``, ``upper``, ``usual_lower``, ``usual_middle``, ``usual_upper``,
    ``count`` in bikes per hour, or ``probability`` instead of the forecast; NaN where unknown.
    """
    own = rows[rows[COUNTER].isin(spot.counters)]
    if PROBABILITY in own:
        table = own.groupby(TIME)[PROBABILITY].max().rename("probability").to_frame()
    else:
        columns = [name for name in (PREDICTION, LOWER, UPPER) if name in own]
        table = own.groupby(TIME)[columns].sum().rename(columns={PREDICTION: "forecast"})
    table = table.reset_index().rename(columns={TIME: "time"})
    if usual is not None:
        known = usual.of([spot.name] * len(table), table["time"])
        for name, column in zip(USUAL, ("lower", "middle", "upper"), strict=True):
            table[name] = known[column].to_numpy()
    if counts is not None:
        counted = sums_where_all_counted(counts, spot.counters, [COUNT])[COUNT]
        table["count"] = counted.reindex(pd.DatetimeIndex(table["time"])).to_numpy()
    return table


def days_of_spot(hours: pd.DataFrame) -> pd.DataFrame:
    """Return the days of `hours_of_spot`: ``day``, and the sums ``bikes``, ``usual`` and ``count`` of whole days.

    Of a classifier there is the largest ``probability`` instead.
    """
    day = hours["time"].dt.normalize()
    if "probability" in hours:
        return hours.groupby(day)["probability"].max().rename_axis("day").reset_index()
    named = {"forecast": "bikes", "usual_middle": "usual", "count": "count"}
    columns = [name for name in named if name in hours]
    groups = hours.groupby(day)[columns]
    days = groups.sum().where(groups.count().eq(groups.size(), axis="index"))
    return days.rename(columns=named).rename_axis("day").reset_index()


def places_of_day(
    rows: pd.DataFrame, places: Sequence[Place], usual: Usual | None, chosen: str | None
) -> pd.DataFrame:
    """Return all places on one day: ``name``, ``latitude``, ``longitude``, ``bikes``, ``usual``, ``chosen``.

    Of a classifier there is the largest ``probability`` instead of ``bikes``.

    Parameters
    ----------
    rows : the forecast of the day.
    chosen : the name of the place that the reader looks at.
    """
    value = PROBABILITY if PROBABILITY in rows else PREDICTION
    by_counter = rows.groupby(COUNTER, observed=True)[value].agg("max" if value == PROBABILITY else "sum")
    totals = by_counter.rename(lambda name: str(name)).to_dict()
    times = pd.Series(rows[TIME].unique())
    table = pd.DataFrame(
        {
            "name": [place.name for place in places],
            "latitude": np.array([place.latitude for place in places], float),
            "longitude": np.array([place.longitude for place in places], float),
            "probability" if value == PROBABILITY else "bikes": [
                (max if value == PROBABILITY else sum)(totals.get(name, np.nan) for name in place.counters.values())
                for place in places
            ],
        }
    )
    if usual is not None and value == PREDICTION:
        names = np.repeat(table["name"].to_numpy(object), len(times))
        middle = usual.of(list(names), pd.concat([times] * len(places), ignore_index=True))["middle"]
        table["usual"] = middle.to_numpy().reshape(len(places), len(times)).sum(axis=1)
    return table.assign(chosen=table["name"] == chosen)


def unusual(value: float, lower: float, upper: float) -> int:
    """Return 1 if a value is above the usual range, -1 if below, 0 if inside or if the range is unknown."""
    return int(value > upper) - int(value < lower)
