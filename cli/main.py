"""The command ``bt``: which commands there are, and how errors reach people."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TextIO

import click

from bike_traffic.errors import AmbiguousName, BikeTrafficError, PluginError, PluginVersionWarning

COMMAND_GROUP = "bike_traffic.commands"

# Name -> where it is, and what it does; so that `bt --help` imports none of them.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "train": ("bike_traffic.cli.train:train", "Train models, evaluate them on held-out weeks, register them."),
    "predict": ("bike_traffic.cli.predict:predict", "Predict a file of counts with a registered model."),
    "evaluate": ("bike_traffic.cli.evaluate:evaluate", "Measure a registered model on counts with the truth."),
    "backtest": ("bike_traffic.cli.backtest:backtest", "Evaluate models fold after fold through time."),
    "registry": ("bike_traffic.cli.registry:registry", "Find, list, show and pull registered models."),
    "data": ("bike_traffic.cli.data:data", "Generate sample counts, check a file of counts."),
    "models": ("bike_traffic.cli.models:models", "List the pipelines that are installed."),
    "plugins": ("bike_traffic.cli.plugins:plugins", "Show the plugins there are, check one, start a new one."),
    "mlflow": ("bike_traffic.cli.mlflow:mlflow", "Serve the runs of a profile: the pages of MLflow."),
    "config": ("bike_traffic.cli.config:config", "Print every setting and where it comes from."),
}


class Failure(click.ClickException):
    """An expected error on its way to the terminal: one line, and the error's own exit code."""

    def __init__(self, error: BikeTrafficError) -> None:
        super().__init__(" ".join(str(error).split()))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance


class LazyGroup(click.Group):
    """A group that imports a command when it is called, third parties' as well as our own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table: Mapping[str, tuple[str, str]] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return our own commands in the table's order, then third parties'."""
        return [*self.table, *sorted(_third_party())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command."""
        if cmd_name in self.table:
            module, _, name = self.table[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        entry_point = _third_party_named(cmd_name)
        return None if entry_point is None else _load(entry_point)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table and from metadata alone."""
        rows = [(name, summary) for name, (_, summary) in self.table.items()]
        rows += [(name, f"(from {_origin(entry_point)})") for name, entry_point in sorted(_third_party().items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and turn expected errors into one line."""
        try:
            with _warnings_as_notes():
                return super().invoke(ctx)
        except BikeTrafficError as error:
            raise Failure(error) from error
        except BrokenPipeError:
            raise  # click ends quietly when nobody reads on
        except OSError as error:
            reason = error.strerror or str(error)
            raise Failure(BikeTrafficError(f"{error.filename}: {reason}" if error.filename else reason)) from error


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Say in one line, whatever Python's own filters are, what the Python interface warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", PluginVersionWarning)
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, PluginVersionWarning):
                click.echo(str(message), err=True)
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def _third_party() -> dict[str, EntryPoint]:
    """Return third parties' commands by the names that call them: a name of ours stays ours.

    A name that is not one command's alone stands as ``distribution:name``, as a pipeline's does.
    """
    qualified = _third_party_qualified()
    often = Counter(point.name for point in qualified.values())
    alone = {name for name, times in often.items() if times == 1 and name not in COMMANDS}
    return {point.name if point.name in alone else name: point for name, point in sorted(qualified.items())}


def _third_party_qualified() -> dict[str, EntryPoint]:
    return {f"{_origin(point)}:{point.name}": point for point in entry_points(group=COMMAND_GROUP)}


def _third_party_named(name: str) -> EntryPoint | None:
    """Return the command of that name, be it bare or ``distribution:name``; raise `AmbiguousName`."""
    qualified = _third_party_qualified()
    found = _third_party().get(name) or qualified.get(name)
    ways = sorted(way for way, point in qualified.items() if point.name == name)
    if found is None and ways:
        raise AmbiguousName(f"command '{name}' is offered more than once; say {' or '.join(ways)}")
    return found


def _load(entry_point: EntryPoint) -> click.Command:
    try:
        with redirect_stdout(sys.stderr):  # what it prints while it is imported is none of its result
            command = entry_point.load()
    except (Exception, SystemExit) as error:
        reason = f"command '{entry_point.name}' of {_origin(entry_point)} cannot be imported"
        raise PluginError(f"{reason}: {type(error).__name__}: {error}") from error
    if not isinstance(command, click.Command):
        raise PluginError(f"command '{entry_point.name}' of {_origin(entry_point)} is no click command")
    return command


def _origin(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else "an unknown distribution"


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001
    if value:
        from importlib.metadata import version

        click.echo(f"bt, version {version('bike-traffic')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: bt train -m rf && bt registry best --metric r2",
)
@click.option("--config", metavar="FILE", help="Settings file, instead of bt.toml in this folder.")
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(ctx: click.Context, config: str | None) -> None:
    """Predict the hourly bicycle count of every counter in Paris."""
    from bike_traffic.cli.session import Session

    ctx.obj = Session(config)


if __name__ == "__main__":
    main()
