"""Much work in a few calls, for Python: each opens a `Workspace` and does what a command of `bt` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bike_traffic.answering import UnknownPolicy
from bike_traffic.evaluation.splits import parse_span
from bike_traffic.folder_prediction import FileOutcome, predict_files, require_predicted
from bike_traffic.processes import Workers
from bike_traffic.tuning.search import DEFAULT_STORAGE, Tuning, TuningPlan
from bike_traffic.tuning.search import tune as search
from bike_traffic.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def predict_folder(
    source: str,
    folder: str,
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
    jobs: int = 1,
    scheduler: str | None = None,
) -> list[FileOutcome]:
    """Predict each file of a folder or a pattern into a Parquet file of the same name in another folder.

    What an earlier call with the same model, counts and options has finished is left as it is.

    Parameters
    ----------
    source, folder : of the counts and of the predictions: paths, or URLs such as ``s3://…``.
    model, run_id, alias, city, history, interval, unknown_counters, reasons : as in `bike_traffic.predict`.
    jobs : files at once, each in a process of its own.
    scheduler : the address of a Dask scheduler, whose workers predict them instead.

    Returns
    -------
    What became of each file, in the order of the names.

    Raises
    ------
    FilesNotPredicted
        Some files could not be predicted; raised when the others are. The reasons are logged as warnings.
    NoRecord, IntegrityError, ReadError, WriteError, MissingInput, NoInterval, WorkerError
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env, city=city)
    loaded = workspace.load(workspace.find(model, run_id=run_id, alias=alias, test_mode=test_mode, sample=sample))
    past = None if history is None else workspace.counts(history)
    how = workspace.answering(
        loaded, interval=interval, history=past, unknown_counters=unknown_counters, reasons=reasons
    )
    outcomes = []
    for outcome in predict_files(loaded, source, folder, how, Workers(jobs=jobs, scheduler=scheduler)):
        outcomes.append(outcome)
        for line in outcome.told:
            workspace.notify(line)
    require_predicted(outcomes)
    return outcomes


def tune(
    model: str,
    data: str | pd.DataFrame | None = None,
    *,
    weather: str | pd.DataFrame | None = None,
    trials: int = 20,
    folds: int = 3,
    horizon: str = "28d",
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    storage: str = DEFAULT_STORAGE,
    jobs: int = 1,
    scheduler: str | None = None,
    track: bool | None = None,
    city: str | None = None,
) -> Tuning:
    """Search for the parameters of a model that are best on folds in time, before the last 28 days.

    Parameters
    ----------
    data, weather, track, city : as in `bike_traffic.train`.
    trials : how many in all; an interrupted search goes on, and one with fewer trials is extended.
    horizon : what each fold holds out, such as ``"28d"``.
    parameters : values that are given, and not searched.
    storage : where trials are kept: a file of SQLite, or a URL of Optuna.
    jobs : fits at once, each in a process of its own, with the same trials.
    scheduler : the address of a Dask scheduler, whose workers make the fits instead.

    Returns
    -------
    The trials, the best of them, and its `parameters`, which `bike_traffic.train` takes.

    Raises
    ------
    MissingExtra, TuningError, SplitError, ParameterError, MissingInput, ReadError, SchemaError, WorkerError
    """
    workspace = Workspace.open(track=track, city=city)
    (declaration,) = workspace.pipelines([model])
    plan = TuningPlan(
        trials=trials,
        folds=folds,
        horizon=parse_span(horizon),
        parameters=parameters or {},
        seed=seed,
        storage=storage,
        workers=Workers(jobs=jobs, scheduler=scheduler),
        city=workspace.city,
    )
    return search(declaration, workspace.counts(data, weather=weather), plan, tracker=workspace.tracker)
