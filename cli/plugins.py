"""``bt plugins``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.groups import SuggestingGroup
from bike_traffic.cli.output import print_json
from bike_traffic.cli.plugins_check import check
from bike_traffic.cli.plugins_install import install, uninstall
from bike_traffic.cli.plugins_new import new
from bike_traffic.cli.printing import echo, echo_lines
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table
from bike_traffic.manager import Declaration

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.group(cls=SuggestingGroup, invoke_without_command=True, epilog="Example: bt plugins list")
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List the plugins, install, check or remove one, start a new one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_plugins, output_format="table")


plugins.add_command(check)
plugins.add_command(new)
plugins.add_command(install)
plugins.add_command(uninstall)


@plugins.command("list", epilog="Example: bt plugins list --format json")
@with_workspace([])
@format_option("table", "json")
def list_plugins(workspace: Workspace, output_format: str) -> None:
    """List every plugin with what it declares, and each failure with its traceback."""
    with stdout_to_stderr():
        host = workspace.plugins
        declarations: list[Declaration[Any]] = [
            *host.pipelines().values(),
            *host.backends().values(),
            *host.declared_cities(),
        ]
    loaded = [
        {
            "distribution": source.distribution,
            "version": source.version,
            "entry_point": source.entry_point,
            "offers": [declaration.spec.name for declaration in declarations if declaration.source == source],
        }
        for source in host.sources
    ]
    if output_format == "json":
        failures = [
            {
                "distribution": failure.source.distribution,
                "version": failure.source.version,
                "entry_point": failure.source.entry_point,
                "stage": failure.stage,
                "error": f"{type(failure.error).__name__}: {failure.error}",
                "details": failure.details(),
            }
            for failure in host.failures
        ]
        print_json({"loaded": loaded, "failures": failures})
        return
    print_table(
        ["package", "version", "entry point", "offers"],
        [
            [plugin["distribution"], plugin["version"], plugin["entry_point"], ", ".join(plugin["offers"])]
            for plugin in loaded
        ],
    )
    for failure in host.failures:
        echo()
        echo(failure)
        echo_lines(failure.details())
