"""`bt plugins new`: which names it accepts, what it writes, and that it writes all of it or nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bike_traffic.cli.skeleton import NewPackage
from tests.conftest import Bt
from tests.test_manager import Site, site  # noqa: F401  # a fixture


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("kind", "module_file", "group", "target"),
    [
        ("pipeline", "model.py", "bike_traffic", "bt_weekday_mean"),
        ("backend", "registry.py", "bike_traffic", "bt_weekday_mean"),
        ("command", "command.py", "bike_traffic.commands", "bt_weekday_mean.command:command"),
    ],
)
def test_a_package_is_written_whole(
    bt: Bt, clean_place: Path, kind: str, module_file: str, group: str, target: str
) -> None:
    done = bt("plugins", "new", "bt-weekday-mean", "--kind", kind)
    assert (done.exit_code, done.stderr) == (0, "")
    assert [path.name for path in clean_place.iterdir()] == ["bt-weekday-mean"]
    folder = clean_place / "bt-weekday-mean"
    assert written(folder) == {
        *(".gitignore", "README.md", "pyproject.toml", "tests/test_bt_weekday_mean.py"),
        *(f"src/bt_weekday_mean/{name}" for name in ("__init__.py", "py.typed", module_file)),
    }
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {group: {"weekday-mean": target}}


def test_the_next_steps_are_printed(bt: Bt) -> None:
    assert bt("plugins", "new", "bt-weekday-mean", "--directory", "mine").stdout.splitlines() == [
        "mine/bt-weekday-mean written: a pipeline 'weekday-mean', with tests that pass. What to do next:",
        "",
        "  cd mine/bt-weekday-mean",
        "  pip install --editable '.[test]'",
        "  bt models",
        "  bt train -m weekday-mean",
        "  bt plugins check weekday-mean",
        "  pytest",
    ]


def test_the_plugins_name_is_the_packages_without_the_prefix() -> None:
    for distribution, names in {
        "bt-weekday-mean": ("weekday-mean", "bt_weekday_mean", "WeekdayMean"),
        "paris-counts2": ("paris-counts2", "paris_counts2", "ParisCounts2"),
    }.items():
        package = NewPackage(distribution, "pipeline")
        assert (package.plugin, package.module, package.class_name) == names


MALFORMED = (
    "'{name}' is not a valid name of a plugin's package; use lower-case letters and digits, with single hyphens "
    "between them, such as bt-weekday-mean"
)
TAKEN_BY_PYTHON = "'{name}' is the name of a module of Python; choose another, such as bt-mine"
TAKEN = "'{name}' is taken by {owner}, which is installed here; choose another"
BUILT_IN = "'{name}' would declare the {kind} '{plugin}', which bike-traffic has already; choose another"


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        *(
            (name, "pipeline", MALFORMED)
            for name in ("My-model", "my_model", "a--b", "../up", "bt-", "bt-1", "é", "")
        ),
        ("json", "pipeline", TAKEN_BY_PYTHON),
        ("class", "command", TAKEN_BY_PYTHON),
        ("pandas", "pipeline", TAKEN.format(name="pandas", owner="pandas")),
        ("sklearn", "pipeline", TAKEN.format(name="sklearn", owner="scikit-learn")),
        ("scikit-learn", "backend", TAKEN.format(name="scikit-learn", owner="scikit-learn")),
        ("bike-traffic", "pipeline", TAKEN.format(name="bike-traffic", owner="bike-traffic")),
        ("bt-rf", "pipeline", BUILT_IN.format(name="bt-rf", kind="pipeline", plugin="rf")),
        ("bt-gs", "backend", BUILT_IN.format(name="bt-gs", kind="backend", plugin="gs")),
        ("bt-train", "command", BUILT_IN.format(name="bt-train", kind="command", plugin="train")),
    ],
)
def test_a_name_that_is_malformed_or_taken_is_refused_in_one_line(
    bt: Bt, clean_place: Path, name: str, kind: str, message: str
) -> None:
    done = bt("plugins", "new", name, "--kind", kind)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {message.format(name=name)}\n")
    assert list(clean_place.iterdir()) == []


def test_the_author_of_an_installed_plugin_may_create_it_again(bt: Bt, site: Site) -> None:  # noqa: F811
    site.install("bt-mine", "")
    assert bt("plugins", "new", "bt-mine").exit_code == 0


def test_a_folder_that_is_not_empty_is_left_as_it_is(bt: Bt, clean_place: Path) -> None:
    (clean_place / "bt-mine").mkdir()
    (clean_place / "bt-mine/thesis.txt").write_text("years of work")
    (clean_place / "bt-other").write_text("a file")
    for name in ("bt-mine", "bt-other"):
        done = bt("plugins", "new", name)
        message = f"{name} exists already, and nothing was written; choose another name or --directory"
        assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")
    assert written(clean_place) == {"bt-mine/thesis.txt", "bt-other"}


def test_an_empty_folder_is_filled(bt: Bt, clean_place: Path) -> None:
    (clean_place / "bt-mine").mkdir()
    assert bt("plugins", "new", "bt-mine").exit_code == 0
    assert "pyproject.toml" in written(clean_place / "bt-mine")


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
from bike_traffic.cli.main import main
main(["plugins", "new", "bt-mine"])
"""


def test_a_write_that_fails_half_way_leaves_nothing_behind(clean_place: Path) -> None:
    """The system refuses a file longer than the limit after shorter ones were written."""
    done = subprocess.run([sys.executable, "-B", "-c", LIMITED], capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"Error: (\S+: )?File too large\n", done.stderr)
    assert list(clean_place.iterdir()) == []
