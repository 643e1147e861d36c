"""Rows that only the whole file shows to be strange, found in chunks: weeks away from all others, doubtful counts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME
from bike_traffic.data.checking.body import DaysOfRows
from bike_traffic.data.checking.doubtful import BIKES, UsualCounts
from bike_traffic.data.checking.rules import FIRST_ROWS, Fault, positions_in_file
from bike_traffic.data.files.formats.refusals import row_number
from bike_traffic.data.rule import RULES
from bike_traffic.features.calendar import day_numbers

_LARGEST = 20
"""Rows that are remembered of each counter and hour of the day: the largest counts."""
_AT_ONCE = 50_000
"""Rows, or as many as are remembered, of which the largest are chosen at once: in each chunk it would take longer."""
_DAY = "day"


class StrayRows:
    """The rows of a file that `bike_traffic.data.checking.usable` leaves out by the rules of a whole frame.

    It remembers the first row and the first and last hour of each day, and the largest counts of each counter and
    hour of the day.
    """

    def __init__(self) -> None:
        self._days = DaysOfRows()
        self._usual = UsualCounts()
        self._first_of_day: dict[int, tuple[int, str]] = {}
        self._largest = pd.DataFrame()
        self._waiting: list[pd.DataFrame] = []
        self._spans = pd.DataFrame()

    def add(self, cleaned: pd.DataFrame) -> None:
        """Take the usable rows of the next chunk, as a clean frame on the index of the file."""
        self._days.add(cleaned)
        self._usual.add(cleaned)
        days = day_numbers(cleaned[TIME])
        positions = positions_in_file(cleaned)
        for at in np.unique(days, return_index=True)[1]:
            time = cleaned[TIME].iloc[at].isoformat()
            self._first_of_day.setdefault(int(days[at]), (int(positions[at]), time))
        spans = cleaned[TIME].groupby(days).agg(["min", "max"])
        every_span = pd.concat([self._spans, spans]).groupby(level=0)
        self._spans = every_span.agg({"min": "min", "max": "max"})
        large = (cleaned[COUNT] > BIKES).to_numpy()
        rows = cleaned.loc[large, [COUNTER, HOUR, COUNT]].assign(position=positions[large], **{_DAY: days[large]})
        rows[COUNTER] = rows[COUNTER].astype("str")
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) > max(_AT_ONCE, len(self._largest)):
            self._keep_largest()

    def _keep_largest(self) -> None:
        every = pd.concat([self._largest, *self._waiting], ignore_index=True)
        every = every.sort_values([COUNT, "position"], ascending=[False, True])
        self._largest = every.groupby([COUNTER, HOUR], sort=False).head(_LARGEST)
        self._waiting = []

    def span(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """Return the first and last hour without the rows that are apart; ``None`` if there is no row."""
        body = self._spans.drop(index=list(self._days.apart()))
        return (body["min"].min(), body["max"].max()) if len(body) else None

    def apart(self) -> NDArray[np.int64]:
        """Return the days, since 1970, that are apart from all others; see `apart_days`."""
        return self._days.apart()

    def limits(self) -> pd.DataFrame:
        """Return the count above which one is doubtful, by counter and hour of the day."""
        return self._usual.table()

    def faults(self, headers: Mapping[str, str]) -> list[Fault]:
        """Return the faults of all chunks.

        Parameters
        ----------
        headers : of the file, by standard name.
        """
        if self._waiting:
            self._keep_largest()
        apart = self._days.apart()
        if self._days.are_sums_of_days:
            return [self._of_days("hours-of-days", headers[TIME], self._days.all)]
        found = [self._of_days("hours-apart", headers[TIME], apart)] if len(apart) else []
        rows = self._largest[~self._largest[_DAY].isin(apart).to_numpy()] if len(self._largest) else self._largest
        doubtful = rows.astype({COUNTER: "category"})
        doubtful = doubtful[self._usual.doubtful(doubtful)] if len(rows) else rows
        if len(doubtful):
            in_order = doubtful.sort_values("position")
            first = tuple(row_number(int(position)) for position in in_order["position"].head(FIRST_ROWS))
            rule = RULES["count-doubtful"]
            example = repr(f"{in_order[COUNT].iloc[0]:.0f}")
            found.append(Fault(rule.id, headers[COUNT], rule.found, len(doubtful), first, example, rule.advice))
        return found

    def _of_days(self, name: str, header: str, days: NDArray[np.int64]) -> Fault:
        rule = RULES[name]
        firsts = sorted(self._first_of_day[int(day)] for day in days)
        rows = tuple(row_number(position) for position, _ in firsts[:FIRST_ROWS])
        return Fault(rule.id, header, rule.found, self._days.rows_of(days), rows, repr(firsts[0][1]), rule.advice)
