"""One training: split, fit, evaluate on the held-out part, fit again on all rows, save, track, store, register."""

from __future__ import annotations

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

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import TEMPERATURE, TIME
from bike_traffic.data.checking.description import fingerprint
from bike_traffic.data.parts.stored import StoredCounts
from bike_traffic.errors import RegistryError
from bike_traffic.evaluation.intervals import LEVEL
from bike_traffic.evaluation.measuring import Evaluation, evaluate, measurable_rows
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.splits import DEFAULT_HOLDOUT, SplitKind
from bike_traffic.features.parts import Parts, span_of
from bike_traffic.manager import Declaration
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import Pipeline
from bike_traffic.progress import step
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import write_manifest
from bike_traffic.registry.files.unfinished import unfinished
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.record_parts import DataInfo, FitInfo, PluginInfo, SplitInfo
from bike_traffic.registry.records import ModelRecord, utc_now
from bike_traffic.registry.signing import SigningKey
from bike_traffic.specs import PipelineSpec
from bike_traffic.tracking.runs import Run, Tracker, TrainedModel, start_run
from bike_traffic.training_data import TrainingRows, split_counts

TEST_MODE_ROWS = 1000
"""Test mode trains on this many rows, the first: it tests the process, not the model."""


@attrs.frozen(kw_only=True)
class TrainingPlan:
    """How to train, apart from the model and the counts.

    Parameters
    ----------
    env : profile of the record.
    test_mode : whether the counts are the few rows of test mode; the record says so.
    split : ``temporal`` holds out the last `holdout`, ``random`` a fifth of all rows.
    holdout : ``None`` is 28 days, in test mode the last fifth of the time.
    parameters : values for the pipeline's parameters.
    seed : of the pipeline and of a random split.
    refit : whether a second fit, on all rows, is registered; else the measured fit, which lacks the newest rows.
    interval : whether an interval is calibrated, which costs two more fits.
    city : whose counts they are.
    source : where the counts came from, for the record; see `bike_traffic.data.loading.source_of`.
    """

    env: str = "dev"
    test_mode: bool = False
    split: SplitKind = "temporal"
    holdout: pd.Timedelta | None = None
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    seed: int = 0
    refit: bool = True
    interval: bool = True
    city: City = PARIS
    source: str | None = None


@attrs.frozen(kw_only=True)
class TrainingResult:
    """A registered model: its record, the registered pipeline, and the evaluation of the first fit.

    `pending` is what is still to do: the record, though durable, is not in the summary yet, or the head could not be
    signed. ``None`` if all is done.
    """

    record: ModelRecord
    pipeline: Pipeline
    evaluation: Evaluation
    pending: RegistryError | None = None


def train_model(
    declaration: Declaration[PipelineSpec],
    counts: pd.DataFrame | StoredCounts,
    registry: RegistryBackend,
    plan: TrainingPlan,
    *,
    signing_key: SigningKey | None = None,
    tracker: Tracker | None = None,
) -> TrainingResult:
    """Train one pipeline on a valid clean frame, or one that learns from parts on counts in a temporary folder.

    The model is registered, signed if there is a key.

    Nothing is registered before its files are stored whole: an error on the way leaves the registry as it was.
    With a tracker the training is a run there, which the record names.

    Raises
    ------
    ParameterError, SplitError, MissingExtra, MissingInput, RegistryError
    """
    pipeline = new_pipeline(declaration, plan.parameters, plan.seed, plan.city)
    pipeline.require_input(history=True, weather=isinstance(counts, pd.DataFrame) and TEMPERATURE in counts)
    registry.require_writable()
    next(registry.records(EVERYTHING), None)  # a registry that cannot be read fails before the fit, not after it
    if isinstance(counts, pd.DataFrame):
        split = split_counts(counts, plan.split, plan.holdout, seed=plan.seed, test_mode=plan.test_mode)
        rows = TrainingRows.of_frame(counts, split)
    else:
        rows = TrainingRows.of_store(counts, plan.holdout or DEFAULT_HOLDOUT)
    with start_run(tracker, pipeline.name, test_mode=plan.test_mode) as run:
        trained = _fit_and_measure(declaration, rows, plan, run.run_id or uuid4().hex)
        record, pending = _register(trained, registry, run, signing_key)
    return TrainingResult(record=record, pipeline=trained.pipeline, evaluation=trained.evaluation, pending=pending)


