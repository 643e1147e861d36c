"""Check a file of counts of any length, in chunks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import IO

import attrs
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.checking.rules import USABLE, Fault, RowRules
from bike_traffic.data.checking.strays import StrayRows
from bike_traffic.data.checking.usable import refuse_counters
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files.malformed import MalformedRows
from bike_traffic.data.files.reading import open_counts
from bike_traffic.data.parsing.times import SecondHours


@attrs.frozen
class CheckReport:
    """What a file of counts holds, and what is wrong with it."""

    source: str
    """Name of the file in messages."""
    rows: int
    counters: int
    first_hour: str | None
    """ISO 8601 with the offset of the city, of the rows that can be used; ``None`` if there is none."""
    last_hour: str | None
    counts: str | None
    """Header of the column of counts; ``None`` where there is none, as in rows to predict."""
    left_out: int
    """Rows that cannot be used."""
    faults: tuple[Fault, ...]
    """The most serious first."""

    def refused(self, share: float) -> bool:
        """Return whether more than this share of the rows cannot be used; for a share of 0 any fault is enough."""
        return self.left_out > share * self.rows or (not share and bool(self.faults))


def check_file(
    source: str | IO[bytes],
    *,
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
    on_rows: Callable[[int], None] | None = None,
    on_clean: Callable[[pd.DataFrame], None] | None = None,
    city: City = PARIS,
) -> CheckReport:
    """Find every fault of a file, in chunks of bounded memory.

    Parameters
    ----------
    source, name, max_rows, max_bytes : as for `bike_traffic.data.files.reading.read_counts`.
    on_rows : called after each chunk with the number of its rows.
    on_clean : called with each chunk as a clean frame, in which what cannot be read is missing.
    city : whose counts they are.

    Raises
    ------
    ReadError
        The file is not there, truncated, not a table, or larger than is allowed.
    SchemaError
        A column is missing, or there is no row.
    """
    counters: set[str] = set()
    times: list[pd.Timestamp] = []
    malformed = MalformedRows()
    second_hours = SecondHours()
    opening = partial(open_counts, max_rows=max_rows, max_bytes=max_bytes, on_malformed=malformed.add, city=city)
    with opening(source, name=name) as counts:
        rules = RowRules(with_counts=COUNT in counts.headers, malformed=malformed, city=city)
        strays = StrayRows() if COUNT in counts.headers else None
        for chunk in counts.frames():
            cleaned = clean(chunk, second_hours, city)
            usable = rules.reasons(chunk, cleaned) == USABLE
            kept = cleaned if usable.all() else cleaned[usable]
            counters.update(kept[COUNTER].unique())
            refuse_counters(counts.uri, len(counters))
            if strays is not None:
                strays.add(kept)
            readable = [*times, *kept[TIME].agg(["min", "max"]).dropna()]
            times = [min(readable), max(readable)] if readable else []
            if on_clean is not None:
                on_clean(cleaned)
            if on_rows is not None:
                on_rows(len(chunk))
    stray = strays.faults(counts.headers) if strays else []
    faults = [*rules.faults, *stray]
    span = times if strays is None else strays.span()
    first, last = (time.isoformat() for time in span) if span else (None, None)
    left_out = rules.left_out + sum(fault.rows for fault in stray if fault.id == "hours-of-days")
    return CheckReport(
        counts.uri, rules.rows, len(counters), first, last, counts.headers.get(COUNT), left_out, tuple(faults)
    )
