"""``docs/plugins`` is correct: the tutorial works, hooks and promises match the code, links lead to files."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from bike_traffic.cli.skeleton import NewPackage, write_package
from bike_traffic.errors import InvalidName
from tests.fresh_environment import FreshEnvironment
from tests.plugin_docs import DOCS, PROMISES, follow_tutorial, promises, signatures
from tests.readme import README, lasting

ROOT = DOCS.parents[1]
PAGES = sorted(DOCS.glob("*.md"))
_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_the_tutorial_works_and_its_commands_print_what_it_shows(clean_place: Path, tmp_path: Path) -> None:
    """Run ids and times differ between runs, and metrics by a hundredth between machines."""
    environment = FreshEnvironment.create(tmp_path / "environment")
    for shown, printed in follow_tutorial(environment, clean_place):
        text, numbers = lasting(printed)
        assert text == lasting(shown)[0]
        assert numbers == pytest.approx(lasting(shown)[1], rel=0.01, abs=0.011)


def test_each_hook_has_a_section_with_its_exact_signature() -> None:
    headings = re.findall(r"^## (.*)$", (DOCS / "hooks.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == signatures()


def test_the_promises_are_those_of_the_kit() -> None:
    assert PROMISES.read_text(encoding="utf-8") == promises()  # python -m tests.plugin_docs writes it


def test_every_page_is_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.name != "index.md" and f"]({page.name})" not in index] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_the_entry_points_of_the_index_are_toml_of_the_groups_there_are() -> None:
    *_, block = re.findall(r"```toml\n(.*?)```", (DOCS / "index.md").read_text(encoding="utf-8"), re.DOTALL)
    groups = tomllib.loads(block)["project"]["entry-points"]
    assert set(groups) == {"bike_traffic", "bike_traffic.commands"}


def public_names() -> set[str]:
    """Return the names that ``versions.md`` lists as public, with their modules."""
    names: set[str] = set()
    for line in (DOCS / "versions.md").read_text(encoding="utf-8").splitlines():
        row = re.fullmatch(r"\| `(bike_traffic[\w.]*)`(?:, for [\w ]+)? \| (.*) \|", line)
        if row:
            module = import_module(row[1])
            own = [
                name
                for name, value in vars(module).items()
                if name.isupper() or getattr(value, "__module__", "") == row[1]
            ]
            everything = getattr(module, "__all__", own)
            listed = re.findall(r"`(\w+)`", row[2])
            names |= {f"{row[1]}.{name}" for name in (everything if row[2].startswith("every") else listed)}
    return names


def code_of_plugins(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the Python code in the skeletons, examples and documents, each with a name."""
    for kind in ("pipeline", "backend", "command"):
        write_package(NewPackage(f"bt-a-{kind}", kind), folder)
    for path in [*folder.rglob("*.py"), *(ROOT / "examples").rglob("*.py")]:
        if "build" not in path.parts:
            yield str(path), path.read_text(encoding="utf-8")
    for page in [README, *PAGES]:
        for number, block in enumerate(_PYTHON.findall(page.read_text(encoding="utf-8"))):
            yield f"{page.name}, block {number}", block


def test_skeletons_examples_and_documents_import_public_names_only(tmp_path: Path) -> None:
    public = public_names()
    private = []
    for where, code in code_of_plugins(tmp_path):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "bike_traffic":
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                private += [(where, name) for name in names if name not in public]
    assert private == []
    assert {"bike_traffic.Pipeline", "bike_traffic.columns.COUNT"} <= public


def test_public_names_exist() -> None:
    for name in public_names():
        module, _, attribute = name.rpartition(".")
        assert getattr(import_module(module), attribute) is not None
    assert f"bike_traffic.errors.{InvalidName.__name__}" in public_names()
