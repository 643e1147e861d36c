"""Check a file of counts of any length, in chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

import attrs
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.check import FIRST_ROWS, RULES, Fault, faults_of_chunk
from bike_traffic.data.checking.seen import SeenHours
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files.reading import open_counts


@attrs.frozen
class CheckReport:
    """What a file of counts holds, and what is wrong with it."""

    source: str
    """Name of the file in messages."""
    rows: int
    counters: int
    first_hour: str | None
    """ISO 8601 with the offset of Paris; ``None`` if no time can be read."""
    last_hour: str | None
    counts: str | None
    """Header of the column of counts; ``None`` where there is none, as in rows to predict."""
    faults: tuple[Fault, ...]
    """The most serious first."""


def check_file(
    source: str | IO[bytes],
    *,
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
    on_rows: Callable[[int], None] | None = None,
    on_clean: Callable[[pd.DataFrame], None] | None = None,
) -> CheckReport:
    """Find every fault of a file, as `bike_traffic.data.check.faults` does of a frame, in chunks of bounded memory.

    Parameters
    ----------
    source, name, max_rows, max_bytes : as for `bike_traffic.data.files.reading.read_counts`.
    on_rows : called after each chunk with the number of its rows.
    on_clean : called with each chunk as a clean frame, in which what cannot be read is missing.

    Raises
    ------
    ReadError
        The file is not there, truncated, not a table, or larger than is allowed.
    SchemaError
        A column is missing, or there is no row.
    """
    rows = 0
    counters: set[str] = set()
    times: list[pd.Timestamp] = []
    found: dict[str, Fault] = {}
    with open_counts(source, name=name, max_rows=max_rows, max_bytes=max_bytes) as counts:
        seen = SeenHours() if COUNT in counts.headers else None
        for chunk in counts.frames():
            cleaned = clean(chunk)
            for fault in faults_of_chunk(chunk, cleaned, seen):
                found[fault.id] = _joined(found[fault.id], fault) if fault.id in found else fault
            rows += len(chunk)
            counters.update(cleaned[COUNTER].dropna().unique())
            readable = [*times, *cleaned[TIME].dropna().agg(["min", "max"]).dropna()]
            times = [min(readable), max(readable)] if readable else []
            if on_clean is not None:
                on_clean(cleaned)
            if on_rows is not None:
                on_rows(len(chunk))
    first, last = (time.isoformat() for time in times) if times else (None, None)
    in_order = sorted(found.values(), key=lambda fault: RULES.index(fault.id))
    return CheckReport(counts.uri, rows, len(counters), first, last, counts.headers.get(COUNT), tuple(in_order))


def _joined(earlier: Fault, later: Fault) -> Fault:
    """Return a fault of two chunks, with the example of the first row."""
    first = (*earlier.first_rows, *later.first_rows)[:FIRST_ROWS]
    return attrs.evolve(earlier, rows=earlier.rows + later.rows, first_rows=first)
