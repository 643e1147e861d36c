"""What the commands share: the workspace of one call, and the options that choose settings and a model."""

from __future__ import annotations

import functools
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from bike_traffic.cli.completion import (
    complete_aliases,
    complete_backends,
    complete_files,
    complete_models,
    complete_runs,
)
from bike_traffic.cli.printing import note
from bike_traffic.config import SAMPLE, SETTINGS
from bike_traffic.errors import NoRecord

if TYPE_CHECKING:
    from bike_traffic.loading import LoadedModel
    from bike_traffic.manager import Declaration
    from bike_traffic.specs import PipelineSpec
    from bike_traffic.workspace import Workspace

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

REGISTRY_SETTINGS = ("env", "backend", "registry")
COUNTS_SETTINGS = ("max_left_out", "keep_doubtful")
"""How much of counts may be left out; commands that take these have ``--strict`` too."""
TRAINING_SETTINGS = (*REGISTRY_SETTINGS, "data", "weather", "city", *COUNTS_SETTINGS, "track")


@attrs.define
class Session:
    """One call of ``bt``.

    Parameters
    ----------
    config : the settings file, if ``--config`` gives one.
    output_format : the value of ``--format``.
    has_document : whether a JSON document was printed; a call prints at most one.
    """

    config: str | None
    output_format: str = "table"
    has_document: bool = False
    if_interrupted: str = ""
    """What Ctrl-C leaves behind at this moment, for the message."""
    _listens: bool = False

    def listen(self, ctx: click.Context, verbose: int = 0) -> None:
        """Print the log on standard error, once a call; see `bike_traffic.cli.log.listen`."""
        if not self._listens:
            from bike_traffic.cli.log import listen

            self._listens = True
            listen(ctx, verbose, os.environ.get("BT_LOG"))

    def workspace(self, *, allow_unverified: bool = False, **settings: Any) -> Workspace:
        """Open a workspace with these settings as flags; its notes go to standard error."""
        from bike_traffic.workspace import Workspace

        opened = Workspace.open(config=self.config, notify=note, allow_unverified=allow_unverified, **settings)
        note_if_temporary(opened, "cache", "fetched models")
        return opened


def note_if_temporary(workspace: Workspace, name: str, what: str) -> None:
    """Print where something is kept if that is a temporary folder, since the home cannot be written."""
    if workspace.settings.sources[name].startswith("a temporary"):
        note(f"{what} are kept in {getattr(workspace.settings, name)}, {workspace.settings.sources[name]}")


def with_workspace(settings: Sequence[str] = REGISTRY_SETTINGS) -> Callable[[CommandT], CommandT]:
    """Give a command its `Workspace` as first argument, and the flags of these settings, which open it."""

    def decorate(function: CommandT) -> CommandT:
        @functools.wraps(function)
        def command(*arguments: Any, **words: Any) -> Any:
            session = click.get_current_context().find_object(Session) or Session(None)
            flags = {name: words.pop(name) for name in settings}
            if words.pop("strict", False):
                flags["max_left_out"] = 0.0
            with stdout_to_stderr():
                workspace = session.workspace(allow_unverified=words.pop("allow_unverified", False), **flags)
            try:
                return function(workspace, *arguments, **words)
            except NoRecord as error:
                if error.id not in _ELSEWHERE:
                    raise
                require_registry(workspace)
                raise error.saying(f"{error} [{workspace.registry_in_words}]") from error

        for name in reversed(settings):
            command = _setting_option(name)(command)
            if name == "max_left_out":
                command = strict_option(command)
        return command  # type: ignore[return-value]  # the same command, but for its first argument

    return decorate


def require_registry(workspace: Workspace) -> None:
    """Raise `NoRegistry` if an address was given and nothing is there; to be asked where nothing was found."""
    from bike_traffic.searching import require_registry

    with stdout_to_stderr():
        require_registry(workspace.registry, workspace.registry_in_words)


_ELSEWHERE = ("run-id-unknown", "alias-unknown")
"""Errors that another registry may not have: they say which one was asked."""

output_option = click.option(
    "-o",
    "--output",
    default="-",
    metavar="OUTPUT",
    shell_complete=complete_files,
    help="CSV(.gz) or Parquet, any URL.  [default: stdout]",
)
strict_option = click.option(
    "--strict", is_flag=True, help="Refuse counts with any fault, as --max-left-out 0 does; use none of their rows."
)


_FILES = ("registry", "data", "weather", "public_key")
"""Settings that may be the path of a file."""


