"""``bt predict``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.completion import complete_files
from bike_traffic.cli.early import require_folder, require_inputs, require_outputs
from bike_traffic.cli.pictures import require_plot
from bike_traffic.cli.printing import note
from bike_traffic.cli.session import (
    REGISTRY_SETTINGS,
    Session,
    history_option,
    load_chosen,
    model_options,
    reading,
    require_one_model,
    stdout_to_stderr,
    unknown_counters_option,
    with_workspace,
)
from bike_traffic.cli.work import work_options, workers_of
from bike_traffic.notices import counted

if TYPE_CHECKING:
    from bike_traffic.answering import Answering, UnknownPolicy
    from bike_traffic.loading import LoadedModel
    from bike_traffic.processes import Workers
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt predict --model rf counts.csv.gz -o predictions.csv")
@click.argument("source", metavar="INPUT", shell_complete=complete_files)
@click.option(
    "-o",
    "--output",
    default="-",
    metavar="OUTPUT",
    shell_complete=complete_files,
    help="CSV(.gz) or Parquet, or a folder, which ends with /; any URL.  [default: stdout]",
)
@work_options("Files of a folder at once")
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
    jobs: int,
    scheduler: str | None,
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

    With a folder as OUTPUT each file of INPUT, a folder or a pattern, becomes a Parquet file of its own in it. Files
    whose predictions by the same model are there are left out.
    """
    require_one_model(**choice)
    into_folder = output.endswith("/") or (Path(output).is_dir() and not Path(output).suffix)
    if into_folder and (plot is not None or source == "-"):
        raise click.UsageError(f"{'--plot' if plot is not None else 'standard input'} needs one file as OUTPUT")
    if scheduler is not None and not into_folder:
        raise click.UsageError("--scheduler shares out files: end OUTPUT with / for a folder")
    workers = workers_of(jobs, scheduler)
    require_inputs(source, history, workspace.settings.weather)
    if not into_folder:
        require_outputs(output)
    elif "://" not in output:
        require_folder(Path(output), "the predictions")
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
        if into_folder:
            _predict_files(loaded, source, output, how, workers)
            return
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


def _predict_files(loaded: LoadedModel, source: str, folder: str, how: Answering, workers: Workers) -> None:
    """Predict file after file, with a line for what a person should know of each."""
    from bike_traffic.folder_prediction import predict_files, require_predicted

    session = click.get_current_context().find_object(Session) or Session(None)
    session.if_interrupted = "finished files stay, and the same command again predicts the others"
    outcomes = []
    for outcome in predict_files(loaded, source, folder, how, workers):
        outcomes.append(outcome)
        for line in outcome.told:
            note(line)
    new = [one.rows for one in outcomes if one.rows is not None and not one.was_finished]
    finished = sum(one.was_finished for one in outcomes)
    record, files = loaded.record, f"{counted(len(new), 'file')} with {counted(sum(new), 'row')}"
    note(
        f"{record.model_type} of run {record.run_id[:8]}: {files} predicted into {folder}"
        + (f"; {counted(finished, 'file')} finished before" if finished else "")
    )
    require_predicted(outcomes)
