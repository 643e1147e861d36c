"""The parts of ``docs/plugins`` that are made from the code. ``python -m tests.plugin_docs`` writes them."""

from __future__ import annotations

import inspect
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bike_traffic import hookspecs
from bike_traffic.testing import PIPELINE_CHECKS, BackendChecks, CityChecks
from tests.fresh_environment import FreshEnvironment
from tests.readme import commands_of, run

DOCS = Path(__file__).parent.parent / "docs/plugins"
PROMISES = DOCS / "promises.md"
TUTORIAL = DOCS / "tutorial.md"

_BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"# (\S+\.py)\n(.*)", re.DOTALL)

_PROMISES = """\
# Promises

What `bt` and its users rely on. Each promise is the docstring of a check in the conformance kit; the built-in models
and registries pass the same checks.

## Of a pipeline

```python
from bike_traffic.testing import pipeline_checks


@pipeline_checks("weekly")
def test_promises(check):
    check()
```

is one test for each promise; `bt plugins check weekly` runs the same checks without pytest. If yours cannot keep one,
give the reason: `expected_failures={{"check_same_seed_same_predictions": "sums on the GPU have no fixed order"}}`.
The test fails if the promise is kept nevertheless.

| check | promise |
| --- | --- |
{pipeline}

## Of a registry backend

```python
from bike_traffic.testing import BackendChecks


class TestShelf(BackendChecks):
    @pytest.fixture
    def open_backend(self, tmp_path):
        return lambda: ShelfRegistry(f"shelf://{{tmp_path}}")
```

The fixture returns a function that opens the same registry each time it is called; the registry is empty at first.

| test | promise |
| --- | --- |
{backend}

## Of a city

```python
from bike_traffic.testing import CityChecks


class TestMuenster(CityChecks):
    name = "muenster"

    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "published" / "100_2026-03.csv"
        path.parent.mkdir()
        path.write_text(AS_PUBLISHED)
        return path
```

The fixture writes a file without a fault, as the city publishes it, and nothing else into its folder.

| test | promise |
| --- | --- |
{city}
"""


def backend_checks() -> list[Callable[..., object]]:
    """Return the tests of `BackendChecks`, those of records first, then those of events."""
    return [
        member for kind in BackendChecks.__mro__ for name, member in vars(kind).items() if name.startswith("test_")
    ]


def city_checks() -> list[Callable[..., object]]:
    """Return the tests of `CityChecks`."""
    return [member for name, member in vars(CityChecks).items() if name.startswith("test_")]


def promises() -> str:
    """Return the text of ``promises.md``."""
    return _PROMISES.format(
        pipeline=_table(PIPELINE_CHECKS), backend=_table(backend_checks()), city=_table(city_checks())
    )


def _table(checks: Sequence[Callable[..., object]]) -> str:
    return "\n".join(f"| `{check.__name__}` | {_promise(check)} |" for check in checks)


def _promise(check: Callable[..., object]) -> str:
    """Return the docstring of a check in one line of Markdown."""
    return " ".join((check.__doc__ or "").split()).replace("``", "`")


def signatures() -> list[str]:
    """Return the signature of each hook in ``hookspecs.py``."""
    hooks = [member for name, member in vars(hookspecs).items() if name.startswith("bt_")]
    return [f"{hook.__name__}{inspect.signature(hook)}".replace("'", "") for hook in hooks]


def follow_tutorial(environment: FreshEnvironment, folder: Path) -> Iterator[tuple[str, str]]:
    """Follow the tutorial block by block, and yield what each console block shows and what it prints now.

    Code that begins with the name of a file is written to it; other code is run, and must succeed.
    """
    for kind, block in _BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        named = _FILE.match(block)
        if kind == "console":
            yield block, run(commands_of(block), folder, environment.scripts)
        elif named:
            (folder / named[1]).write_text(named[2], encoding="utf-8")
        else:
            environment.run("python", "-c", block, cwd=folder)


def rewrite() -> None:
    """Write the promises, and the current output of the commands into the tutorial."""
    PROMISES.write_text(promises(), encoding="utf-8")
    text = TUTORIAL.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as place:
        environment = FreshEnvironment.create(Path(place, "environment"))
        folder = Path(place, "here")
        folder.mkdir()
        for shown, printed in follow_tutorial(environment, folder):
            text = text.replace(shown, printed, 1)
    TUTORIAL.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
