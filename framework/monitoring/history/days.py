"""Counts by counter and local day: a few numbers each, added chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, LATITUDE, LONGITUDE, TIME, TIME_ZONE
from bike_traffic.data.checking.body import apart_days
from bike_traffic.features.calendar import day_numbers, hour_numbers
from bike_traffic.features.outages import OUTAGE_HOURS
from bike_traffic.monitoring.history.hours import Numbers, changed_hours, midnights_of

MORNING, EVENING = (6, 10), (16, 20)
"""First hour, and the hour after the last one, of the parts of a day that tell one direction from the other."""

_SUMS = ("bikes", "morning", "evening")
_DAY_BITS, _EPOCH = 23, 1 << 22  # days of the years 1 to 9999, as a positive number
_BIT_BITS, _HOURS = 5, 25
_BATCH = 5_000  # counter-days whose hours are unfolded at once: some 120,000 hours
_MOST_POSITIONS = 8  # of one counter: more are noise
_STEP = 1e-4  # degrees, some 10 m: finer than any move that is told


@attrs.frozen
class Position:
    """A position of a counter, in degrees, and the first and last day on which it was there."""

    latitude: float
    longitude: float
    first_day: int
    last_day: int


@attrs.frozen(eq=False)
class Hours:
    """Hours counted by some counters: their number and the hour since 1970 UTC, in order of both."""

    number: Numbers
    hour: Numbers


class CounterDays:
    """What each counter counted on each local day: 24 bytes for a counter-day, 15 MB for ten years of 170 counters.

    Of a counter and hour that comes again, the first row counts. The entries are in order of counter and day.

    Attributes
    ----------
    names : of the counters, by number.
    number, day : counter and local day (since 1970) of each entry.
    hours : a bit for each counted hour; bit 0 is the hour from local midnight, and a day may have 25.
    bikes, morning, evening : bikes of the day, and of the hours `MORNING` and `EVENING`.
    positions : of each counter, by number.
    identifiers : the City's, of each counter, by number: the first one that its rows have.
    zone : the time zone of the rows, in which days begin.
    repeated : rows that repeat a counter and hour of an hour at which the clock changes, by hour since 1970 UTC.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.zone = TIME_ZONE
        self._numbers: dict[str, int] = {}
        self._keys = np.empty(0, np.int64)
        self.hours = np.empty(0, np.uint32)
        self.bikes, self.morning, self.evening = (np.empty(0, np.float32) for _ in range(3))
        self.positions: dict[int, dict[tuple[int, int], Position]] = {}
        self.identifiers: dict[int, str] = {}
        self.repeated: dict[int, int] = {}

    @classmethod
    def of(cls, cleaned: pd.DataFrame) -> Self:
        """Return the days of a whole clean frame."""
        days = cls()
        days.add(cleaned)
        return days

    def __len__(self) -> int:
        """Return the number of counter-days."""
        return len(self._keys)

    @property
    def number(self) -> Numbers:
        """Return the number of the counter of each entry."""
        return self._keys >> _DAY_BITS

    @property
    def day(self) -> Numbers:
        """Return the local day of each entry, in days since 1970."""
        return (self._keys & ((1 << _DAY_BITS) - 1)) - _EPOCH

    @property
    def size(self) -> Numbers:
        """Return the number of counted hours of each entry."""
        return np.bitwise_count(self.hours).astype(np.int64)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Return which entries are days of `OUTAGE_HOURS` or more hours, all of them zero."""
        return np.asarray((self.size >= OUTAGE_HOURS) & (self.bikes == 0))

    @property
    def live(self) -> NDArray[np.bool_]:
        """Return which entries are days of `OUTAGE_HOURS` or more hours with a bike."""
        return np.asarray((self.size >= OUTAGE_HOURS) & (self.bikes > 0))

    def add(self, cleaned: pd.DataFrame) -> None:
        """Take the next rows: a clean frame, in which what cannot be read is missing.

        Rows without counter, time or a possible count are left out; so are all rows of a frame without counts.
        Of its columns, counter, time and count are needed; position and identifier are taken if they are there.
        """
        if COUNT not in cleaned:
            return
        count = cleaned[COUNT].to_numpy(np.float64)
        named = cleaned[COUNTER].notna() & (cleaned[COUNTER] != "")
        readable = named.to_numpy(bool) & cleaned[TIME].notna().to_numpy() & (count >= 0) & np.isfinite(count)
        rows, count = (cleaned, count) if readable.all() else (cleaned[readable], count[readable])
        if len(rows):
            self.zone = str(rows[TIME].dt.tz)
            number = self._number(rows[COUNTER])
            day, hour = day_numbers(rows[TIME]), hour_numbers(rows[TIME])
            self._add_hours(number, day, hour, rows[TIME].dt.hour.to_numpy(np.int64), count)
            if LATITUDE in rows:
                self._add_positions(number, day, rows[LATITUDE].to_numpy(), rows[LONGITUDE].to_numpy())

            if IDENTIFIER in rows:
                self._add_identifiers(number, rows[IDENTIFIER].cat)

    def body(self) -> Self:
        """Return the days of the file's body: without stray ones, such as a row whose year is mistyped."""
        day = self.day
        days, entries = np.unique(day, return_counts=True)
        return self.part(~np.isin(day, apart_days(days, entries)))

    def part(self, entries: slice | NDArray[np.bool_]) -> Self:
        """Return some of the entries."""
        part = type(self)()
        part.zone = self.zone
        part.names, part._numbers = self.names, self._numbers
        part.positions, part.identifiers, part.repeated = self.positions, self.identifiers, self.repeated
        part._keys = self._keys[entries]
        for name in ("hours", *_SUMS):
            setattr(part, name, getattr(self, name)[entries])
        return part

    def slices(self) -> Iterator[tuple[int, slice]]:
        """Yield each counter's number and the slice of its entries."""
        number = self.number
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        for start, stop in zip(starts, np.append(starts[1:], len(number)), strict=True):
            yield int(number[start]), slice(int(start), int(stop))

    def midnights(self) -> Numbers:
        """Return the first hour, since 1970 UTC, of each entry's day."""
        return midnights_of(self.day, self.zone)

    def bounds(self) -> tuple[Numbers, Numbers]:
        """Return the first and the last counted hour, since 1970 UTC, of each entry."""
        midnights = self.midnights()
        lowest = self.hours & (~self.hours + np.uint32(1))
        return midnights + _bit(lowest), midnights + _bit(self.hours)

    def batches(self) -> Iterator[Hours]:
        """Yield the counted hours, some whole counters at a time (or one counter of very many days)."""
        number, midnights = self.number, self.midnights()
        stops = [part.stop for _, part in self.slices()]
        start = 0
        for place, stop in enumerate(stops):
            if stop - start >= _BATCH or place == len(stops) - 1:
                bits = (self.hours[start:stop, None] >> np.arange(_HOURS, dtype=np.uint32)) & np.uint32(1)
                entry, bit = np.nonzero(bits)
                yield Hours(number[start:stop][entry], midnights[start:stop][entry] + bit)
                start = stop

    def _number(self, names: pd.Series) -> Numbers:
        column = names.astype("category").cat
        numbers = np.empty(len(column.categories), np.int64)
        for place in np.unique(column.codes.to_numpy()):
            name = str(column.categories[place])
            numbers[place] = self._numbers.setdefault(name, len(self._numbers))
            if numbers[place] == len(self.names):
                self.names.append(name)
        return np.asarray(numbers[column.codes.to_numpy()])

    def _add_hours(
        self, number: Numbers, day: Numbers, hour: Numbers, local: Numbers, count: NDArray[np.float64]
    ) -> None:
        keys = (number << _DAY_BITS) + day + _EPOCH
        exact = (keys << _BIT_BITS) + np.clip(hour - midnights_of(day, self.zone), 0, _HOURS - 1)
        order = np.argsort(exact, kind="stable")
        exact, keys, hour, local, count = exact[order], keys[order], hour[order], local[order], count[order]
        bit = np.uint32(1) << (exact & ((1 << _BIT_BITS) - 1)).astype(np.uint32)
        new = np.diff(exact, prepend=-1) != 0
        known, place = self._find(keys)
        new &= ~(known & ((self.hours[place] & bit) != 0)) if len(self) else True
        self._note_repeated(hour[~new])
        keys, local, count, bit = keys[new], local[new], count[new], bit[new]
        if not len(keys):
            return
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        parts = [
            count,
            *(np.where((local >= first) & (local < end), count, 0.0) for first, end in (MORNING, EVENING)),
        ]
        sums = [np.add.reduceat(part, starts).astype(np.float32) for part in parts]
        self._merge(keys[starts], np.bitwise_or.reduceat(bit, starts), *sums)

    def _find(self, keys: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Return which keys have an entry already, and where."""
        place = np.minimum(np.searchsorted(self._keys, keys), max(len(self) - 1, 0))
        return (self._keys[place] == keys if len(self) else np.zeros(len(keys), bool)), place

    def _merge(self, keys: Numbers, bits: NDArray[np.uint32], *sums: NDArray[np.float32]) -> None:
        """Add ascending keys, of which none comes twice."""
        known, place = self._find(keys)
        self.hours[place[known]] |= bits[known]
        for name, own in zip(_SUMS, sums, strict=True):
            getattr(self, name)[place[known]] += own[known]
        if not known.all():
            at = np.searchsorted(self._keys, keys[~known])
            for name, new in zip(("hours", *_SUMS), (bits, *sums), strict=True):
                setattr(self, name, np.insert(getattr(self, name), at, new[~known]))
            self._keys = np.insert(self._keys, at, keys[~known])

    def _note_repeated(self, hours: Numbers) -> None:
        if len(hours):
            hours = hours[np.isin(hours, changed_hours(int(hours.min()), int(hours.max()), self.zone))]
        for hour, rows in zip(*np.unique(hours, return_counts=True), strict=True):
            self.repeated[int(hour)] = self.repeated.get(int(hour), 0) + int(rows)

    def _add_identifiers(self, number: Numbers, identifiers: Any) -> None:
        size = max(len(identifiers.categories), 1)
        codes = identifiers.codes.to_numpy(np.int64)
        for pair in pd.unique((number * size + codes)[codes >= 0]):
            self.identifiers.setdefault(int(pair // size), str(identifiers.categories[pair % size]))

    def _add_positions(
        self, number: Numbers, day: Numbers, latitude: NDArray[np.float32], longitude: NDArray[np.float32]
    ) -> None:
        known = np.isfinite(latitude) & np.isfinite(longitude)
        number, day = number[known], day[known]
        degrees = np.stack([latitude[known], longitude[known]], axis=1).astype(np.float64)
        steps = np.round(degrees / _STEP).astype(np.int64)
        distinct, place = np.unique((steps[:, 0] << 32) + steps[:, 1], return_inverse=True)
        pairs, first_row, inverse = np.unique(
            number * max(len(distinct), 1) + place, return_index=True, return_inverse=True
        )
        first, last = np.full(len(pairs), np.iinfo(np.int64).max), np.full(len(pairs), np.iinfo(np.int64).min)
        np.minimum.at(first, inverse, day)
        np.maximum.at(last, inverse, day)
        for row, begin, end in zip(first_row, first.tolist(), last.tolist(), strict=True):
            own = self.positions.setdefault(int(number[row]), {})
            key = (int(steps[row, 0]), int(steps[row, 1]))
            if key in own:
                own[key] = attrs.evolve(
                    own[key], first_day=min(own[key].first_day, begin), last_day=max(own[key].last_day, end)
                )
            elif len(own) < _MOST_POSITIONS:
                own[key] = Position(float(degrees[row, 0]), float(degrees[row, 1]), begin, end)


def _bit(power: NDArray[np.uint32]) -> Numbers:
    """Return the position of the highest bit."""
    return np.asarray(np.frexp(power.astype(np.float64))[1].astype(np.int64) - 1)
