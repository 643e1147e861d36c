"""Much work in a few calls, for Python: each opens a `Workspace` and does what a command of `bt` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bike_traffic.answering import UnknownPolicy
from bike_traffic.folder_prediction import FileOutcome, predict_files, require_predicted
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
    history: str | pd.DataFrame | None = None,
    interval: bool = False,
    unknown_counters: UnknownPolicy = "refuse",
    reasons: bool = False,
    jobs: int = 1,
) -> list[FileOutcome]:
    """Predict each file of a folder or a pattern into a Parquet file of the same name in another folder.

    What an earlier call with the same model, counts and options has finished is left as it is.

    Parameters
    ----------
    source, folder : of the counts and of the predictions: paths, or URLs such as ``s3://…``.
    model, run_id, alias, history, interval, unknown_counters, reasons : as in `bike_traffic.predict`.
    jobs : files at once, each in a process of its own.

    Returns
    -------
    What became of each file, in the order of the names.

    Raises
    ------
    FilesNotPredicted
        Some files could not be predicted; raised when the others are. The reasons are logged as warnings.
    NoRecord, IntegrityError, ReadError, WriteError, MissingInput, NoInterval, WorkerError
    """
    workspace = Workspace.open(registry=registry, backend=backend, env=env)
    loaded = workspace.load(workspace.find(model, run_id=run_id, alias=alias, test_mode=test_mode, sample=sample))
    past = None if history is None else workspace.counts(history)
    how = workspace.answering(
        loaded, interval=interval, history=past, unknown_counters=unknown_counters, reasons=reasons
    )
    outcomes = []
    for outcome in predict_files(loaded, source, folder, how, jobs=jobs):
        outcomes.append(outcome)
        for line in outcome.told:
            workspace.notify(line)
    require_predicted(outcomes)
    return outcomes
