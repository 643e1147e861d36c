"""``bt backtest``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from bike_traffic.cli.output import BASELINE_NAME, metric_columns, print_json, print_table
from bike_traffic.cli.session import (
    format_option,
    models_option,
    note,
    parameters_option,
    seed_option,
    stdout_to_stderr,
    with_workspace,
)
from bike_traffic.cli.train import read_parameters

if TYPE_CHECKING:
    from bike_traffic.backtesting import Fold, FoldMean
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt backtest -m rf -m nn --folds 3 --data counts.csv.gz")
@models_option
@with_workspace(["data"])
@click.option("--folds", type=click.IntRange(min=1), default=3, show_default=True, help="Number of folds.")
@click.option("--horizon", default="28d", show_default=True, metavar="SPAN", help="How much each fold holds out.")
@parameters_option
@seed_option
@format_option("table", "json")
def backtest(
    workspace: Workspace,
    models: tuple[str, ...],
    folds: int,
    horizon: str,
    parameters: tuple[str, ...],
    seed: int,
    output_format: str,
) -> None:
    """Evaluate models by rolling origin: each fold trains on all rows before its horizon.

    Nothing is registered.
    """
    values = read_parameters(parameters)
    with stdout_to_stderr():
        declarations = workspace.pipelines(models)

        from bike_traffic.backtesting import means_over_folds
        from bike_traffic.evaluation.splits import parse_span

        span = parse_span(horizon)
        workspace.require_pipelines(declarations, values, seed)
        cleaned = workspace.counts()
        done = []
        for fold in workspace.backtest(
            declarations, cleaned, folds=folds, horizon=span, parameters=values, seed=seed
        ):
            note(f"fold {fold.number} of {folds}: {fold.model} measured")
            done.append(fold)
    means = means_over_folds(done)
    if output_format == "json":
        print_json({"folds": [_as_document(fold) for fold in done], "means": [_mean_document(one) for one in means]})
        return
    for number, task in enumerate(dict.fromkeys(fold.task for fold in done)):
        if number:
            click.echo()
        _print_folds([fold for fold in done if fold.task == task], [mean for mean in means if mean.task == task])


def _as_document(fold: Fold) -> dict[str, object]:
    return {
        "model_type": fold.model,
        "fold": fold.number,
        "training_rows": fold.training_rows,
        "first_hour": fold.first_hour.isoformat(),
        "last_hour": fold.last_hour.isoformat(),
        "rows": len(fold.evaluation.rows),
        "metrics": fold.evaluation.metrics,
        "baseline": fold.evaluation.baseline,
    }


def _mean_document(mean: FoldMean) -> dict[str, object]:
    document = attrs.asdict(mean)
    return {"model_type": document.pop("model"), **document}


def _print_folds(folds: list[Fold], means: list[FoldMean]) -> None:
    """Print one line for each fold and model of one task, then the baseline, then the means over the folds."""
    metrics = metric_columns(*(fold.evaluation.metrics for fold in folds))
    rows: list[list[object]] = []
    for number in dict.fromkeys(fold.number for fold in folds):
        baselines: list[list[object]] = []
        for fold in (fold for fold in folds if fold.number == number):
            evaluation = fold.evaluation
            when = [str(number), f"{fold.first_hour:%Y-%m-%d}", f"{fold.last_hour:%Y-%m-%d}"]
            size = len(evaluation.rows)
            rows.append([*when, fold.model, size, *(evaluation.metrics.get(m) for m in metrics)])
            baseline: list[object] = [*when, BASELINE_NAME, size, *(evaluation.baseline.get(m) for m in metrics)]
            if baseline not in baselines:  # models that were measured on the same rows share it
                baselines.append(baseline)
        rows += baselines
    empty: list[object] = ["mean", "", ""]
    rows += [[*empty, mean.model, None, *(mean.metrics.get(m) for m in metrics)] for mean in means]
    of_baseline: list[list[object]] = [
        [*empty, BASELINE_NAME, None, *(mean.baseline.get(m) for m in metrics)] for mean in means
    ]
    rows += [row for place, row in enumerate(of_baseline) if row not in of_baseline[:place]]
    print_table(["fold", "from", "to", "model", "rows", *metrics], rows)
