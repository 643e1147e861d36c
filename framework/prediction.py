"""From a record back to a model, and from counts to predictions: in memory, or file to file in chunks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import pandas as pd

from bike_traffic.artifacts import model_files
from bike_traffic.data.check import require_valid
from bike_traffic.data.reading import open_counts, row_number
from bike_traffic.data.schema import COUNT, COUNTER, TIME, clean_counter_names, column_of
from bike_traffic.data.writing import table_writer
from bike_traffic.errors import (
    BikeTrafficError,
    PluginError,
    PluginVersionWarning,
    UnknownCounters,
    UnknownPipeline,
    WriteError,
)
from bike_traffic.evaluation import FourWeekMean, checked_prediction
from bike_traffic.manager import bare_name
from bike_traffic.metrics import DEFAULT_METRIC
from bike_traffic.pipeline import Pipeline
from bike_traffic.progress import progress
from bike_traffic.signing import Trust
from bike_traffic.training import known_counters

if TYPE_CHECKING:
    from bike_traffic.manager import Offer, PluginHost
    from bike_traffic.registry import ModelRecord, RegistryBackend
    from bike_traffic.specs import PipelineSpec

UnknownPolicy = Literal["refuse", "predict"]

PREDICTION = "prediction"
PROBABILITY = "probability"
UNKNOWN_COUNTER = "unknown_counter"

_NAMED_COUNTERS = 5
_NAMED_ROWS = 5


@attrs.frozen
class LoadedModel:
    """A pipeline from the registry, with its record and the baseline that was stored beside it."""

    record: ModelRecord
    pipeline: Pipeline
    baseline: FourWeekMean | None


def load_model(
    registry: RegistryBackend, record: ModelRecord, host: PluginHost, trust: Trust | None = None
) -> LoadedModel:
    """Fetch a model's files, check them against the record, and only then load them.

    `trust` says what the record must show; by default, digests.

    Raises
    ------
    UnknownPipeline, PluginError, MissingExtra, IntegrityError, RegistryError
    """
    pipeline_class = _offer_of(record, host).load()
    with model_files(registry, record, trust or Trust()) as directory:
        try:
            pipeline = pipeline_class.load(directory)
        except BikeTrafficError:
            raise
        except Exception as error:
            raise PluginError(
                f"'{record.model_type}' cannot load run {record.run_id[:8]}: {type(error).__name__}: {error}"
            ) from error
        return LoadedModel(record, pipeline, FourWeekMean.load(directory))


def default_metric(model: str, registry: RegistryBackend, host: PluginHost) -> str:
    """Return the metric by which the best of a model's records is meant, when none is said.

    Raises
    ------
    UnknownPipeline, AmbiguousName, MissingExtra
    PluginError
        The pipeline is not installed, but was registered here: the message says which package it came from.
    """
    from bike_traffic.registry import Query

    try:
        offer = host.pipeline(model)
    except UnknownPipeline:
        trained = list(registry.records(Query(model_type=bare_name(model), test_mode=None, split=None)))
        if trained:
            _offer_of(trained[-1], host)  # which is not there either, and says so
        raise
    return DEFAULT_METRIC[offer.load().task]


def _offer_of(record: ModelRecord, host: PluginHost) -> Offer[PipelineSpec]:
    """Return the pipeline of the package that trained the model, be its name taken by another one meanwhile."""
    plugin = record.extra.get("plugin")
    if not isinstance(plugin, Mapping) or "distribution" not in plugin:
        return host.pipeline(record.model_type)  # not written by bike-traffic
    distribution, version = str(plugin["distribution"]), str(plugin.get("version", "unknown"))
    trained = f"run {record.run_id[:8]} was trained by '{record.model_type}' of {distribution} {version}"
    try:
        offer = host.pipeline(f"{distribution}:{record.model_type}")
    except UnknownPipeline as error:
        raise PluginError(f"{trained}, which is not loaded: {_way_to_load(distribution, host)}") from error
    majors = {_major(version), _major(offer.source.version)} - {None}
    if len(majors) > 1:
        warnings.warn(
            f"{trained}, and {distribution} {offer.source.version} loads it: another major version may understand "
            f"its files differently; train it anew, or pip install '{distribution}=={version}'",
            PluginVersionWarning,
            stacklevel=3,
        )
    return offer


def _way_to_load(distribution: str, host: PluginHost) -> str:
    """Say why a distribution's pipeline is not loaded, or else how it is installed."""
    for failure in host.failures:
        if failure.source.distribution == distribution:
            return str(failure)
    if distribution in [source.distribution for source in host.left_out]:
        return "the setting `plugins` (BT_PLUGINS) leaves it out"
    return f"pip install {distribution}"


