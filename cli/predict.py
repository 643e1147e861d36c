"""``bt predict``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.completion import complete_files
from bike_traffic.cli.early import require_inputs, require_outputs
from bike_traffic.cli.pictures import require_plot
from bike_traffic.cli.printing import note
from bike_traffic.cli.session import (
    REGISTRY_SETTINGS,
    history_option,
    load_chosen,
    model_options,
    output_option,
    reading,
    require_one_model,
    stdout_to_stderr,
    unknown_counters_option,
    with_workspace,
)
from bike_traffic.notices import counted

if TYPE_CHECKING:
    from bike_traffic.answering import UnknownPolicy
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt predict --model rf counts.csv.gz -o predictions.csv")
@click.argument("source", metavar="INPUT", shell_complete=complete_files)
@output_option
@model_options
@with_workspace([*REGISTRY_SETTINGS, "weather", "city", "max_left_out"])
@history_option
@click.option("--interval", is_flag=True, help="Add lower and upper, between which 80 % of the counts should be.")
@unknown_counters_option
@click.option(
    "--plot", metavar="FILE", shell_complete=complete_files, help="Draw the means through time: PNG, SVG or PDF."
)
@click.option("--reasons", is_flag=True, help="Add the column `reason`: what keeps a row without a prediction.")
def predict(
    workspace: Workspace,
    source: str,
    output: str,
    history: str | None,
    interval: bool,
    unknown_counters: UnknownPolicy,
    plot: str | None,
    reasons: bool,
    **choice: Any,
) -> None:
    """Predict every row of INPUT (CSV, CSV.gz or Parquet, any URL, - for stdin), in chunks.

    INPUT needs the counter's name and the time, as the City publishes them. Each row of INPUT is one row of
    OUTPUT: counter, time, the count if INPUT has it, and the prediction in bikes per hour. A row whose name or time
    cannot be read has none; more than 5 % of them (--max-left-out) are refused.
    """
    require_one_model(**choice)
    require_inputs(source, history, workspace.settings.weather)
    require_outputs(output)
    require_outputs(plot, pictures=True)
    require_plot(plot)
    loaded = load_chosen(workspace, **choice)
    reading(source)

    from bike_traffic.data.weather.reading import read_weather
    from bike_traffic.prediction import predict_file

    target = sys.stdout.buffer if output == "-" else output
    with stdout_to_stderr():
        how = workspace.answering(
            loaded,
            interval=interval,
            history=workspace.counts(history) if history else None,
            weather=read_weather(workspace.settings.weather, workspace.city) if workspace.settings.weather else None,
            unknown_counters=unknown_counters,
            reasons=reasons,
        )
        if plot is None:
            rows = predict_file(loaded.pipeline, source, target, how)
        else:
            from bike_traffic.pictures.prediction import MeansThroughTime

            means = MeansThroughTime()
            rows = predict_file(loaded.pipeline, source, target, how, on_answers=means.add)
            means.draw(f"{loaded.record.model_type} of run {loaded.record.run_id[:8]}", plot)
            note(f"drawn in {plot}")
    record = loaded.record
    where = "" if output == "-" else f" into {output}"
    note(f"{record.model_type} of run {record.run_id[:8]}: {counted(rows, 'row')} predicted{where}")
