"""``bt mlflow``."""

from __future__ import annotations

import signal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.session import note, with_workspace
from bike_traffic.errors import MissingExtra, TrackingError

if TYPE_CHECKING:
    from bike_traffic.config import Settings
    from bike_traffic.workspace import Workspace


@click.group(
    invoke_without_command=True,
    epilog="Example: bt mlflow --env prod --background",
)
@with_workspace(["env"])
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port on 127.0.0.1.")
@click.option("--background", "action", flag_value="background", help="Start, and leave it running.")
@click.option("--stop", "action", flag_value="stop", help="Stop the one that runs.")
@click.option("--status", "action", flag_value="status", help="Say whether one runs, and where.")
@click.pass_context
def mlflow(ctx: click.Context, workspace: Workspace, port: int, action: str | None) -> None:
    """Serve the runs of a profile in MLflow's pages, on this machine alone, until Ctrl-C.

    Trainings need no server: they write to the profile's store, which the pages show.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings = workspace.settings
    if action == "status":
        _print_status(settings)
    elif action == "stop":
        _stop(settings)
    else:
        _require_mlflow()
        _serve(settings, port, background=action == "background")


@mlflow.command(epilog="Example: bt mlflow migrate mlruns_dev --env dev")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@with_workspace(["env"])
def migrate(workspace: Workspace, folder: Path) -> None:
    """Bring the runs of an old FOLDER into a profile.

    MLflow before version 3 kept runs as files. Its own `mlflow migrate-filestore` brings them into the profile's
    store; FOLDER stays as it is, and the files of its runs stay in it.
    """
    _require_mlflow()
    from bike_traffic.tracking import server

    settings = workspace.settings
    done = server.migrate(settings, folder)
    for path in done.unread:
        note(f"left out, since MLflow cannot read it: {path}")
    note(f"`{done.command}` brought {done.runs} runs; `bt mlflow --env {settings.env}` shows them")


def _require_mlflow() -> None:
    if find_spec("mlflow") is None:
        raise MissingExtra(
            "`bt mlflow` needs MLflow, which is not installed: pip install 'bike-traffic[mlflow]'",
            "mlflow-extra-missing",
        )


def _print_status(settings: Settings) -> None:
    from bike_traffic.tracking.server import running_server
    from bike_traffic.tracking.store import is_healthy

    server = running_server(settings)
    if server is None:
        raise TrackingError(f"no MLflow server of {settings.env} runs", "mlflow-server-not-running", env=settings.env)
    state = "runs" if is_healthy(server.url) else "does not answer"
    click.echo(f"{settings.env}: {server.url} {state}, process {server.pid}")


def _stop(settings: Settings) -> None:
    from bike_traffic.tracking.server import running_server, stop_server

    server = running_server(settings)
    if server is None:
        note(f"no MLflow server of {settings.env} runs")
        return
    stop_server(settings, server)
    note(f"stopped the MLflow server of {settings.env} at {server.url}")


def _serve(settings: Settings, port: int, *, background: bool) -> None:
    from bike_traffic.tracking.server import ended_by_itself, log_file, start_server, stop_server

    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.default_int_handler)
    server = start_server(settings, port)
    how = f"stop it with `bt mlflow --env {settings.env} --stop`" if background else "Ctrl-C stops it"
    try:
        click.echo(f"{server.url} shows the runs of {settings.env}; {how}")
        if background:
            return
        failed = ended_by_itself(settings, server)
    except KeyboardInterrupt:
        failed = False
    stop_server(settings, server)
    if failed:
        raise TrackingError(f"the MLflow server ended; {log_file(settings)} says why", "mlflow-server-ended")
    note(f"stopped the MLflow server of {settings.env}")
