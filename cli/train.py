"""``bt train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.early import require_folder, require_inputs
from bike_traffic.cli.output import BEHIND_BASELINE, baseline_rows, distinct, metric_columns, print_json, values_of
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import (
    TRAINING_SETTINGS,
    Session,
    flags_of,
    format_option,
    interval_option,
    models_option,
    note_if_temporary,
    parameters_option,
    reading,
    require_models,
    seed_option,
    stdout_to_stderr,
    with_workspace,
)
from bike_traffic.cli.table import print_table
from bike_traffic.config import SAMPLE
from bike_traffic.errors import ParameterError
from bike_traffic.notices import counted
from bike_traffic.registry.queries import marks_of

if TYPE_CHECKING:
    from bike_traffic.evaluation.splits import SplitKind
    from bike_traffic.training import TrainingResult
    from bike_traffic.workspace import Workspace


def read_parameters(words: tuple[str, ...]) -> dict[str, str]:
    """Read ``KEY=VALUE`` words; raise `ParameterError` for one without a key."""
    parameters = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not (key and separator):
            raise ParameterError(
                f"--set {word}: write KEY=VALUE, such as --set n_estimators=50", "parameter-without-key", word=word
            )
        parameters[key.strip()] = value
    return parameters


@click.command(epilog="Example: bt train -m rf --data counts.csv.gz --set n_estimators=40")
@models_option
@with_workspace(TRAINING_SETTINGS)
@click.option("--since", metavar="DAY", help="Train on counts from this day or month on.  [default: the first]")
@click.option("--until", metavar="DAY", help="Train on counts before this day or month.  [default: to the last]")
@click.option("--test-mode", is_flag=True, help="Train on the first 1,000 rows; the record is marked.")
@click.option(
    "--split",
    type=click.Choice(["temporal", "random"]),
    default="temporal",
    show_default=True,
    help="Hold out the last weeks, or random rows, which gives better metrics.",
)
@click.option("--holdout", metavar="SPAN", help="How much a temporal split holds out.  [default: 28d]")
@click.option(
    "--refit/--no-refit",
    default=True,
    show_default=True,
    help="Register a second fit, on all rows, or the measured one.",
)
@interval_option
@parameters_option
@seed_option
@format_option("table", "json")
def train(
    workspace: Workspace,
    models: tuple[str, ...],
    since: str | None,
    until: str | None,
    test_mode: bool,
    split: SplitKind,
    holdout: str | None,
    refit: bool,
    interval: bool,
    parameters: tuple[str, ...],
    seed: int,
    output_format: str,
) -> None:
    """Train models, evaluate them on held-out weeks against the 4-week mean, and register them.

    The metrics are those of a fit without the held-out weeks. What is registered is fitted again on all rows.
    """
    values = read_parameters(parameters)
    with stdout_to_stderr():
        declarations = require_models(workspace, models)
        workspace.require_trainable()
        require_folder(workspace.settings.state, "a model whose upload breaks off (BT_STATE)")
        note_if_temporary(workspace, "state", "models whose upload breaks off")
        if workspace.backend.spec.name == "local":
            place = Path(workspace.settings.registry_of("local"))
            require_folder(place.parent if place.suffix == ".json" else place, "the registry")
        require_inputs(workspace.settings.data, workspace.settings.weather)
        reading(workspace.settings.data)

        from bike_traffic.data.loading import source_of
        from bike_traffic.data.window import Window
        from bike_traffic.evaluation.splits import parse_span
        from bike_traffic.gathering import training_counts
        from bike_traffic.training import TrainingPlan

        span = parse_span(holdout) if holdout else None
        window = Window.parse(since, until, workspace.city.time_zone)
        workspace.require_pipelines(declarations, values, seed)
        plan = TrainingPlan(
            env=workspace.settings.env,
            test_mode=test_mode,
            split=split,
            holdout=span,
            parameters=values,
            seed=seed,
            refit=refit,
            interval=interval,
            source=source_of(workspace.settings.data),
        )
        _say_if_interrupted([])
        if workspace.settings.data == SAMPLE:
            note("trained on the generated sample, since --data names no counts; `best` leaves its models out")
        results: list[TrainingResult] = []
        with training_counts(workspace, declarations, plan, window=window) as counts:
            for declaration in declarations:
                _say_if_interrupted(results)
                result = workspace.train(declaration, counts, plan)
                results.append(result)
                note(_summary(result))
    if output_format == "json":
        print_json([result.record.to_json() for result in results])
    else:
        _print_results(results)
    _say_how_to_find(workspace, results)
    for result in results:
        if result.pending:
            raise result.pending


def _say_if_interrupted(done: list[TrainingResult]) -> None:
    session = click.get_current_context().find_object(Session)
    if session is not None:
        models = ", ".join(f"{result.record.model_type} of run {result.record.run_id[:8]}" for result in done)
        session.if_interrupted = f"registered: {models}; nothing else was" if done else "nothing was registered"


_SEARCHED: dict[str, str] = {"regression": "r2", "classification": "f1_score"}
"""The metric of the command that finds the best model of a task again; r2 needs no unit."""


def _say_how_to_find(workspace: Workspace, results: list[TrainingResult]) -> None:
    """Print the command that finds these models: `best` of each task; `show` if `best` leaves the record out."""
    flags, sample = flags_of(workspace), workspace.settings.data == SAMPLE
    lines = []
    for result in results:
        if result.pending:
            continue
        record = result.record
        left_out = [
            mark for mark in marks_of(record.to_json(), ()) if mark not in ("test mode", "sample", "behind mean")
        ]
        if left_out:
            lines.append(f"bt registry show {record.run_id[:8]}{flags}")
            continue
        also = " --test-mode" if record.test_mode else " --sample" if sample else ""
        lines.append(f"bt registry best --metric {_SEARCHED[result.pipeline.task]}{also}{flags}")
    for line in dict.fromkeys(lines):
        note(f"find it again: {line}", to_copy=True)


def _summary(result: TrainingResult) -> str:
    record = result.record
    left_out = record.split.left_out_rows if record.split else None
    left = f"; left out {counted(left_out, 'held-out row')} of new counters" if left_out else ""
    again = f", on all rows in {record.registered_fit.seconds} s" if record.registered_fit else ""
    return f"{record.model_type}: fitted in {record.fit_seconds} s{again}, registered as {record.model_uri}{left}"


def _print_results(results: list[TrainingResult]) -> None:
    for number, task in enumerate(dict.fromkeys(result.pipeline.task for result in results)):
        if number:
            echo()
        of_task = [result for result in results if result.pipeline.task == task]
        metrics = metric_columns(*(result.evaluation.metrics for result in of_task))
        rows, baselines = [], []
        for result in of_task:
            evaluation, size = result.evaluation, len(result.evaluation.rows)
            behind = f" ({BEHIND_BASELINE})" if evaluation.beats_baseline is False else ""
            name = f"{result.record.model_type}{behind}"
            rows.append([name, result.record.run_id[:8], size, *values_of(evaluation.metrics, metrics)])
            baselines += baseline_rows(evaluation, [], ["", size], metrics)
        print_table([task, "run", "rows", *metrics], [*rows, *distinct(baselines)])
    record = results[0].record
    if record.registered_fit and record.split:
        note(
            f"the metrics are those of a fit on the rows until {_day(record.split.training_until)}; the registered "
            f"fit has learned all rows until {_day(record.registered_fit.until)}"
        )
    worse = [result.record.model_type for result in results if result.evaluation.beats_baseline is False]
    if worse:
        note(f"behind the 4-week mean: {', '.join(worse)}; on these counts the simple mean is the better choice")


def _day(time: str | None) -> str:
    return (time or "")[:10]
