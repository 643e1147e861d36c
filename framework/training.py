"""One training: split, fit, evaluate on the held-out part, fit again on all rows, save, track, store, register."""

from __future__ import annotations

import contextlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import uuid4

import attrs
import numpy as np
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNTER, TEMPERATURE, TIME
from bike_traffic.data.checking.description import describe, fingerprint
from bike_traffic.errors import RegistryError, SplitError
from bike_traffic.evaluation.intervals import LEVEL
from bike_traffic.evaluation.measuring import Evaluation, evaluate, measurable_rows
from bike_traffic.evaluation.metrics import FEWEST_HELD_OUT
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.splits import (
    DEFAULT_HOLDOUT,
    Split,
    SplitKind,
    random_split,
    span_in_words,
    temporal_split,
)
from bike_traffic.features.calendar import day_numbers
from bike_traffic.manager import Declaration
from bike_traffic.origins import CALIBRATION_MONTHS, calibration_span, predicted_month, predicted_months
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

FEWEST_DAYS, FEWEST_COUNTERS = 0.5, 0.25
"""Share of the days of a hold-out that must have counts, and of the counters of the same span before it."""

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
    cleaned: pd.DataFrame,
    registry: RegistryBackend,
    plan: TrainingPlan,
    *,
    signing_key: SigningKey | None = None,
    tracker: Tracker | None = None,
) -> TrainingResult:
    """Train one pipeline on a valid clean frame, and register it, signed if there is a key.

    Nothing is registered before its files are stored whole: an error on the way leaves the registry as it was.
    With a tracker the training is a run there, which the record names.

    Raises
    ------
    ParameterError, SplitError, MissingExtra, MissingInput, RegistryError
    """
    pipeline = new_pipeline(declaration, plan.parameters, plan.seed, plan.city)
    pipeline.require_input(history=True, weather=TEMPERATURE in cleaned)
    registry.require_writable()
    next(registry.records(EVERYTHING), None)  # a registry that cannot be read fails before the fit, not after it
    split = split_counts(cleaned, plan)
    with start_run(tracker, pipeline.name, test_mode=plan.test_mode) as run:
        trained = _fit_and_measure(declaration, cleaned, split, plan, run.run_id or uuid4().hex)
        record, pending = _register(trained, registry, run, signing_key)
    return TrainingResult(record=record, pipeline=trained.pipeline, evaluation=trained.evaluation, pending=pending)


def split_counts(cleaned: pd.DataFrame, plan: TrainingPlan) -> Split:
    """Choose the held-out rows as the plan says; raise `SplitError`, also if they are too few to mean anything."""
    if plan.split == "random":
        return random_split(cleaned, plan.seed)
    holdout = plan.holdout or DEFAULT_HOLDOUT
    if plan.holdout is None and plan.test_mode:
        span = cleaned[TIME].max() - cleaned[TIME].min()
        holdout = max(span / 5, pd.Timedelta(hours=1)).ceil("h")
    split = temporal_split(cleaned, holdout)
    _refuse_sliver(cleaned, split, holdout)
    return split


def _refuse_sliver(cleaned: pd.DataFrame, split: Split, holdout: pd.Timedelta) -> None:
    """Raise `SplitError` if the held-out rows are too few to measure a model: of rows, days or counters."""
    held_out, training = cleaned.iloc[split.held_out], cleaned.iloc[split.training]
    before = training[(training[TIME] > cleaned[TIME].max() - 2 * holdout).to_numpy()]
    for found, needed, what in (
        (len(held_out), FEWEST_HELD_OUT, "rows"),
        (len(np.unique(day_numbers(held_out[TIME]))), int(FEWEST_DAYS * (holdout / pd.Timedelta(days=1))), "days"),
        (held_out[COUNTER].nunique(), int(FEWEST_COUNTERS * before[COUNTER].nunique()), "counters"),
    ):
        if found < needed:
            raise SplitError(
                f"the last {span_in_words(holdout)} have {found:,} {what} with counts, and a hold-out needs "
                f"{needed:,} or more to mean anything; give another --holdout, or more counts",
                "holdout-sliver",
                holdout=span_in_words(holdout),
                what=what,
                found=found,
                needed=needed,
            )


