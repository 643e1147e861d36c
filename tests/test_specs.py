from __future__ import annotations

import ast
import re
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import MissingExtra, PluginError
from bike_traffic.manager import PluginHost
from bike_traffic.names import Need
from bike_traffic.parameters import new_pipeline
from bike_traffic.plugins import bt_pipelines
from bike_traffic.registry_backends import bt_registry_backends
from bike_traffic.specs import PLUGIN_API, BackendSpec, PipelineSpec
from tests.test_manager import install_distribution


@pytest.mark.parametrize("target", ["", "module", "module:", ":Class", "module.Class"])
def test_a_target_names_a_module_and_a_class(target: str) -> None:
    message = f"target must have the form 'package.module:Class', not {target!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PipelineSpec(name="x", target=target)


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".hidden", "a b", "a:b", "été", "x\n"])
def test_a_name_is_fit_for_a_folder_and_a_uri(name: str) -> None:
    message = f"name must consist of letters, digits, '.', '_' and '-', not {name!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        BackendSpec(name=name, target="module:Class")


def test_a_spec_is_a_value_with_defaults() -> None:
    spec = PipelineSpec(name="x", target="module:Class")
    assert (spec.summary, spec.requires, spec.install, spec.api) == ("", (), None, PLUGIN_API)
    assert spec == PipelineSpec(name="x", target="module:Class")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        spec.name = "y"  # type: ignore[misc]  # that it cannot be set is the rule


def test_missing_names_the_required_modules_that_are_not_installed() -> None:
    spec = PipelineSpec(name="x", target="module:Class", requires=("json", "no_such_one", "no_such_two"))
    assert spec.missing() == ["no_such_one", "no_such_two"]


def test_what_only_a_fit_imports_is_missing_to_train_and_not_to_predict() -> None:
    spec = PipelineSpec(name="x", target="json:JSONDecoder", requires=("json",), trains_with=("no_such_one",))
    assert (spec.missing(), spec.missing_to_train()) == ([], ["no_such_one"])
    assert spec.load().__name__ == "JSONDecoder"
    with pytest.raises(MissingExtra, match=r"^'x' needs no_such_one, which is not installed: "):
        spec.require_trainable()


@pytest.mark.parametrize(("install", "words"), [(None, "no_such_one"), ("'mine[big]'", "'mine[big]'")])
def test_the_pip_line_is_what_the_spec_says_else_the_modules_name(install: str | None, words: str) -> None:
    spec = PipelineSpec(name="x", target="module:Class", install=install)
    expected = f"'x' needs no_such_one, which is not installed: pip install {words}"
    assert str(spec.missing_extra("no_such_one")) == expected


def test_a_class_that_the_module_lacks_is_the_plugins_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = install_distribution(monkeypatch, tmp_path / "site", "empty-dist", "")
    with pytest.raises(PluginError, match=f"^'x': {module} has no class Model$"):
        PipelineSpec(name="x", target=f"{module}:Model").load()


def test_an_error_that_is_no_missing_module_stays_what_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = install_distribution(monkeypatch, tmp_path / "site", "odd-dist", "from json import no_such_name")
    with pytest.raises(ImportError, match=r"^cannot import name 'no_such_name' from 'json'") as caught:
        PipelineSpec(name="x", target=f"{module}:Model").load()
    assert type(caught.value) is ImportError


@pytest.mark.parametrize("spec", [*bt_pipelines(), *bt_registry_backends()], ids=lambda spec: spec.name)
def test_every_built_in_has_a_summary_and_says_how_to_install_what_it_requires(
    spec: PipelineSpec | BackendSpec,
) -> None:
    assert spec.summary
    needed = spec.needed_to_train if isinstance(spec, PipelineSpec) else spec.requires
    assert bool(needed) == bool(spec.install)
    assert spec.api == PLUGIN_API


@pytest.mark.parametrize("name", ["rf", "rf_class"])
def test_a_built_in_class_calls_itself_as_its_spec_does(name: str) -> None:
    spec = next(spec for spec in bt_pipelines() if spec.name == name)
    assert (spec.load().name, spec.load().needs) == (name, spec.needs)


def test_what_a_pipeline_needs_is_a_tuple_of_known_needs() -> None:
    names: list[Need] = ["history"]
    assert PipelineSpec(name="x", target="module:Class", needs=names).needs == ("history",)
    with pytest.raises(ValueError, match=r"'needs' must be in \('history', 'weather'\) \(got 'snow'\)"):
        PipelineSpec(name="x", target="module:Class", needs=["snow"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("attribute", "in_spec", "in_class"), [("name", "'forest'", "'rf'"), ("needs", "('history',)", "()")]
)
def test_a_class_that_contradicts_its_spec_is_not_used(attribute: str, in_spec: str, in_class: str) -> None:
    declaration = PluginHost(only=()).pipeline("rf")
    spec = attrs.evolve(declaration.spec, **{attribute: ast.literal_eval(in_spec)})
    message = f"'{spec.name}': the spec has {attribute} {in_spec}, the class {in_class}; make them equal"
    with pytest.raises(PluginError, match=f"^{re.escape(message)}$"):
        new_pipeline(attrs.evolve(declaration, spec=spec), {}, seed=0)
