"""No test can wait for ever."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = sorted(Path(__file__).parent.rglob("*.py"))
WAITS = {"communicate", "wait", "join"}
"""Methods of processes, threads and barriers that wait until something ends."""
RUNS = {"run", "check_call", "check_output"}


@pytest.fixture
def clean_place() -> None:
    """Make no folder: these tests read the tree alone, and a folder for each of them takes longer than they do."""


def unbounded(path: Path) -> Iterator[str]:
    """Yield the calls that wait without a limit."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=args, keywords=words) if name in WAITS and not args:
                pass
            case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr=name), keywords=words) if (
                name in RUNS
            ):
                pass
            case _:
                continue
        if "timeout" not in {word.arg for word in words}:
            yield f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(TESTS[0].parent).as_posix())
def test_every_wait_has_a_limit(path: Path) -> None:
    assert list(unbounded(path)) == []
