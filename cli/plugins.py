"""``bt plugins``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.plugins_check import check
from bike_traffic.cli.session import Session, format_option, pass_session
from bike_traffic.manager import Offer
from bike_traffic.specs import BackendSpec, PipelineSpec

if TYPE_CHECKING:
    from bike_traffic.skeleton import Kind, NewPackage


@click.group(invoke_without_command=True, epilog="Example: bt plugins list")
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """Show what is loaded, what failed, and why."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_plugins, form="table")


plugins.add_command(check)


@plugins.command("list", epilog="Example: bt plugins list --format json")
@format_option("table", "json")
@pass_session
def list_plugins(session: Session, form: str) -> None:
    """List every plugin with what it offers, and each failure whole."""
    host = session.host(session.settings())
    offers: list[Offer[PipelineSpec] | Offer[BackendSpec]] = [*host.pipelines().values(), *host.backends().values()]
    loaded = [
        {
            "distribution": source.distribution,
            "version": source.version,
            "entry_point": source.entry_point,
            "offers": [offer.spec.name for offer in offers if offer.source == source],
        }
        for source in host.sources
    ]
    if form == "json":
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
        click.echo(f"\n{failure}\n{failure.details()}")


@plugins.command(epilog="Example: bt plugins new bt-weekly")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["pipeline", "backend", "command"]),
    default="pipeline",
    show_default=True,
    help="A model, a registry backend, or a command of bt.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where the package's folder goes.  [default: here]",
)
def new(name: str, kind: Kind, directory: Path) -> None:
    """Write a complete package for a plugin: it installs, runs and passes its tests as it is.

    NAME is what pip will install. The plugin's own name is NAME without a leading "bt-", and the module's is NAME
    with "_" for "-": bt-weekly makes the plugin weekly, in the module bt_weekly.
    """
    from bike_traffic.cli.main import COMMANDS
    from bike_traffic.skeleton import name_package, write_package

    package = name_package(name, kind, COMMANDS)
    folder = write_package(package, directory)
    click.echo(f"{folder} written: a {kind} '{package.plugin}', with tests that pass. What to do next:\n")
    for line in [f"cd {folder}", "pip install --editable '.[test]'", *_first_uses(package), "pytest"]:
        click.echo(f"  {line}")


def _first_uses(package: NewPackage) -> list[str]:
    """Return the commands that show the new plugin at work."""
    plugin = package.plugin
    return {
        "pipeline": ["bt models", f"bt train -m {plugin}", f"bt plugins check {plugin}"],
        "backend": ["bt plugins", f"bt train -m rf --registry {plugin}://models"],
        "command": [f"bt {plugin} --help", f"bt {plugin}"],
    }[package.kind]
