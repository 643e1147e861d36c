"""From counts to predictions that a caller can rely on: a frame, or file to file in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Literal

import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.files.csv_rows import row_number
from bike_traffic.data.files.reading import CountsSource, first_position, open_counts
from bike_traffic.data.files.writing import table_writer
from bike_traffic.data.loading import clean_counts
from bike_traffic.errors import NoInterval, UnknownCounters, WriteError
from bike_traffic.evaluation.references import References
from bike_traffic.loading import LoadedModel
from bike_traffic.pipeline import PREDICTION, PROBABILITY, Pipeline
from bike_traffic.progress import progress

UnknownPolicy = Literal["refuse", "predict"]

UNKNOWN_COUNTER = "unknown_counter"

_DECIMALS = {PREDICTION: 2, PROBABILITY: 4}
_NAMED_COUNTERS = 5
_NAMED_ROWS = 5


def predict(
    pipeline: Pipeline,
    cleaned: pd.DataFrame,
    references: References | None = None,
    *,
    history: pd.DataFrame | None = None,
    unknown_counters: UnknownPolicy = "refuse",
) -> pd.DataFrame:
    """Predict the rows of a clean frame.

    Parameters
    ----------
    references : give the interval of a model; ``None`` leaves it out.
    history : clean counts known before these rows, for a pipeline that needs them.

    Returns
    -------
    On the index of `cleaned`: the columns of `Pipeline.predict_frame`, predictions with two decimals and
    probabilities with four, and under ``unknown_counters="predict"`` whether the row is of an ``unknown_counter``.

    Raises
    ------
    UnknownCounters
        Rows of counters that the model was not trained on, unless they are to be predicted.
    MissingInput
    """
    if unknown_counters == "refuse":
        refuse_unknown_counters(pipeline, cleaned)
    predicted = _rounded(pipeline, cleaned, references, history)
    if unknown_counters == "predict":
        predicted[UNKNOWN_COUNTER] = ~pipeline.known_counters(cleaned)
    return predicted


def _rounded(
    pipeline: Pipeline, cleaned: pd.DataFrame, references: References | None, history: pd.DataFrame | None
) -> pd.DataFrame:
    return (references or References()).predict(pipeline, cleaned, history).round(_DECIMALS)


def require_interval(loaded: LoadedModel) -> References:
    """Return what was stored beside a model; raise `NoInterval` if this is no interval, and the model has none."""
    if loaded.references.interval is None:
        raise NoInterval(
            f"'{loaded.record.model_type}' of run {loaded.record.run_id[:8]} has no interval: it is a classifier, or "
            "was trained with --no-interval or by an earlier version; train it again",
            "interval-missing",
            model_type=loaded.record.model_type,
            run_id=loaded.record.run_id,
        )
    return loaded.references


def predict_chunks(
    pipeline: Pipeline,
    source: str | IO[bytes],
    references: References | None = None,
    *,
    history: pd.DataFrame | None = None,
    unknown_counters: UnknownPolicy = "refuse",
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
    on_rows: Callable[[int], None] | None = None,
    on_clean: Callable[[pd.DataFrame], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """Predict a file of counts, and yield its rows in chunks of about 100,000.

    A chunk has the counter and the time as they stand in the file, the count if it is there, then the columns of
    `predict`, on an index that continues from one chunk to the next.

    Parameters
    ----------
    source, name, max_rows, max_bytes : as for `bike_traffic.data.files.reading.read_counts`.
    references, history : as in `predict`.
    unknown_counters : ``"refuse"`` reads on to the end after the first row of an unknown counter, yields no further
        chunk, and raises with all of them.
    on_rows : called after each chunk that was read with the number of its rows.
    on_clean : called before each chunk is yielded with its rows as a clean frame, which has the count if it is there.

    Raises
    ------
    ReadError, SchemaError, UnknownCounters, MissingInput
    """
    pipeline.require_input(history=history is not None, weather=False)
    with open_counts(source, name=name, max_rows=max_rows, max_bytes=max_bytes) as counts:
        yield from _predicted(pipeline, counts, references, history, unknown_counters, on_rows, on_clean)


def predict_file(
    pipeline: Pipeline,
    source: str,
    target: str | IO[bytes],
    references: References | None = None,
    *,
    history: pd.DataFrame | None = None,
    unknown_counters: UnknownPolicy = "refuse",
) -> int:
    """Predict a file of counts into another, in chunks, and return the number of rows.

    Each row of the input gives one row of the output, in the same order, with the columns of `predict_chunks`. The
    output appears whole or not at all.

    Parameters
    ----------
    source : a path or URL of CSV or Parquet (by its ending), or ``-`` for standard input.
    target : the same, or an open file for CSV.
    references, history, unknown_counters : as in `predict_chunks`.

    Raises
    ------
    ReadError, WriteError, SchemaError, UnknownCounters, MissingInput
    """
    if (
        isinstance(target, str)
        and Path(target).is_file()
        and Path(source).is_file()
        and Path(target).samefile(source)
    ):
        raise WriteError(
            f"{target}: is the input, and would be replaced; give the predictions another name",
            "output-is-input",
            path=target,
        )
    pipeline.require_input(history=history is not None, weather=False)
    rows = 0
    with (
        open_counts(source) as counts,
        table_writer(target, counts.delimiter) as write,
        progress(f"{pipeline.name}: predicting", None) as advance,
    ):
        for chunk in _predicted(pipeline, counts, references, history, unknown_counters, advance):
            write(chunk)
            rows += len(chunk)
    return rows


def _predicted(
    pipeline: Pipeline,
    counts: CountsSource,
    references: References | None,
    history: pd.DataFrame | None,
    unknown_counters: UnknownPolicy,
    on_rows: Callable[[int], None] | None,
    on_clean: Callable[[pd.DataFrame], None] | None = None,
) -> Iterator[pd.DataFrame]:
    unknown = _UnknownRows()
    kept = [counts.headers[name] for name in (COUNTER, TIME, COUNT) if name in counts.headers]
    for chunk in counts.frames():
        cleaned = clean_counts(chunk, counts.uri, with_counts=False)
        strange = ~pipeline.known_counters(cleaned)
        if unknown_counters == "refuse":
            unknown.add(cleaned, strange)
        if not unknown:
            predicted = _rounded(pipeline, cleaned, references, history)
            if unknown_counters == "predict":
                predicted[UNKNOWN_COUNTER] = strange
            if on_clean is not None:
                on_clean(cleaned)
            yield pd.concat([chunk[kept], predicted], axis="columns")
        if on_rows is not None:
            on_rows(len(chunk))
    if unknown:
        raise unknown.error()


def refuse_unknown_counters(pipeline: Pipeline, cleaned: pd.DataFrame) -> None:
    """Raise `UnknownCounters`, naming the rows, if the model was not trained on all counters of a clean frame."""
    unknown = _UnknownRows()
    unknown.add(cleaned, ~pipeline.known_counters(cleaned))
    if unknown:
        raise unknown.error()


class _UnknownRows:
    """The rows of counters that a model was not trained on, collected chunk by chunk."""

    def __init__(self) -> None:
        self._rows: dict[str, list[int]] = {}
        self._number: dict[str, int] = {}

    def add(self, cleaned: pd.DataFrame, unknown: pd.Series) -> None:
        positions = np.flatnonzero(unknown) + first_position(cleaned)
        names = cleaned[COUNTER][unknown].astype(str)
        for name, rows in pd.Series(positions).groupby(names.to_numpy(), sort=False):
            self._number[str(name)] = self._number.get(str(name), 0) + len(rows)
            first = self._rows.setdefault(str(name), [])
            first += [row_number(int(row)) for row in rows[: _NAMED_ROWS - len(first)]]

    def __bool__(self) -> bool:
        return bool(self._rows)

    def error(self) -> UnknownCounters:
        total = sum(self._number.values())
        named = []
        for name, rows in list(self._rows.items())[:_NAMED_COUNTERS]:
            listed = ", ".join(str(row) for row in rows)
            more = f" and {self._number[name] - len(rows)} more" if self._number[name] > len(rows) else ""
            named.append(f"'{name}' (row {listed}{more})")
        if len(self._rows) > _NAMED_COUNTERS:
            named.append(f"{len(self._rows) - _NAMED_COUNTERS} other counters")
        return UnknownCounters(
            f"{total} rows are of counters the model was not trained on: {'; '.join(named)}; leave them out, "
            "train on counts that hold them, or take a rough guess with --unknown-counters predict",
            "unknown-counters",
            rows=total,
            counters=list(self._rows),
        )
