"""The command ``bt``: its subcommands, and how errors are printed."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import IO, Any, TextIO

import click

from bike_traffic.addresses import shown
from bike_traffic.cli.completion import complete_files
from bike_traffic.cli.groups import SuggestingGroup
from bike_traffic.cli.printing import echo, note
from bike_traffic.errors import AmbiguousName, BikeTrafficError, PluginError, PluginVersionWarning, RegistryWarning
from bike_traffic.visible import visible

_OURS = (PluginVersionWarning, RegistryWarning)
COMMAND_GROUP = "bike_traffic.commands"

# Name -> import path and summary, so that `bt --help` imports no command.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "train": ("bike_traffic.cli.train:train", "Train models, evaluate them on held-out weeks, register them."),
    "predict": ("bike_traffic.cli.predict:predict", "Predict a file of counts with a registered model."),
    "forecast": ("bike_traffic.cli.forecast:forecast", "Forecast the coming days at each counter."),
    "evaluate": ("bike_traffic.cli.evaluate:evaluate", "Evaluate a registered model on known counts."),
    "backtest": ("bike_traffic.cli.backtest:backtest", "Evaluate models fold after fold through time."),
    "tune": ("bike_traffic.cli.tune:tune", "Search for the parameters of a model on folds in time."),
    "registry": ("bike_traffic.cli.registry:registry", "Find, list, show and pull registered models."),
    "data": ("bike_traffic.cli.data:data", "Fetch the City's counts, check or clean a file of counts."),
    "models": ("bike_traffic.cli.models:models", "List the pipelines that are installed."),
    "plugins": ("bike_traffic.cli.plugins:plugins", "List, install, check, start plugins."),
    "app": ("bike_traffic.cli.app:app", "Open the app: forecasts, faults, files, models, in a browser."),
    "mlflow": ("bike_traffic.cli.mlflow:mlflow", "Show the runs of a profile in MLflow's pages."),
    "cache": ("bike_traffic.cli.cache:cache", "Show the cache of fetched models, or prune it."),
    "completion": ("bike_traffic.cli.completion:completion", "Print what lets a shell complete bt."),
    "doctor": ("bike_traffic.cli.doctor:doctor", "Report versions, settings and what is broken, for a bug report."),
    "help": ("bike_traffic.cli.about:show_help", "Show the help of a command."),
    "version": ("bike_traffic.cli.about:version", "Show the version."),
    "config": ("bike_traffic.cli.config:config", "Print every setting and where it comes from."),
}


class Failure(click.ClickException):
    """An expected error as it is printed: one line on standard error, and the error's own exit code.

    Under ``--format json`` it is also the one document on standard output, unless a result was printed before.
    """

    def __init__(self, error: BikeTrafficError, ctx: click.Context) -> None:
        super().__init__(" ".join(str(error).split()))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance
        from bike_traffic.cli.session import Session

        session = ctx.find_object(Session)
        as_json = session is not None and session.output_format == "json" and not session.has_document
        self._document = {"error": error.to_json()} if as_json else None

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line, and the document."""
        if file is None:
            note(f"Error: {self.message}")
        else:
            echo(f"Error: {self.message}", file=file)
        if self._document is not None:
            from bike_traffic.cli.output import print_json

            print_json(self._document)


