"""Load counts of any length in chunks: the usable rows, by the same rules as those of a whole frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.addresses import shown
from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNT, COUNTER, HOUR, IDENTIFIER, TIME
from bike_traffic.data.checking.rules import USABLE, RowRules
from bike_traffic.data.checking.strays import StrayRows
from bike_traffic.data.checking.usable import DEFAULT_TOLERANCE, Tolerance, Usable, refuse, refuse_counters
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files.malformed import MalformedRows
from bike_traffic.data.files.reading import open_counts
from bike_traffic.data.parsing.renames import newest_names, renamed
from bike_traffic.data.parsing.times import SecondHours
from bike_traffic.data.parts.stored import StoredCounts
from bike_traffic.data.parts.writing import CountsWriter
from bike_traffic.data.schema import IDENTIFYING
from bike_traffic.data.window import EVERYTHING, Window
from bike_traffic.errors import SchemaError
from bike_traffic.features.calendar import day_numbers
from bike_traffic.notices import Notify, log_warning


def store_counts(
    source: str,
    *,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    notify: Notify = log_warning,
    window: Window = EVERYTHING,
    city: City = PARIS,
    on_rows: Callable[[int], object] | None = None,
) -> StoredCounts:
    """Read a file, a folder or a pattern in chunks, and keep its usable rows in a temporary folder.

    Parameters
    ----------
    source, tolerance, notify, window, city : as for `bike_traffic.data.loading.load_counts`; standard input cannot be
        read twice, as files with renamed counters are.
    on_rows : called after each chunk that was read with the number of its rows.

    Raises
    ------
    ReadError
    SchemaError
        A column is missing, there is no row, or more rows cannot be used than is tolerated.
    """
    reading = _Reading(source, window, city, on_rows or (lambda _: None))
    try:
        reading.read({})
        if reading.several_names:
            renames = newest_names(reading.rows_of_several_names())
            if renames:
                reading.read(renames)
        return reading.stored(tolerance, notify)
    except BaseException:
        reading.writer.discard()
        raise


class _Reading:
    """One reading of a source: what was found in its chunks."""

    def __init__(self, source: str, window: Window, city: City, on_rows: Callable[[int], object]) -> None:
        self._source, self._window, self._city, self._on_rows = source, window, city, on_rows
        self.writer = CountsWriter()

    def read(self, renames: Mapping[str, str]) -> None:
        """Read all chunks, renamed counters under their newest names."""
        self.writer.discard()
        self.writer, self._strays, self._renames = CountsWriter(), StrayRows(), dict(renames)
        self._names_of: dict[str, set[str]] = {}
        names: set[str] = set()
        malformed, second_hours = MalformedRows(), SecondHours()
        self._rules = RowRules(with_counts=True, malformed=malformed, city=self._city)
        wanted = (*IDENTIFYING, COUNT)
        with open_counts(
            self._source, wanted, on_malformed=malformed.add, window=self._window, city=self._city
        ) as opened:
            self._where, self._headers = opened.uri, opened.headers
            for chunk in opened.frames():
                cleaned = clean(chunk, second_hours, self._city)
                names.update(map(str, cleaned[COUNTER].cat.categories))
                refuse_counters(self._where, len(names))
                self._remember_names(cleaned)
                cleaned = renamed(cleaned, renames)
                usable = self._rules.reasons(chunk, cleaned) == USABLE
                kept = cleaned if usable.all() else cleaned[usable]
                self._strays.add(kept)
                self.writer.add(kept)
                self._on_rows(len(chunk))

    def _remember_names(self, cleaned: pd.DataFrame) -> None:
        if IDENTIFIER not in cleaned:
            return
        pairs = cleaned[[IDENTIFIER, COUNTER]].drop_duplicates().dropna().astype("str")
        for identifier, name in pairs.itertuples(index=False):
            if identifier and name:
                self._names_of.setdefault(identifier, set()).add(name)

    @property
    def several_names(self) -> list[str]:
        """The identifiers that several names bear."""
        return [identifier for identifier, names in self._names_of.items() if len(names) > 1]

    def rows_of_several_names(self) -> pd.DataFrame:
        """Read the rows again whose counters may be renamed, or bear a name of one."""
        identifiers = self.several_names
        names = {name for identifier in identifiers for name in self._names_of[identifier]}
        found = []
        second_hours = SecondHours()
        with open_counts(self._source, on_malformed=_ignore, window=self._window, city=self._city) as opened:
            for chunk in opened.frames():
                cleaned = clean(chunk, second_hours, self._city)
                of_names = cleaned[COUNTER].isin(list(names)) | cleaned[IDENTIFIER].isin(identifiers)
                rows = cleaned.loc[of_names.to_numpy(), [IDENTIFIER, COUNTER, TIME]]
                found.append(rows.astype({IDENTIFIER: "str", COUNTER: "str"}))
        return pd.concat(found).astype({IDENTIFIER: "category", COUNTER: "category"})

    def stored(self, tolerance: Tolerance, notify: Notify) -> StoredCounts:
        """Leave out what only all rows show to be strange, and divide the others by counter."""
        rules, where = self._rules, self._source
        refuse(where, rules, tolerance)
        stray = {fault.id: fault for fault in self._strays.faults(self._headers)}
        if "hours-of-days" in stray:
            rules.add_fault(stray["hours-of-days"])
            refuse(where, rules, tolerance)
        apart, limits, number = self._strays.apart(), self._strays.limits(), 0

        def keep(rows: pd.DataFrame) -> NDArray[np.bool_]:
            nonlocal number
            kept = ~np.isin(day_numbers(rows[TIME]), apart)
            if "count-doubtful" in stray and not tolerance.keep_doubtful:
                names = rows[COUNTER].cat
                of_row = limits.index.get_indexer(names.categories)[names.codes.to_numpy()]
                doubtful = kept & (rows[COUNT].to_numpy() > limits.to_numpy()[of_row, rows[HOUR].to_numpy()])
                number += int(doubtful.sum())
                kept &= ~doubtful
            return kept & self._inside(rows)

        if self.writer.is_empty:
            raise SchemaError(
                f"{where}: none of its {rules.rows:,} rows can be used", "counts-none-usable", where=where
            )
        if tolerance.keep_doubtful:
            stray.pop("count-doubtful", None)
        whole = not stray and self._window.is_everything
        counts = self.writer.divided(None if whole else keep)
        for fault in stray.values():
            rules.add_fault(attrs.evolve(fault, rows=number) if fault.id == "count-doubtful" else fault)
        if not tolerance.share:
            refuse(where, rules, tolerance)
        if not counts.rows:
            where = shown(where)
            raise SchemaError(
                f"{where}: none of its rows is of the hours that are wanted", "counts-none-wanted", where=where
            )
        notes = Usable(cleaned=pd.DataFrame(), rows=rules.rows, faults=rules.faults, renames=self._renames)
        for line in notes.notes(where):
            notify(line)
        return counts

    def _inside(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        return np.isin(rows.index, self._window.of(rows).index)


def _ignore(position: int, reason: str) -> None:
    """Leave out a row that does not fit the table: its values are missing."""