def _major(version: str) -> str | None:
    """Return the first number of a version, ``None`` of what is none."""
    found = re.match(r"(?:\d+!)?(\d+)", version)
    return found[1] if found else None


def predict(pipeline: Pipeline, counts: pd.DataFrame, *, unknown_counters: UnknownPolicy = "refuse") -> pd.DataFrame:
    """Predict valid counts.

    Returns
    -------
    On the index of `counts`: ``prediction`` (bikes per hour with two decimals, or a label), a classifier's
    ``probability``, and under ``unknown_counters="predict"`` whether the row's is an ``unknown_counter``.

    Raises
    ------
    UnknownCounters
        Rows of counters that the model was not trained on, unless they are to be predicted.
    """
    if unknown_counters == "refuse":
        refuse_unknown_counters(pipeline, counts)
        return _predicted(pipeline, counts)
    return _predicted(pipeline, counts).assign(**{UNKNOWN_COUNTER: ~known_counters(pipeline, counts)})


def _predicted(pipeline: Pipeline, counts: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {PREDICTION: checked_prediction(pipeline, counts).round(2)}
    probability = pipeline.probability(counts)
    if probability is not None:
        columns[PROBABILITY] = probability.round(4)
    return pd.DataFrame(columns)


def predict_file(pipeline: Pipeline, source: str, target: str, *, unknown_counters: UnknownPolicy = "refuse") -> int:
    """Predict a file of counts into another, in chunks, and return the number of rows.

    Each row of the input gives one row of the output, in the same order: counter and time as they stand in the
    input, the count where it is there, then the columns of `predict`. The output appears whole or not at all.

    Parameters
    ----------
    source, target : paths or URLs of CSV or Parquet (by their ending), or ``-``.

    Raises
    ------
    ReadError, WriteError, SchemaError, UnknownCounters
    """
    if Path(target).is_file() and Path(source).is_file() and Path(target).samefile(source):
        raise WriteError(f"{target}: is the input, and would be replaced; give the predictions another name")
    rows = 0
    unknown = _UnknownRows()
    flagged = unknown_counters == "predict"
    with (
        open_counts(source) as counts,
        table_writer(target, counts.delimiter) as write,
        progress(f"{pipeline.name}: predicting", None) as advance,
    ):
        kept = [counts.headers[name] for name in (COUNTER, TIME, COUNT) if name in counts.headers]
        for chunk in counts.frames():
            require_valid(chunk, source, with_counts=False)
            strange = ~known_counters(pipeline, chunk)
            if not flagged:
                unknown.add(chunk, strange)
            if not unknown:
                predicted = _predicted(pipeline, chunk)
                if flagged:
                    predicted[UNKNOWN_COUNTER] = strange
                write(pd.concat([chunk[kept], predicted], axis="columns"))
            rows += len(chunk)
            advance(len(chunk))
        if unknown:
            raise unknown.error()
    return rows


def refuse_unknown_counters(pipeline: Pipeline, counts: pd.DataFrame) -> None:
    """Raise `UnknownCounters`, naming the rows, when the model was not trained on all counters of `counts`."""
    unknown = _UnknownRows()
    unknown.add(counts, ~known_counters(pipeline, counts))
    if unknown:
        raise unknown.error()


class _UnknownRows:
    """The rows of counters that a model was not trained on, as they turn up."""

    def __init__(self) -> None:
        self._rows: dict[str, list[int]] = {}
        self._number: dict[str, int] = {}

    def add(self, counts: pd.DataFrame, unknown: pd.Series) -> None:
        names = clean_counter_names(column_of(counts, COUNTER))[unknown]
        for name, rows in names.groupby(names.astype(str), sort=False).groups.items():
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
            "train on counts that hold them, or take a rough guess with --unknown-counters predict"
        )
