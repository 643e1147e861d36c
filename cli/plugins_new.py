"""``bt plugins new``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.printing import echo

if TYPE_CHECKING:
    from bike_traffic.cli.skeleton import Kind, NewPackage


@click.command(epilog="Example: bt plugins new bt-weekly")
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
    """Write a complete package for a plugin, which installs, runs and passes its tests.

    NAME is the name for pip. The plugin's own name is NAME without a leading "bt-", and the module's is NAME
    with "_" for "-": bt-weekly makes the plugin weekly, in the module bt_weekly.
    """
    from bike_traffic.cli.main import COMMANDS
    from bike_traffic.cli.skeleton import name_package, write_package

    package = name_package(name, kind, COMMANDS)
    folder = write_package(package, directory)
    echo(f"{folder} written: a {kind} '{package.plugin}', with tests that pass. What to do next:")
    echo()
    for line in [f"cd {folder}", "pip install --editable '.[test]'", *_first_uses(package), "pytest"]:
        echo(f"  {line}")


def _first_uses(package: NewPackage) -> list[str]:
    """Return commands to try the new plugin with."""
    plugin = package.plugin
    return {
        "pipeline": ["bt models", f"bt train -m {plugin}", f"bt plugins check {plugin}"],
        "backend": ["bt plugins", f"bt train -m rf --registry {plugin}://models"],
        "command": [f"bt {plugin} --help", f"bt {plugin}"],
    }[package.kind]
