"""The rules that rows of counts must follow, and which rows break them: of a whole frame, or chunk by chunk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNT, COUNTER, LATITUDE, TIME
from bike_traffic.data.checking.seen import SeenHours
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files.folders.joining import row_of_file
from bike_traffic.data.files.formats.refusals import row_number
from bike_traffic.data.files.malformed import MalformedRows
from bike_traffic.data.parsing.distinct import distinct_values, text_of
from bike_traffic.data.parsing.times import MALFORMED, NONEXISTENT, OUT_OF_RANGE, WITHOUT_HOUR, why_unreadable
from bike_traffic.data.rule import RULES, Rule, rule_of
from bike_traffic.data.schema import COORDINATES, headers_of
from bike_traffic.errors import SchemaError

FIRST_ROWS = 5
_EXAMPLE_LENGTH = 60

Rows = NDArray[np.bool_]

_OF_SPREADSHEET = re.compile(r"'\d{1,2}/\d{1,2}/\d{4}\b")
SPREADSHEET_ADVICE = (
    "a spreadsheet wrote this: give the column the format yyyy-mm-dd hh:mm and save as 'CSV UTF-8', or take the file "
    "as the City publishes it"
)


USABLE = 0
CODES: Mapping[str, int] = {rule: number for number, rule in enumerate(RULES, start=1)}
"""The numbers that stand for rules in arrays of reasons, in which `USABLE` is a row that breaks no grave rule."""


@attrs.frozen
class Fault:
    """A rule that rows break: its id, what is wrong, in how many rows, the first of them, and what to do."""

    id: str
    column: str
    found: str
    rows: int
    first_rows: tuple[int, ...]
    example: str
    advice: str

    @property
    def grave(self) -> bool:
        """Whether its rows cannot be used; else only a value of them is left out."""
        return RULES[self.id].grave

    @property
    def where(self) -> str:
        """Return what was found, and where, without the advice."""
        more = f" and {self.rows - 1:,} more" if self.rows > 1 else ""
        return f"column '{self.column}': {self.found} in row {self.first_rows[0]}{more} ({self.example})"

    def __str__(self) -> str:
        """Return the fault in one line."""
        return f"{self.where}; {self.advice}"

    def joined(self, later: Fault) -> Fault:
        """Return the fault of two chunks, with the example of the first row."""
        first = (*self.first_rows, *later.first_rows)[:FIRST_ROWS]
        return attrs.evolve(self, rows=self.rows + later.rows, first_rows=first)


class RowRules:
    """Find the rows that break a rule, in all chunks of one file or in one frame.

    Parameters
    ----------
    with_counts : whether the rows carry counts, which are checked, and of which no hour may occur twice.
    malformed : rows that the file's reader could not divide into fields.
    whole_hours : whether each row must be of a whole hour.
    city : whose counts they are.
    """

    def __init__(
        self,
        *,
        with_counts: bool,
        malformed: MalformedRows | None = None,
        whole_hours: bool = True,
        city: City = PARIS,
    ) -> None:
        self._city = city
        self._whole_hours = whole_hours
        self._seen = SeenHours() if with_counts else None
        self._malformed = malformed
        self._found: dict[str, Fault] = {}
        self.rows = 0
        """Of all chunks so far."""
        self.left_out = 0
        """Those of them that cannot be used."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults of all chunks so far, the most serious first."""
        return tuple(self._found[rule] for rule in RULES if rule in self._found)

    def reasons(self, counts: pd.DataFrame, cleaned: pd.DataFrame) -> NDArray[np.int8]:
        """Return for each row the number in `CODES` of the first rule that makes it useless, else `USABLE`.

        Parameters
        ----------
        counts, cleaned : the rows as published, whose index continues that of the chunk before, and as a clean frame.
        """
        reasons = np.full(len(counts), USABLE, np.int8)
        for rule, broken in self._broken(counts, cleaned):
            found = broken & (reasons == USABLE) if rule.grave else broken
            if rule.grave:
                reasons[found] = CODES[rule.id]
            self.add(rule.id, counts, found)
        if self._seen is not None:
            usable = reasons == USABLE
            again = np.zeros(len(counts), dtype=bool)
            again[usable] = self._seen.add(cleaned if usable.all() else cleaned[usable])
            reasons[again] = CODES["hour-repeated"]
            self.add("hour-repeated", counts, again)
        self.rows += len(counts)
        self.left_out += int((reasons != USABLE).sum())
        return reasons

    def add(self, rule: str, counts: pd.DataFrame, broken: Rows) -> None:
        """Add the fault of the rows that break a rule, if there are any."""
        fault = fault_of(rule_of(rule, self._city), counts, broken)
        if fault is not None:
            self._found[rule] = self._found[rule].joined(fault) if rule in self._found else fault

    def add_fault(self, fault: Fault) -> None:
        """Add a fault that all chunks together have shown; sums of days cannot be used."""
        self._found[fault.id] = fault
        if fault.id == "hours-of-days":
            self.left_out += fault.rows

    def leave_out(self, rule: str, counts: pd.DataFrame, broken: Rows) -> None:
        """Add the fault of rows that no rule has left out yet, and that cannot be used."""
        self.add(rule, counts, broken)
        self.left_out += int(broken.sum())

    def _broken(self, counts: pd.DataFrame, cleaned: pd.DataFrame) -> Iterator[tuple[Rule, Rows]]:
        names, times = cleaned[COUNTER], cleaned[TIME]
        if self._malformed is not None:
            yield RULES["row-malformed"], self._malformed.among(counts.index.to_numpy(np.int64))
        yield RULES["counter-missing"], (names.isna() | (names == "")).to_numpy(dtype=bool)
        yield from _unreadable(counts, times.isna().to_numpy())
        if self._whole_hours:
            yield RULES["hour-not-whole"], _within_hour(times)
        yield RULES["coordinates-elsewhere"], _misplaced(counts, cleaned)
        if self._seen is not None:
            number = cleaned[COUNT].to_numpy()
            with np.errstate(invalid="ignore"):
                yield RULES["count-malformed"], ~np.isfinite(number)
                yield RULES["count-negative"], number < 0
                yield RULES["count-fractional"], number % 1 > 0