def _setting_option(name: str) -> Callable[[CommandT], CommandT]:
    """Return the option of a setting, as the one table of settings describes it."""
    setting = SETTINGS[name]
    flag = f"--{name.replace('_', '-')}"
    if setting.kind == "switch":
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=setting.help)
    if setting.choices:
        return click.option(flag, type=click.Choice(setting.choices), help=setting.help)
    complete = complete_backends if name == "backend" else complete_files if name in _FILES else None
    return click.option(flag, metavar=setting.metavar, shell_complete=complete, help=setting.help)


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send what plugins print to standard error: standard output is for the result alone."""
    with redirect_stdout(sys.stderr):
        yield


def reading(source: str) -> None:
    """Say at once what is read, since the libraries that read it take seconds to import."""
    ctx = click.get_current_context()
    (ctx.find_object(Session) or Session(None)).listen(ctx)

    from bike_traffic.cli.log import at_once

    at_once(
        f"reading {'the generated sample' if source == SAMPLE else 'standard input' if source == '-' else source}"
    )


def flags_of(workspace: Workspace, names: Sequence[str] = (*REGISTRY_SETTINGS, "city")) -> str:
    """Return the flags of this call that gave these settings, each after a space, for another command."""
    flags = []
    for name in (name for name in names if workspace.settings.sources[name].startswith("--")):
        flag, value = name.replace("_", "-"), getattr(workspace.settings, name)
        is_switch = SETTINGS[name].kind == "switch"
        flags.append(f" --{'' if value else 'no-'}{flag}" if is_switch else f" --{flag} {shlex.quote(str(value))}")
    return "".join(flags)


elsewhere_option = click.option(
    "--allow-unverified",
    is_flag=True,
    help="Copy files whose record has no digests from wherever it says, with your permissions.",
)

test_mode_option = click.option("--test-mode", is_flag=True, help="Search the models of test mode.")
sample_option = click.option("--sample", is_flag=True, help="Search the models trained on the generated sample.")


def model_options(command: CommandT) -> CommandT:
    """Add the options that `load_chosen` takes: which model, and how much of its record to trust."""
    for option in (
        click.option(
            "--allow-unverified",
            is_flag=True,
            help="Load files whose record has no digests, unchecked: they may run code.",
        ),
        sample_option,
        test_mode_option,
        click.option("--alias", metavar="NAME", shell_complete=complete_aliases, help="The model of an alias."),
        click.option(
            "--run-id",
            metavar="ID",
            shell_complete=complete_runs,
            help="The model of one run; the first letters are enough.",
        ),
        click.option(
            "-m",
            "--model",
            metavar="NAME",
            shell_complete=complete_models,
            help="The best registered model of this name.",
        ),
    ):
        command = option(command)
    return command


def require_models(workspace: Workspace, models: Sequence[str]) -> list[Declaration[PipelineSpec]]:
    """Return the declarations of pipelines; raise `MissingExtra` before anything of them is imported."""
    declarations = workspace.pipelines(models)
    for declaration in declarations:
        declaration.spec.require_trainable()
    return declarations


def require_one_model(*, model: str | None, run_id: str | None, alias: str | None, **_: bool) -> None:
    """Raise a usage error unless one option names the model."""
    if [model, run_id, alias].count(None) != 2:
        raise click.UsageError("name one model: --model NAME, --run-id ID, or --alias NAME")


def load_chosen(
    workspace: Workspace, *, model: str | None, run_id: str | None, alias: str | None, test_mode: bool, sample: bool
) -> LoadedModel:
    """Load the model that ``--run-id`` or ``--alias`` names, or the best of ``--model``."""
    with stdout_to_stderr():
        return workspace.load(workspace.find(model, run_id=run_id, alias=alias, test_mode=test_mode, sample=sample))


def format_option(*formats: str) -> Callable[[CommandT], CommandT]:
    """Add ``--format``, which the command gets as `output_format`; the first of `formats` is the default."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        is_eager=True,  # read first: the format of errors depends on it
        callback=_remember_format,
        help="Output.",
    )


def _remember_format(ctx: click.Context, parameter: click.Parameter, value: str) -> str:  # noqa: ARG001
    session = ctx.find_object(Session)
    if session is not None:
        session.output_format = value
    return value


unknown_counters_option = click.option(
    "--unknown-counters",
    type=click.Choice(["refuse", "predict", "empty"]),
    default="refuse",
    show_default=True,
    help="Counters the model was not trained on: refuse, guess and mark each row, or leave it empty.",
)

seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Makes runs repeatable."
)

interval_option = click.option(
    "--interval/--no-interval",
    default=True,
    show_default=True,
    help="Calibrate an interval on earlier months, which takes more fits.",
)

history_option = click.option(
    "--history",
    metavar="COUNTS",
    shell_complete=complete_files,
    help="Counts known before these rows, for models that need them.",
)

parameters_option = click.option(
    "--set", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter of the model."
)

models_option = click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_models,
    help="Model; may be repeated. [default: all]",
)