def _fit_and_measure(
    declaration: Declaration[PipelineSpec], cleaned: pd.DataFrame, split: Split, plan: TrainingPlan, run_id: str
) -> TrainedModel:
    """Fit on the training rows and measure, then fit again on all rows."""

    def new() -> Pipeline:
        return new_pipeline(declaration, plan.parameters, plan.seed, plan.city)

    name = declaration.spec.name
    training, held_out = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
    if plan.interval:
        step(f"{name}: fitting on earlier months, for the interval")
    months = _months_before(new, cleaned, split) if plan.interval else []
    step(f"{name}: fitting on {len(training):,} rows")
    measured, fit_seconds = _fit(new(), training)
    step(f"{name}: measuring on {len(held_out):,} rows")
    measurable = measurable_rows(measured, held_out)
    references = References.baselines(training, holidays=measured.holidays)
    references = references.calibrated(months, training, holidays=measured.holidays)
    evaluation = evaluate(measured, measurable, references, history=training)
    if plan.interval and split.kind == "temporal" and measured.task == "regression":
        months += [predicted_month(measured, cleaned, split, evaluation.rows)]
    pipeline, registered_fit = measured, None
    if plan.refit:
        step(f"{name}: fitting on all {len(cleaned):,} rows")
        pipeline, seconds = _fit(new(), cleaned)
        registered_fit = FitInfo(until=cleaned[TIME].max().isoformat(), rows=len(cleaned), seconds=seconds)
    learned = cleaned if plan.refit else training
    references = References.learn(learned, holidays=pipeline.holidays)
    references = references.calibrated(months, learned, holidays=pipeline.holidays)
    if measured.task == "regression":
        references = references.measured(evaluation.rows)
    if split.kind == "temporal":
        references = references.keeping(evaluation.rows)
    source = declaration.source
    record = ModelRecord(
        timestamp=utc_now(),
        model_type=measured.name,
        env=plan.env,
        city=plan.city.name,
        # Programs of the original project know this one reason to leave a record out; our queries look at the split.
        test_mode=plan.test_mode or split.kind == "random",
        run_id=run_id,
        metrics=evaluation.metrics,
        model_uri="",
        baseline=evaluation.baseline,
        recent=evaluation.recent,
        beats_baseline=evaluation.beats_baseline,
        interval={"level": LEVEL, "months": len(months)} if months else None,
        split=SplitInfo(
            kind=split.kind,
            seed=plan.seed,
            training_until=training[TIME].max().isoformat(),
            measured_until=measurable[TIME].max().isoformat(),
            training_rows=len(training),
            held_out_rows=len(measurable),
            held_out_digest=fingerprint(measurable),
            left_out_rows=len(held_out) - len(measurable),
        ),
        data=DataInfo.from_json(({"source": plan.source} if plan.source else {}) | describe(cleaned)),
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
        record=record, pipeline=pipeline, counts=cleaned, references=references, evaluation=evaluation
    )


def _fit(pipeline: Pipeline, rows: pd.DataFrame) -> tuple[Pipeline, float]:
    started = time.perf_counter()
    pipeline.fit(rows)
    return pipeline, round(time.perf_counter() - started, 2)


def _months_before(new: Callable[[], Pipeline], cleaned: pd.DataFrame, split: Split) -> list[pd.DataFrame]:
    """Predict the months before the held-out rows; of a random split, which is held out of all months, the last."""
    end = cleaned[TIME].max() + pd.Timedelta(hours=1)
    number = CALIBRATION_MONTHS
    if split.kind == "temporal":
        end, number = cleaned[TIME].iloc[split.held_out].min(), CALIBRATION_MONTHS - 1
    span = calibration_span(cleaned, cleaned[TIME].max() + pd.Timedelta(hours=1) - end)
    return predicted_months(new, cleaned, end, span, number)


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
