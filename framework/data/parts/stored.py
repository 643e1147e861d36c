"""Usable counts in a temporary folder, divided by counter, for trainings on more rows than fit into memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, LATITUDE, LONGITUDE, TIME, WEATHER_COLUMNS
from bike_traffic.data.cleaning import time_parts
from bike_traffic.data.weather.joining import join_weather
from bike_traffic.features.parts import Parts

PART_ROWS = 500_000
"""Rows of a part; of a single place there may be more."""
ROW = np.dtype([("counter", "<i2"), ("hour", "<i4"), ("count", "<f8")])
PLACED = np.dtype([("position", "<u4"), *((name, ROW[name]) for name in ROW.names or ())])

Rows = NDArray[np.void]


@attrs.define(eq=False)
class CounterNotes:
    """What is known of a counter beside its counts: where it is now, its identifier, and positions in the file.

    Parameters
    ----------
    first_rows : the positions of its first usable rows in the file, `FIRST_ROWS` at most.
    """

    latitude: float = np.nan
    longitude: float = np.nan
    identifier: str | None = None
    first_rows: list[int] = attrs.field(factory=list)


@attrs.define(kw_only=True, eq=False, repr=False)
class StoredCounts:
    """Usable counts in files, and the numbers that describe them.

    Parameters
    ----------
    folder : is deleted by `close`.
    names : of the counters, in order.
    notes : of each counter.
    with_identifiers : whether the source has them.
    first_hour : since 1970 in UTC, of `times`.
    times : every hour in which a row may be, in the city's time.
    rows, rows_of : number of rows, and of those of each counter.
    first, last : the first and the last hour of the rows.
    blocks : the files of the parts.
    """

    folder: TemporaryDirectory[str]
    names: pd.Index
    notes: Sequence[CounterNotes]
    with_identifiers: bool
    first_hour: int
    times: pd.DatetimeIndex
    rows: int = 0
    rows_of: NDArray[np.int64] = attrs.field(factory=lambda: np.zeros(0, dtype=np.int64))
    first: pd.Timestamp = attrs.field(init=False)
    last: pd.Timestamp = attrs.field(init=False)
    blocks: list[Path] = attrs.field(factory=list)
    _time_parts: dict[str, NDArray[np.int16]] = attrs.field(init=False)
    _weather: dict[str, NDArray[np.float32]] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Compute the parts of each hour's local time."""
        self.first, self.last = self.times[0], self.times[-1]
        self._time_parts = {name: of.to_numpy(np.int16) for name, of in time_parts(self.times).items()}

    @property
    def in_order(self) -> Path:
        """The file of all rows in their order."""
        return Path(self.folder.name, "rows")

    def __enter__(self) -> StoredCounts:
        """Return the counts, which are deleted at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the files."""
        self.close()

    def close(self) -> None:
        """Delete the files."""
        self.folder.cleanup()

    def add_weather(self, weather: pd.DataFrame, where: str) -> None:
        """Give the frames the weather of each row's hour; the parameters and errors are those of `join_weather`."""
        counted = np.zeros(len(self.times), dtype=bool)
        for rows in read(self.in_order, ROW):
            counted[rows["hour"] - self.first_hour] = True
        known = join_weather(pd.DataFrame({TIME: self.times[counted]}), weather, where)
        for name in WEATHER_COLUMNS:
            of_hour = np.full(len(self.times), np.nan, dtype=np.float32)
            of_hour[counted] = known[name]
            self._weather[name] = of_hour

    def parts(self, before: pd.Timestamp | None = None) -> Parts:
        """Return the counts in parts, those of the hours before a time; see `bike_traffic.features.parts`."""
        return _Divided(self, None if before is None else _hour(before))

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return the rows from one hour to before another as a clean frame, in their order."""
        found, positions, begun = [np.empty(0, dtype=ROW)], [np.empty(0, dtype=np.int64)], 0
        for rows in read(self.in_order, ROW):
            inside = np.flatnonzero((rows["hour"] >= _hour(start)) & (rows["hour"] < _hour(end)))
            found.append(rows[inside])
            positions.append(begun + inside)
            begun += len(rows)
        return self.frame(np.concatenate(found), np.concatenate(positions))

    def frame(self, rows: Rows, positions: NDArray[np.integer]) -> pd.DataFrame:
        """Return rows as a clean frame."""
        counter, hour = rows["counter"], rows["hour"].astype(np.intp) - self.first_hour
        places = np.array([[one.latitude, one.longitude] for one in self.notes], dtype=np.float32)
        columns: dict[str, object] = {
            COUNTER: pd.Categorical.from_codes(counter, categories=self.names),
            TIME: self.times.take(hour),
        }
        columns |= {name: of[hour] for name, of in self._time_parts.items()}
        columns |= {LATITUDE: places[counter, 0], LONGITUDE: places[counter, 1]}
        if self.with_identifiers:
            identifiers = pd.Categorical([one.identifier for one in self.notes])
            columns[IDENTIFIER] = identifiers.take(counter)
        columns[COUNT] = rows["count"].astype(np.float64)
        columns |= {name: of[hour] for name, of in self._weather.items()}
        return pd.DataFrame(columns, index=pd.Index(positions.astype(np.int64)))

    def one_of_each(self) -> pd.DataFrame:
        """Return a clean frame of one row for each counter, in their order."""
        rows = np.zeros(len(self.names), dtype=ROW)
        rows["counter"], rows["hour"] = np.arange(len(rows)), self.first_hour
        return self.frame(rows, np.arange(len(rows)))

    def describe(self) -> dict[str, object]:
        """Return the same as `bike_traffic.data.checking.description.describe`."""
        return {
            "rows": self.rows,
            "counters": int((self.rows_of > 0).sum()),
            "first_hour": self.first.isoformat(),
            "last_hour": self.last.isoformat(),
        }

    def fingerprint(self) -> str:
        """Return the same as `bike_traffic.data.checking.description.fingerprint`."""
        names = pd.util.hash_array(self.names.to_numpy(dtype=object))
        digest = hashlib.sha256()
        for rows in read(self.in_order, ROW):
            digest.update(names[rows["counter"]].tobytes())
        for rows in read(self.in_order, ROW):
            digest.update((rows["hour"].astype(np.int64) * 3600).tobytes())
        for rows in read(self.in_order, ROW):
            digest.update(rows["count"].astype(np.float64).tobytes())
        return digest.hexdigest()


@attrs.frozen(eq=False)
class _Divided:
    counts: StoredCounts
    before: int | None

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for path in self.counts.blocks:
            rows = np.fromfile(path, dtype=PLACED)
            if self.before is not None:
                rows = rows[rows["hour"] < self.before]
            if len(rows):
                yield self.counts.frame(rows, rows["position"])


def read(path: Path, kind: np.dtype[np.void]) -> Iterator[Rows]:
    """Yield the rows of a file, `PART_ROWS` at once."""
    with path.open("rb") as file:
        while len(rows := np.fromfile(file, dtype=kind, count=PART_ROWS)):
            yield rows


def _hour(time: pd.Timestamp) -> int:
    """Return a time in hours since 1970 UTC; hours before a time within an hour are those before the next one."""
    return -(-int(time.timestamp()) // 3600)
