"""One training: split, fit, evaluate on the held-out part, save, store, register."""

from __future__ import annotations

import ast
import contextlib
import json
import platform
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import uuid4

import attrs
import pandas as pd

from bike_traffic.artifacts import write_manifest
from bike_traffic.cleaning import RawCleanerTransformer
from bike_traffic.data.check import describe, require_valid
from bike_traffic.data.schema import COUNT, COUNTER, IDENTIFYING, TIME, clean_counter_names, column_of, parse_times
from bike_traffic.errors import BikeTrafficError, ParameterError, PluginError, RegistryError, SplitError, no_such
from bike_traffic.evaluation import (
    DEFAULT_HOLDOUT,
    Evaluation,
    FourWeekMean,
    Split,
    SplitKind,
    evaluate,
    random_split,
    temporal_split,
)
from bike_traffic.manager import Offer
from bike_traffic.pipeline import Pipeline
from bike_traffic.registry import EVERYTHING, ModelRecord, RegistryBackend, utc_now
from bike_traffic.signing import SigningKey
from bike_traffic.specs import PipelineSpec
from bike_traffic.tracking import Run, Tracker, TrainedModel, start_run
from bike_traffic.unfinished import unfinished

TEST_MODE_ROWS = 1000
"""Test mode trains on the first so many rows: it proves the way, not the model."""


@attrs.frozen(kw_only=True)
class TrainingPlan:
    """How to train, apart from the model and the counts.

    Parameters
    ----------
    env : profile that the record is filed under.
    test_mode : whether the counts are the short ones of test mode; the record says so.
    split : ``temporal`` holds out the last `holdout`, ``random`` a fifth of all rows.
    holdout : ``None`` is 28 days, in test mode the last fifth of the time.
    parameters : values for the pipeline's parameters.
    seed : of the pipeline and of a random split.
    """

    env: str = "dev"
    test_mode: bool = False
    split: SplitKind = "temporal"
    holdout: pd.Timedelta | None = None
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    seed: int = 0


@attrs.frozen(kw_only=True)
class TrainingResult:
    """A registered model: its record, the fitted pipeline, and its evaluation on the held-out rows.

    `pending` says what is still to do: the record, though durable, is not part of the summary yet, or the head could
    not be signed. ``None`` where all is done.
    """

    record: ModelRecord
    pipeline: Pipeline
    evaluation: Evaluation
    pending: RegistryError | None = None


def new_pipeline(offer: Offer[PipelineSpec], parameters: Mapping[str, Any], seed: int) -> Pipeline:
    """Make an unfitted pipeline with these parameters.

    Raises
    ------
    MissingExtra, ParameterError, PluginError
    """
    spec = offer.spec
    if spec.missing():
        raise spec.missing_extra(spec.missing()[0])
    try:
        pipeline_class = spec.load()
        pipeline = pipeline_class()
    except BikeTrafficError:
        raise
    except Exception as error:
        raise PluginError(f"'{spec.name}' cannot be made: {type(error).__name__}: {error}") from error
    if pipeline_class.name != spec.name:
        raise PluginError(f"'{spec.name}' is declared for a class that calls itself '{pipeline_class.name}'")
    known = pipeline.get_params(deep=False)
    if "random_state" in known:
        pipeline.set_params(random_state=seed)
    for name, value in parameters.items():
        if name not in known:
            raise ParameterError(no_such(f"parameter of '{spec.name}'", name, known))
        pipeline.set_params(**{name: _as_typed(name, value, known[name])})
    return pipeline


