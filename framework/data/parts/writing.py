"""Write usable counts, chunk by chunk, and divide them by counter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, LATITUDE, LONGITUDE, TIME
from bike_traffic.data.checking.rules import FIRST_ROWS, positions_in_file
from bike_traffic.data.checking.seen import seconds_of
from bike_traffic.data.parts.stored import PART_ROWS, PLACED, ROW, CounterNotes, Rows, StoredCounts, read
from bike_traffic.places import counters_by_place

Keep = Callable[[pd.DataFrame], NDArray[np.bool_]]


class CountsWriter:
    """Writes usable clean rows, 14 bytes each, and remembers their counters."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="bike-traffic-counts-")
        self._path = Path(self._folder.name, "written")
        self._file = self._path.open("wb")
        self._numbers: dict[str, int] = {}
        self._notes: list[CounterNotes] = []
        self._rows_of: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._span: list[pd.Timestamp] = []
        self._with_identifiers = False

    def add(self, cleaned: pd.DataFrame) -> None:
        """Append usable rows of a clean frame."""
        if cleaned.empty:
            return
        every = [*self._span, cleaned[TIME].min(), cleaned[TIME].max()]
        self._span = [min(every), max(every)]
        names = cleaned[COUNTER].cat
        numbers = np.array([self._number(str(name)) for name in names.categories], dtype=np.int64)
        rows = np.empty(len(cleaned), dtype=ROW)
        rows["counter"] = numbers[names.codes.to_numpy()]
        rows["hour"] = seconds_of(cleaned[TIME]) // 3600
        rows["count"] = cleaned[COUNT].to_numpy(np.float64)
        rows.tofile(self._file)
        more = np.bincount(rows["counter"], minlength=len(self._numbers))
        self._rows_of = np.append(self._rows_of, np.zeros(len(more) - len(self._rows_of), dtype=np.int64)) + more
        self._remember(cleaned)

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self._numbers)
            self._notes.append(CounterNotes())
        return self._numbers[name]

    def _remember(self, cleaned: pd.DataFrame) -> None:
        """Keep where each counter was last, its identifier, and where its first rows are."""
        columns = [name for name in (LATITUDE, LONGITUDE, IDENTIFIER) if name in cleaned]
        self._with_identifiers |= IDENTIFIER in columns
        last = cleaned.groupby(COUNTER, observed=True)[columns].last()
        for name, row in zip(last.index, last.to_dict("records"), strict=True):
            known = self._notes[self._numbers[str(name)]]
            if not np.isnan(row[LATITUDE]):
                known.latitude, known.longitude = row[LATITUDE], row[LONGITUDE]
            if isinstance(row.get(IDENTIFIER), str):
                known.identifier = row[IDENTIFIER]
        new = [name for name in map(str, last.index) if len(self._notes[self._numbers[name]].first_rows) < FIRST_ROWS]
        if new:
            names = cleaned[COUNTER].to_numpy(dtype=object)
            some = np.flatnonzero(cleaned[COUNTER].isin(new))
            for name, positions in pd.Series(positions_in_file(cleaned)[some]).groupby(names[some]):
                first = self._notes[self._numbers[str(name)]].first_rows
                first += positions.tolist()[: FIRST_ROWS - len(first)]

    def discard(self) -> None:
        """Delete what was written."""
        self._file.close()
        self._folder.cleanup()

    @property
    def is_empty(self) -> bool:
        """Whether no row was written."""
        return not self._numbers

    def divided(self, keep: Keep | None) -> StoredCounts:
        """Divide the rows by counter.

        Parameters
        ----------
        keep : is given rows as a clean frame, and returns which of them are kept; ``None`` keeps all.
        """
        self._file.close()
        names = sorted(name for name, number in self._numbers.items() if self._rows_of[number])
        old = np.array([self._numbers[name] for name in names], dtype=np.intp)
        first, last = self._span
        counts = StoredCounts(
            folder=self._folder,
            names=pd.Index(names),
            notes=[self._notes[number] for number in old],
            with_identifiers=self._with_identifiers,
            first_hour=int(first.timestamp()) // 3600,
            times=pd.date_range(first, last, freq="h", unit=first.unit),
        )
        renumbered = np.empty(len(self._numbers), dtype=np.int16)
        renumbered[old] = np.arange(len(old))
        block_of = _blocks(names, self._rows_of[old])
        counts.blocks = [Path(self._folder.name, f"block-{number}") for number in range(int(block_of.max()) + 1)]
        counts.rows_of = np.zeros(len(names), dtype=np.int64)
        hours: list[int] = []
        with counts.in_order.open("wb") as in_order:
            for rows in read(self._path, ROW):
                rows["counter"] = renumbered[rows["counter"]]
                if keep is not None:
                    rows = rows[keep(counts.frame(rows, np.arange(len(rows))))]
                rows.tofile(in_order)
                _append(rows, counts, block_of)
                counts.rows += len(rows)
                counts.rows_of += np.bincount(rows["counter"], minlength=len(names))
                if len(rows):
                    every = [*hours, int(rows["hour"].min()), int(rows["hour"].max())]
                    hours = [min(every), max(every)]
        self._path.unlink()
        if hours:
            counts.first, counts.last = (counts.times[hour - counts.first_hour] for hour in hours)
        return counts


def _append(rows: Rows, counts: StoredCounts, block_of: NDArray[np.intp]) -> None:
    """Append rows to the files of their blocks."""
    placed = np.empty(len(rows), dtype=PLACED)
    placed["position"] = np.arange(counts.rows, counts.rows + len(rows))
    for name in ROW.names or ():
        placed[name] = rows[name]
    block = block_of[rows["counter"]]
    order = np.argsort(block, kind="stable")
    ends = np.searchsorted(block[order], np.arange(len(counts.blocks) + 1))
    for number, path in enumerate(counts.blocks):
        with path.open("ab") as file:
            placed[order[ends[number] : ends[number + 1]]].tofile(file)


def _blocks(names: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the number of each counter's block: places one after the other, until a block has `PART_ROWS`."""
    position = {name: number for number, name in enumerate(names)}
    block, number, filled = np.zeros(len(names), dtype=np.intp), 0, 0
    for counters in counters_by_place(names).values():
        own = np.array([position[name] for name in counters.values()], dtype=np.intp)
        size = int(rows[own].sum())
        if filled and filled + size > PART_ROWS:
            number, filled = number + 1, 0
        block[own], filled = number, filled + size
    return block
