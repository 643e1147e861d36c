"""How much memory this process may still take, as Linux and its control groups tell; no package is needed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def free_memory(proc: Path = Path("/proc"), cgroups: Path = _CGROUPS) -> int | None:
    """Return the bytes that are free, of the machine or of the smallest limit that is set; ``None`` if unknown.

    Memory that only caches files counts as free. A limit is that of a container, or of ``ulimit -v``.

    Parameters
    ----------
    proc, cgroups : where the system tells of processes and of control groups.
    """
    found = [*_of_machine(proc), *_of_groups(proc, cgroups), *_of_process(proc)]
    return max(min(found), 0) if found else None


def _of_machine(proc: Path) -> Iterator[int]:
    available = _number(_text(proc / "meminfo"), r"^MemAvailable:\s+(\d+) kB")
    if available is not None:
        yield available * 1024
    elif "SC_PHYS_PAGES" in os.sysconf_names:  # macOS: what it has, of which something is used
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_groups(proc: Path, cgroups: Path) -> Iterator[int]:
    """Yield what is free in the process's control group and in those around it, of version 2 and of version 1."""
    of_process = _text(proc / "self/cgroup")
    for pattern, root, limit, used in (
        (r"^0::/(.*)$", cgroups, "memory.max", r"^anon (\d+)"),
        (r"^\d+:(?:\w+,)*memory(?:,\w+)*:/(.*)$", cgroups / "memory", "memory.limit_in_bytes", r"^total_rss (\d+)"),
    ):
        match = re.search(pattern, of_process, re.MULTILINE)
        inner = root / match[1] if match else root
        for folder in (inner, *inner.parents):
            most = _number(_text(folder / limit), r"^(\d+)$")
            if most is not None:
                yield most - (_number(_text(folder / "memory.stat"), used) or 0)
            if folder == root:
                break


def _of_process(proc: Path) -> Iterator[int]:
    """Yield what ``ulimit -v`` leaves."""
    try:
        import resource
    except ImportError:  # Windows
        return
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        pages = _number(_text(proc / "self/statm"), r"^(\d+) ") or 0
        yield most - pages * os.sysconf("SC_PAGE_SIZE")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(text: str, pattern: str) -> int | None:
    match = re.search(pattern, text, re.MULTILINE)
    return int(match[1]) if match else None
