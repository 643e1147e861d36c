"""The core in a few calls, for Python: each opens a `Workspace` and does what a command of `bt` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bike_traffic.answering import UnknownPolicy
from bike_traffic.backtesting import Fold
from bike_traffic.data.loading import source_of
from bike_traffic.data.window import Window
from bike_traffic.evaluating import Measurement
from bike_traffic.evaluation.splits import SplitKind, parse_span
from bike_traffic.forecasting import Forecast, parse_day, tomorrow
from bike_traffic.gathering import training_counts
from bike_traffic.origins import Steps
from bike_traffic.pipeline import Pipeline
from bike_traffic.processes import Workers
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.training import TrainingPlan, TrainingResult
from bike_traffic.workspace import Workspace


def train(
    model: str,
    data: str | pd.DataFrame | None = None,
    *,
    weather: str | pd.DataFrame | None = None,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    city: str | None = None,
    test_mode: bool = False,
    split: SplitKind = "temporal",
    holdout: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    refit: bool = True,
    interval: bool = True,
    track: bool | None = None,
    since: str | None = None,
    until: str | None = None,
) -> TrainingResult:
    """Train a model, evaluate it on held-out rows, fit it again on all rows, and register it.

    Parameters
    ----------
    model : a pipeline's name, such as ``"rf"``.
    data : counts, published or clean: a frame, a path or URL of a file, a folder or a pattern, or ``None`` for what
        the settings say.
    weather : of their hours, as `read_weather` takes it; ``None`` is what the settings say.
    registry, backend, env, city : as the flags of ``bt train``.
    since, until : the counts from one day or month on and before another, such as ``"2026-03"``.
    holdout : a span of time such as ``"28d"``.
    refit : whether the second fit, on all rows, is registered; else the measured one.
    interval : whether an interval is calibrated, which takes more fits.
    track : whether the training is a run in MLflow; ``None`` is what the settings say. Its trouble is logged.

    Raises
    ------
    BikeTrafficError
        One of its subclasses; the message says what to do.
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env, city=city, track=track)
    plan = TrainingPlan(
        env=workspace.settings.env,
        test_mode=test_mode,
        split=split,
        holdout=parse_span(holdout) if holdout else None,
        parameters=parameters or {},
        seed=seed,
        refit=refit,
        interval=interval,
        source=source_of(workspace.settings.data if data is None else data),
    )
    (declaration,) = workspace.pipelines([model])
    window = Window.parse(since, until, workspace.city.time_zone)
    workspace.require_trainable()
    with training_counts(workspace, [declaration], plan, data, weather=weather, window=window) as counts:
        return workspace.train(declaration, counts, plan)


def load_best(
    model: str | None = None,
    *,
    metric: str | None = None,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    city: str | None = None,
    test_mode: bool = False,
    sample: bool = False,
    allow_unverified: bool = False,
    credentials: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Return the best registered pipeline, its files verified.

    Parameters
    ----------
    model : only models of this name.
    metric : whose best value wins; ``None`` is skill, and where no record has it the default of the model's task.
    test_mode, sample : search the models of test mode, or of the generated sample, which are left out otherwise.
    allow_unverified : load files whose record has no digests to check them by, such as the original project's.
    credentials : of the registry; see `bike_traffic.open_registry`.

    Raises
    ------
    NoRecord, UnknownMetric, IntegrityError
    PluginError
        The package that trained the model is not installed; the message has the pip line.
    """
    workspace = Workspace.open(
        registry=registry,
        backend=backend,
        env=env,
        city=city,
        allow_unverified=allow_unverified,
        credentials=credentials,
    )
    return workspace.load(workspace.find(model, metric=metric, test_mode=test_mode, sample=sample)).pipeline


def predict(
    counts: pd.DataFrame,
    model: str | None = None,
    *,
    run_id: str | None = None,
    alias: str | None = None,
    test_mode: bool = False,
    sample: bool = False,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    city: str | None = None,
    history: str | pd.DataFrame | None = None,
    interval: bool = False,
    unknown_counters: UnknownPolicy = "refuse",
    reasons: bool = False,
) -> pd.DataFrame:
    """Predict counts, published or clean, with a registered model: a run, an alias, or the best of a name.

    Parameters
    ----------
    history : counts known before these rows, for a model that needs them: a frame, or the path or URL of a file.
    interval : whether to add ``lower`` and ``upper``, between which 80 % of the counts should be.
    unknown_counters : refuse rows of counters that the model was not trained on, predict them, or leave them empty.
    reasons : whether to add the column ``reason``: what keeps a row without a prediction, else empty.

    Returns
    -------
    On the index of `counts`: ``prediction`` (bikes per hour, or a label; missing where a row has no time or name), a
    classifier's ``probability``, ``lower`` and ``upper`` (bikes per hour), and under ``unknown_counters="predict"``
    whether the row is of an ``unknown_counter``.

    Raises
    ------
    NoRecord, IntegrityError, SchemaError, UnknownCounters, MissingInput, NoInterval
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env, city=city)
    loaded = workspace.load(workspace.find(model, run_id=run_id, alias=alias, test_mode=test_mode, sample=sample))
    past = None if history is None else workspace.counts(history)
    return workspace.predict(
        loaded, counts, history=past, interval=interval, unknown_counters=unknown_counters, reasons=reasons
    )


