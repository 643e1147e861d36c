"""A group of commands that suggests the command which was probably meant, and whose one-line helps are whole."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import click


class SuggestingGroup(click.Group):
    """A group whose error for an unknown command names the most similar one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; raise a usage error that suggests another if there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:  # newer clicks suggest too, but know no command that is imported when it is called
            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not close or args[0].startswith("-"):
                raise
            message = f"No such command '{args[0]}'. Did you mean '{close[0]}'?"
            raise click.UsageError(message, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their whole first sentence, which click would cut."""
        rows = [(name, self.summary_of(ctx, name)) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def summary_of(self, ctx: click.Context, name: str) -> str:
        """Return the line for a command."""
        command: Any = self.get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(limit=1000)
