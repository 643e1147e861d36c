"""A file predicted in chunks into a temporary file, which is offered as Parquet and CSV. No Streamlit here."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING

import attrs
import numpy as np
import pandas as pd

from bike_traffic.answering import UNKNOWN_COUNTER, Answering
from bike_traffic.app.temporary import TemporaryFolder
from bike_traffic.app.uploads import MAX_BYTES, MAX_ROWS, Checked
from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNT, TIME
from bike_traffic.data.files.writing import table_writer
from bike_traffic.data.hours import hours_of
from bike_traffic.errors import BikeTrafficError, ReadError, WriteError
from bike_traffic.evaluation.measuring import evaluation_of
from bike_traffic.evaluation.rows import BASELINE, TRUTH
from bike_traffic.pipeline import LOWER, PREDICTION, PROBABILITY, UPPER
from bike_traffic.prediction import predict_chunks

if TYPE_CHECKING:
    from bike_traffic.answering import UnknownPolicy
    from bike_traffic.loading import LoadedModel
    from bike_traffic.places import Counter, Place

PREVIEW_ROWS = 20
SPREADSHEET_ROWS = 1_048_575
"""What a spreadsheet opens below the header; a longer CSV is packed, so that it fits into memory as well."""

_PARQUET = "predictions.parquet"


@attrs.frozen(eq=False, kw_only=True)
class Batch:
    """The predictions of a file, kept in a temporary Parquet file.

    Parameters
    ----------
    model_type, run_id, known_until : of the model, see `ModelRecord`.
    preview : the first rows.
    hourly : whether all rows are of one local day.
    sums : by ``time``, the hours of that day or else the days: the sums ``forecast``, ``lower``, ``upper`` and
        ``count`` of all counters in the file, and the largest ``probability``; as far as there are any.
    metrics : of the model on the counts of the counters that it knows, by name; empty without counts.
    measured : number of these rows.
    seen : number of those among them that the model may know; ``None`` if its record does not say.
    marked : number of rows of counters that the model does not know.
    """

    model_type: str
    run_id: str
    known_until: str | None
    rows: int
    preview: pd.DataFrame
    hourly: bool
    sums: pd.DataFrame
    metrics: Mapping[str, float]
    measured: int
    seen: int | None
    marked: int
    folder: TemporaryFolder

    @property
    def is_kept(self) -> bool:
        """Whether the predictions are still there: they are removed by age, too."""
        return (self.folder.path / _PARQUET).exists()

    @property
    def csv_name(self) -> str:
        """What the CSV is called, and whether it is packed."""
        return "predictions.csv" if self.rows <= SPREADSHEET_ROWS else "predictions.csv.gz"

    def parquet(self) -> bytes:
        """Return the Parquet file; raise `ReadError` if it is no longer kept."""
        try:
            return (self.folder.path / _PARQUET).read_bytes()
        except FileNotFoundError:
            raise ReadError("the predictions are no longer kept; predict again", "predictions-removed") from None

    def csv(self) -> bytes:
        """Return the predictions as CSV with ``;``, written when it is asked for; raise as `parquet` does."""
        from pyarrow import parquet

        if not self.is_kept:
            self.parquet()  # which raises
        folder = TemporaryFolder()
        try:
            path = folder.path / self.csv_name
            with parquet.ParquetFile(self.folder.path / _PARQUET) as file, table_writer(str(path), ";") as write:
                for rows in file.iter_batches():
                    write(rows.to_pandas())
            return path.read_bytes()
        finally:
            folder.remove()


def predict_upload(
    loaded: LoadedModel,
    file: IO[bytes],
    checked: Checked,
    *,
    unknown_counters: UnknownPolicy = "refuse",
    history: pd.DataFrame | None = None,
    on_rows: Callable[[int], None] | None = None,
    city: City = PARIS,
) -> Batch:
    """Predict every row of a file that can be answered.

    Parameters
    ----------
    file : is read from its beginning, and stays open.
    history : clean counts known before these rows, for a pipeline that needs them.
    on_rows : called after each chunk with the number of its rows; what it raises ends the prediction.
    city : whose counts they are.

    Raises
    ------
    ReadError, SchemaError, UnknownCounters, MissingInput
    WriteError
        There is no room for the predictions.
    """
    file.seek(0)
    folder = TemporaryFolder()
    summary = _Summary(loaded, hourly=checked.one_day)
    how = Answering(
        references=loaded.references,
        counters=loaded.references.counters,
        history=history,
        unknown_counters=unknown_counters,
        notify=_told_by_the_check,
        city=city,
    )
    try:
        with table_writer(str(folder.path / _PARQUET), ";") as write:
            for chunk in predict_chunks(
                loaded.pipeline,
                file,
                how,
                name=checked.name,
                max_rows=MAX_ROWS,
                max_bytes=MAX_BYTES,
                on_rows=on_rows,
                on_clean=summary.see,
            ):
                write(chunk)
                summary.add(chunk)
    except BaseException as error:
        folder.remove()
        full = isinstance(error, WriteError) or (
            isinstance(error, OSError) and not isinstance(error, BikeTrafficError)
        )
        if full:  # whose message has the path of the temporary file
            raise WriteError("there is no room for the predictions on the server", "predictions-not-kept") from None
        raise
    return summary.batch(folder)


def hours_to_predict(counters: Mapping[str, Counter | Place], first_day: pd.Timestamp, days: int) -> bytes:
    """Return every hour of some days as the City's CSV without counts: a file to predict; see `hours_of`."""
    file = io.BytesIO()
    with table_writer(file, ";") as write:
        write(hours_of(counters, first_day, days))
    return file.getvalue()


