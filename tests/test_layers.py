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
LONGEST, LARGEST_ROOM = 300, 1000
"""Lines of a module, and of a folder below `framework`."""
FOR_TESTS = [
    (f"framework/testing/{name}.py", "pytest")
    for name in ("__init__", "backends/checks", "backends/event_checks", "cities", "pipelines/in_pytest")
]
"""What a plugin's own tests import, which have pytest."""


@pytest.fixture
def clean_place() -> None:
    """Make no folder: these tests read the tree alone, and a folder for each of them takes longer than they do."""


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


ROOMS = {
    "framework/tracking/": "mlflow",
    "framework/pictures/": "plot",
    "framework/registry/signing.py": "signing",
    "framework/scheduler.py": "dask",
    "framework/tuning/": "tune",
}
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


OPENS = {"cli/app.py": {"app"}}
"""What a module starts beside its own folder: `bt app` names the app, and imports it when it is called."""


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_a_module_imports_the_core_and_its_own_folder_alone(path: Path) -> None:
    own = {path.relative_to(ROOT).parts[0]} - {"framework"}
    assert own_siblings(path) <= own | OPENS.get(module_id(path), set())


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


USES = {
    "addresses": set(),
    "visible": set(),
    "http": set(),
    "errors": {"addresses"},
    "extras": set(),
    "folders": {"errors"},
    "names": set(),
    "cities": {"errors"},
    "columns": {"cities"},
    "notices": set(),
    "places": set(),
    "progress": {"visible"},
    "scheduler": {"addresses", "errors", "progress"},
    "processes": {"errors", "extras", "progress", "scheduler"},
    "estimator": set(),
    "search_space": set(),
    "settings_file": {"errors"},
    "config": {"addresses", "cities", "errors", "folders", "settings_file"},
    "features": {"cities", "columns", "errors", "estimator"},
    "data": {
        "addresses", "cities", "columns", "config", "errors", "estimator", "features", "folders", "http", "notices",
        "places",
    },
    "opendata": {"addresses", "cities", "columns", "data", "errors", "http", "places", "progress"},
    "pipeline": {"columns", "data", "errors", "estimator", "features", "names", "search_space"},
    "monitoring": {"columns", "data", "errors", "features", "pipeline", "places", "visible"},
    "evaluation": {"columns", "errors", "features", "monitoring", "names", "pipeline", "places"},
    "origins": {"columns", "data", "errors", "evaluation", "features", "pipeline"},
    "pictures": {"columns", "errors", "evaluation", "names", "pipeline"},
    "registry": {"addresses", "cities", "config", "errors", "evaluation", "extras", "folders", "names", "progress"},
    "specs": {"errors", "extras", "names", "pipeline", "registry"},
    "hookspecs": {"cities", "registry", "specs"},
    "installed": set(),
    "manager": {"cities", "errors", "hookspecs", "installed", "registry", "specs"},
    "parameters": {"cities", "errors", "features", "manager", "pipeline", "specs"},
    "loading": {"errors", "evaluation", "manager", "names", "pipeline", "places", "registry", "specs"},
    "opening": {"config", "errors", "manager", "registry", "specs"},
    "answering": {"cities", "columns", "data", "errors", "evaluation", "notices", "pipeline", "places"},
    "prediction": {"answering", "columns", "data", "errors", "evaluation", "loading", "pipeline", "progress"},
    "folder_prediction": {
        "addresses", "answering", "data", "errors", "folders", "loading", "prediction", "processes", "progress",
    },
    "forecasting": {
        "cities", "columns", "data", "errors", "evaluation", "extras", "loading", "pictures", "pipeline", "places",
        "registry",
    },
    "tracking": {
        "addresses", "answering", "columns", "config", "data", "errors", "evaluation", "extras", "loading", "manager",
        "pictures", "pipeline", "prediction", "progress", "registry",
    },
    "training_data": {"columns", "data", "errors", "evaluation", "features", "origins", "pipeline"},
    "training": {
        "cities", "columns", "data", "errors", "evaluation", "features", "manager", "parameters", "pipeline",
        "progress", "registry", "specs", "tracking", "training_data",
    },
    "comparison": {"evaluation"},
    "searching": {"comparison", "errors", "evaluation", "notices", "registry"},
    "evaluating": {"answering", "columns", "data", "evaluation", "features", "loading", "progress"},
    "backtesting": {
        "cities", "columns", "data", "evaluation", "features", "manager", "names", "origins", "parameters",
        "pipeline", "processes", "specs",
    },
    "tuning": {
        "addresses", "cities", "columns", "data", "errors", "evaluation", "extras", "manager", "parameters",
        "pipeline", "processes", "search_space", "specs", "tracking",
    },
    "workspace": {
        "answering", "backtesting", "cities", "config", "data", "evaluating", "evaluation", "forecasting", "loading",
        "manager", "names", "notices", "opening", "parameters", "prediction", "registry", "searching", "specs",
        "tracking", "training",
    },
    "memory": set(),
    "gathering": {
        "config", "data", "loading", "manager", "memory", "progress", "specs", "training", "workspace",
    },
    "inspection": {"addresses", "config", "errors", "workspace"},
    "ranking": {
        "columns", "errors", "evaluating", "evaluation", "loading", "progress", "registry", "workspace",
    },
    "api": {
        "answering", "backtesting", "data", "evaluating", "evaluation", "forecasting", "gathering", "origins",
        "pipeline", "processes", "registry", "training", "workspace",
    },
    "at_scale": {"answering", "evaluation", "folder_prediction", "processes", "tuning", "workspace"},
    "testing": {
        "cities", "columns", "data", "errors", "evaluation", "features", "installed", "manager", "names",
        "parameters", "pipeline", "registry", "search_space", "specs",
    },
}  # fmt: skip
"""What each room and module of the core may use of the others: only what stands above it in this table."""

