"""Which rows of counts a model can answer, and its answers to them, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNTER, TIME
from bike_traffic.data.checking.rules import FIRST_ROWS, USABLE, RowRules, positions_in_file
from bike_traffic.data.checking.usable import DEFAULT_TOLERANCE, Tolerance, refuse
from bike_traffic.data.cleaning import clean, is_clean
from bike_traffic.data.files.formats.refusals import row_number
from bike_traffic.data.files.malformed import MalformedRows
from bike_traffic.data.parsing.renames import names_by_identifier, renamed, under_known_names
from bike_traffic.data.parsing.times import SecondHours
from bike_traffic.data.parts.stored import StoredCounts
from bike_traffic.data.rule import RULES
from bike_traffic.data.weather.joining import join_weather
from bike_traffic.errors import UnknownCounters
from bike_traffic.evaluation.references import References
from bike_traffic.notices import Notify, counted, log_warning
from bike_traffic.pipeline import PREDICTION, PROBABILITY, Pipeline
from bike_traffic.places import Counter, plain_name

UnknownPolicy = Literal["refuse", "predict", "empty"]

UNKNOWN_COUNTER, REASON = "unknown_counter", "reason"
UNKNOWN = "counter-unknown"
"""The reason of a row whose counter the model was not trained on, beside the ids of the rules."""

_REASONS = ["", *RULES, UNKNOWN]
"""By number: those of `bike_traffic.data.checking.rules.CODES`, and `UNKNOWN`."""

_DECIMALS = {PREDICTION: 2, PROBABILITY: 4}
_NAMED_COUNTERS = 5
_LATE = pd.DateOffset(years=1)
_SIMILAR = 0.9
"""From which similarity on a counter is suggested, accents and case aside: streets and directions are much alike."""


@attrs.frozen(kw_only=True)
class Answering:
    """How rows are answered.

    Parameters
    ----------
    references : give the interval of a model; ``None`` leaves it out.
    counters : those that the model knows, by name: one that was renamed is found by its identifier.
    history : clean counts known before the rows, for a pipeline that needs them.
    weather : of the hours of the rows, as `read_weather` returns it; joined to those that are answered.
    unknown_counters : rows of counters that the model was not trained on are refused, predicted all the same and
        marked, or left empty.
    tolerance : which share of the rows may be left without an answer because a rule makes them useless.
    reasons : whether to add the column ``reason``: the id of what keeps a row without an answer, else empty.
    known_until : the newest hour that the model learned from, ISO 8601; rows long after it are told.
    notify : called with one line for each rule that rows break, and for each renamed counter.
    city : whose counts the rows are.
    """

    references: References | None = None
    counters: Mapping[str, Counter] = attrs.field(factory=dict)
    history: pd.DataFrame | None = None
    weather: pd.DataFrame | None = None
    unknown_counters: UnknownPolicy = "refuse"
    tolerance: Tolerance = DEFAULT_TOLERANCE
    reasons: bool = False
    known_until: str | None = None
    notify: Notify = log_warning
    city: City = PARIS


@attrs.frozen(eq=False)
class Answers:
    """A chunk of rows with its answers.

    Parameters
    ----------
    counts : the rows as they were given.
    cleaned : the clean rows that have an answer.
    predicted : on the index of `counts`: the columns of `bike_traffic.prediction.predict`.
    """

    counts: pd.DataFrame
    cleaned: pd.DataFrame
    predicted: pd.DataFrame


class Answerer:
    """Answers to the rows of one frame or of the chunks of one file.

    Parameters
    ----------
    where : name of the counts in messages.
    malformed : see `RowRules`.
    """

    def __init__(
        self, pipeline: Pipeline, how: Answering, where: str, malformed: MalformedRows | None = None
    ) -> None:
        pipeline.require_input(history=how.history is not None, weather=how.weather is not None)
        self._pipeline = pipeline
        self._how = how
        self._where = where
        self._rules = RowRules(with_counts=False, malformed=malformed, city=how.city)
        self._second_hours = SecondHours()
        self._renamed: dict[str, str] = {}
        self._unknown = _UnknownRows()
        self._late = _LateRows(how.known_until, how.city.time_zone)

    def answer(self, counts: pd.DataFrame) -> Answers | None:
        """Answer the next rows, published or clean; ``None`` once a row of an unknown counter is to be refused."""
        published = not is_clean(counts)
        cleaned = clean(counts, self._second_hours, self._how.city) if published else counts
        reasons = self._rules.reasons(counts, cleaned) if published else np.full(len(counts), USABLE, np.int8)
        cleaned = self._under_known_names(cleaned)
        strange = ~self._pipeline.known_counters(cleaned).to_numpy() & (reasons == USABLE)
        if self._how.unknown_counters == "refuse":
            self._unknown.add(cleaned, strange)
            if self._unknown:
                return None
        if self._how.unknown_counters == "empty":
            reasons[strange] = len(_REASONS) - 1
        answered = reasons == USABLE
        cleaned = cleaned if answered.all() else cleaned[answered]
        self._late.add(cleaned)
        predicted = self._predicted(cleaned)
        if len(cleaned) < len(counts):
            labels = predicted.select_dtypes("int64").columns  # which have a missing value then
            predicted = predicted.astype(dict.fromkeys(labels, "Int64")).reindex(counts.index)
        if self._how.unknown_counters == "predict":
            predicted[UNKNOWN_COUNTER] = strange
        if self._how.reasons:
            predicted[REASON] = pd.Categorical.from_codes(reasons.astype(np.intp), categories=pd.Index(_REASONS))
        return Answers(counts, cleaned, predicted)

    def finish(self) -> None:
        """Say what was left without an answer, once all rows were answered.

        Raises
        ------
        UnknownCounters
            Rows are of counters that the model was not trained on, and these are to be refused.
        SchemaError
            More rows break a rule than is tolerated.
        """
        refuse(self._where, self._rules, self._how.tolerance)
        if self._unknown:
            raise self._unknown.error(self._pipeline.counters_)
        for fault in self._rules.faults:
            if fault.grave:
                self._how.notify(f"{self._where}: no prediction for {counted(fault.rows, 'row')}: {fault.where}")
        if self._late.rows:
            self._how.notify(f"{self._where}: {self._late}")
        for old, new in self._renamed.items():
            self._how.notify(f"{self._where}: '{old}' is the counter that the model knows as '{new}'")

    def _under_known_names(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        names = names_by_identifier(cleaned, self._how.counters)
        self._renamed |= names
        return renamed(cleaned, names)

    def _predicted(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        if self._how.weather is not None:
            cleaned = join_weather(cleaned, self._how.weather)
        references = self._how.references or References()
        return references.predict(self._pipeline, cleaned, self._how.history).round(_DECIMALS)


class _LateRows:
    """The rows of which the model learned nothing for more than a year, collected chunk by chunk."""

    def __init__(self, known_until: str | None, zone: str) -> None:
        known = pd.to_datetime(pd.Index([known_until or ""]), format="ISO8601", utc=True, errors="coerce")
        self._known: pd.Timestamp | None = known.tz_convert(zone)[0] if known.notna().all() else None
        self._last: pd.Timestamp | None = None
        self.rows = 0

    def add(self, cleaned: pd.DataFrame) -> None:
        if self._known is None:
            return
        late = cleaned[TIME][cleaned[TIME] > self._known + _LATE]
        if len(late):
            self.rows += len(late)
            self._last = late.max() if self._last is None else max(self._last, late.max())

    def __str__(self) -> str:
        return (
            f"{counted(self.rows, 'row')} of more than a year after the newest count that the model knows "
            f"({self._known:%Y-%m-%d}), until {self._last:%Y-%m-%d}"
        )


def refuse_unknown_counters(
    pipeline: Pipeline, counts: pd.DataFrame | StoredCounts, known: Mapping[str, Counter]
) -> None:
    """Raise `UnknownCounters`, naming the rows, if the model was not trained on all counters of clean counts.

    Parameters
    ----------
    known : see `Answering.counters`.
    """
    unknown = _UnknownRows()
    cleaned = under_known_names(counts if isinstance(counts, pd.DataFrame) else counts.one_of_each(), known)
    strange = ~pipeline.known_counters(cleaned).to_numpy()
    if isinstance(counts, pd.DataFrame):
        unknown.add(cleaned, strange)
    else:
        found: list[int] = np.flatnonzero(strange & (counts.rows_of > 0)).tolist()
        for number in sorted(found, key=lambda number: counts.notes[number].first_rows):
            name = str(cleaned[COUNTER].iloc[number])
            unknown.add_counter(name, counts.notes[number].first_rows, int(counts.rows_of[number]))
    if unknown:
        raise unknown.error(pipeline.counters_)


class _UnknownRows:
    """The rows of counters that a model was not trained on, collected chunk by chunk."""

    def __init__(self) -> None:
        self._rows: dict[str, list[int]] = {}
        self._number: dict[str, int] = {}

    def add(self, cleaned: pd.DataFrame, unknown: NDArray[np.bool_]) -> None:
        positions = positions_in_file(cleaned)[unknown]
        names = cleaned[COUNTER][unknown].astype(str)
        for name, rows in pd.Series(positions).groupby(names.to_numpy(), sort=False):
            self.add_counter(str(name), rows.tolist(), len(rows))

    def add_counter(self, name: str, positions: Sequence[int], number: int) -> None:
        """Add a number of rows of a counter, of which at least the first positions are known."""
        self._number[name] = self._number.get(name, 0) + number
        first = self._rows.setdefault(name, [])
        first += [row_number(position) for position in positions[: FIRST_ROWS - len(first)]]

    def __bool__(self) -> bool:
        return bool(self._rows)

    def error(self, known: Iterable[object]) -> UnknownCounters:
        """Return the error that names the rows, and for each name that counter of `known` which is probably meant."""
        plain = {plain_name(str(name)): str(name) for name in known}
        total = sum(self._number.values())
        named = []
        for name, rows in list(self._rows.items())[:_NAMED_COUNTERS]:
            listed = ", ".join(str(row) for row in rows)
            more = f" and {self._number[name] - len(rows)} more" if self._number[name] > len(rows) else ""
            close = get_close_matches(plain_name(name), plain, n=1, cutoff=_SIMILAR)
            meant = f", did you mean '{plain[close[0]]}'?" if close else ""
            named.append(f"'{name}' (row {listed}{more}{meant})")
        if len(self._rows) > _NAMED_COUNTERS:
            named.append(f"{len(self._rows) - _NAMED_COUNTERS} other counters")
        what = "1 row is of a counter" if total == 1 else f"{total:,} rows are of counters"
        return UnknownCounters(
            f"{what} the model was not trained on: {'; '.join(named)}; leave them "
            "empty with --unknown-counters empty, train on counts that hold them, or take a rough guess with "
            "--unknown-counters predict",
            "unknown-counters",
            rows=total,
            counters=list(self._rows),
        )
