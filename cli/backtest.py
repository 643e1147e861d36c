"""``bt backtest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.completion import complete_files
from bike_traffic.cli.early import require_inputs, require_outputs
from bike_traffic.cli.output import baseline_rows, distinct, metric_columns, metrics_document, print_json, values_of
from bike_traffic.cli.pictures import draw_folds, folder_option, require_plot
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import (
    COUNTS_SETTINGS,
    format_option,
    interval_option,
    models_option,
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
    from bike_traffic.backtesting import Fold, FoldMean
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt backtest -m rf -m nn --folds 3 --data counts.csv.gz")
@models_option
@with_workspace(["data", "weather", "city", *COUNTS_SETTINGS])
@click.option("--folds", type=click.IntRange(min=1), default=3, show_default=True, help="Number of folds.")
@click.option("--horizon", default="28d", show_default=True, metavar="SPAN", help="How much each fold holds out.")
@click.option("--step", metavar="SPAN", help="Forecast from an origin at every step inside a fold, such as 1d.")
@click.option("--days", type=click.IntRange(1, 28), help="Days ahead of each origin.  [default: 7]")
@click.option(
    "-o",
    "--output",
    metavar="OUTPUT",
    shell_complete=complete_files,
    help="Write the predictions of the folds: CSV(.gz) or Parquet.",
)
@work_options("Fits at once")
@folder_option
@interval_option
@parameters_option
@seed_option
@format_option("table", "json")
def backtest(
    workspace: Workspace,
    models: tuple[str, ...],
    folds: int,
    horizon: str,
    step: str | None,
    days: int | None,
    output: str | None,
    jobs: int,
    scheduler: str | None,
    plot: Path | None,
    interval: bool,
    parameters: tuple[str, ...],
    seed: int,
    output_format: str,
) -> None:
    """Evaluate models by rolling origin: each fold trains on all rows before its horizon.

    With --step a model is fitted at the start of each fold, and forecasts --days days from every step inside it,
    with the counts until then as history: its errors are shown by day of horizon. Nothing is registered.
    """
    if days is not None and step is None:
        raise click.UsageError("--days needs --step, such as --step 1d --days 7")
    values = read_parameters(parameters)
    workers = workers_of(jobs, scheduler)
    with stdout_to_stderr():
        declarations = require_models(workspace, models)
        require_inputs(workspace.settings.data, workspace.settings.weather)
        require_outputs(output)
        require_plot(plot)
        reading(workspace.settings.data)

        from bike_traffic.backtesting import means_over_folds, predictions_of
        from bike_traffic.data.files.writing import write_counts
        from bike_traffic.evaluation.splits import parse_span
        from bike_traffic.origins import Steps

        span = parse_span(horizon)
        steps = Steps(parse_span(step), days or 7) if step else None
        workspace.require_pipelines(declarations, values, seed)
        done = []
        for fold in workspace.backtest(
            declarations,
            workspace.counts(),
            folds=folds,
            horizon=span,
            parameters=values,
            seed=seed,
            steps=steps,
            interval=interval,
            workers=workers,
        ):
            note(f"fold {fold.number} of {folds}: {fold.model} measured")
            done.append(fold)
        if output is not None:
            predictions = predictions_of(done)
            write_counts(predictions, output)
            note(f"{counted(len(predictions), 'prediction')} written into {output}")
        if plot is not None:
            draw_folds(done, plot)
    means = means_over_folds(done)
    by_day = means_over_folds(done, by_day=True) if steps else []
    if output_format == "json":
        document = {"folds": [_as_document(fold) for fold in done], "means": [_mean_document(one) for one in means]}
        if steps:
            document["by_days_ahead"] = [_mean_document(one) for one in by_day]
        print_json(document)
        return
    for number, task in enumerate(dict.fromkeys(fold.task for fold in done)):
        if number:
            echo()
        _print_folds([fold for fold in done if fold.task == task], [mean for mean in means if mean.task == task])
        if of_task := [mean for mean in by_day if mean.task == task]:
            echo()
            _print_days(of_task)


def _as_document(fold: Fold) -> dict[str, object]:
    return {
        "model_type": fold.model,
        "fold": fold.number,
        "training_rows": fold.training_rows,
        "first_hour": fold.first_hour.isoformat(),
        "last_hour": fold.last_hour.isoformat(),
        "rows": len(fold.evaluation.rows),
        **metrics_document(fold.evaluation),
    }


def _mean_document(mean: FoldMean) -> dict[str, object]:
    day = {} if mean.days_ahead is None else {"days_ahead": mean.days_ahead}
    return {"model_type": mean.model, "task": mean.task, "folds": mean.folds, **day, **metrics_document(mean)}


def _print_folds(folds: list[Fold], means: list[FoldMean]) -> None:
    """Print one line for each fold and model of one task, then the baselines, then the means over the folds."""
    metrics = metric_columns(*(fold.evaluation.metrics for fold in folds))
    rows: list[list[object]] = []
    for number in dict.fromkeys(fold.number for fold in folds):
        baselines = []
        for fold in (fold for fold in folds if fold.number == number):
            when = [str(number), f"{fold.first_hour:%Y-%m-%d}", f"{fold.last_hour:%Y-%m-%d}"]
            size = len(fold.evaluation.rows)
            rows.append([*when, fold.model, size, *values_of(fold.evaluation.metrics, metrics)])
            baselines += baseline_rows(fold.evaluation, when, [size], metrics)
        rows += distinct(baselines)
    empty = ["mean", "", ""]
    rows += [[*empty, mean.model, None, *values_of(mean.metrics, metrics)] for mean in means]
    rows += distinct(row for mean in means for row in baseline_rows(mean, empty, [None], metrics))
    print_table(["fold", "from", "to", "model", "rows", *metrics], rows)


def _print_days(means: list[FoldMean]) -> None:
    """Print the mean over the folds for each day of horizon, beside the baselines as of the same origins."""
    metrics = metric_columns(*(mean.metrics for mean in means))
    rows: list[list[object]] = []
    for day in dict.fromkeys(mean.days_ahead for mean in means):
        of_day = [mean for mean in means if mean.days_ahead == day]
        rows += [[str(day), mean.model, *values_of(mean.metrics, metrics)] for mean in of_day]
        rows += distinct(row for mean in of_day for row in baseline_rows(mean, [str(day)], [], metrics))
    print_table(["days ahead", "model", *metrics], rows)
