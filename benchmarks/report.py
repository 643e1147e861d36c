"""Shared by the benchmarks: notes on stderr, markdown tables on stdout, and the cost of whole processes."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple


def parser(docstring: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the script's docstring."""
    return argparse.ArgumentParser(description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter)


def note(message: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def print_machine() -> None:
    """Print what the figures depend on, apart from the code."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load} at the start.\n", flush=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a markdown table; the first column is text, the others are numbers or text."""
    lines = [
        list(columns),
        ["---", *["---:"] * (len(columns) - 1)],
        *([_cell(value) for value in row] for row in rows),
    ]
    for line in lines:
        print(f"| {' | '.join(line)} |")
    print(flush=True)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def cached_bytecode(folder: str) -> dict[str, str]:
    """Return environment variables with which Python caches bytecode, as after pip, in a folder of its own."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}


_SCHEDULED = 2
"""The kind of a process's clock that counts what the scheduler gave it, see `cpu_seconds_of`."""


class Run(NamedTuple):
    """Cost of a successful process: wall and CPU seconds, and the peak of its resident memory."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a whole process; its output is shown only if it fails.

    Linux counts the parent's pages toward the child's peak until the child's own program starts: for a true peak
    the caller must itself be small.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{output.read().decode(errors='replace')}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Run(seconds, usage.ru_utime + usage.ru_stime, kilobytes / 1000)


def runs_in_turn(sides: Mapping[str, tuple[Sequence[str], Mapping[str, str]]], repeats: int) -> dict[str, list[Run]]:
    """Return the runs of each side's command, which take turns; the first turn fills caches and is left out."""
    runs: dict[str, list[Run]] = {label: [] for label in sides}
    for turn in range(1 + repeats):
        for label, (command, environment) in sides.items():
            one = run(command, environment)
            if turn:
                runs[label].append(one)
    return runs


def cpu_seconds_of(process: int) -> float:
    """Return the CPU seconds, user and system, of a running process so far, to the microsecond (Linux alone)."""
    return time.clock_gettime((~process << 3) | _SCHEDULED)  # as clock_getcpuclockid(3) makes the number of the clock


def loop_milliseconds() -> float:
    """Return the CPU milliseconds of a fixed loop, the least of a few.

    Where another tenant of the machine uses the other half of a core, all takes up to twice as long: figures of two
    times can be compared if this is printed beside them.
    """
    spent = []
    for _ in range(5):
        start, total = time.process_time(), 0
        for number in range(20_000):
            total += number
        spent.append(1000 * (time.process_time() - start))
    return min(spent)


def megabytes_of(process: int, which: str = "VmRSS") -> float:
    """Return the resident memory of a running process, or with VmHWM its peak (Linux alone)."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(text.partition(f"{which}:")[2].split()[0]) / 1000


def bt_command() -> str:
    """Return the ``bt`` of the environment that runs the benchmark."""
    path = Path(sysconfig.get_path("scripts"), "bt")
    if not path.exists():
        raise SystemExit(f"{path} does not exist: install bike-traffic into the environment that runs this")
    return str(path)


def install_version(commit: str, folder: Path) -> None:
    """Install an earlier version of the project from the history into a folder, without its dependencies."""
    git = ["git", "-C", str(Path(__file__).parents[1]), "archive", commit]
    archive = subprocess.run(git, check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory() as source:
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(source, filter="data")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", "--no-deps", "--target", str(folder), source], check=True)
