"""From counts to predictions that a caller can rely on: a frame, or file to file in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import pandas as pd

from bike_traffic.answering import Answerer, Answering, Answers
from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.cleaning import is_clean
from bike_traffic.data.files.folders.listing import files_of
from bike_traffic.data.files.malformed import MalformedRows
from bike_traffic.data.files.reading import CountsSource, open_counts
from bike_traffic.data.files.writing import table_writer
from bike_traffic.data.schema import labelled
from bike_traffic.errors import NoInterval, SchemaError, WriteError
from bike_traffic.evaluation.references import References
from bike_traffic.loading import LoadedModel
from bike_traffic.pipeline import Pipeline
from bike_traffic.progress import progress

_ANSWERING = Answering()


def predict(
    pipeline: Pipeline, counts: pd.DataFrame, how: Answering = _ANSWERING, *, where: str = "the frame"
) -> pd.DataFrame:
    """Predict counts, published or clean.

    Returns
    -------
    On the index of `counts`: the columns of `Pipeline.predict_frame`, predictions with two decimals and probabilities
    with four, missing where a row cannot be answered; under ``unknown_counters="predict"`` whether the row is of an
    ``unknown_counter``; and the ``reason`` if it is asked for.

    Raises
    ------
    SchemaError
        A column is missing, there is no row, or more rows break a rule than is tolerated.
    UnknownCounters
        Rows of counters that the model was not trained on, unless they are to be predicted or left empty.
    MissingInput
    """
    if counts.empty:
        raise SchemaError(f"{where}: it has no rows", "counts-no-rows", where=where)
    answerer = Answerer(pipeline, how, where)
    answers = answerer.answer(counts if is_clean(counts) else labelled(counts, how.city.columns))
    answerer.finish()
    assert answers is not None  # for mypy: finish raises else
    return answers.predicted


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
    how: Answering = _ANSWERING,
    *,
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
    on_rows: Callable[[int], None] | None = None,
    on_clean: Callable[[pd.DataFrame], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """Predict a file of counts, and yield its rows in chunks of about 100,000.

    A chunk has the counter and the time as they stand in the file, the count if it is there, then the columns of
    `predict`, on an index that continues from one chunk to the next. Each is yielded after the next was predicted, so
    that nothing is yielded of a file of one chunk that is refused.

    Parameters
    ----------
    source, name, max_rows, max_bytes : as for `bike_traffic.data.files.reading.read_counts`.
    how : ``unknown_counters="refuse"`` reads on to the end after the first row of an unknown counter, yields no
        further chunk, and raises with all of them.
    on_rows : called after each chunk that was read with the number of its rows.
    on_clean : called before each chunk is yielded with those of its rows that have an answer as a clean frame, which
        has the count if it is there.

    Raises
    ------
    ReadError, SchemaError, UnknownCounters, MissingInput
    """
    pipeline.require_input(history=how.history is not None, weather=how.weather is not None)
    malformed = MalformedRows()
    opening = partial(open_counts, max_rows=max_rows, max_bytes=max_bytes, on_malformed=malformed.add, city=how.city)
    with opening(source, name=name) as counts:
        answerer = Answerer(pipeline, how, counts.uri, malformed)
        yield from _predicted(answerer, counts, on_rows, on_clean)


def predict_file(
    pipeline: Pipeline,
    source: str,
    target: str | IO[bytes],
    how: Answering = _ANSWERING,
    *,
    on_answers: Callable[[pd.DataFrame], None] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Predict a file of counts into another, in chunks, and return the number of rows.

    Each row of the input gives one row of the output, in the same order, with the columns of `predict_chunks`. The
    output appears whole or not at all.

    Parameters
    ----------
    source : a path or URL of a file, a folder or a pattern, or ``-`` for standard input.
    target : the same, Parquet by its ending, or an open file for CSV.
    on_answers : called with the rows of each chunk that have an answer, as a clean frame with their predictions.
    metadata : see `table_writer`.

    Raises
    ------
    ReadError, WriteError, SchemaError, UnknownCounters, MissingInput
    """
    if isinstance(target, str) and Path(target).is_file() and _is_among(target, files_of(source) or [source]):
        raise WriteError(
            f"{target}: is the input, and would be replaced; give the predictions another name",
            "output-is-input",
            path=target,
        )
    pipeline.require_input(history=how.history is not None, weather=how.weather is not None)
    rows = 0
    malformed = MalformedRows()
    with (
        open_counts(source, on_malformed=malformed.add, city=how.city) as counts,
        table_writer(target, counts.delimiter, metadata) as write,
        progress(f"{pipeline.name}: predicting", None) as advance,
    ):
        answerer = Answerer(pipeline, how, counts.uri, malformed)
        answered: list[pd.DataFrame] = []
        for chunk in _predicted(answerer, counts, advance, answered.append):
            write(chunk)
            if on_answers is not None:
                cleaned = answered[-1]
                on_answers(cleaned.join(chunk.loc[cleaned.index, chunk.columns.difference(cleaned.columns)]))
            answered.clear()
            rows += len(chunk)
    return rows


def _is_among(target: str, files: Sequence[str]) -> bool:
    return any(Path(file).is_file() and Path(file).samefile(target) for file in files)


def _predicted(
    answerer: Answerer,
    counts: CountsSource,
    on_rows: Callable[[int], None] | None,
    on_clean: Callable[[pd.DataFrame], None] | None = None,
) -> Iterator[pd.DataFrame]:
    kept = [counts.headers[name] for name in (COUNTER, TIME, COUNT) if name in counts.headers]

    def ready(answers: Answers) -> pd.DataFrame:
        if on_clean is not None:
            on_clean(answers.cleaned)
        return pd.concat([answers.counts[kept], answers.predicted], axis="columns")

    waiting: Answers | None = None
    for chunk in counts.frames():
        answers = answerer.answer(chunk)
        if waiting is not None:
            yield ready(waiting)
        waiting = answers
        if on_rows is not None:
            on_rows(len(chunk))
    answerer.finish()
    if waiting is not None:
        yield ready(waiting)