def forecast(
    model: str | None = None,
    *,
    start: str | pd.Timestamp | None = None,
    days: int = 1,
    counters: Sequence[str] = (),
    history: str | pd.DataFrame | None = None,
    weather: str | pd.DataFrame | None = None,
    run_id: str | None = None,
    alias: str | None = None,
    test_mode: bool = False,
    sample: bool = False,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    city: str | None = None,
) -> Forecast:
    """Predict coming days for the counters that a registered model knows: a run, an alias, or the best of a name.

    Parameters
    ----------
    start, days : the first day, such as ``"2026-06-15"`` (``None`` is tomorrow), and how many.
    counters : texts that a counter's name contains, accents and case aside; by default all counters.
    history : recent counts, for a model that needs them: a frame, or the path or URL of a file.
    weather : as in `train`; of the hours of the forecast and of the history.

    Raises
    ------
    NoRecord, IntegrityError, ForecastError, MissingInput, ReadError, SchemaError
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env, city=city)
    zone = workspace.city.time_zone
    first_day = parse_day(start, zone) if isinstance(start, str) else start or tomorrow(zone)
    loaded = workspace.load(workspace.find(model, run_id=run_id, alias=alias, test_mode=test_mode, sample=sample))
    past = None if history is None else workspace.counts(history, weather=weather)
    return workspace.forecast(loaded, start=first_day, days=days, counters=counters, history=past, weather=weather)


def evaluate(
    counts: str | pd.DataFrame,
    model: str | None = None,
    *,
    weather: str | pd.DataFrame | None = None,
    run_id: str | None = None,
    alias: str | None = None,
    test_mode: bool = False,
    sample: bool = False,
    registry: str | None = None,
    backend: str | None = None,
    env: str | None = None,
    city: str | None = None,
    history: str | pd.DataFrame | None = None,
    unknown_counters: UnknownPolicy = "refuse",
) -> Measurement:
    """Measure a registered model on counts that carry the truth: a frame, or the path or URL of a file.

    Parameters
    ----------
    weather, history : as in `train` and `predict`.

    Raises
    ------
    NoRecord, IntegrityError, ReadError, SchemaError, UnknownCounters
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env, city=city)
    loaded = workspace.load(workspace.find(model, run_id=run_id, alias=alias, test_mode=test_mode, sample=sample))
    past = None if history is None else workspace.counts(history, weather=weather)
    cleaned = workspace.counts(counts, weather=weather, keep_doubtful=True)  # the measurement says what they weigh
    return workspace.evaluate(loaded, cleaned, history=past, unknown_counters=unknown_counters)


def backtest(
    models: str | list[str],
    data: str | pd.DataFrame | None = None,
    *,
    weather: str | pd.DataFrame | None = None,
    folds: int = 3,
    horizon: str = "28d",
    step: str | None = None,
    days: int = 7,
    interval: bool = True,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    jobs: int = 1,
    city: str | None = None,
    scheduler: str | None = None,
) -> list[Fold]:
    """Measure models by rolling origin: the last horizons one by one, each trained on all rows before it.

    Parameters
    ----------
    models, data, weather : as in `train`; several names are several models.
    horizon : what each fold holds out, such as ``"28d"``.
    step, days : forecast so many days from an origin at every step, such as ``"1d"``; by default the whole horizon.
    interval : whether intervals are calibrated and measured.
    jobs, scheduler : fits at once, each in a process, or the address of a Dask scheduler; the result is the same.

    Raises
    ------
    SplitError, ParameterError, MissingInput, ReadError, SchemaError, WorkerError
    """
    workspace = Workspace.open(city=city)
    return list(
        workspace.backtest(
            workspace.pipelines([models] if isinstance(models, str) else models),
            workspace.counts(data, weather=weather),
            folds=folds,
            horizon=parse_span(horizon),
            parameters=parameters or {},
            seed=seed,
            steps=Steps(parse_span(step), days) if step else None,
            interval=interval,
            workers=Workers(jobs=jobs, scheduler=scheduler),
        )
    )


def open_registry(
    uri: str | None = None, *, backend: str | None = None, credentials: Mapping[str, Any] | None = None
) -> RegistryBackend:
    """Open a registry by its URI, by the name of its backend, or as the settings say.

    Parameters
    ----------
    credentials : for ``gcs`` the key of a service account, for ``s3`` ``key`` and ``secret``, and ``token`` for a
        session; by default those that the cloud's own libraries find. They stay in memory.

    Raises
    ------
    UnknownBackend, MissingExtra, SettingsError
    """
    return Workspace.open(registry=uri, backend=backend, credentials=credentials).registry