def _told_by_the_check(message: str) -> None:
    """Say nothing: the page has shown the faults of the file."""


class _Summary:
    """What is said about predictions, collected chunk by chunk."""

    def __init__(self, loaded: LoadedModel, *, hourly: bool) -> None:
        self._loaded = loaded
        self._hourly = hourly
        self._cleaned = pd.DataFrame()
        self._rows = self._marked = self._seen = 0
        self._preview = pd.DataFrame()
        self._sums: pd.DataFrame | None = None
        self._measured: list[pd.DataFrame] = []

    def see(self, cleaned: pd.DataFrame) -> None:
        """Take the clean rows with an answer of the chunk that is added next."""
        self._cleaned = cleaned

    def add(self, chunk: pd.DataFrame) -> None:
        """Add a chunk of `predict_chunks`."""
        if not self._rows:
            first = chunk.head(PREVIEW_ROWS)
            # As text: categories are those of the whole chunk.
            self._preview = first.astype(dict.fromkeys(first.select_dtypes("category"), "str"))
        self._rows += len(chunk)
        if UNKNOWN_COUNTER in chunk:
            self._marked += int(chunk[UNKNOWN_COUNTER].sum())
        answered = chunk if len(chunk) == len(self._cleaned) else chunk.loc[self._cleaned.index]
        truth = self._truth() if COUNT in self._cleaned else None
        self._add_sums(answered, truth)
        if truth is not None:
            self._measure(answered, truth)

    def _truth(self) -> pd.Series:
        """Return what the answers are measured against, missing where the file has no count."""
        known = self._cleaned[self._cleaned[COUNT].between(0, np.inf, inclusive="left")]
        return self._loaded.pipeline.truth(known).reindex(self._cleaned.index)

    def _add_sums(self, chunk: pd.DataFrame, truth: pd.Series | None) -> None:
        names = {PREDICTION: "forecast", LOWER: "lower", UPPER: "upper", PROBABILITY: "probability"}
        values = chunk[[name for name in names if name in chunk]].rename(columns=names)
        if truth is not None:
            values["count"] = truth
        by_time = _joined(values, self._cleaned[TIME])  # few times, and only these are rounded
        times = pd.DatetimeIndex(by_time.index)
        # Hours are rounded in UTC: local ones may be ambiguous. Those of a city begin together with those of UTC.
        starts = times.tz_convert("UTC").floor("h").tz_convert(times.tz) if self._hourly else times.normalize()
        parts = by_time.set_axis(starts)
        if self._sums is not None:
            parts = pd.concat([self._sums, parts])
        self._sums = _joined(parts, parts.index)

    def _measure(self, chunk: pd.DataFrame, truth: pd.Series) -> None:
        """Keep what metrics need of the rows of known counters; the others are a rough guess for anybody."""
        pipeline, mean = self._loaded.pipeline, self._loaded.references.four_week_mean
        rows = chunk[[name for name in (PREDICTION, PROBABILITY, LOWER, UPPER) if name in chunk]].copy()
        rows[TRUTH] = truth
        if mean is not None and pipeline.task == "regression":
            rows[BASELINE] = mean.predict(self._cleaned)
        known = pipeline.known_counters(self._cleaned) & truth.notna()
        self._measured.append(rows[known].astype("float64"))
        until = self._loaded.record.known_until
        if until is not None:
            self._seen += int((known & (self._cleaned[TIME] <= pd.Timestamp(until))).sum())

    def batch(self, folder: TemporaryFolder) -> Batch:
        """Return the batch of all chunks."""
        record = self._loaded.record
        measured = pd.concat(self._measured, ignore_index=True) if self._measured else pd.DataFrame()
        sums = pd.DataFrame() if self._sums is None else self._sums
        return Batch(
            model_type=record.model_type,
            run_id=record.run_id,
            known_until=record.known_until,
            rows=self._rows,
            preview=self._preview,
            hourly=self._hourly,
            sums=sums.rename_axis("time").reset_index(),
            metrics=evaluation_of(self._loaded.pipeline.task, measured).metrics if len(measured) else {},
            measured=len(measured),
            seen=None if record.known_until is None else self._seen,
            marked=self._marked,
            folder=folder,
        )


def _joined(values: pd.DataFrame, times: pd.Series | pd.Index) -> pd.DataFrame:
    """Return the values of equal times as one row: their sums, and the largest probability."""
    how = {name: "max" if name == "probability" else "sum" for name in values}
    return values.groupby(times).agg(how)