class _Interrupted(click.ClickException):
    """Ctrl-C: the exit code that shells give to a program ended by SIGINT, and what it leaves behind."""

    exit_code = 130

    def __init__(self, ctx: click.Context) -> None:
        from bike_traffic.cli.session import Session

        session = ctx.find_object(Session)
        super().__init__(
            "interrupted" + (f"; {session.if_interrupted}" if session and session.if_interrupted else "")
        )

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line, below what the terminal shows of the keys."""
        echo(file=file, err=True)
        echo(self.message, file=file, err=True)


class LazyGroup(SuggestingGroup):
    """A group that imports a command when it is called, built-in or of a third party."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table: Mapping[str, tuple[str, str]] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the built-in commands in the table's order, then those of third parties."""
        return [*self.table, *sorted(_third_party())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command."""
        if cmd_name in self.table:
            module, _, name = self.table[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        entry_point = _third_party_named(cmd_name)
        return None if entry_point is None else _load(entry_point)

    def summary_of(self, ctx: click.Context, name: str) -> str:  # noqa: ARG002
        """Return the line for a command from the table and from metadata alone."""
        return self.table[name][1] if name in self.table else f"(from {_origin(_third_party()[name])})"

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and turn expected errors into one line."""
        try:
            with _warnings_as_notes():
                return super().invoke(ctx)
        except BikeTrafficError as error:
            raise Failure(error, ctx) from error
        except BrokenPipeError:
            raise  # click exits silently
        except KeyboardInterrupt:
            raise _Interrupted(ctx) from None
        except OSError as error:
            from bike_traffic.folders import reason_of

            reason = reason_of(error)
            line = f"{error.filename}: {reason}" if error.filename else reason
            path = None if error.filename is None else str(error.filename)
            raise Failure(BikeTrafficError(line, "operating-system", path=path, reason=reason), ctx) from error


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Print each of our own warnings as one line, whatever Python's filters are."""
    with warnings.catch_warnings():
        for category in _OURS:
            warnings.simplefilter("always", category)
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, _OURS):
                note(str(message))
            else:
                others(_printable(message), category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def _printable(message: Warning | str) -> Warning | str:
    """Return the text of a warning if it has what a terminal must not get, else the warning itself."""
    text = visible(shown(str(message)))
    return message if text == str(message) else text


def _third_party() -> dict[str, EntryPoint]:
    """Return the commands of third parties by name.

    If a name is also that of a built-in or of another third party's command, it is ``distribution:name``.
    """
    qualified = _third_party_qualified()
    uses = Counter(point.name for point in qualified.values())
    unique = {name for name, number in uses.items() if number == 1 and name not in COMMANDS}
    return {point.name if point.name in unique else name: point for name, point in sorted(qualified.items())}


def _third_party_qualified() -> dict[str, EntryPoint]:
    return {f"{_origin(point)}:{point.name}": point for point in entry_points(group=COMMAND_GROUP)}


def _third_party_named(name: str) -> EntryPoint | None:
    """Return the command of that name, given as a bare name or as ``distribution:name``; raise `AmbiguousName`."""
    qualified = _third_party_qualified()
    command = _third_party().get(name) or qualified.get(name)
    full_names = sorted(full_name for full_name, point in qualified.items() if point.name == name)
    if command is None and full_names:
        raise AmbiguousName(
            f"command '{name}' is declared more than once; use {' or '.join(full_names)}",
            "command-ambiguous",
            name=name,
            known=full_names,
        )
    return command


def _load(entry_point: EntryPoint) -> click.Command:
    try:
        with redirect_stdout(sys.stderr):  # what a module prints during its import is not part of the result
            command = entry_point.load()
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise PluginError(
            f"command '{entry_point.name}' of {_origin(entry_point)} cannot be imported: {reason}",
            "command-import-failed",
            name=entry_point.name,
            reason=reason,
        ) from error
    if not isinstance(command, click.Command):
        raise PluginError(
            f"command '{entry_point.name}' of {_origin(entry_point)} is not a click command",
            "command-not-click",
            name=entry_point.name,
        )
    return command


def _origin(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else "an unknown distribution"


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001
    if value:
        from importlib.metadata import version

        echo(f"bt, version {version('bike-traffic')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: bt train -m rf && bt registry best --metric r2",
)
@click.option(
    "--config",
    metavar="FILE",
    shell_complete=complete_files,
    help="Settings file, instead of bt.toml in this folder.",
)
@click.option(
    "-v", "--verbose", count=True, help="Print each step, -vv more; BT_LOG=info does so too, BT_LOG=warning less."
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(ctx: click.Context, config: str | None, verbose: int) -> None:
    """Predict the hourly bicycle count of every counter in Paris."""
    # At its end Python looks through all objects for garbage: .2 s beside pandas and scikit-learn, 1 s beside MLflow.
    atexit.register(gc.freeze)
    from bike_traffic.cli.session import Session

    ctx.obj = Session(config)
    if verbose or os.environ.get("BT_LOG"):
        ctx.obj.listen(ctx, verbose)


if __name__ == "__main__":
    main()
