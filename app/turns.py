"""Long computations take turns, so that few of them are in memory at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HEAVY_AT_ONCE = 2
"""How many sessions may compute something long at the same time; the others wait."""
_heavy = threading.BoundedSemaphore(HEAVY_AT_ONCE)


@contextmanager
def heavy(on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Wait until fewer than `HEAVY_AT_ONCE` sessions compute something long.

    Never inside of itself: two sessions could wait for each other.

    Parameters
    ----------
    on_wait : called every second of the wait; what it raises, as when the reader has left, ends the wait.
    """
    while not _heavy.acquire(timeout=1.0):
        if on_wait is not None:
            on_wait()
    try:
        yield
    finally:
        _heavy.release()
