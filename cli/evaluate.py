"""``bt evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.completion import complete_files
from bike_traffic.cli.early import require_inputs
from bike_traffic.cli.output import baseline_rows, metric_columns, metrics_document, print_json, values_of
from bike_traffic.cli.pictures import folder_option, into_folder, require_plot
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import (
    COUNTS_SETTINGS,
    REGISTRY_SETTINGS,
    format_option,
    history_option,
    load_chosen,
    model_options,
    reading,
    require_one_model,
    stdout_to_stderr,
    unknown_counters_option,
    with_workspace,
)
from bike_traffic.cli.table import print_table

if TYPE_CHECKING:
    from bike_traffic.answering import UnknownPolicy
    from bike_traffic.evaluating import Measurement
    from bike_traffic.evaluation.grouping import By
    from bike_traffic.names import Task
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt evaluate --model rf september.csv --by counter")
@click.argument("source", metavar="INPUT", shell_complete=complete_files)
@model_options
@with_workspace([*REGISTRY_SETTINGS, "weather", "city", *COUNTS_SETTINGS])
@history_option
@click.option(
    "--by",
    type=click.Choice(["counter", "hour", "day", "weekday"]),
    help="Also the errors of each counter, hour, day or weekday, the worst first.",
)
@unknown_counters_option
@folder_option
@format_option("table", "json")
def evaluate(
    workspace: Workspace,
    source: str,
    history: str | None,
    by: By | None,
    unknown_counters: UnknownPolicy,
    plot: Path | None,
    output_format: str,
    **choice: Any,
) -> None:
    """Evaluate a registered model on INPUT, a file, a folder or a pattern of known counts.

    The baselines are of the training rows. The 4-week mean is that of the last four weeks by counter, weekday and
    hour; the recent level weighs the last ten weeks, the newest most.
    """
    require_one_model(**choice)
    require_plot(plot)
    require_inputs(source, history, workspace.settings.weather)
    loaded = load_chosen(workspace, **choice)
    reading(source)
    from bike_traffic.gathering import evaluation_counts

    record = loaded.record
    with stdout_to_stderr():
        past = workspace.counts(history) if history else None
        with evaluation_counts(workspace, loaded, source, whole=plot is not None) as counts:
            measured = workspace.evaluate(loaded, counts, history=past, unknown_counters=unknown_counters, by=by)
    evaluation, size, groups = measured.evaluation, measured.evaluation.size, measured.groups
    if measured.seen_rows:
        note(f"{measured.seen_rows:,} of {size:,} rows are not later than the training rows: the model may know them")
    if measured.doubtful_rows:
        note(_doubtful(measured, loaded.pipeline.task, kept=workspace.settings.keep_doubtful))
    if plot is not None:
        from bike_traffic.pictures.evaluation import draw

        into_folder(plot, lambda folder: draw(loaded.pipeline, evaluation, folder))
    if output_format == "json":
        document = {
            "model_type": record.model_type,
            "run_id": record.run_id,
            "rows": size,
            "seen_rows": measured.seen_rows,
            "doubtful_rows": measured.doubtful_rows,
            "with_doubtful": dict(measured.with_doubtful),
            **metrics_document(evaluation),
        }
        if by is not None:
            document[f"by_{by}"] = [
                {by: group.name, "rows": group.evaluation.size, **metrics_document(group.evaluation)}
                for group in groups
            ]
        print_json(document)
        return
    metrics = metric_columns(evaluation.metrics)
    rows = [[record.model_type, record.run_id[:8], size, *values_of(evaluation.metrics, metrics)]]
    rows += baseline_rows(evaluation, [], ["", size], metrics)
    print_table([loaded.pipeline.task, "run", "rows", *metrics], rows)
    if groups:
        echo()
        print_table(
            [str(by), "rows", *metrics],
            [[g.name, g.evaluation.size, *values_of(g.evaluation.metrics, metrics)] for g in groups],
        )


def _doubtful(measured: Measurement, task: Task, *, kept: bool) -> str:
    """Return what doubtful counts weigh, in one line."""
    from bike_traffic.evaluation.metrics import DEFAULT_METRIC

    metric, number = DEFAULT_METRIC[task], measured.doubtful_rows
    its = "its" if number == 1 else "their"
    what = f"{number:,} count{' is' if number == 1 else 's are'} far above what is usual for {its} counter and hour"
    if kept:
        return f"{what}, and used all the same"
    with_them = measured.with_doubtful.get(metric, float("nan"))
    return (
        f"{what}, and left out: with them {metric} would be {with_them:.3f} (--keep-doubtful; "
        "`bt data check` names them)"
    )