def faults(counts: pd.DataFrame, cleaned: pd.DataFrame | None = None) -> list[Fault]:
    """Return every fault of the rows of a frame of published counts, the most serious first.

    If the column of counts is there, it is checked, and no hour may occur twice.

    Parameters
    ----------
    cleaned : the same counts as a clean frame, if the caller has it.
    """
    cleaned = clean(counts) if cleaned is None else cleaned
    rules = RowRules(with_counts=COUNT in cleaned)
    rules.reasons(counts, cleaned)
    return list(rules.faults)


def fault_of(rule: Rule, counts: pd.DataFrame, broken: Rows) -> Fault | None:
    """Return the fault of published rows that break a rule; ``None`` if there are none."""
    positions = np.flatnonzero(broken)
    if not len(positions):
        return None
    header = next(iter(headers_of(counts.columns, [], optional=[rule.column, LATITUDE]).values()))
    numbers = positions_in_file(counts)[positions[:FIRST_ROWS]]
    value = counts[header].iloc[positions[0]]
    example = "empty" if pd.isna(value) else repr(_shorten(text_of(value)))
    example += row_of_file(counts, int(numbers[0]))
    rows = tuple(row_number(int(number)) for number in numbers)
    advice = SPREADSHEET_ADVICE if rule.id == MALFORMED and _OF_SPREADSHEET.match(example) else rule.advice
    return Fault(rule.id, header, rule.found, len(positions), rows, example, advice)


def positions_in_file(counts: pd.DataFrame) -> NDArray[np.int64]:
    """Return the position of each row in its file, which is its index; without such an index that in the frame."""
    if pd.api.types.is_integer_dtype(counts.index.dtype):
        return counts.index.to_numpy(np.int64)
    return np.arange(len(counts))


def refused(where: str, fault: Fault, rules: RowRules) -> SchemaError:
    """Return the error of counts of which too many rows cannot be used, most of them because of a fault."""
    faults = len(rules.faults)
    share = f"{rules.left_out:,} of {rules.rows:,} rows cannot be used: " if rules.left_out else ""
    others = f"{faults - 1} other fault{'s' if faults > 2 else ''}"
    more = f" (and {others}: `bt data check` lists them)" if faults > 1 else ""
    parts = {"where": where, "faults": faults, "left_out": rules.left_out, "total": rules.rows, **attrs.asdict(fault)}
    return SchemaError(f"{where}: {share}{fault}{more}", parts.pop("id"), **parts)


def _shorten(text: str) -> str:
    return text if len(text) <= _EXAMPLE_LENGTH else f"{text[:_EXAMPLE_LENGTH]}…"


def _unreadable(counts: pd.DataFrame, missing: Rows) -> Iterator[tuple[Rule, Rows]]:
    """Yield the rows without a time for each reason."""
    if not missing.any():
        return
    column = counts[headers_of(counts.columns, [TIME])[TIME]]
    codes, values = distinct_values(column)
    why = {code: why_unreadable(values[code]) if code >= 0 else MALFORMED for code in np.unique(codes[missing])}
    of_row = np.full(len(counts), "", dtype=object)
    of_row[missing] = [why[code] for code in codes[missing]]
    for reason in (MALFORMED, OUT_OF_RANGE, WITHOUT_HOUR, NONEXISTENT):
        yield RULES[reason], np.asarray(of_row == reason, dtype=bool)


def _within_hour(times: pd.Series) -> Rows:
    """Return which times are not the start of an hour."""
    moments = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()  # offsets of cities are whole hours
    whole = moments.astype("datetime64[h]").astype(moments.dtype) == moments
    return np.asarray(~whole & ~np.isnat(moments))


def _misplaced(counts: pd.DataFrame, cleaned: pd.DataFrame) -> Rows:
    """Return which rows have coordinates that cannot be parsed or are not in or near the city; they may be empty."""
    headers = headers_of(counts.columns, [], optional=[COORDINATES, LATITUDE])
    if not headers:
        return np.zeros(len(counts), dtype=bool)
    codes, values = distinct_values(counts[next(iter(headers.values()))])
    blank = np.array([*(not text_of(value).strip() for value in values.tolist()), True])[codes]
    return np.asarray(~blank & cleaned[LATITUDE].isna().to_numpy())  # cleaning leaves out what is elsewhere
