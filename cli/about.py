"""``bt help`` and ``bt version``: what ``--help`` and ``--version`` do."""

from __future__ import annotations

import click

from bike_traffic.cli.printing import echo, echo_lines


@click.command("help", epilog="Example: bt help registry best")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def show_help(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command, or of bt."""
    assert ctx.parent is not None
    inner, command = ctx.parent, ctx.parent.command
    for word in words:
        if not isinstance(command, click.Group):
            raise click.UsageError(f"'{inner.command_path}' has no commands", inner)
        name, found, _ = command.resolve_command(inner, [word])
        assert found is not None  # resolve_command raises else
        inner, command = click.Context(found, parent=inner, info_name=name), found
    echo_lines(command.get_help(inner))


@click.command(epilog="Example: bt version")
def version() -> None:
    """Show the version."""
    from importlib.metadata import version as installed

    echo(f"bt, version {installed('bike-traffic')}")
