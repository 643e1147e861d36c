"""``bt doctor``."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bike_traffic.addresses import shown
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import echo
from bike_traffic.cli.session import format_option, require_registry, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table
from bike_traffic.extras import requirements_of
from bike_traffic.folders import can_be_made
from bike_traffic.inspection import shown_settings

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace

_OURS = "bike-traffic"
_USERS_EXTRAS = ("nn", "mlflow", "plot", "gcs", "s3", "signing", "tune", "dask", "app")
_NAME = re.compile(r"[\w.-]+")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")


@click.command(epilog="Example: bt doctor --format json > report.json")
@with_workspace()
@format_option("table", "json")
@click.pass_context
def doctor(ctx: click.Context, workspace: Workspace, output_format: str) -> None:
    """Report what a bug report needs: versions, extras, plugins, settings without secrets, folders, the registry.

    Exit code 1 if something is broken: a plugin failed, a folder cannot be written, or the registry cannot be read.
    """
    with stdout_to_stderr():
        report = {
            "system": _system(),
            "packages": _packages(),
            "extras": {extra: _missing_of(extra) for extra in _USERS_EXTRAS},
            "plugins": [str(source) for source in workspace.plugins.sources],
            "failures": [str(failure) for failure in workspace.plugins.failures],
            "settings": _or_error(lambda: {one.name: one.value for one in shown_settings(workspace)}),
            "folders": _folders(workspace),
            "registry": _or_error(lambda: _registry(workspace)),
            "browser": next((found for name in _BROWSERS if (found := shutil.which(name))), None),
        }
    problems = _problems(report)
    if output_format == "json":
        print_json(report | {"problems": problems})
    else:
        _print(report, problems)
    if problems:
        ctx.exit(1)


def _system() -> dict[str, str]:
    return {
        _OURS: version(_OURS),
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "processors": str(os.cpu_count()),
        "locale": os.environ.get("LC_ALL") or os.environ.get("LANG") or "not set",
    }


def _names(extra: str | None) -> list[str]:
    """Return the distributions that an extra of this package requires, or the package itself."""
    return [name[0] for requirement in requirements_of(extra) if (name := _NAME.match(requirement))]


def _packages() -> dict[str, str | None]:
    names = dict.fromkeys([*_names(None), *(name for extra in _USERS_EXTRAS for name in _names(extra)), "keras"])
    return {name: _version(name) for name in names}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _missing_of(extra: str) -> list[str]:
    """Return the packages of an extra that are not installed."""
    return [name for name in _names(extra) if _version(name) is None]


def _folders(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {"cache": _folder(workspace.settings.cache), "kept models": _folder(workspace.settings.state)}


def _folder(path: Path) -> dict[str, Any]:
    """Return whether a folder can be written, or made where it is not there yet, and the bytes that it holds."""
    held = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else 0
    return {"path": str(path), "writable": can_be_made(path), "bytes": held}


def _registry(workspace: Workspace) -> dict[str, Any]:
    from bike_traffic.registry.queries import EVERYTHING

    backend = workspace.backend.spec.name
    where = {"backend": backend, "address": shown(workspace.settings.registry_of(backend))}
    number = sum(1 for _ in workspace.registry.listed(EVERYTHING))
    if not number:
        require_registry(workspace)
    return where | {"records": number}


def _or_error(find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what is found, or the error: one part that is broken must not hide the others."""
    try:
        return find()
    except Exception as error:
        return {"error": " ".join(shown(f"{type(error).__name__}: {error}").split())}


def _problems(report: dict[str, Any]) -> list[str]:
    problems = list(report["failures"])
    problems += [f"{part}: {report[part]['error']}" for part in ("settings", "registry") if "error" in report[part]]
    for name, folder in report["folders"].items():
        if not folder["writable"]:
            problems.append(f"{name}: {folder['path']} cannot be written")
    return problems


def _print(report: dict[str, Any], problems: list[str]) -> None:
    extras = [
        (name, f"missing: {', '.join(missing)}" if missing else "yes") for name, missing in report["extras"].items()
    ]
    folders = [
        (name, f"{one['path']}, {one['bytes']:,} bytes{'' if one['writable'] else ', NOT WRITABLE'}")
        for name, one in report["folders"].items()
    ]
    sections: dict[str, Sequence[tuple[str, object]]] = {
        "system": list(report["system"].items()),
        "package": [(name, number or "not installed") for name, number in report["packages"].items()],
        "extra": extras,
        "plugin": [(one, "loaded") for one in report["plugins"]] + [(one, "FAILED") for one in report["failures"]],
        "setting": [(name, "not set" if value is None else value) for name, value in report["settings"].items()],
        "folder": folders,
        "registry": list(report["registry"].items()),
        "browser": [("browser", report["browser"] or "none found")],
    }
    for title, rows in sections.items():
        print_table([title, "value"], [(name, str(value)) for name, value in rows])
        echo()
    for one in problems:
        echo(f"problem: {one}")
    if not problems:
        echo("no problem found")
