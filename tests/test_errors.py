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
    MergePending,
    MissingExtra,
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
        (SplitError, ValueError),
        (PredictionError, ValueError),
        (NoRecord, LookupError),
        (RegistryCorrupt, ValueError),
        (RegistryUnavailable, OSError),
        (IntegrityError, ValueError),
    ],
)
def test_an_error_is_also_the_builtin_that_a_caller_expects(
    error: type[BikeTrafficError], builtin: type[Exception]
) -> None:
    assert issubclass(error, builtin)


def test_what_the_registry_raises_is_a_registry_error() -> None:
    for error in (NoRecord, RegistryConflict, RegistryCorrupt, RegistryUnavailable, MergePending, IntegrityError):
        assert issubclass(error, RegistryError)


def test_every_error_leaves_with_1_but_a_pending_merge_with_3() -> None:
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
