"""``bt backtest``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.output import BASELINE_NAME, metric_columns, print_json, print_table
from bike_traffic.cli.session import Session, aside, format_option, note, pass_session
from bike_traffic.cli.train import chosen_models, read_parameters

if TYPE_CHECKING:
    from bike_traffic.backtest import Fold


@click.command(epilog="Example: bt backtest -m rf -m nn --folds 3 --data counts.csv.gz")
@click.option("-m", "--model", "models", multiple=True, metavar="NAME", help="Model; may be repeated. [default: all]")
@click.option("--data", metavar="URI", help="Counts: CSV(.gz) or Parquet, any URL. [default: the generated sample]")
@click.option("--folds", type=click.IntRange(min=1), default=3, show_default=True, help="How many horizons.")
@click.option("--horizon", default="28d", show_default=True, metavar="SPAN", help="How much each fold holds out.")
@click.option("--set", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter of the model.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Makes runs repeatable."
)
@format_option("table", "json")
@pass_session
def backtest(
    session: Session,
    models: tuple[str, ...],
    data: str | None,
    folds: int,
    horizon: str,
    parameters: tuple[str, ...],
    seed: int,
    form: str,
) -> None:
    """Evaluate models by rolling origin: the last horizons one by one, each trained on all that lies before.

    Nothing is registered.
    """
    settings = session.settings(data=data)
    offers = chosen_models(session.host(settings), models)
    given = read_parameters(parameters)

    from bike_traffic.backtest import backtest as run
    from bike_traffic.evaluation import parse_span, rolling_origin
    from bike_traffic.training import read_for_training

    span = parse_span(horizon)
    counts = read_for_training(settings.data, test_mode=False)
    found = []
    with aside():
        for fold in run(offers, counts, rolling_origin(counts, folds, span), parameters=given, seed=seed):
            note(f"fold {fold.number} of {folds}: {fold.model} measured")
            found.append(fold)
    if form == "json":
        print_json([_as_document(fold) for fold in found])
        return
    for number, task in enumerate(dict.fromkeys(fold.task for fold in found)):
        if number:
            click.echo()
        _print_folds([fold for fold in found if fold.task == task])


def _as_document(fold: Fold) -> dict[str, object]:
    return {
        "model_type": fold.model,
        "fold": fold.number,
        "training_rows": fold.training_rows,
        "first_hour": fold.first_hour.isoformat(),
        "last_hour": fold.last_hour.isoformat(),
        "rows": fold.evaluation.rows,
        "metrics": fold.evaluation.metrics,
        "baseline": fold.evaluation.baseline,
    }


def _print_folds(folds: list[Fold]) -> None:
    """Print one line a fold and model of one task, the baseline under them, and the mean of each over the folds."""
    metrics = metric_columns(*(fold.evaluation.metrics for fold in folds))
    rows: list[list[object]] = []
    for number in dict.fromkeys(fold.number for fold in folds):
        baselines: list[list[object]] = []
        for fold in (fold for fold in folds if fold.number == number):
            found, beside = fold.evaluation.metrics, fold.evaluation.baseline
            when = [str(number), f"{fold.first_hour:%Y-%m-%d}", f"{fold.last_hour:%Y-%m-%d}"]
            rows.append([*when, fold.model, fold.evaluation.rows, *(found.get(m) for m in metrics)])
            baseline: list[object] = [*when, BASELINE_NAME, fold.evaluation.rows, *(beside.get(m) for m in metrics)]
            if baseline not in baselines:  # models that were measured on the same rows share it
                baselines.append(baseline)
        rows += baselines
    for name in dict.fromkeys(str(row[3]) for row in rows):
        own = [row[5:] for row in rows if row[3] == name]
        means: list[object] = []
        for column in zip(*own, strict=True):
            held = [value for value in column if isinstance(value, float)]
            means.append(sum(held) / len(held) if held else None)
        rows.append(["mean", "", "", name, None, *means])
    print_table(["fold", "from", "to", "model", "rows", *metrics], rows)
