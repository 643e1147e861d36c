"""The rows of published counts that can be used: the others are left out, counted and named, up to a share."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.checking.body import DaysOfRows
from bike_traffic.data.checking.doubtful import doubtful_counts
from bike_traffic.data.checking.rules import USABLE, Fault, RowRules, refused
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files.malformed import MalformedRows
from bike_traffic.data.parsing.renames import newest_names, renamed
from bike_traffic.data.schema import IDENTIFYING, headers_of
from bike_traffic.errors import SchemaError
from bike_traffic.features.calendar import day_numbers
from bike_traffic.notices import Notify

MOST_COUNTERS = 10_000
"""No city has so many: a file with more has something else in the column of names."""
MAX_LEFT_OUT = 0.05
"""Share of the rows that may be left out, unless the settings say another."""
_NAMED_RENAMES = 5


@attrs.frozen(kw_only=True)
class Tolerance:
    """Which share of the rows may be left out, from 0 to 1, and whether doubtful counts are used all the same.

    A share of 0 refuses counts with any fault, also one that costs no row.
    """

    share: float = MAX_LEFT_OUT
    keep_doubtful: bool = False


DEFAULT_TOLERANCE = Tolerance()


@attrs.frozen(kw_only=True, eq=False)
class Usable:
    """The usable rows of counts, and what was wrong with the others.

    Parameters
    ----------
    cleaned : a clean frame on the index of the published rows, renamed counters under their newest names.
    rows : number of published rows.
    faults : the rules that rows break, the most serious first.
    renames : the newest names of renamed counters, by older names.
    """

    cleaned: pd.DataFrame
    rows: int
    faults: tuple[Fault, ...]
    renames: Mapping[str, str]

    def notes(self, where: str) -> list[str]:
        """Return one line for each rule that rows break, and for each renamed counter."""
        lines = [
            f"{where}: {fault.rows:,} of {self.rows:,} rows left out: {fault.where}"
            if fault.grave
            else f"{where}: {fault.where}; the value is left out"
            for fault in self.faults
        ]
        for old, new in list(self.renames.items())[:_NAMED_RENAMES]:
            lines.append(f"{where}: '{old}' now bears the name '{new}'")
        if (others := len(self.renames) - _NAMED_RENAMES) > 0:
            lines.append(f"{where}: {others} other counters were renamed")
        return lines


def usable_counts(
    counts: pd.DataFrame,
    where: str,
    tolerance: Tolerance,
    notify: Notify,
    malformed: MalformedRows | None = None,
    city: City = PARIS,
) -> pd.DataFrame:
    """Return the usable rows of published counts as a clean frame, and tell what was left out.

    Parameters
    ----------
    where, tolerance, malformed, city : as for `find_usable`.
    notify : called with one line for each rule that rows break, and for each renamed counter.

    Raises
    ------
    SchemaError
    """
    found = find_usable(counts, where, tolerance, malformed=malformed, city=city)
    for line in found.notes(where):
        notify(line)
    return found.cleaned


def find_usable(
    counts: pd.DataFrame,
    where: str,
    tolerance: Tolerance,
    *,
    sum_to_hours: bool = False,
    malformed: MalformedRows | None = None,
    city: City = PARIS,
) -> Usable:
    """Find the usable rows of published counts.

    Parameters
    ----------
    where : name of the counts in messages.
    sum_to_hours : whether rows of parts of an hour are summed; see `whole_hours`.
    malformed, city : see `RowRules`.

    Raises
    ------
    SchemaError
        A column is missing, there is no row, or more rows cannot be used than is tolerated.
    """
    headers_of(counts.columns, [*IDENTIFYING, COUNT], where)
    if counts.empty:
        raise SchemaError(f"{where}: it has no rows", "counts-no-rows", where=where)
    cleaned = clean(counts, city=city)
    refuse_counters(where, len(cleaned[COUNTER].cat.categories))
    renames = newest_names(cleaned)
    cleaned = renamed(cleaned, renames)
    rules = RowRules(with_counts=True, malformed=malformed, whole_hours=not sum_to_hours, city=city)
    usable = rules.reasons(counts, cleaned) == USABLE
    refuse(where, rules, tolerance)
    kept = cleaned if usable.all() else cleaned[usable]
    if sum_to_hours:
        kept, part = whole_hours(kept)
        rules.add("hour-incomplete", counts, _among(counts.index, part))
    days = DaysOfRows()
    days.add(kept)
    if days.are_sums_of_days:
        rules.leave_out("hours-of-days", counts, _among(counts.index, kept.index))
        refuse(where, rules, tolerance)
    for rule in ("hours-apart", "count-doubtful"):
        if rule == "hours-apart":
            apart = days.apart()
            broken = np.isin(day_numbers(kept[TIME]), apart) if len(apart) else np.zeros(len(kept), dtype=bool)
        else:
            broken = doubtful_counts(kept) & (not tolerance.keep_doubtful)
        if broken.any():
            rules.add(rule, counts, _among(counts.index, kept.index[broken]))
            kept = kept[~broken]
    if not tolerance.share:
        refuse(where, rules, tolerance)
    if kept.empty:
        raise SchemaError(f"{where}: none of its {len(counts):,} rows can be used", "counts-none-usable", where=where)
    return Usable(cleaned=kept, rows=len(counts), faults=rules.faults, renames=renames)


def whole_hours(cleaned: pd.DataFrame) -> tuple[pd.DataFrame, pd.Index]:
    """Sum rows of parts of an hour, such as quarters, to whole hours.

    An hour is whole if it has as many rows as most hours of the counts have.

    Returns
    -------
    hours : one row a counter and whole hour, on the index of the first of its rows.
    part : the index of the rows of hours that are not whole.
    """
    starts = cleaned[TIME].dt.tz_convert("UTC").dt.floor("h").dt.tz_convert(cleaned[TIME].dt.tz)
    hours = cleaned.groupby([cleaned[COUNTER].cat.codes, starts], sort=False)[COUNT]
    size = hours.transform("size")
    whole = (size == size.mode().max()).to_numpy()
    summed = cleaned.assign(**{COUNT: hours.transform("sum"), TIME: starts})
    first = ~summed.duplicated([COUNTER, TIME]).to_numpy()
    return summed[first & whole], cleaned.index[~whole]


def refuse_counters(where: str, number: int) -> None:
    """Raise `SchemaError` if counts have more counters than any city."""
    if number > MOST_COUNTERS:
        raise SchemaError(
            f"{where}: more than {MOST_COUNTERS:,} counters; give a column that names the counter of each row",
            "counters-too-many",
            where=where,
            most=MOST_COUNTERS,
        )


def refuse(where: str, rules: RowRules, tolerance: Tolerance) -> None:
    """Raise `SchemaError` if more rows cannot be used than is tolerated: with the fault of most rows."""
    faults = rules.faults if not tolerance.share else [fault for fault in rules.faults if fault.grave]
    if faults and (not tolerance.share or rules.left_out > tolerance.share * rules.rows):
        raise refused(where, max(faults, key=lambda fault: fault.rows), rules)


def _among(rows: pd.Index, some: pd.Index) -> NDArray[np.bool_]:
    return np.asarray(rows.isin(some), dtype=bool)