CORE = {
    ".".join(["bike_traffic", *path.relative_to(ROOT / "framework").with_suffix("").parts]).removesuffix(
        ".__init__"
    ): path
    for path in MODULES
    if path.is_relative_to(ROOT / "framework") and path != ROOT / "framework/__init__.py"
}
"""The modules of the core but for its root, which imports the public names when they are used."""


def uses(path: Path) -> set[str]:
    """Return the modules of the core that a module imports, for types only and inside functions included."""
    named = {name for name in imports(path) if name.startswith("bike_traffic.")}
    return {name if name in CORE else name.rpartition(".")[0] for name in named} & CORE.keys()


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_the_table_of_rooms_has_no_circle() -> None:
    order = list(USES)
    assert [(room, used) for room in order for used in USES[room] if order.index(used) >= order.index(room)] == []


@pytest.mark.parametrize("module", sorted(CORE))
def test_a_module_uses_the_rooms_that_the_table_admits(module: str) -> None:
    used = {room_of(name) for name in uses(CORE[module])}
    assert used - {room_of(module)} <= USES[room_of(module)]


def test_every_use_that_the_table_admits_is_made() -> None:
    made = {room: {room_of(name) for path in of_room(room) for name in uses(path)} - {room} for room in USES}
    assert made == USES


def of_room(room: str) -> list[Path]:
    return [path for module, path in CORE.items() if room_of(module) == room]


def test_no_module_imports_itself_by_way_of_others() -> None:
    """In a graph without circles, modules can be taken away one by one that use none of those left."""
    left = {module: uses(path) - {module} for module, path in CORE.items()}
    while free := [module for module, used in left.items() if not used & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in CORE.values()} - {ROOT / "framework"}), ids=module_id
)
def test_a_room_is_small(folder: Path) -> None:
    lines = [line for path in folder.glob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) <= LARGEST_ROOM


PUBLISHED = {"CITY_HEADERS", "column_of", "headers_of", "standard_name", "parse_numbers", "parse_times"}
"""What knows the City's own columns and values."""
EDGES = {
    "framework/opendata/portal/export.py": "exports of portals, whose columns a city names",
    "framework/tracking/logged_model.py": "the signature of a model in MLflow, whose rows are published ones",
}


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_published_columns_are_known_in_data_and_at_the_edges_alone(path: Path) -> None:
    place = module_id(path)
    if place.startswith(("framework/data/", "framework/testing/")) or place in EDGES:
        return
    assert {name.rpartition(".")[2] for name in imports(path)} & PUBLISHED == set()
