"""``bt registry best``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.completion import complete_files, complete_metrics, complete_models
from bike_traffic.cli.early import require_inputs
from bike_traffic.cli.output import BEHIND_BASELINE, metric_columns, print_json
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.records import as_of_time, print_records
from bike_traffic.cli.session import (
    COUNTS_SETTINGS,
    REGISTRY_SETTINGS,
    format_option,
    reading,
    sample_option,
    stdout_to_stderr,
    test_mode_option,
    with_workspace,
)
from bike_traffic.cli.table import print_table
from bike_traffic.comparison import COMPARABLE, MeasuredRows, measured_rows
from bike_traffic.evaluation.metrics import metric_named
from bike_traffic.notices import counted
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import ModelRecord

if TYPE_CHECKING:
    from bike_traffic.ranking import Ranking
    from bike_traffic.workspace import Workspace

_SHOWN = 5
"""Largest number of sets of rows that a note describes."""


@click.command(epilog="Example: bt registry best --metric rmse --model rf")
@click.option(
    "--metric",
    metavar="NAME",
    shell_complete=complete_metrics,
    help="skill, r2, rmse, mae, wape, accuracy, f1_score, …",
)
@click.option(
    "--on",
    metavar="COUNTS",
    shell_complete=complete_files,
    help="Measure the newest record of each model on these counts, and rank them.",
)
@click.option("-m", "--model", metavar="NAME", shell_complete=complete_models, help="Only models of this name.")
@with_workspace([*REGISTRY_SETTINGS, "city", *COUNTS_SETTINGS])
@test_mode_option
@sample_option
@click.option(
    "--as-of",
    metavar="TIME",
    help="Only records registered, and not yet withdrawn, by this time, or by the end of this day (UTC).",
)
@format_option("table", "json", "uri")
def best(
    workspace: Workspace,
    metric: str | None,
    on: str | None,
    model: str | None,
    test_mode: bool,
    sample: bool,
    as_of: str | None,
    output_format: str,
) -> None:
    """Show the best model by a metric; for errors such as rmse the lowest value wins.

    Withdrawn models are left out, and so are those that were evaluated on a random split: their metrics are too good.
    The metrics of records are comparable only if they were measured on the same rows. --on COUNTS measures models on
    the same rows now; the default metric is then that of the model's task, or rmse.
    """
    if on is None and metric is None:
        raise click.UsageError("Missing option '--metric'.")
    require_inputs(on)
    with stdout_to_stderr():
        query = workspace.query(model, test_mode=test_mode, sample=sample, as_of=as_of_time(as_of))
        chosen = metric or workspace.default_metric(model)
    if on is None:
        _choose(workspace, chosen, query, output_format)
    else:
        _rank(workspace, on, chosen, query, output_format)


def _choose(workspace: Workspace, metric: str, query: Query, output_format: str) -> None:
    """Print the best record by its own metrics."""
    with stdout_to_stderr():
        record, compared = workspace.compare(metric, query)
        groups = [] if metric == COMPARABLE else measured_rows(compared, metric_named(metric))
    if output_format == "json":
        print_json(record.to_json())
    elif output_format == "uri":
        echo(record.model_uri, whole=True)
    else:
        print_records([(record.to_json(), [])])
    _note_different_rows(groups, metric)


def _note_different_rows(groups: list[MeasuredRows], metric: str) -> None:
    """Print where records were measured, unless all were on the same rows."""
    if len(groups) < 2:
        return
    note(f"the records were measured on different rows; their {metric} says little about which model is better:")
    for group in groups[:_SHOWN]:
        where = "unknown rows"
        if group.rows is not None:
            where = f"{group.rows:,} rows" + "".join(
                f" {word} {time[:16]}" for word, time in (("after", group.after), ("until", group.until)) if time
            )
        records = f"{group.records} record{'s' if group.records > 1 else ''} of {', '.join(group.models)}"
        note(f"  {records}: {where}; best {metric} {group.best:.3f}")
    if len(groups) > _SHOWN:
        note(f"  and {len(groups) - _SHOWN} more")
    note(f"compare them by --metric {COMPARABLE}, or on the same counts by --on COUNTS")


def _rank(workspace: Workspace, on: str, metric: str, query: Query, output_format: str) -> None:
    """Print models ranked by their metrics on these counts."""
    with stdout_to_stderr():
        reading(on)

        from bike_traffic.ranking import rank_models

        ranking = rank_models(workspace, workspace.counts(on), metric, query)
    if output_format == "json":
        print_json(_document(ranking))
    elif output_format == "uri":
        echo(ranking.models[0].record.model_uri, whole=True)
    else:
        _print_ranking(ranking)
    for record, reason in ranking.left_out:
        note(f"left out: {_named(record)}: {reason}")
    if ranking.left_out_rows:
        note(f"left out {counted(ranking.left_out_rows, 'row')} of counters that not every model knows")
    if ranking.history_rows:
        note(f"{ranking.history_rows:,} earlier rows are the history of models that need it, and were not measured")
    for one in ranking.models:
        if one.seen_rows is None:
            note(f"the record of {_named(one.record)} does not say which rows the model may know")
        elif one.seen_rows:
            what = f"{one.seen_rows:,} of the {ranking.rows:,} rows: they are not later than its training rows"
            note(f"{_named(one.record)} may know {what}")


def _named(record: ModelRecord) -> str:
    return f"{record.model_type} of run {record.run_id[:8]}"


def _print_ranking(ranking: Ranking) -> None:
    metrics = metric_columns(*(one.metrics for one in ranking.models))
    rows = []
    for rank, one in enumerate(ranking.models, start=1):
        rows.append(
            [
                rank,
                one.record.run_id[:8],
                one.record.model_type,
                BEHIND_BASELINE if one.beats_baseline is False else "",
                ranking.rows,
                *(one.metrics.get(name) for name in metrics),
                one.seen_rows,
            ]
        )
    print_table(["rank", "run", "model", "", "rows", *metrics, "known rows"], rows)


def _document(ranking: Ranking) -> dict[str, object]:
    return {
        "metric": ranking.metric,
        "rows": ranking.rows,
        "left_out_rows": ranking.left_out_rows,
        "history_rows": ranking.history_rows,
        "models": [
            {
                "rank": rank,
                "run_id": one.record.run_id,
                "model_type": one.record.model_type,
                "model_uri": one.record.model_uri,
                "seen_rows": one.seen_rows,
                "metrics": one.metrics,
                "baseline": one.baseline,
                "recent": one.recent,
                "beats_baseline": one.beats_baseline,
            }
            for rank, one in enumerate(ranking.models, start=1)
        ],
        "left_out": [
            {"run_id": record.run_id, "model_type": record.model_type, "reason": reason}
            for record, reason in ranking.left_out
        ],
    }