def _fit_and_measure(
    declaration: Declaration[PipelineSpec], rows: TrainingRows, plan: TrainingPlan, run_id: str
) -> TrainedModel:
    """Fit on the training rows and measure, then fit again on all rows."""

    def new() -> Pipeline:
        return new_pipeline(declaration, plan.parameters, plan.seed, plan.city)

    name = declaration.spec.name
    training, held_out = rows.training, rows.held_out
    if plan.interval:
        step(f"{name}: fitting on earlier months, for the interval")
    months = rows.months(new) if plan.interval else []
    step(f"{name}: fitting on {rows.training_rows:,} rows")
    measured, fit_seconds = _fit(new(), training)
    step(f"{name}: measuring on {len(held_out):,} rows")
    measurable = measurable_rows(measured, held_out)
    references = References.baselines(training, holidays=measured.holidays)
    references = references.calibrated(months, training, holidays=measured.holidays)
    evaluation = evaluate(measured, measurable, references, history=rows.history)
    if plan.interval and rows.kind == "temporal" and measured.task == "regression":
        months += [rows.month(measured, evaluation.rows)]
    pipeline, registered_fit = measured, None
    if plan.refit:
        step(f"{name}: fitting on all {rows.rows:,} rows")
        pipeline, seconds = _fit(new(), rows.everything)
        registered_fit = FitInfo(until=str(rows.described["last_hour"]), rows=rows.rows, seconds=seconds)
    learned = rows.everything if plan.refit else training
    references = References.learn(learned, holidays=pipeline.holidays)
    references = references.calibrated(months, learned, holidays=pipeline.holidays)
    if measured.task == "regression":
        references = references.measured(evaluation.rows)
    if rows.kind == "temporal":
        references = references.keeping(evaluation.rows)
    source = declaration.source
    record = ModelRecord(
        timestamp=utc_now(),
        model_type=measured.name,
        env=plan.env,
        city=plan.city.name,
        # Programs of the original project know this one reason to leave a record out; our queries look at the split.
        test_mode=plan.test_mode or rows.kind == "random",
        run_id=run_id,
        metrics=evaluation.metrics,
        model_uri="",
        baseline=evaluation.baseline,
        recent=evaluation.recent,
        beats_baseline=evaluation.beats_baseline,
        interval={"level": LEVEL, "months": len(months)} if months else None,
        split=SplitInfo(
            kind=rows.kind,
            seed=plan.seed,
            training_until=span_of(training)[1].isoformat(),
            measured_until=measurable[TIME].max().isoformat(),
            training_rows=rows.training_rows,
            held_out_rows=len(measurable),
            held_out_digest=fingerprint(measurable),
            left_out_rows=len(held_out) - len(measurable),
        ),
        data=DataInfo.from_json(({"source": plan.source} if plan.source else {}) | dict(rows.described)),
        registered_fit=registered_fit,
        parameters={name: _as_json(value) for name, value in measured.get_params(deep=False).items()},
        fit_seconds=fit_seconds,
        plugin=PluginInfo(distribution=source.distribution, version=source.version),
        libraries={
            "python": platform.python_version(),
            **_versions(*_LIBRARIES, *declaration.spec.needed_to_train),
        },
    )
    return TrainedModel(
        record=record,
        pipeline=pipeline,
        columns=rows.columns,
        fingerprint=rows.fingerprint,
        references=references,
        evaluation=evaluation,
    )


def _fit(pipeline: Pipeline, learned: Parts) -> tuple[Pipeline, float]:
    started = time.perf_counter()
    if isinstance(learned, list):
        pipeline.fit(learned[0])
    else:
        pipeline.fit_parts(learned)
    return pipeline, round(time.perf_counter() - started, 2)


def _register(
    trained: TrainedModel, registry: RegistryBackend, run: Run, signing_key: SigningKey | None
) -> tuple[ModelRecord, RegistryError | None]:
    """Save, track, sign, upload and append; return the record as it is registered, and what is still to do."""
    pending: RegistryError | None
    with unfinished(registry, trained.record.run_id) as model:
        step(f"{trained.pipeline.name}: saving and registering run {trained.record.run_id[:8]}")
        trained.pipeline.save(model.files)
        trained.references.save(model.files)
        digests = write_manifest(model.files, trained.pipeline.name, trained.record.plugin)
        record = attrs.evolve(trained.record, artifacts=digests)
        record = attrs.evolve(record, tracking=run.log(trained, model.files))
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
    """Return a parameter as a record can hold it: its text if JSON has no such value."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value


_LIBRARIES = ("numpy", "pandas", "scikit-learn")
"""Whose versions a record keeps, beside those that the pipeline requires: other ones give other models."""


def _versions(*distributions: str) -> dict[str, str]:
    """Return the versions of those that are installed under these names."""
    installed = {}
    for name in distributions:
        with contextlib.suppress(PackageNotFoundError):
            installed[name] = version(name)
    return installed
