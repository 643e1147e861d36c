"""``bt plugins install`` and ``uninstall``: pip, in the environment that ``bt`` runs in."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import click

from bike_traffic.cli.printing import note
from bike_traffic.errors import PluginError

_OWN = "bike-traffic"


@click.command(epilog="Example: bt plugins install bt-boosted")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-e", "--editable", metavar="FOLDER", help="Install the package in FOLDER, which can go on changing.")
@click.option("-U", "--upgrade", is_flag=True, help="Install the newest version, also if another is there.")
def install(names: tuple[str, ...], editable: str | None, upgrade: bool) -> None:
    """Install packages of plugins by name, path or address, into the environment that bt runs in."""
    if not names and editable is None:
        raise click.UsageError("name a package, or give --editable FOLDER")
    flags = [*(["--upgrade"] if upgrade else []), *(["--editable", editable] if editable else [])]
    _pip("install", *flags, *names)
    note("installed; `bt plugins` lists what they offer")


@click.command(epilog="Example: bt plugins uninstall bt-boosted")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def uninstall(names: tuple[str, ...], yes: bool) -> None:
    """Remove packages of plugins from the environment that bt runs in; their models stay in the registry."""
    if any(name.lower().replace("_", "-") == _OWN for name in names):
        raise PluginError(f"{_OWN} is bt itself, and no plugin; remove it with pip", "plugin-is-bt", name=_OWN)
    if not yes:
        click.confirm(f"Remove {', '.join(names)}?", abort=True, err=True)
    _pip("uninstall", "--yes", *names)


def _pip(*words: str) -> None:
    """Run pip; raise `PluginError` if there is none here, or it fails. What it prints goes to standard error."""
    if find_spec("pip") is None:
        raise PluginError(
            f"there is no pip in the environment of {sys.executable}; install the package with what made it",
            "pip-missing",
            executable=sys.executable,
        )
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, stdout=sys.stderr.fileno(), check=False)
    if done.returncode:
        raise PluginError(f"pip {words[0]} failed with exit code {done.returncode}", "pip-failed", command=words[0])
