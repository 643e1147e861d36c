"""What third parties print goes to standard error: standard output holds the result of a command alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.conftest import HERE, Bt
from tests.test_manager import HEADER, install_distribution
from tests.test_registry import make_record, register
from tests.testing.test_pipeline_checks import MODEL

A, B = "aaaa1111-and-more", "bbbb2222-and-more"

DECLARATION = f"""{HEADER}
print("importing the declaration")


@hookimpl
def bt_pipelines():
    print("declaring pipelines")
    return [PipelineSpec(name="loud", target="MODULE:Model")]


@hookimpl
def bt_registry_backends():
    print("declaring backends")
    return [BackendSpec(name="loud", target="MODULE:Loud", schemes=("loud",))]


@hookimpl
def bt_after_train(record):
    print("after the training")
"""

CLASSES = (
    MODEL.replace('name = "mean"', 'name = "loud"')
    + """

def loud(method):
    def call(*arguments, **words):
        print("calling", method.__name__)
        return method(*arguments, **words)
    return call


for name in ("_fit", "_predict", "save"):

    setattr(Model, name, loud(getattr(Model, name)))
Model.load = classmethod(loud(Model.load.__func__))

from bike_traffic.registry_backends.summary import LocalRegistry

print("importing the classes")


class Loud(LocalRegistry):
    name = "loud"

    def __init__(self, uri):
        super().__init__(uri.removeprefix("loud://"))

    def __getattribute__(self, name):
        print("reading", name)
        return super().__getattribute__(name)
"""
)


@pytest.fixture
def loud_plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Install a pipeline and a registry backend that print whenever their code runs."""
    classes = install_distribution(monkeypatch, tmp_path / "site", "loud-classes", CLASSES, group="unused")
    install_distribution(monkeypatch, tmp_path / "site", "loud-dist", DECLARATION.replace("MODULE", classes))


@pytest.fixture
def registry() -> RegistryBackend:
    """Fill ``models`` with two runs, the second of which became the champion after the first."""
    registry = LocalRegistry("models/summary.json")
    for run_id in (A, B):
        register(registry, make_record(run_id))
        registry.promote(run_id, "champion", actor="ana@desk")
    return registry


REGISTRY_COMMANDS = [
    ["best", "--metric", "r2"],
    ["best", "--metric", "r2", "--format", "json"],
    ["best", "--metric", "r2", "--format", "uri"],
    ["list"],
    ["list", "--format", "json"],
    ["show", "champion"],
    ["show", "aaaa", "--format", "json"],
    ["history", "champion"],
    ["history", "champion", "--format", "json"],
    ["verify"],
    ["verify", "--format", "json"],
]


@pytest.mark.usefixtures("loud_plugin", "registry")
@pytest.mark.parametrize("words", REGISTRY_COMMANDS, ids=" ".join)
def test_a_registry_command_prints_the_same_whether_the_backend_prints_or_not(bt: Bt, words: list[str]) -> None:
    silent = bt("registry", *words, "--registry", "models")
    loud = bt("registry", *words, "--registry", "loud://models")
    assert (loud.exit_code, loud.stdout) == (0, silent.stdout)
    assert loud.stdout
    assert "reading " in loud.stderr


@pytest.mark.usefixtures("loud_plugin", "registry")
@pytest.mark.parametrize(
    "words", [["promote", "aaaa", "champion"], ["rollback", "champion"], ["reconcile"], ["pull", "aaaa", "pulled"]]
)
def test_a_command_that_only_changes_the_registry_prints_nothing_on_stdout(bt: Bt, words: list[str]) -> None:
    done = bt("registry", *words, "--registry", "loud://models")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "reading " in done.stderr


@pytest.mark.usefixtures("loud_plugin", "registry")
@pytest.mark.parametrize(("source", "target"), [("loud://models", "copied"), ("models", "loud://copied")])
def test_a_copy_prints_nothing_on_stdout(bt: Bt, source: str, target: str) -> None:
    done = bt("registry", "copy", "--from", source, "--to", target)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "reading " in done.stderr
    assert done.stderr.endswith("2 models copied, 0 were there already\n")


@pytest.mark.usefixtures("loud_plugin", "registry")
@pytest.mark.parametrize(
    "words",
    [["list", "--model", "loud"], ["best", "--metric", "mae"], ["show", "zzzz"], ["verify", "--env", "dev"]],
    ids=" ".join,
)
def test_the_error_of_a_command_is_one_document_as_well(bt: Bt, words: list[str]) -> None:
    silent = bt("registry", *words, "--format", "json", "--registry", "models")
    loud = bt("registry", *words, "--format", "json", "--registry", "loud://models")
    said = loud.stdout.replace("[loud registry loud://models]", HERE)
    silently = silent.stdout.replace("[local registry models]", HERE)
    assert (loud.exit_code, json.loads(said)) == (silent.exit_code, json.loads(silently))


@pytest.mark.usefixtures("loud_plugin")
@pytest.mark.parametrize(
    "words",
    [["models"], ["plugins", "list"], ["config", "--registry", "loud://models"], ["plugins", "check", "loud"]],
    ids=" ".join,
)
def test_commands_that_read_declarations_print_one_document(bt: Bt, words: list[str]) -> None:
    done = bt(*words, "--format", "json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)
    assert "declaring " in done.stderr


@pytest.mark.usefixtures("loud_plugin")
def test_predictions_on_stdout_are_those_of_the_file_whatever_the_pipeline_prints(bt: Bt, small_file: Path) -> None:
    registry = ("--registry", "loud://models")
    trained = bt("train", "-m", "loud", "--data", small_file, *registry, "--format", "json")
    assert [entry["model_type"] for entry in json.loads(trained.stdout)] == ["loud"]
    for line in ("importing the classes", "calling _fit", "calling save", "after the training"):
        assert f"{line}\n" in trained.stderr

    assert bt("predict", "-m", "loud", small_file, "-o", "out.csv", *registry).stdout == ""
    done = bt("predict", "-m", "loud", small_file, "-o", "-", *registry)
    assert (done.exit_code, done.stdout) == (0, Path("out.csv").read_text(encoding="utf-8"))
    for line in ("calling load", "calling _predict"):
        assert f"{line}\n" in done.stderr

    evaluated = bt("evaluate", "-m", "loud", small_file, *registry, "--format", "json")
    assert json.loads(evaluated.stdout)["model_type"] == "loud"
    words = ("backtest", "-m", "loud", "--data", small_file, "--folds", "1", "--format", "json")
    assert list(json.loads(bt(*words).stdout)) == ["folds", "means"]
