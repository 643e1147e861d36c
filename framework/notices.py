"""How a person is told what is no error: one line for each thing."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]


def log_warning(message: str) -> None:
    """Log a line as a warning under ``bike_traffic``: what Python does where no command line prints it."""
    import logging  # only when something is to be told

    logging.getLogger("bike_traffic").warning(message)


def counted(number: int, thing: str) -> str:
    """Return a number with what it counts: ``1 row``, ``2,300 rows``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
