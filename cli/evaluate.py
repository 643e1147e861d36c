"""``bt evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.output import (
    baseline_rows,
    metric_columns,
    metrics_document,
    print_json,
    print_table,
    values_of,
)
from bike_traffic.cli.session import (
    REGISTRY_SETTINGS,
    format_option,
    history_option,
    load_chosen,
    model_options,
    note,
    stdout_to_stderr,
    unknown_counters_option,
    with_workspace,
)

if TYPE_CHECKING:
    from bike_traffic.evaluation.grouping import By
    from bike_traffic.prediction import UnknownPolicy
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt evaluate --model rf september.csv --by counter")
@click.argument("source", metavar="INPUT")
@model_options
@with_workspace([*REGISTRY_SETTINGS, "weather"])
@history_option
@click.option(
    "--by",
    type=click.Choice(["counter", "hour", "day", "weekday"]),
    help="Also the errors of each counter, hour, day or weekday, the worst first.",
)
@unknown_counters_option
@format_option("table", "json")
def evaluate(
    workspace: Workspace,
    source: str,
    history: str | None,
    by: By | None,
    unknown_counters: UnknownPolicy,
    output_format: str,
    **choice: Any,
) -> None:
    """Evaluate a registered model on INPUT, a file of known counts.

    The baselines are of the training rows. The 4-week mean is that of the last four weeks by counter, weekday and
    hour; the recent level weighs the last ten weeks, the newest most.
    """
    loaded = load_chosen(workspace, **choice)
    record = loaded.record
    with stdout_to_stderr():
        past = workspace.counts(history) if history else None
        cleaned = workspace.counts(source)
        measured = workspace.evaluate(loaded, cleaned, history=past, unknown_counters=unknown_counters)
    evaluation, size = measured.evaluation, len(cleaned)
    if measured.seen_rows:
        note(f"{measured.seen_rows:,} of {size:,} rows are not later than the training rows: the model may know them")
    groups = []
    if by is not None:
        from bike_traffic.evaluation.grouping import errors_by

        groups = errors_by(loaded.pipeline.task, evaluation.rows, by)
    if output_format == "json":
        document = {
            "model_type": record.model_type,
            "run_id": record.run_id,
            "rows": size,
            "seen_rows": measured.seen_rows,
            **metrics_document(evaluation),
        }
        if by is not None:
            document[f"by_{by}"] = [
                {by: group.name, "rows": len(group.evaluation.rows), **metrics_document(group.evaluation)}
                for group in groups
            ]
        print_json(document)
        return
    metrics = metric_columns(evaluation.metrics)
    rows = [[record.model_type, record.run_id[:8], size, *values_of(evaluation.metrics, metrics)]]
    rows += baseline_rows(evaluation, [], ["", size], metrics)
    print_table([loaded.pipeline.task, "run", "rows", *metrics], rows)
    if groups:
        click.echo()
        print_table(
            [str(by), "rows", *metrics],
            [[g.name, len(g.evaluation.rows), *values_of(g.evaluation.metrics, metrics)] for g in groups],
        )
