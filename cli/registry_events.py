"""``bt registry promote``, ``rollback``, ``history``, ``withdraw`` and ``restore``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.completion import complete_aliases, complete_runs
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import note
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table
from bike_traffic.registry.events.event import current_aliases

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


def actor() -> str:
    """Return who changes a registry, as events name it: user@host."""
    import getpass
    import os
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


reason_option = click.option("--reason", default="", metavar="TEXT", help="Reason, kept with the change.")


@click.command(epilog='Example: bt registry promote 4f2a91c0 champion --reason "beats rf in May"')
@click.argument("run_id", shell_complete=complete_runs)
@click.argument("alias", shell_complete=complete_aliases)
@reason_option
@with_workspace()
def promote(
    workspace: Workspace,
    run_id: str,
    alias: str,
    reason: str,
) -> None:
    """Set ALIAS to a run, whose files are checked first."""
    with stdout_to_stderr():
        change = workspace.registry.promote(run_id, alias, actor=actor(), reason=reason, trust=workspace.trust)
    note(f"{alias} is now run {change.run_id[:8]}")


@click.command(epilog="Example: bt registry rollback champion")
@click.argument("alias", shell_complete=complete_aliases)
@reason_option
@with_workspace()
def rollback(workspace: Workspace, alias: str, reason: str) -> None:
    """Set ALIAS back to its previous run that is not withdrawn, whose files are checked first."""
    with stdout_to_stderr():
        change = workspace.registry.rollback(alias, actor=actor(), reason=reason, trust=workspace.trust)
    note(f"{alias} is run {change.run_id[:8]} again")


@click.command(epilog="Example: bt registry history champion")
@click.argument("alias", shell_complete=complete_aliases)
@with_workspace()
@format_option("table", "json")
def history(workspace: Workspace, alias: str, output_format: str) -> None:
    """Show every change of ALIAS, oldest first."""
    with stdout_to_stderr():
        changes = workspace.registry.known_history(alias)
    if output_format == "json":
        print_json([change.to_json() for change in changes])
    else:
        print_table(
            ["time (UTC)", "change", "run", "by", "reason"],
            [[c.timestamp[:16], c.kind, c.run_id[:8], c.actor, c.reason] for c in changes],
        )


@click.command(epilog='Example: bt registry withdraw 4f2a91c0 --reason "trained on broken counts"')
@click.argument("run_id", shell_complete=complete_runs)
@click.option("--reason", required=True, metavar="TEXT", help="Reason, kept with the withdrawal.")
@with_workspace()
def withdraw(workspace: Workspace, run_id: str, reason: str) -> None:
    """Withdraw a run: it is no longer the best, nor the run of an alias.

    Nothing is deleted: `list` and `show` mark the run, --run-id still loads it, and `restore` takes it back.
    """
    with stdout_to_stderr():
        event = workspace.registry.withdraw(run_id, actor=actor(), reason=reason)
        aliases = current_aliases(workspace.registry.events(), event.run_id)
    note(f"run {event.run_id[:8]} is withdrawn")
    for alias in aliases:
        note(f"alias '{alias}' points to it and is refused; `bt registry rollback {alias}` goes back")


@click.command(epilog="Example: bt registry restore 4f2a91c0")
@click.argument("run_id", shell_complete=complete_runs)
@reason_option
@with_workspace()
def restore(workspace: Workspace, run_id: str, reason: str) -> None:
    """Take a withdrawn run back."""
    with stdout_to_stderr():
        event = workspace.registry.restore(run_id, actor=actor(), reason=reason)
    note(f"run {event.run_id[:8]} is no longer withdrawn")
