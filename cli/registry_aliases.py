"""``bt registry promote``, ``rollback`` and ``history``."""

from __future__ import annotations

import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import Session, format_option, note, pass_session, registry_options


def _actor() -> str:
    import getpass
    import os
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as in a container
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


_reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; it is kept with the change.")


@click.command(epilog='Example: bt registry promote 4f2a91c0 champion --reason "beats rf in May"')
@click.argument("run_id")
@click.argument("alias")
@_reason_option
@registry_options
@pass_session
def promote(
    session: Session,
    run_id: str,
    alias: str,
    reason: str,
    env: str | None,
    backend: str | None,
    registry: str | None,
) -> None:
    """Let ALIAS stand for a run, whose files are checked first."""
    opened = session.registry(session.settings(env=env, backend=backend, registry=registry))
    change = opened.promote(run_id, alias, actor=_actor(), reason=reason)
    note(f"{alias} is now run {change.run_id[:8]}")


@click.command(epilog="Example: bt registry rollback champion")
@click.argument("alias")
@_reason_option
@registry_options
@pass_session
def rollback(
    session: Session, alias: str, reason: str, env: str | None, backend: str | None, registry: str | None
) -> None:
    """Let ALIAS stand for the run before, whose files are checked first."""
    opened = session.registry(session.settings(env=env, backend=backend, registry=registry))
    change = opened.rollback(alias, actor=_actor(), reason=reason)
    note(f"{alias} is run {change.run_id[:8]} again")


@click.command(epilog="Example: bt registry history champion")
@click.argument("alias")
@registry_options
@format_option("table", "json")
@pass_session
def history(
    session: Session, alias: str, env: str | None, backend: str | None, registry: str | None, form: str
) -> None:
    """Show every change of ALIAS, the oldest first."""
    opened = session.registry(session.settings(env=env, backend=backend, registry=registry))
    changes = opened.known_history(alias)
    if form == "json":
        print_json([change.to_json() for change in changes])
    else:
        print_table(
            ["time (UTC)", "change", "run", "by", "reason"],
            [[c.timestamp[:16], c.kind, c.run_id[:8], c.actor, c.reason] for c in changes],
        )
