from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bike_traffic import errors
from bike_traffic.cli.main import main
from bike_traffic.errors import (
    AmbiguousName,
    BikeTrafficError,
    IntegrityError,
    InvalidName,
    MergePending,
    MissingExtra,
    MissingFile,
    MissingInput,
    NoRecord,
    ParameterError,
    PredictionError,
    ReadError,
    RegistryConflict,
    RegistryCorrupt,
    RegistryError,
    RegistryUnavailable,
    SchemaError,
    SettingsError,
    SplitError,
    UnknownBackend,
    UnknownCounters,
    UnknownMetric,
    UnknownPipeline,
    WriteError,
    no_such,
)

ROOT = Path(__file__).parents[1]
ALL = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, BikeTrafficError)]


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (SettingsError, ValueError),
        (UnknownPipeline, LookupError),
        (UnknownBackend, LookupError),
        (UnknownMetric, LookupError),
        (AmbiguousName, LookupError),
        (MissingExtra, ImportError),
        (ReadError, OSError),
        (WriteError, OSError),
        (SchemaError, ValueError),
        (UnknownCounters, LookupError),
        (ParameterError, ValueError),
        (MissingInput, ValueError),
        (InvalidName, ValueError),
        (SplitError, ValueError),
        (PredictionError, ValueError),
        (NoRecord, LookupError),
        (RegistryCorrupt, ValueError),
        (RegistryUnavailable, OSError),
        (IntegrityError, ValueError),
        (MissingFile, ValueError),
    ],
)
def test_an_error_is_also_the_builtin_that_a_caller_expects(
    error: type[BikeTrafficError], builtin: type[Exception]
) -> None:
    assert issubclass(error, builtin)


def test_what_the_registry_raises_is_a_registry_error() -> None:
    registry_errors = (NoRecord, RegistryConflict, RegistryCorrupt, RegistryUnavailable, MergePending)
    for error in (*registry_errors, IntegrityError, MissingFile):
        assert issubclass(error, RegistryError)


def test_the_exit_code_of_every_error_is_1_and_of_a_pending_merge_3() -> None:
    assert {error: error.exit_code for error in ALL} == {**dict.fromkeys(ALL, 1), MergePending: 3}


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("rff", ["rf_class", "nn", "rf"], "no pipeline 'rff'; there are nn, rf, rf_class (did you mean 'rf'?)"),
        ("xyz", ["nn", "rf"], "no pipeline 'xyz'; there are nn, rf"),
        ("rf", [], "no pipeline 'rf'; there are none"),
    ],
)
def test_an_unknown_name_lists_those_there_are_and_the_one_that_was_probably_meant(
    name: str, known: list[str], message: str
) -> None:
    assert no_such("pipeline", name, known) == message
    error = UnknownPipeline(name, known)
    assert (str(error), error.name, error.known) == (message, name, sorted(known))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UnknownBackend, "no registry backend 'x'; there are y"),
        (UnknownMetric, "no metric 'x'; there are y"),
    ],
)
def test_an_unknown_name_says_what_kind_it_is_of(error: type[UnknownPipeline], message: str) -> None:
    assert str(error("x", ["y"])) == message


def _commands_named_in(folder: str) -> Iterator[tuple[str, list[str]]]:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for words in re.findall(r"`bt ([a-z][a-z -]*)", node.value):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", words.split(" -")[0].split()


@pytest.mark.parametrize("folder", ["framework", "plugins", "registry_backends", "cli", "app"])
def test_every_command_that_a_message_names_exists(folder: str) -> None:
    unknown = []
    for place, words in _commands_named_in(folder):
        command: click.Command | None = main
        for word in words:
            if not isinstance(command, click.Group):
                break  # the rest are arguments
            command = command.get_command(click.Context(command), word)
        if command is None:
            unknown.append(f"{place}: bt {' '.join(words)}")
    assert unknown == []


CLASSES = {kind.__name__ for kind in ALL}
SELF_NAMED = {name for name in CLASSES if issubclass(getattr(errors, name), errors.UnknownName)}
"""These take a name and the names there are, and have the id of their class."""
OF_STORES = {"StoreConflict", "StoreMissing"}
"""These pass between a store and its registry, which raises an error with an id for them."""
PRODUCT = [
    path
    for folder in ("framework", "plugins", "registry_backends", "cli", "app")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "errors.py"
]


def name_of(node: ast.expr | None) -> str:
    """Return the last part of a dotted name; empty for any other expression."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def errors_made(path: Path) -> list[ast.Call]:
    """Return every call in a module that makes an error of ours."""
    calls = [node for node in nodes_of(path) if isinstance(node, ast.Call)]
    return [call for call in calls if name_of(call.func) in CLASSES - SELF_NAMED]


def id_of(call: ast.Call) -> object:
    return call.args[1].value if len(call.args) == 2 and isinstance(call.args[1], ast.Constant) else None


def test_the_errors_of_the_product_are_in_one_module_and_are_raised_with_a_message() -> None:
    classes, bare = set(), []
    for path in PRODUCT:
        for node in nodes_of(path):
            if isinstance(node, ast.ClassDef) and {name_of(base) for base in node.bases} & (CLASSES - SELF_NAMED):
                classes.add(node.name)
            if isinstance(node, ast.Raise) and name_of(node.exc) in CLASSES:
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert (classes, bare) == (OF_STORES, [])


def test_every_error_has_an_id_of_its_own_message() -> None:
    """A fault of counts takes the id of the rule that it breaks."""
    without = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in PRODUCT
        for call in errors_made(path)
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", str(id_of(call) or ""))
        and "parts.pop" not in ast.unparse(call)
    ]
    assert without == []


def test_one_id_is_one_kind_of_error_with_the_same_parts() -> None:
    kinds: dict[object, set[tuple[str, frozenset[str | None]]]] = {}
    for path in PRODUCT:
        for call in errors_made(path):
            parts = frozenset(keyword.arg for keyword in call.keywords)
            kinds.setdefault(id_of(call), set()).add((ast.unparse(call.func), parts))
    kinds.pop(None, None)
    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}


def test_an_error_without_an_id_has_that_of_its_class() -> None:
    assert errors.SplitError("no").to_json() == {"id": "split", "message": "no", "parts": {}}
    error = errors.UnknownMetric("r3", ["r2"])
    assert (error.id, error.parts) == ("unknown-metric", {"name": "r3", "known": ["r2"]})
