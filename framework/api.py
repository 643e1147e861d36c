"""The core in a few calls, for Python: each opens a `Workspace` and does what a command of `bt` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bike_traffic.backtesting import Fold
from bike_traffic.evaluating import Measurement
from bike_traffic.evaluation.splits import SplitKind, parse_span
from bike_traffic.pipeline import Pipeline
from bike_traffic.prediction import UnknownPolicy
from bike_traffic.training import TrainingPlan, TrainingResult
from bike_traffic.workspace import Workspace


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
    data : counts, published or clean: a frame, a path or URL, or ``None`` for what the settings say.
    registry, backend, env : as the flags of ``bt train``.
    holdout : a span of time such as ``"28d"``.
    track : whether the training is a run in MLflow; ``None`` is what the settings say. Where runs go, and what could
        not be recorded, is logged as a warning under ``bike_traffic``.

    Raises
    ------
    BikeTrafficError
        One of its subclasses; the message says what to do.
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env, track=track)
    plan = TrainingPlan(
        env=workspace.settings.env,
        test_mode=test_mode,
        split=split,
        holdout=parse_span(holdout) if holdout else None,
        parameters=parameters or {},
        seed=seed,
    )
    (declaration,) = workspace.pipelines([model])
    workspace.require_trainable()
    return workspace.train(declaration, workspace.counts(data, test_mode=test_mode), plan)


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
    metric : for errors such as rmse the lowest value wins; ``None`` is the default of the model's task, rmse if no
        model is named.
    allow_unverified : load files whose record has no digests to check them by, such as the original project's.

    Raises
    ------
    NoRecord, UnknownMetric, IntegrityError
    PluginError
        The package that trained the model is not installed; the message has the pip line.
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env, allow_unverified=allow_unverified)
    return workspace.load(workspace.find(model, metric=metric, test_mode=test_mode)).pipeline


def predict(
    counts: pd.DataFrame,
    model: str | None = None,
    *,
    run_id: str | None = None,
    alias: str | None = None,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    unknown_counters: UnknownPolicy = "refuse",
) -> pd.DataFrame:
    """Predict counts, published or clean, with a registered model: a run, an alias, or the best of a name.

    Returns
    -------
    On the index of `counts`: ``prediction`` (bikes per hour, or a label), a classifier's ``probability``, ``lower``
    and ``upper`` if the model has an interval, and under ``unknown_counters="predict"`` whether the row is of an
    ``unknown_counter``.

    Raises
    ------
    NoRecord, IntegrityError, SchemaError, UnknownCounters
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env)
    loaded = workspace.load(workspace.find(model, run_id=run_id, alias=alias))
    return workspace.predict(loaded, counts, unknown_counters=unknown_counters)


def evaluate(
    counts: str | pd.DataFrame,
    model: str | None = None,
    *,
    run_id: str | None = None,
    alias: str | None = None,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    unknown_counters: UnknownPolicy = "refuse",
) -> Measurement:
    """Measure a registered model on counts that carry the truth: a frame, or the path or URL of a file.

    Raises
    ------
    NoRecord, IntegrityError, ReadError, SchemaError, UnknownCounters
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env)
    loaded = workspace.load(workspace.find(model, run_id=run_id, alias=alias))
    return workspace.evaluate(loaded, workspace.counts(counts), unknown_counters=unknown_counters)


def backtest(
    models: str | list[str],
    data: str | pd.DataFrame | None = None,
    *,
    folds: int = 3,
    horizon: str = "28d",
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Fold]:
    """Measure models by rolling origin: the last horizons one by one, each trained on all rows before it.

    Parameters
    ----------
    models : the name of a pipeline, or several.
    data : as in `train`.
    horizon : what each fold holds out, such as ``"28d"``.

    Raises
    ------
    SplitError, ParameterError, ReadError, SchemaError
    """
    workspace = Workspace.open()
    declarations = workspace.pipelines([models] if isinstance(models, str) else models)
    cleaned = workspace.counts(data)
    found = workspace.backtest(
        declarations, cleaned, folds=folds, horizon=parse_span(horizon), parameters=parameters or {}, seed=seed
    )
    return list(found)
