"""``bt evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.output import BASELINE_NAME, metric_columns, print_json, print_table
from bike_traffic.cli.session import (
    format_option,
    load_chosen,
    model_options,
    note,
    stdout_to_stderr,
    unknown_counters_option,
    with_workspace,
)

if TYPE_CHECKING:
    from bike_traffic.prediction import UnknownPolicy
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt evaluate --model rf september.csv")
@click.argument("source", metavar="INPUT")
@model_options
@with_workspace()
@unknown_counters_option
@format_option("table", "json")
def evaluate(
    workspace: Workspace, source: str, unknown_counters: UnknownPolicy, output_format: str, **choice: Any
) -> None:
    """Evaluate a registered model on INPUT, a file of known counts.

    The baseline is the 4-week mean: by counter, weekday and hour, of the last four weeks of the training rows.
    """
    loaded = load_chosen(workspace, **choice)
    record = loaded.record
    with stdout_to_stderr():
        cleaned = workspace.counts(source)
        measured = workspace.evaluate(loaded, cleaned, unknown_counters=unknown_counters)
    evaluation, size = measured.evaluation, len(cleaned)
    if measured.seen_rows:
        note(f"{measured.seen_rows:,} of {size:,} rows are not later than the training rows: the model may know them")
    if output_format == "json":
        print_json(
            {
                "model_type": record.model_type,
                "run_id": record.run_id,
                "rows": size,
                "seen_rows": measured.seen_rows,
                "metrics": evaluation.metrics,
                "baseline": evaluation.baseline,
            }
        )
        return
    metrics = metric_columns(evaluation.metrics)
    rows: list[list[object]] = [
        [record.model_type, record.run_id[:8], size, *(evaluation.metrics.get(name) for name in metrics)]
    ]
    if evaluation.baseline:
        rows.append([BASELINE_NAME, "", size, *(evaluation.baseline.get(name) for name in metrics)])
    print_table([loaded.pipeline.task, "run", "rows", *metrics], rows)
