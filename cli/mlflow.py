"""``bt mlflow``."""

from __future__ import annotations

import signal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.groups import SuggestingGroup
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import with_workspace
from bike_traffic.errors import MissingExtra, TrackingError
from bike_traffic.extras import pip_words

if TYPE_CHECKING:
    from bike_traffic.config import Settings
    from bike_traffic.workspace import Workspace


@click.group(
    cls=SuggestingGroup,
    invoke_without_command=True,
    epilog="Example: bt mlflow --env prod --background",
)
@with_workspace(["env"])
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port on 127.0.0.1.")
@click.option("--background", "action", flag_value="background", help="Start the server, and return.")
@click.option("--stop", "action", flag_value="stop", help="Stop the running server.")
@click.option("--status", "action", flag_value="status", help="Print whether a server runs, and its address.")
@click.pass_context
def mlflow(ctx: click.Context, workspace: Workspace, port: int, action: str | None) -> None:
    """Serve MLflow's pages with the runs of a profile, on this machine only, until Ctrl-C.

    Trainings need no server: they write to the profile's store, and the pages show that store.
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
    """Import the runs in FOLDER, written by an MLflow before version 3, into a profile.

    These versions kept runs as files. MLflow's own `mlflow migrate-filestore` imports them into the profile's store;
    FOLDER is not changed, and the files of its runs stay in it.
    """
    _require_mlflow()
    from bike_traffic.tracking.stores import server

    settings = workspace.settings
    migration = server.migrate(settings, folder)
    for path in migration.unread:
        note(f"skipped, because MLflow cannot read it: {path}")
    note(f"`{migration.command}` imported {migration.runs} runs; `bt mlflow --env {settings.env}` shows them")


def _require_mlflow() -> None:
    if find_spec("mlflow") is None:
        raise MissingExtra(
            f"`bt mlflow` needs MLflow, which is not installed: pip install {pip_words('bike-traffic[mlflow]')}",
            "mlflow-extra-missing",
        )


def _print_status(settings: Settings) -> None:
    from bike_traffic.tracking.stores.server import running_server
    from bike_traffic.tracking.stores.store import is_healthy

    server = running_server(settings)
    if server is None:
        raise TrackingError(f"no MLflow server of {settings.env} runs", "mlflow-server-not-running", env=settings.env)
    state = "runs" if is_healthy(server.url) else "does not answer"
    echo(f"{settings.env}: {server.url} {state}, process {server.pid}")


def _stop(settings: Settings) -> None:
    from bike_traffic.tracking.stores.server import running_server, stop_server

    server = running_server(settings)
    if server is None:
        note(f"no MLflow server of {settings.env} runs")
        return
    stop_server(settings, server)
    note(f"stopped the MLflow server of {settings.env} at {server.url}")


def _serve(settings: Settings, port: int, *, background: bool) -> None:
    from bike_traffic.tracking.stores.server import ended_by_itself, log_file, start_server, stop_server

    # A shell that starts a command in the background, or nohup, lets it ignore SIGINT or SIGHUP.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    server = start_server(settings, port)
    hint = f"stop it with `bt mlflow --env {settings.env} --stop`" if background else "Ctrl-C stops it"
    try:
        echo(f"{server.url} shows the runs of {settings.env}; {hint}")
        if background:
            return
        failed = ended_by_itself(settings, server)
    except KeyboardInterrupt:
        failed = False
    stop_server(settings, server)
    if failed:
        log = str(log_file(settings))
        raise TrackingError(f"the MLflow server exited; see {log}", "mlflow-server-exited", log=log)
    note(f"stopped the MLflow server of {settings.env}")
