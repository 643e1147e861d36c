"""The options of commands whose work can be shared out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bike_traffic.processes import Workers

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def work_options(what: str) -> Callable[[CommandT], CommandT]:
    """Add ``--jobs`` and ``--scheduler``, which `workers_of` takes; `what` says what is done at once."""

    def decorate(command: CommandT) -> CommandT:
        for option in (
            click.option(
                "--scheduler", metavar="URI", help="Share the work out by a Dask scheduler: tcp://HOST:PORT."
            ),
            click.option(
                "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help=f"{what}, each in a process."
            ),
        ):
            command = option(command)
        return command

    return decorate


def workers_of(jobs: int, scheduler: str | None) -> Workers:
    """Return who does the work; raise a usage error for both options, and `MissingExtra` without Dask."""
    from bike_traffic.processes import Workers

    if scheduler is not None and jobs > 1:
        raise click.UsageError("--jobs is for this machine; with --scheduler its workers do the work")
    workers = Workers(jobs=jobs, scheduler=scheduler)
    workers.require_installed()
    return workers
