"""``bt tune``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.completion import complete_files, complete_models
from bike_traffic.cli.early import require_inputs
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import (
    TRAINING_SETTINGS,
    Session,
    flags_of,
    format_option,
    parameters_option,
    reading,
    require_models,
    seed_option,
    stdout_to_stderr,
    with_workspace,
)
from bike_traffic.cli.table import print_table
from bike_traffic.cli.train import read_parameters
from bike_traffic.cli.work import work_options, workers_of
from bike_traffic.notices import counted

if TYPE_CHECKING:
    import pandas as pd

    from bike_traffic.manager import Declaration
    from bike_traffic.specs import PipelineSpec
    from bike_traffic.tuning.search import Tuning
    from bike_traffic.tuning.study import Trial
    from bike_traffic.workspace import Workspace

_SHOWN = 5
"""Trials in the table: the best ones."""


@click.command(epilog="Example: bt tune -m rf --trials 30 --data counts.csv.gz --jobs 2")
@click.option("-m", "--model", metavar="NAME", required=True, shell_complete=complete_models, help="Model.")
@with_workspace(TRAINING_SETTINGS)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Number of trials, those of an earlier call included.",
)
@click.option("--folds", type=click.IntRange(min=1), default=3, show_default=True, help="Folds of each trial.")
@click.option("--horizon", default="28d", show_default=True, metavar="SPAN", help="How much each fold holds out.")
@click.option(
    "--storage",
    metavar="FILE",
    default="tuning.db",
    show_default=True,
    shell_complete=complete_files,
    help="Where trials are kept: a file of SQLite, or a URL of Optuna.",
)
@work_options("Fits at once")
@click.option("--register", is_flag=True, help="Train with the best parameters, and register the model.")
@parameters_option
@seed_option
@format_option("table", "json")
def tune(
    workspace: Workspace,
    model: str,
    trials: int,
    folds: int,
    horizon: str,
    storage: str,
    jobs: int,
    scheduler: str | None,
    register: bool,
    parameters: tuple[str, ...],
    seed: int,
    output_format: str,
) -> None:
    """Search for the parameters of a model that are best on folds in time.

    The folds end where the hold-out of a training, the last 28 days, begins: those days do not decide. The first
    trial has the defaults. Trials that fall behind after a fold are given up. Interrupted, the same command goes on.
    Parameters that --set gives are not searched.
    """
    values = read_parameters(parameters)
    workers = workers_of(jobs, scheduler)
    with stdout_to_stderr():
        (declaration,) = require_models(workspace, [model])
        _require_optuna()
        if register:
            workspace.require_trainable()
        require_inputs(workspace.settings.data, workspace.settings.weather)
        reading(workspace.settings.data)

        from bike_traffic.evaluation.splits import parse_span
        from bike_traffic.tuning.search import TuningPlan, searched_space
        from bike_traffic.tuning.search import tune as search

        plan = TuningPlan(
            trials=trials,
            folds=folds,
            horizon=parse_span(horizon),
            parameters=values,
            seed=seed,
            storage=storage,
            workers=workers,
            city=workspace.city,
        )
        workspace.require_pipelines([declaration], values, seed)
        searched_space(declaration, values)
        session = click.get_current_context().find_object(Session) or Session(None)
        session.if_interrupted = "finished trials are kept, and the same command goes on"
        counts = workspace.counts()
        found = search(
            declaration,
            counts,
            plan,
            tracker=workspace.tracker,
            on_trial=lambda trial, so_far: note(_progress(trial, so_far)),
        )
        session.if_interrupted = "finished trials are kept, and nothing was registered"
        record = _register(workspace, declaration, counts, found, seed) if register else None
    if output_format == "json":
        print_json(_document(found) | ({"record": record} if register else {}))
    else:
        _print(found)
    if record is None:
        flags = flags_of(workspace, TRAINING_SETTINGS) + (f" --seed {seed}" if seed else "")
        note(f"train it: bt train -m {model}{flags} {found.words}", to_copy=True)
    else:
        note(f"registered as {record['model_uri']}")


def _require_optuna() -> None:
    from bike_traffic.tuning.search import require_optuna

    require_optuna()


def _progress(trial: Trial, so_far: Tuning | None) -> str:
    """Return the line of a trial that has ended."""
    said = "its parameters are refused"
    if trial.score is not None:
        given_up = f", given up after {counted(len(trial.values), 'fold')}" if trial.state == "pruned" else ""
        said = f"{trial.score:.3f}{given_up}"
    if so_far is None:
        return f"trial {trial.number}: {said}"
    return f"trial {trial.number}: {said}; best {so_far.metric} {so_far.best.score:.3f}, trial {so_far.best.number}"


def _register(
    workspace: Workspace, declaration: Declaration[PipelineSpec], counts: pd.DataFrame, found: Tuning, seed: int
) -> dict[str, Any]:
    from bike_traffic.data.loading import source_of
    from bike_traffic.training import TrainingPlan

    source = source_of(workspace.settings.data)
    plan = TrainingPlan(env=workspace.settings.env, parameters=found.parameters, seed=seed, source=source)
    result = workspace.train(declaration, counts, plan)
    if result.pending:
        raise result.pending
    return result.record.to_json()


def _document(found: Tuning) -> dict[str, Any]:
    def document(trial: Trial) -> dict[str, Any]:
        of_trial = {"trial": trial.number, "state": trial.state, "parameters": dict(trial.parameters)}
        return of_trial | {"folds": list(trial.values), found.metric: trial.score}

    best = {"parameters": found.parameters, found.metric: found.best.score, "words": found.words}
    trials = [document(trial) for trial in found.trials]
    return {"model_type": found.model_type, "metric": found.metric, "best": best, "trials": trials}


def _print(found: Tuning) -> None:
    """Print the best trials, and the words of the best one."""
    from bike_traffic.evaluation.metrics import METRICS

    sign = -1 if METRICS[found.metric].higher_is_better else 1
    complete = [trial for trial in found.trials if trial.state == "complete"]
    ranked = sorted(complete, key=lambda trial: sign * (trial.score or 0.0))
    rows = [[str(trial.number), trial.score, *trial.values] for trial in ranked[:_SHOWN]]
    print_table(["trial", found.metric, *(f"fold {number + 1}" for number in range(len(rows[0]) - 2))], rows)
    echo(found.words)
