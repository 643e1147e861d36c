"""``bt evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.output import BASELINE_NAME, metric_columns, print_json, print_table
from bike_traffic.cli.session import (
    Session,
    aside,
    format_option,
    model_options,
    note,
    pass_session,
    unknown_counters_option,
)

if TYPE_CHECKING:
    from bike_traffic.prediction import UnknownPolicy


@click.command(epilog="Example: bt evaluate --model rf september.csv")
@click.argument("source", metavar="INPUT")
@model_options
@unknown_counters_option
@format_option("table", "json")
@pass_session
def evaluate(
    session: Session,
    source: str,
    model: str | None,
    run_id: str | None,
    alias: str | None,
    test_mode: bool,
    allow_unverified: bool,
    env: str | None,
    backend: str | None,
    registry: str | None,
    unknown_counters: UnknownPolicy,
    form: str,
) -> None:
    """Measure a registered model on INPUT, counts that carry the truth.

    Beside it stands the mean of the last four weeks of its training rows.
    """
    settings = session.settings(env=env, backend=backend, registry=registry)
    loaded = session.model(
        settings,
        model=model,
        run_id=run_id,
        alias=alias,
        test_mode=test_mode,
        allow_unverified=allow_unverified,
    )

    from bike_traffic.data.check import require_valid
    from bike_traffic.data.reading import read_counts
    from bike_traffic.data.schema import COUNT, IDENTIFYING, TIME, column_of, parse_times
    from bike_traffic.evaluation import evaluate as measure
    from bike_traffic.prediction import refuse_unknown_counters

    counts = read_counts(source, wanted=(*IDENTIFYING, COUNT))
    require_valid(counts, source, with_counts=True)
    if unknown_counters == "refuse":
        refuse_unknown_counters(loaded.pipeline, counts)
    record = loaded.record
    until = record.extra.get("split", {}).get("training_until")
    if until is not None:
        seen = int((parse_times(column_of(counts, TIME)) <= until).sum())
        if seen:
            note(f"{seen:,} of {len(counts):,} rows are not later than the training rows: the model may know them")
    with aside():
        found = measure(loaded.pipeline, counts, loaded.baseline)
    if form == "json":
        print_json(
            {
                "model_type": record.model_type,
                "run_id": record.run_id,
                "rows": found.rows,
                "metrics": found.metrics,
                "baseline": found.baseline,
            }
        )
        return
    metrics = metric_columns(found.metrics)
    rows: list[list[object]] = [
        [record.model_type, record.run_id[:8], found.rows, *(found.metrics.get(name) for name in metrics)]
    ]
    if found.baseline:
        rows.append([BASELINE_NAME, "", found.rows, *(found.baseline.get(name) for name in metrics)])
    print_table([loaded.pipeline.task, "run", "rows", *metrics], rows)
