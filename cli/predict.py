"""``bt predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.session import Session, model_options, note, pass_session, unknown_counters_option

if TYPE_CHECKING:
    from bike_traffic.prediction import UnknownPolicy


@click.command(epilog="Example: bt predict --model rf counts.csv.gz -o predictions.csv")
@click.argument("source", metavar="INPUT")
@click.option(
    "-o", "--output", default="-", metavar="OUTPUT", help="CSV(.gz) or Parquet, any URL.  [default: stdout]"
)
@model_options
@unknown_counters_option
@pass_session
def predict(
    session: Session,
    source: str,
    output: str,
    model: str | None,
    run_id: str | None,
    alias: str | None,
    test_mode: bool,
    allow_unverified: bool,
    env: str | None,
    backend: str | None,
    registry: str | None,
    unknown_counters: UnknownPolicy,
) -> None:
    """Predict every row of INPUT (CSV, CSV.gz or Parquet, any URL, - for stdin), in chunks.

    INPUT needs the counter's name, the time and the coordinates, as the City publishes them. Each row gives
    one row of OUTPUT: counter, time, the count where INPUT has it, and the prediction in bikes per hour.
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

    from bike_traffic.prediction import predict_file

    rows = predict_file(loaded.pipeline, source, output, unknown_counters=unknown_counters)
    record = loaded.record
    where = "" if output == "-" else f" into {output}"
    note(f"{record.model_type} of run {record.run_id[:8]}: {rows:,} rows predicted{where}")
