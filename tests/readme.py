"""The commands of the README and the tutorials, read from them and run.

``python -m tests.readme [PAGE…]`` writes what they print today into these pages.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
DOCS = README.parent / "docs"
FIRST_MODEL = DOCS / "tutorials/first-model.md"
PAGES = [README, FIRST_MODEL, DOCS / "tutorials/tomorrow.md"]
BUCKET = DOCS / "tutorials/bucket.md"
"""Its commands need a server; see `in_a_bucket`."""

_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w.])")
_CHANGING = (
    (re.compile(r"\d{8}_\d{6}-[0-9a-f]{8}"), "FOLDER"),
    (re.compile(r"\b[0-9a-f]{8}\b"), "RUN-ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?= )"), "TIME"),
    (re.compile(r"process \d+"), "process NUMBER"),
    (re.compile(r"fitted in [\d.]+ s"), "fitted in SECONDS s"),
    (re.compile(r"all rows in [\d.]+ s"), "all rows in SECONDS s"),
    (re.compile(r"[▁▂▃▄▅▆▇█]+"), "CURVE"),
    (re.compile(r"passed in [\d.]+s"), "passed in SECONDSs"),
)


def blocks(document: Path = README) -> list[str]:
    """Return the console blocks of a document, without their fences."""
    return _CONSOLE.findall(document.read_text(encoding="utf-8"))


def commands_of(block: str) -> list[str]:
    """Return the commands of a block."""
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def run(commands: list[str], folder: Path, scripts: Path | None = None) -> str:
    """Run commands one after another as a user would, and return the block that they and their output make.

    `scripts` is the folder of the commands; by default that of this environment.
    """
    path = f"{scripts or Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BT_")}
    environment |= {"PATH": path, "BT_CACHE": str(folder / ".cache")}
    environment["BT_LOG"] = "warning"  # lines of progress depend on the machine
    lines = []
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, check=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
        )  # fmt: skip
        lines += [f"$ {command}", *done.stdout.splitlines()]
    return "\n".join(lines) + "\n"


def lasting(block: str) -> tuple[str, list[float]]:
    """Return the text of a block without what changes from run to run, and its numbers apart."""
    for pattern, word in _CHANGING:
        block = pattern.sub(word, block)
    numbers = [float(found.replace(",", "")) for found in _NUMBER.findall(block)]
    # Columns are as wide as their widest cell.
    return re.sub(r"─+", "─", re.sub(r" +", " ", _NUMBER.sub("NUMBER", block))), numbers


def alike(printed: Sequence[float], shown: Sequence[float]) -> bool:
    """Return whether numbers differ by at most a hundredth, as on another machine; whole bikes by at most one."""
    return all(
        abs(one - other) <= max(0.01 * abs(other), 1.0 if other.is_integer() else 0.011)
        for one, other in zip(printed, shown, strict=True)
    )


@contextmanager
def in_a_bucket(folder: Path) -> Iterator[None]:
    """Run a server with the bucket of the page on buckets, and write the page's settings into `folder`."""
    from tests.servers import gcs_server

    (settings,) = re.findall(r"```toml\n(.*?)```", BUCKET.read_text(encoding="utf-8"), re.DOTALL)
    (folder / "bt.toml").write_text(settings, encoding="utf-8")
    with gcs_server() as url, pytest.MonkeyPatch.context() as patch:
        body = b'{"name": "my-bucket"}'
        request = urllib.request.Request(f"{url}/storage/v1/b", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).close()
        patch.setenv("STORAGE_EMULATOR_HOST", url)
        yield


def rewrite(pages: Sequence[Path]) -> None:
    """Put what the commands print today into their pages."""
    for page in pages:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            with in_a_bucket(folder) if page == BUCKET else nullcontext():
                text = page.read_text(encoding="utf-8")
                for block in blocks(page):
                    text = text.replace(block, run(commands_of(block), folder), 1)
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite([Path(page).resolve() for page in sys.argv[1:]] or [*PAGES, BUCKET])
