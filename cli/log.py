"""The log of ``bike_traffic`` on standard error: lines now and then, or with ``--verbose`` and ``BT_LOG`` all."""

from __future__ import annotations

import logging
import time

import click

from bike_traffic.cli.printing import echo
from bike_traffic.errors import SettingsError, no_such

LOGGER = logging.getLogger("bike_traffic")
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
SECONDS = 10.0
"""Least time between two lines of progress if nobody asked for all of them."""

_AT_ONCE = "at_once"


class _Lines(logging.Handler):
    """Prints each record as one line; `every` is the least time in seconds between two that are not warnings.

    If all are printed, one like the last is not: a percentage stays the same for many steps.
    """

    def __init__(self, every: float) -> None:
        super().__init__()
        self._every = every
        self._last = time.monotonic()
        self._said = ""

    def emit(self, record: logging.LogRecord) -> None:
        now, said = time.monotonic(), record.getMessage()
        waits = record.levelno < logging.WARNING and not hasattr(record, _AT_ONCE)
        if waits and (now - self._last < self._every or (self._every == 0.0 and said == self._said)):
            return
        self._last, self._said = now, said
        echo(self.format(record), err=True)


def listen(ctx: click.Context, verbose: int, level: str | None) -> None:
    """Print the log until the command ends.

    Parameters
    ----------
    verbose : how often ``-v`` was given: once for every step, twice also for what is of use when something fails.
    level : the value of ``BT_LOG``, which counts without ``-v``; raise `SettingsError` if it is none of `LEVELS`.
    """
    if level and level.lower() not in LEVELS:
        raise SettingsError(f"{no_such('level of the log', level, LEVELS)} [BT_LOG]", "log-level-unknown", name=level)
    threshold = [LEVELS.get((level or "info").lower(), logging.INFO), logging.INFO, logging.DEBUG][min(verbose, 2)]
    every = 0.0 if verbose or level else SECONDS
    handler = _Lines(every)
    if every == 0.0:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    before = LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(handler)
    LOGGER.setLevel(threshold)
    LOGGER.propagate = False

    def undo() -> None:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before[0])
        LOGGER.propagate = before[1]

    ctx.call_on_close(undo)


def at_once(message: str) -> None:
    """Log a step that is printed however short the time since the last one is."""
    LOGGER.info(message, extra={_AT_ONCE: True})