def _as_typed(name: str, value: Any, default: Any) -> Any:
    """Read a value given as text the way the parameter's default is typed."""
    if isinstance(value, str) and not isinstance(default, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            raise ParameterError(f"{name}: {value!r} is not {_kind(default)}") from None
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if default is not None and type(value) is not type(default):
        raise ParameterError(f"{name}: {value!r} is not {_kind(default)}")
    return value


def _kind(default: Any) -> str:
    kinds = {bool: "True or False", int: "a whole number", float: "a number", str: "text", tuple: "a tuple"}
    return f"{kinds.get(type(default), type(default).__name__)} (the default is {default!r})"


def split_counts(counts: pd.DataFrame, plan: TrainingPlan) -> Split:
    """Choose the held-out rows as the plan says; raise `SplitError`."""
    if plan.split == "random":
        return random_split(counts, plan.seed)
    if plan.holdout is None and plan.test_mode:
        summary = describe(counts)
        span = pd.Timestamp(str(summary["last_hour"])) - pd.Timestamp(str(summary["first_hour"]))
        return temporal_split(counts, max(span / 5, pd.Timedelta(hours=1)).ceil("h"))
    return temporal_split(counts, plan.holdout or DEFAULT_HOLDOUT)


def train_model(
    offer: Offer[PipelineSpec],
    counts: pd.DataFrame,
    registry: RegistryBackend,
    plan: TrainingPlan,
    *,
    signing_key: SigningKey | None = None,
    tracker: Tracker | None = None,
) -> TrainingResult:
    """Train one pipeline on counts that were found valid, and register it, signed where there is a key.

    Nothing is registered before its files are stored whole: an error on the way leaves the registry as it was.
    With a tracker the training is a run there, which the record names.

    Raises
    ------
    ParameterError, SplitError, MissingExtra, RegistryError
    """
    pipeline = new_pipeline(offer, plan.parameters, plan.seed)
    registry.require_writable()
    next(registry.records(EVERYTHING), None)  # a registry that cannot be read is said before the work, not after it
    split = split_counts(counts, plan)
    with start_run(tracker, pipeline.name, test_mode=plan.test_mode) as run:
        trained = _fit_and_measure(offer, pipeline, counts, split, plan, run.run_id or uuid4().hex)
        record, pending = _register(trained, registry, run, signing_key)
    return TrainingResult(record=record, pipeline=pipeline, evaluation=trained.evaluation, pending=pending)


def _fit_and_measure(
    offer: Offer[PipelineSpec],
    pipeline: Pipeline,
    counts: pd.DataFrame,
    split: Split,
    plan: TrainingPlan,
    run_id: str,
) -> TrainedModel:
    training, held_out = counts.iloc[split.training], counts.iloc[split.held_out]
    started = time.perf_counter()
    fit(pipeline, training)
    fit_seconds = time.perf_counter() - started
    baseline = FourWeekMean().fit(RawCleanerTransformer().transform(training))
    judged = rows_of_known_counters(pipeline, held_out)
    evaluation = evaluate(pipeline, judged, baseline)
    record = ModelRecord(
        timestamp=utc_now(),
        model_type=pipeline.name,
        env=plan.env,
        test_mode=plan.test_mode,
        run_id=run_id,
        metrics=evaluation.metrics,
        model_uri="",
        extra={
            "baseline": evaluation.baseline,
            "split": {
                "kind": split.kind,
                "seed": plan.seed,
                "training_until": parse_times(column_of(training, TIME)).max().isoformat(),
                "training_rows": len(training),
                "held_out_rows": evaluation.rows,
                "left_out_rows": len(held_out) - evaluation.rows,
            },
            "data": {key: value for key, value in describe(counts).items() if key != "counts"},
            "parameters": {name: _as_json(value) for name, value in pipeline.get_params(deep=False).items()},
            "fit_seconds": round(fit_seconds, 2),
            "plugin": {"distribution": offer.source.distribution, "version": offer.source.version},
            "libraries": {"python": platform.python_version(), **_versions("scikit-learn", *offer.spec.requires)},
        },
    )
    return TrainedModel(
        record=record, pipeline=pipeline, counts=counts, held_out=judged, baseline=baseline, evaluation=evaluation
    )


def _register(
    trained: TrainedModel, registry: RegistryBackend, run: Run, signing_key: SigningKey | None
) -> tuple[ModelRecord, RegistryError | None]:
    """Save, track, sign, upload and append; return the record as it is registered, and what is still to do."""
    pending: RegistryError | None
    with unfinished(registry, trained.record.run_id) as model:
        trained.pipeline.save(model.files)
        trained.baseline.save(model.files)
        record = attrs.evolve(trained.record, artifacts=write_manifest(model.files, trained.pipeline.name))
        record = attrs.evolve(record, extra={**record.extra, **run.log(trained, model.files)})
        if signing_key is not None:
            record = signing_key.sign_record(record)
        record, pending = model.register(record)
    run.registered(record)
    if signing_key is not None and pending is None:
        try:
            registry.sign_head(signing_key)
        except RegistryError as error:
            pending = error
    return record, pending


def _as_json(value: object) -> object:
    """Return a parameter as a record can hold it: what JSON has no word for as its text."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value


def _versions(*distributions: str) -> dict[str, str]:
    """Return the versions of those that are installed under these names."""
    found = {}
    for name in distributions:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def rows_of_known_counters(pipeline: Pipeline, held_out: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out rows that can be judged; raise `SplitError` where all counters are new."""
    known = held_out[known_counters(pipeline, held_out)]
    if known.empty:
        raise SplitError("every held-out row is of a counter that the training rows do not have")
    return known


def fit(pipeline: Pipeline, training: pd.DataFrame) -> None:
    """Fit, and turn a parameter that the library behind the pipeline refuses into `ParameterError`."""
    from sklearn.utils._param_validation import InvalidParameterError

    try:
        pipeline.fit(training)
    except BikeTrafficError:
        raise
    except InvalidParameterError as error:
        raise ParameterError(f"'{pipeline.name}': {error}") from None


def known_counters(pipeline: Pipeline, counts: pd.DataFrame) -> pd.Series:
    """Say which rows are of counters that the pipeline was trained on, on the same index."""
    names = clean_counter_names(column_of(counts, COUNTER))
    seen = names.cat.categories.astype(str).isin(pipeline.counters_)
    return (
        pd.Series(pd.array(seen).take(names.cat.codes.to_numpy(), allow_fill=True), index=counts.index)
        .fillna(False)
        .astype(bool)
    )


def read_for_training(uri: str, *, test_mode: bool) -> pd.DataFrame:
    """Read counts, or generate the sample, and require that they are valid."""
    from bike_traffic.config import SAMPLE
    from bike_traffic.data.reading import read_counts
    from bike_traffic.data.sample import generate_sample

    rows = TEST_MODE_ROWS if test_mode else None
    if uri == SAMPLE:
        counts = generate_sample()
        return counts if rows is None else counts.head(rows)
    counts = read_counts(uri, rows=rows, wanted=(*IDENTIFYING, COUNT))
    require_valid(counts, uri, with_counts=True)
    return counts
