"""The options of commands whose work can be shared out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def jobs_option(what: str) -> Callable[[CommandT], CommandT]:
    """Add ``--jobs``; `what` says which part of the work is done at once."""
    return click.option(
        "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help=f"{what}, each in a process."
    )
