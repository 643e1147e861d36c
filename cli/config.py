"""``bt config``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.output import print_json
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table
from bike_traffic.inspection import shown_settings

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt config --env prod")
@with_workspace()
@format_option("table", "json")
def config(workspace: Workspace, output_format: str) -> None:
    """Print every setting, its value, and where it comes from: a flag, a BT_ variable, bt.toml, or the default."""
    with stdout_to_stderr():
        settings = shown_settings(workspace)
    if output_format == "json":
        print_json({setting.name: {"value": setting.value, "source": setting.source} for setting in settings})
    else:
        print_table(
            ["setting", "value", "from"],
            [(one.name, "not set" if one.value is None else one.value, one.source) for one in settings],
        )
