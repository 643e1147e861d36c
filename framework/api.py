"""The core in a few calls, for Python: what the command line does, without the command line."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bike_traffic.config import Settings, load_settings
from bike_traffic.data.check import require_valid
from bike_traffic.evaluation import SplitKind, parse_span
from bike_traffic.manager import PluginHost, bare_name
from bike_traffic.metrics import DEFAULT_METRIC
from bike_traffic.pipeline import Pipeline
from bike_traffic.prediction import default_metric, load_model
from bike_traffic.registry import Query, open_registry
from bike_traffic.signing import SigningKey, Trust
from bike_traffic.tracking import open_tracker
from bike_traffic.training import TEST_MODE_ROWS, TrainingPlan, TrainingResult, read_for_training, train_model

_log = logging.getLogger("bike_traffic")


def train(
    model: str,
    data: str | pd.DataFrame | None = None,
    *,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    test_mode: bool = False,
    split: SplitKind = "temporal",
    holdout: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    track: bool | None = None,
) -> TrainingResult:
    """Train a model, evaluate it on held-out rows, and register it.

    Parameters
    ----------
    model : a pipeline's name, such as ``"rf"``.
    data : counts as the City publishes them: a frame, a path or URL, or ``None`` for what the settings say.
    registry, backend, env : as the flags of ``bt train``.
    holdout : a span of time such as ``"28d"``.
    track : whether the training is a run in MLflow; ``None`` is what the settings say. Where runs go, and what of
        one could not be recorded, is logged as a warning under ``bike_traffic``.

    Raises
    ------
    BikeTrafficError
        One of its subclasses; the message says what to do.
    """
    settings = load_settings(env=env, backend=backend, registry=registry, track=track)
    host = _host(settings)
    if isinstance(data, pd.DataFrame):
        require_valid(data, "the frame", with_counts=True)
        counts = data.head(TEST_MODE_ROWS) if test_mode else data
    else:
        counts = read_for_training(data or settings.data, test_mode=test_mode)
    plan = TrainingPlan(
        env=settings.env,
        test_mode=test_mode,
        split=split,
        holdout=parse_span(holdout) if holdout else None,
        parameters=parameters or {},
        seed=seed,
    )
    opened = open_registry(settings=settings, host=host)
    tracker = open_tracker(settings, _log.warning)
    key = SigningKey.of(settings)
    result = train_model(host.pipeline(model), counts, opened, plan, signing_key=key, tracker=tracker)
    host.after_train(result.record, result.evaluation.metrics)
    return result


def load_best(
    model: str | None = None,
    *,
    metric: str | None = None,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    test_mode: bool = False,
    allow_unverified: bool = False,
) -> Pipeline:
    """Return the best registered pipeline, its files verified.

    Parameters
    ----------
    model : only models of this name.
    metric : lower is better where it is; ``None`` is the default of the model's task, rmse where none is named.
    allow_unverified : load files whose record has no digests to check them by, such as the original project's.

    Raises
    ------
    NoRecord, UnknownMetric, IntegrityError
    PluginError
        The package that trained the model is not installed; the message has the pip line.
    """
    settings = load_settings(env=env, backend=backend, registry=registry)
    host = _host(settings)
    opened = open_registry(settings=settings, host=host)
    if metric is None:
        metric = default_metric(model, opened, host) if model else DEFAULT_METRIC["regression"]
    record = opened.best(
        metric, Query(model_type=model and bare_name(model), env=settings.env_asked_for, test_mode=test_mode)
    )
    return load_model(opened, record, host, Trust.of(settings, unverified=allow_unverified)).pipeline


def _host(settings: Settings) -> PluginHost:
    return PluginHost(only=settings.plugins, strict=settings.strict_plugins)
