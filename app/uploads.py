"""A reader's file before it is predicted: what it may hold, what it holds, and what is wrong. No Streamlit here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING

import attrs
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNTER
from bike_traffic.data.checking.file import check_file
from bike_traffic.data.checking.usable import MAX_LEFT_OUT

if TYPE_CHECKING:
    from bike_traffic.data.checking.rules import Fault
    from bike_traffic.loading import LoadedModel

MAX_ROWS = 2_000_000
MAX_BYTES = 400_000_000
"""Of a file after unpacking; the server limits the bytes that are uploaded."""

_NAME_LENGTH = 80


@attrs.frozen
class Checked:
    """What a file holds and what is wrong with it.

    Parameters
    ----------
    counters : number of rows by clean name of the counter.
    first_hour, last_hour : in the city's time zone; ``None`` if no time can be read.
    with_counts : whether the file has counts.
    left_out : number of rows that cannot be used.
    refused : whether these are too many.
    """

    name: str
    rows: int
    counters: Mapping[str, int]
    first_hour: pd.Timestamp | None
    last_hour: pd.Timestamp | None
    with_counts: bool
    left_out: int
    refused: bool
    faults: tuple[Fault, ...]

    @property
    def one_day(self) -> bool:
        """Whether all rows are of one local day."""
        first, last = self.first_hour, self.last_hour
        return first is not None and last is not None and first.date() == last.date()

    def unknown_to(self, loaded: LoadedModel) -> dict[str, int]:
        """Return the number of rows of each counter that a model was not trained on."""
        known = set(loaded.pipeline.counters_.astype(str))
        return {name: rows for name, rows in self.counters.items() if name not in known}


def shown_name(name: str) -> str:
    """Return the name of a reader's file for messages: printable, its end if it is long, never a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in last)
    return printable if len(printable) <= _NAME_LENGTH else f"…{printable[-_NAME_LENGTH:]}"


def check_upload(
    file: IO[bytes], name: str, on_rows: Callable[[int], None] | None = None, city: City = PARIS
) -> Checked:
    """Find every fault of a file, and read no more of it than is allowed.

    Parameters
    ----------
    file : is read from its beginning, and stays open.
    name : its ending says the format.
    on_rows : called after each chunk with the number of its rows; what it raises ends the check.
    city : whose counts they are.

    Raises
    ------
    ReadError, SchemaError
    """
    file.seek(0)
    shown = shown_name(name)
    counters: dict[str, int] = {}

    def count(cleaned: pd.DataFrame) -> None:
        for counter, rows in cleaned[COUNTER].value_counts().items():
            if rows:
                counters[str(counter)] = counters.get(str(counter), 0) + int(rows)

    report = check_file(
        file, name=shown, max_rows=MAX_ROWS, max_bytes=MAX_BYTES, on_rows=on_rows, on_clean=count, city=city
    )
    return Checked(
        name=shown,
        rows=report.rows,
        counters=counters,
        first_hour=_local(report.first_hour, city),
        last_hour=_local(report.last_hour, city),
        with_counts=report.counts is not None,
        left_out=report.left_out,
        refused=report.refused(MAX_LEFT_OUT),
        faults=report.faults,
    )


def _local(hour: str | None, city: City) -> pd.Timestamp | None:
    return None if hour is None else pd.Timestamp(hour).tz_convert(city.time_zone)
