"""The app as a process of its own on a free port, and where Chromium is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Playwright

from tests.servers import free_port

START_SECONDS = 60.0
DEBIAN = Path("/usr/bin/chromium")
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@attrs.frozen
class Served:
    """A running app: its address, its process, and what it has written so far."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        """What the process wrote to stdout and stderr."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def serve(folder: Path, *flags: str, environ: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Run ``bt app`` in a folder until the block ends; fail with its log if it does not start."""
    port = free_port()
    log = folder / "app.log"
    command = [sys.executable, "-m", "bike_traffic.cli.main", "app", "--port", str(port), *flags]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environ or {})}
        )
    served = Served(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait(served)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _wait(served: Served) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{served.url}/_stcore/health", timeout=2).close()
            return
        except (OSError, urllib.error.URLError):
            if served.process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the app does not start:\n{served.text}")
            time.sleep(0.1)


def chromium(playwright: Playwright) -> str:
    """Return Debian's Chromium, or else playwright's own; a missing browser is a failure."""
    own = Path(playwright.chromium.executable_path)
    for path in (DEBIAN, own):
        if path.exists():
            return str(path)
    pytest.fail("no Chromium: install Debian's package chromium, or run `playwright install chromium`")
