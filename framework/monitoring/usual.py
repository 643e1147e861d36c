"""What was usual: the range of the counts of the last weeks by kind of day and hour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, TIME, TIME_ZONE
from bike_traffic.features.calendar import FRANCE, kinds_of_hours
from bike_traffic.features.outages import without_outages
from bike_traffic.features.parts import Changed, Parts, as_parts, span_of
from bike_traffic.places import counters_by_place

WEEKS = 12
"""Long enough for twelve Saturdays, and short enough that the season and the town are those of now."""
QUANTILES = (0.1, 0.5, 0.9)
COLUMNS = LOWER, MIDDLE, UPPER = "lower", "middle", "upper"
LEAST_HOURS = 4
"""Of fewer counts nothing is called usual."""
KINDS = 72
USUAL_FILE = "usual.json"


@attrs.frozen(kw_only=True, eq=False)
class Usual:
    """The 10, 50 and 90 % quantiles of the counts of some weeks, of counters and of places.

    It tells what was usual in these weeks. It is no interval of a forecast: it knows nothing of the day, and in
    another season most counts are outside it.

    Parameters
    ----------
    names : of counters and of places. A place is the sum of its counters, over the hours that all of them counted.
    table : bikes per hour by name, day type × hour (`kinds_of_hours`) and quantile, shape (n, 72, 3); NaN if unknown.
    first_hour, last_hour : of the counts, in the city's time zone.
    holidays : the public holidays, see `calendar_features`.
    """

    names: pd.Index
    table: NDArray[np.float64]
    first_hour: pd.Timestamp
    last_hour: pd.Timestamp
    holidays: str = FRANCE

    @classmethod
    def learn(cls, counts: pd.DataFrame | Parts, weeks: int = WEEKS, holidays: str = FRANCE) -> Self:
        """Learn from the last weeks of clean rows that carry the count; days of outages are left out."""
        parts = as_parts(counts)
        newest = span_of(parts)[1]
        recent = Changed(parts, lambda part: part[(part[TIME] > newest - pd.Timedelta(weeks=weeks)).to_numpy()])
        tables = [_quantiles_of(part, holidays) for part in recent]
        every = pd.concat(tables).sort_index(kind="stable")
        every = every[~every.index.duplicated()]
        return cls(
            names=pd.Index(every.index, dtype="str"),
            table=every.to_numpy().reshape(-1, KINDS, 3),
            first_hour=span_of(recent)[0],
            last_hour=newest,
            holidays=holidays,
        )

    def of(self, names: str | Sequence[str] | pd.Series, times: pd.Series | pd.DatetimeIndex) -> pd.DataFrame:
        """Return what was usual at some times: ``lower``, ``middle`` and ``upper`` in bikes per hour, NaN if unknown.

        Parameters
        ----------
        names : of a counter or place, one for all times or one for each, shape (n,).
        times : in the city's time zone, shape (n,); the result is on the index of a series.
        """
        moments = times if isinstance(times, pd.Series) else pd.Series(times)
        given = pd.Index([names] if isinstance(names, str) else names)
        which, distinct = pd.factorize(given)
        place = np.append(self.names.get_indexer(pd.Index(distinct).astype("str")), -1)[which]
        values = np.concatenate([self.table, np.full((1, KINDS, 3), np.nan)])[
            place, kinds_of_hours(moments, holidays=self.holidays)
        ]
        return pd.DataFrame(values, index=moments.index, columns=list(COLUMNS))

    def save(self, directory: Path) -> None:
        """Write the numbers into the folder of a model's files."""
        table = self.table.reshape(len(self.names), -1)
        document = {
            "first_hour": self.first_hour.isoformat(),
            "last_hour": self.last_hour.isoformat(),
            "holidays": self.holidays,
            "time_zone": str(self.last_hour.tz),
            "names": {
                str(name): [None if np.isnan(value) else round(float(value), 1) for value in values]
                for name, values in zip(self.names, table, strict=True)
            },
        }
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        (directory / USUAL_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Read what `save` wrote; return ``None`` if the model has none."""
        path = directory / USUAL_FILE
        if not path.exists():
            return None
        stored = json.loads(path.read_text(encoding="utf-8"))
        zone = stored.get("time_zone", TIME_ZONE)
        return cls(
            names=pd.Index(list(stored["names"]), dtype="str"),
            table=np.array(list(stored["names"].values()), dtype=np.float64).reshape(-1, KINDS, 3),
            first_hour=pd.Timestamp(stored["first_hour"]).tz_convert(zone),
            last_hour=pd.Timestamp(stored["last_hour"]).tz_convert(zone),
            holidays=stored.get("holidays", FRANCE),
        )


def _quantiles_of(recent: pd.DataFrame, holidays: str) -> pd.DataFrame:
    """Return the quantiles of counters and places, one row a name."""
    live = without_outages(recent)[[COUNTER, TIME, COUNT]]
    every = pd.concat([live.astype({COUNTER: "str"}), _sums_of_places(live)], ignore_index=True)
    names = pd.Index(sorted(every[COUNTER].unique()), dtype="str")
    cell = names.get_indexer(every[COUNTER]) * KINDS + kinds_of_hours(every[TIME], holidays=holidays)
    table = _quantiles(cell, every[COUNT].to_numpy(np.float64), len(names) * KINDS)
    return pd.DataFrame(table.reshape(-1, KINDS * 3), index=names)


def sums_where_all_counted(rows: pd.DataFrame, counters: Sequence[str], columns: list[str]) -> pd.DataFrame:
    """Return the sums of columns over some counters by hour, of the hours that all of these counters have."""
    groups = rows[rows[COUNTER].isin(counters)].groupby(TIME)[columns]
    return groups.sum()[groups.size() == len(counters)]


def _sums_of_places(live: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the places of several counters: their sum in each hour that all of them counted."""
    names = live[COUNTER].cat
    together = {
        place: list(counters.values())
        for place, counters in counters_by_place(map(str, names.categories[np.unique(names.codes)])).items()
    }
    place_of_counter = {counter: place for place, own in together.items() for counter in own}
    place = pd.Series(names.categories.astype(str).map(place_of_counter).to_numpy()[names.codes], index=live.index)
    summed = live.groupby([place.rename(COUNTER), TIME], sort=False)[COUNT].agg(["sum", "size"]).reset_index()
    # A counter that is a place of its own, without a direction, has its rows already.
    wanted = {name: len(own) for name, own in together.items() if name not in place_of_counter}
    whole = summed[(summed["size"] == summed[COUNTER].map(wanted)).to_numpy()]
    return whole.rename(columns={"sum": COUNT})[[COUNTER, TIME, COUNT]].astype({COUNTER: "str"})


def _quantiles(cell: NDArray[np.intp], count: NDArray[np.float64], cells: int) -> NDArray[np.float64]:
    """Return the quantiles of the counts of each cell, shape (cells, 3); NaN for a cell of few counts."""
    ordered = count[np.lexsort((count, cell))]
    sizes = np.bincount(cell, minlength=cells)
    start = np.cumsum(sizes) - sizes
    position = np.outer(np.maximum(sizes - 1, 0), QUANTILES)
    below = np.floor(position).astype(np.intp)
    above = np.ceil(position).astype(np.intp)
    padded = np.append(ordered, 0.0)  # an empty cell may start behind the last count
    low, high = (padded[start[:, None] + offset] for offset in (below, above))
    values = low + (position - below) * (high - low)
    return np.where(sizes[:, None] >= LEAST_HOURS, values, np.nan)
