"""Which folder may import what, read with ``ast`` so that an import inside a function counts as well."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIBLINGS = {"plugins", "registry_backends", "cli", "app"}
FOLDERS = {"framework", *SIBLINGS}
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
LONGEST = 350
FOR_TESTS = [(f"framework/testing/{name}.py", "pytest") for name in ("__init__", "backends", "pytest_pipelines")]
"""What a plugin's own tests import, which have pytest."""


def module_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the dotted names that a module imports, ``from a import b`` as ``a.b``, and string targets."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                found |= {alias.name for alias in node.names}
            case ast.ImportFrom(level=0):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
            case ast.ImportFrom():
                found.add(f"relative import of {node.module}")
            case ast.Constant(value=str(text)) if re.fullmatch(r"bike_traffic(\.\w+)+(:\w+)?", text):
                found.add(text.partition(":")[0])
    return frozenset(found)


def own_siblings(path: Path) -> set[str]:
    """Return which of the sibling packages a module imports."""
    parts = (name.split(".") for name in imports(path))
    return {part[1] for part in parts if part[0] == "bike_traffic" and len(part) > 1} & SIBLINGS


ROOMS = {"framework/tracking/": "mlflow", "framework/signing.py": "signing"}
"""The parts of the core that need an extra, which they import when they are asked to do something."""


def third_parties(folder: str) -> Iterator[tuple[str, str]]:
    """Give each module of a folder with the distribution of every third-party package that it imports."""
    homes = packages_distributions()
    for path in (ROOT / folder).rglob("*.py"):
        for package in (
            {name.partition(".")[0] for name in imports(path)} - sys.stdlib_module_names - {"bike_traffic"}
        ):
            found = sorted(normalised(home) for home in homes.get(package, [f"no distribution of {package}"]))
            # Several distributions may bring parts of one package: the one of its name is the one to require.
            yield module_id(path), normalised(package) if normalised(package) in found else found[0]


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(section: str, *keys: str) -> set[str]:
    """Return the distributions that setup.cfg requires under some keys of a section."""
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = [line for key in keys for line in settings[section][key].split("\n") if line.strip()]
    return {normalised(re.split(r"[<>=!~\[; ]", line.strip())[0]) for line in lines}


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_a_module_imports_the_core_and_its_own_folder_alone(path: Path) -> None:
    assert own_siblings(path) <= {path.relative_to(ROOT).parts[0]} - {"framework"}


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_a_module_never_imports_by_a_folders_own_name_nor_relatively(path: Path) -> None:
    assert [name for name in imports(path) if name.split(".")[0] in FOLDERS or name.startswith("relative")] == []


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_no_module_of_the_core_bears_a_siblings_name() -> None:
    assert {path.stem for path in (ROOT / "framework").iterdir()} & SIBLINGS == set()


def test_no_module_is_called_utils() -> None:
    assert [module_id(path) for path in MODULES if path.stem in {"utils", "helpers", "misc", "common"}] == []


@pytest.mark.parametrize("folder", ["framework", "cli"])
def test_the_core_and_the_command_line_import_what_is_always_installed(folder: str) -> None:
    always = required("options", "install_requires")
    found = [(place, package) for place, package in third_parties(folder) if package not in always]
    assert [one for one in found if one not in FOR_TESTS and not one[0].startswith(tuple(ROOMS))] == []


@pytest.mark.parametrize(("room", "extra"), ROOMS.items(), ids=ROOMS)
def test_a_room_of_the_core_imports_what_is_installed_always_or_by_its_extra(room: str, extra: str) -> None:
    known = required("options", "install_requires") | required("options.extras_require", extra)
    found = [(place, package) for place, package in third_parties("framework") if place.startswith(room)]
    assert [package for _, package in found if package not in known] == []


@pytest.mark.parametrize("folder", ["plugins", "registry_backends", "app"])
def test_plugins_backends_and_app_import_what_is_installed_always_or_by_an_extra(folder: str) -> None:
    known = required("options", "install_requires") | {"keras"}  # tensorflow brings it
    known |= required("options.extras_require", "nn", "mlflow", "gcs", "s3", "app")
    assert [(place, package) for place, package in third_parties(folder) if package not in known] == []
