"""Packages of plugins, installed into a new environment: those that `bt plugins new` writes, and the examples."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.fresh_environment import FreshEnvironment
from tests.servers import listening_server, refusing_server

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))
GENERATED = {"bt-weekly": "pipeline", "bt-shelf": "backend", "bt-model-counts": "command"}
LEFT_BEHIND = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".*_cache")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the packages."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def environment(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """Return an environment with every package: the generated ones, and copies of the examples."""
    fresh = FreshEnvironment.create(tmp_path_factory.mktemp("environment"))
    for name, kind in GENERATED.items():
        fresh.run("bt", "plugins", "new", name, "--kind", kind, cwd=packages)
    for example in EXAMPLES:
        shutil.copytree(example, packages / example.name, ignore=LEFT_BEHIND)
    fresh.run("pip", "install", "--quiet", *sorted(packages.iterdir()), cwd=packages)
    return fresh


@pytest.mark.parametrize("name", [*GENERATED, *(example.name for example in EXAMPLES)])
def test_a_packages_own_tests_pass_untouched(environment: FreshEnvironment, packages: Path, name: str) -> None:
    """All of them: none is skipped, and none is expected to fail."""
    printed = environment.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=packages / name)
    assert re.fullmatch(r"\d+ passed( in .*)?", printed.splitlines()[-1])


@pytest.mark.parametrize("name", [*GENERATED, *(example.name for example in EXAMPLES)])
def test_a_package_is_found_by_its_keyword_and_requires_the_framework(
    environment: FreshEnvironment, packages: Path, name: str
) -> None:
    project = tomllib.loads((packages / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["name"], project["keywords"], project["dependencies"][0]) == (
        name,
        ["bike-traffic-plugin"],
        "bike-traffic>=0.1",
    )
    assert (packages / name / project["readme"]).read_text(encoding="utf-8").startswith(f"# {name}\n")


@pytest.mark.parametrize("name", GENERATED)
def test_generated_code_passes_lint_format_and_types(
    environment: FreshEnvironment, packages: Path, name: str
) -> None:
    """Also the rules of `ruff` without any configuration."""
    folder = packages / name
    environment.run("python", "-m", "ruff", "check", "--no-cache", ".", cwd=folder)
    environment.run("python", "-m", "ruff", "check", "--no-cache", "--isolated", ".", cwd=folder)
    environment.run("python", "-m", "ruff", "format", "--no-cache", "--check", ".", cwd=folder)
    untyped = "--ignore-missing-imports"  # scikit-learn has no types
    environment.run(
        "python", "-m", "mypy", "--strict", untyped, "--cache-dir", packages.parent / "mypy", "src", cwd=folder
    )


def test_a_generated_pipeline_is_listed_trains_registers_and_predicts(
    environment: FreshEnvironment, small_file: Path, clean_place: Path
) -> None:
    listed = json.loads(environment.run("bt", "models", "--format", "json", cwd=clean_place))
    (own,) = [model for model in listed if model["name"] == "weekly"]
    assert (own["distribution"], own["version"], own["ready"]) == ("bt-weekly", "0.1.0", True)

    train: list[str | Path] = [
        "bt",
        "train",
        "-m",
        "weekly",
        "--set",
        "pseudo_counts=1",
        "--data",
        small_file,
        "--format",
        "json",
    ]
    (entry,) = json.loads(environment.run(*train, cwd=clean_place))
    assert entry["plugin"] == {"distribution": "bt-weekly", "version": "0.1.0"}
    assert entry["parameters"] == {"pseudo_counts": 1.0}
    best = environment.run("bt", "registry", "best", "--metric", "rmse", "--format", "json", cwd=clean_place)
    assert json.loads(best)["run_id"] == entry["run_id"]

    environment.run("bt", "predict", "-m", "weekly", small_file, "-o", "out.csv", cwd=clean_place)
    assert len((clean_place / "out.csv").read_text().splitlines()) == len(small_file.read_text().splitlines())


@pytest.mark.parametrize("registry", ["shelf://models", "sqlite://models.sqlite"])
def test_a_backend_keeps_what_is_trained_finds_it_again_and_copies(
    environment: FreshEnvironment, small_file: Path, clean_place: Path, registry: str
) -> None:
    def bt(*words: str | Path) -> str:
        return environment.run("bt", *words, cwd=clean_place, more={"BT_REGISTRY": registry})

    (entry,) = json.loads(bt("train", "-m", "weekly", "--data", small_file, "--format", "json"))
    assert entry["model_uri"].startswith(registry)
    assert json.loads(bt("registry", "best", "--metric", "r2", "--format", "json"))["run_id"] == entry["run_id"]
    bt("registry", "promote", entry["run_id"], "champion", "--reason", "the first")
    bt("predict", "--alias", "champion", small_file, "-o", "out.csv")
    assert len((clean_place / "out.csv").read_text().splitlines()) == len(small_file.read_text().splitlines())
    bt("registry", "verify")
    bt("registry", "copy", "--from", registry, "--to", "copied/summary.json")
    copied = json.loads((clean_place / "copied/summary.json").read_text())
    assert [record["run_id"] for record in copied] == [entry["run_id"]]


def test_a_generated_command_is_listed_and_answers(
    environment: FreshEnvironment, small_file: Path, clean_place: Path
) -> None:
    assert re.search(
        r"^  model-counts +\(from bt-model-counts\)$", environment.run("bt", "--help", cwd=clean_place), re.M
    )
    environment.run("bt", "train", "-m", "weekly", "--data", small_file, cwd=clean_place)
    (counted,) = json.loads(environment.run("bt", "model-counts", "--format", "json", cwd=clean_place))
    assert (counted["model"], counted["models"]) == ("weekly", 1)


def test_lightgbm_is_compared_with_the_forest_in_a_backtest(
    environment: FreshEnvironment, small_file: Path, clean_place: Path
) -> None:
    words: list[str | Path] = ["-m", "rf", "-m", "lightgbm", "--data", small_file, "--folds", "2", "--horizon", "14d"]
    printed = environment.run("bt", "backtest", *words, cwd=clean_place)
    lines = [re.split(r" {2,}", line) for line in printed.splitlines() if "─" not in line]
    fold = ["rf", "lightgbm", "recent level", "4-week mean"]
    assert [next(word for word in line if word in fold) for line in lines[1:]] == fold * 3
    rmse = {line[1]: float(line[3]) for line in lines if line[0] == "mean"}
    assert rmse["lightgbm"] < rmse["4-week mean"]


def test_a_webhook_gets_a_notice_of_a_training_and_cannot_make_it_fail(
    environment: FreshEnvironment, small_file: Path, clean_place: Path
) -> None:
    """Whether the server refuses or never answers, the model is registered already."""

    def train(url: str) -> tuple[dict[str, Any], list[str]]:
        words: list[str | Path] = [
            environment.scripts / "bt",
            "train",
            "-m",
            "weekly",
            "--data",
            small_file,
            "--format",
            "json",
        ]
        environ = {**os.environ, "BT_WEBHOOK_URL": url}
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True, timeout=600)
        (entry,) = json.loads(done.stdout)
        return entry, [line for line in done.stderr.splitlines() if "webhook" in line]

    with listening_server() as (url, posted):
        entry, notes = train(url)
    assert notes == []
    (notice,) = posted
    assert notice["record"] == entry
    assert notice["metrics"] == {name: entry[name] for name in notice["metrics"]}
    assert notice["text"].startswith(f"weekly (dev) registered as {entry['model_uri']}: r2 0.")

    failed = "plugin bt-webhook 0.1.0 (webhook) failed at bt_after_train: NotPosted: the server of BT_WEBHOOK_URL "
    with refusing_server(500) as url:
        refused, notes = train(url)
    assert notes == [f"{failed}answered 500 Internal Server Error"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        unheard, notes = train(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert notes == [f"{failed}did not answer within 5 s"]
    registered = json.loads((clean_place / "models/summary.json").read_text())
    assert registered == [entry, refused, unheard]
