"""``bt config``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace
from bike_traffic.config import SETTINGS
from bike_traffic.tracking.mlflow_client import secret_of, without_secret

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt config --env prod")
@with_workspace()
@format_option("table", "json")
def config(workspace: Workspace, output_format: str) -> None:
    """Print every setting, its value, and where it comes from: a flag, a BT_ variable, bt.toml, or the default."""
    settings = workspace.settings
    with stdout_to_stderr():
        backend = workspace.backend.spec.name
    tracking_uri = settings.tracking_uri or settings.own_store
    names = settings.plugins
    shown: dict[str, object] = {
        "backend": backend,
        "registry": settings.registry_of(backend),
        "tracking_uri": without_secret(tracking_uri, secret_of(tracking_uri)),
        "artifacts": settings.artifacts
        or ("the server's" if settings.tracking_uri else str(settings.tracking_folder)),
        "plugins": "all" if names is None else ", ".join(names) or "built-ins only",
    }
    values = {name: shown.get(name, getattr(settings, name)) for name in SETTINGS}
    sources = {**settings.sources, "registry": settings.source_of_registry(backend)}
    if output_format == "json":
        print_json({name: {"value": value, "source": sources[name]} for name, value in values.items()})
    else:
        print_table(["setting", "value", "from"], [(name, value, sources[name]) for name, value in values.items()])
