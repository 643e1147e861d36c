"""``bt app``."""

from __future__ import annotations

import json
import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.printing import note
from bike_traffic.cli.session import REGISTRY_SETTINGS, with_workspace
from bike_traffic.errors import MissingExtra, SettingsError
from bike_traffic.extras import pip_words

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace

CREDENTIALS = "BT_GCP_SERVICE_ACCOUNT"
SERVER = "bike_traffic.app.server"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command(epilog="Example: bt app --registry demo/models --data demo/counts.csv.gz")
@with_workspace([*REGISTRY_SETTINGS, "data", "weather", "city"])
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port to listen on.")
@click.option(
    "--host-name",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Name under which readers reach the app; no session opens under another.",
)
def app(workspace: Workspace, host: str, port: int, hosts: tuple[str, ...]) -> None:
    """Open the app: forecasts, faults, files and models, in French and in English, until Ctrl-C.

    It reads the registry and the counts that the settings name. The key of a service account may be given as JSON in
    the environment variable BT_GCP_SERVICE_ACCOUNT; it stays in memory.
    """
    for package in ("streamlit", "uvicorn", "babel"):
        if find_spec(package) is None:
            raise MissingExtra(
                f"the app needs {package}, which is not installed: pip install {pip_words('bike-traffic[app]')}",
                "extra-missing",
                name="app",
                module=package,
                install=pip_words("bike-traffic[app]"),
            )
    workspace.credentials = _credentials()
    _ = workspace.registry, workspace.city  # what is wrong with the settings is said before the server starts
    names = hosts or (LOOPBACK if host in LOOPBACK else ())
    note(f"the app is at http://{host}:{port}")
    import_module(SERVER).serve(workspace, host=host, port=port, hosts=names)


def _credentials() -> dict[str, Any] | None:
    """Return the key of a service account from the environment; raise `SettingsError` if it is no JSON object.

    It is no setting, since settings are printed, and it is taken out of the environment that other processes get.
    """
    text = os.environ.pop(CREDENTIALS, "")
    if not text:
        return None
    try:
        key = json.loads(text)
    except ValueError:
        key = None
    if not isinstance(key, dict):
        raise SettingsError(f"{CREDENTIALS} is not a JSON object", "credentials-malformed", variable=CREDENTIALS)
    return key
