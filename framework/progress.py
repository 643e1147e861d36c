"""What is being done, for who waits: a bar on a terminal, and lines in the log ``bike_traffic`` everywhere else.

The lines have the level INFO. The command line prints one now and then, and with ``--verbose`` each that differs from
the last; a program gets all of them by ``logging``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bike_traffic.visible import shortened, visible

_BESIDE, _LEAST = 34, 16
"""Characters of a terminal's line that are left for a bar, numbers and times; and least ones for what is done."""


def step(message: str) -> None:
    """Log what is done from now on, if it takes longer than a moment."""
    import logging  # only who works long needs it

    logging.getLogger("bike_traffic.progress").info(message)


_bars = True


@contextmanager
def without_bars() -> Iterator[None]:
    """Log what is done in the block, also on a terminal, on which another process draws its bars."""
    global _bars  # of the whole process
    before, _bars = _bars, False
    try:
        yield
    finally:
        _bars = before


@contextmanager
def progress(description: str, total: float | None) -> Iterator[Callable[[float], None]]:
    """Show a bar for the block, or log it, and give the function that moves it forward by a number of steps."""
    if not (_bars and sys.stderr.isatty()):
        yield _logged(description, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[done]}" if total is None else "{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        *([] if total is None else [TimeRemainingColumn()]),
    )
    console = Console(stderr=True)
    what = shortened(visible(description), max(console.width - _BESIDE, _LEAST))
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(what, total=total, done="")

        def advance(steps: float) -> None:
            bars.advance(task, steps)
            bars.update(task, done=f"{bars.tasks[0].completed:,.0f}")

        yield advance


def _logged(description: str, total: float | None) -> Callable[[float], None]:
    done = 0.0

    def advance(steps: float) -> None:
        nonlocal done
        done += steps
        step(f"{description}: {done:,.0f}" if total is None else f"{description}: {100 * done / total:.0f} %")

    step(description)
    return advance
