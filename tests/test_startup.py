"""Nothing heavy is imported before it is needed; asserted on ``sys.modules``, never on time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin_site import write_distribution
from tests.test_manager import declaring, pipeline_spec
from tests.test_registry import make_record

HEAVY = {
    "pandas",
    "numpy",
    "sklearn",
    "scipy",
    "joblib",
    "pyarrow",
    "fsspec",
    "tensorflow",
    "keras",
    "mlflow",
    "rich",
}
PLUGINS = {"bike_traffic.plugins", "bike_traffic.registry_backends"}

RUN_BT = "from bike_traffic.cli.main import main; main({words!r}, standalone_mode=False)"
REPORT = "\nimport sys, json; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def modules_after(code: str) -> set[str]:
    """Return the names in ``sys.modules`` of a fresh process that ran `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT], capture_output=True, text=True, check=True, timeout=600
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def imported(modules: set[str], packages: set[str]) -> set[str]:
    """Return those of `modules` that are one of `packages` or inside it."""
    return {name for name in modules for package in packages if f"{name}.".startswith(f"{package}.")}


@pytest.mark.parametrize(
    "code", ["import bike_traffic", RUN_BT.format(words=["--help"]), RUN_BT.format(words=["--version"])]
)
def test_the_package_its_help_and_its_version_import_nothing_heavy_and_no_plugin(code: str) -> None:
    assert imported(modules_after(code), HEAVY | PLUGINS) == set()


@pytest.mark.parametrize("output_format", ["table", "json", "uri"])
def test_the_best_record_is_found_without_the_libraries_of_models_and_tables(
    clean_place: Path, output_format: str
) -> None:
    entries = [make_record(f"run{number}", metrics={"r2": number / 100}).to_json() for number in range(100)]
    (clean_place / "models").mkdir()
    (clean_place / "models/summary.json").write_text(json.dumps(entries))
    words = ["registry", "best", "--metric", "r2", "--format", output_format]
    modules = modules_after(RUN_BT.format(words=words))
    assert imported(modules, HEAVY - ({"rich"} if output_format == "table" else set())) == set()
    assert "bike_traffic.registry_backends.summary" in modules  # the registry was really read


def test_a_command_ends_without_looking_for_garbage() -> None:
    report = "import atexit, gc; atexit.register(lambda: print('not looked at:', gc.get_freeze_count() > 0)); "
    words = [sys.executable, "-c", report + RUN_BT.format(words=["models"])]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout.splitlines()[-1] == "not looked at: True"


def test_the_forest_imports_neither_the_net_nor_another_models_module() -> None:
    modules = modules_after("import bike_traffic.plugins.random_forest")
    others = {f"bike_traffic.plugins.{name}" for name in ("affluence", "neural_net", "quiet_keras")}
    assert imported(modules, {"tensorflow", "keras", "mlflow", *others}) == set()


@pytest.mark.parametrize(
    ("name", "module", "quick"),
    [
        ("rf", "random_forest", ["n_estimators=2"]),
        pytest.param("nn", "neural_net", ["epochs=1", "n_nets=1"], marks=pytest.mark.slow),
    ],
)
def test_a_model_is_loaded_and_forecasts_without_the_libraries_that_trained_it(
    name: str, module: str, quick: list[str], small_file: Path, clean_place: Path
) -> None:
    """Their imports take longer than all else of a forecast, and than all else of the first page of the app."""
    bt = RUN_BT.format
    parameters = [word for value in quick for word in ("--set", value)]
    modules_after(bt(words=["train", "-m", name, *parameters, "--no-interval", "--data", str(small_file)]))
    modules = modules_after(bt(words=["forecast", "-m", name, "--days", "2"]))
    assert f"bike_traffic.plugins.{module}" in modules
    assert imported(modules, {"sklearn", "scipy", "fsspec", "tensorflow", "keras"}) == set()


@pytest.mark.parametrize("name", ["plugins.ahead.pipeline", "data.cleaning", "evaluation.references", "forecasting"])
def test_what_a_forecast_needs_imports_no_scikit_learn(name: str) -> None:
    assert imported(modules_after(f"import bike_traffic.{name}"), {"sklearn", "scipy"}) == set()


def test_the_names_of_all_plugins_are_known_without_importing_what_they_are_built_on() -> None:
    code = "from bike_traffic.manager import PluginHost; PluginHost(only=[]).pipelines()"
    modules = modules_after(code)
    assert imported(modules, HEAVY) == set()
    assert imported(modules, {"bike_traffic.plugins"}) == {"bike_traffic.plugins"}


@pytest.fixture
def ten_plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Install ten plugins that have a model and a command each, and return their modules."""
    site = tmp_path / "site"
    names = [f"third_{number}" for number in range(10)]
    for number, name in enumerate(names):
        modules = {
            name: declaring(f"[{pipeline_spec(f'model-{number}').replace('{here}', f'{name}_model')}]"),
            f"{name}_model": "class Model:\n    pass\n",
            f"{name}_command": "import click\n\n\n@click.command()\ndef command():\n    pass\n",
        }
        entry_points = {
            "bike_traffic/main": name,
            f"bike_traffic.commands/command-{number}": f"{name}_command:command",
        }
        write_distribution(site, f"third-{number}", modules, entry_points)
    monkeypatch.setenv("PYTHONPATH", str(site))
    return names


def test_the_help_imports_no_plugin_and_no_command_of_a_third_party(ten_plugins: list[str]) -> None:
    modules = modules_after(RUN_BT.format(words=["--help"]))
    parts = {module + part for module in ten_plugins for part in ("", "_model", "_command")}
    assert modules & (parts | PLUGINS) == set()


@pytest.mark.slow
def test_training_one_model_imports_no_other_plugins_model(ten_plugins: list[str], small_file: Path) -> None:
    """Their declarations are imported, since one of them might have been meant."""
    words = ["train", "-m", "rf", "--set", "n_estimators=2", "--data", str(small_file)]
    modules = modules_after(RUN_BT.format(words=words))
    assert {"bike_traffic.plugins.random_forest", *ten_plugins} <= modules
    others = {f"bike_traffic.plugins.{name}" for name in ("affluence", "neural_net", "quiet_keras")}
    others |= {module + part for module in ten_plugins for part in ("_model", "_command")}
    assert imported(modules, {"tensorflow", "keras", *others}) == set()
