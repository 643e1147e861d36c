"""``bt completion``, and the values that shells complete: what is cheap to know, and nothing over a network."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from bike_traffic.cli.printing import echo_lines
from bike_traffic.visible import visible

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace

SHELLS = ("bash", "zsh", "fish")
_MOST_RUNS = 200
"""Largest number of run ids that are offered, the newest."""

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@click.command(epilog="Example: bt completion fish | source")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what lets a shell complete the commands, options and values of bt.

    \b
    In ~/.bashrc:                  eval "$(bt completion bash)"
    In ~/.zshrc, after compinit:   eval "$(bt completion zsh)"
    In ~/.config/fish/config.fish: bt completion fish | source
    """  # noqa: D301  # click reads the backspace
    found = get_completion_class(shell)
    assert found is not None  # SHELLS are those of click
    echo_lines(found(ctx.find_root().command, {}, "bt", "_BT_COMPLETE").source())


def complete_files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Let the shell complete a file."""
    return [CompletionItem(incomplete, type="file")]


def _completing(names: Callable[[Workspace], Iterable[str | tuple[str, str]]]) -> Complete:
    """Return what completes the names of a workspace, each alone or with its help; what fails completes nothing."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
        try:
            with redirect_stdout(StringIO()), warnings.catch_warnings(), _workspace(ctx) as workspace:
                warnings.simplefilter("ignore")  # a shell reads what is printed, and shows the rest in the line
                pairs = [(one, "") if isinstance(one, str) else one for one in names(workspace)]
        except Exception:  # an error here would be printed into the line that a person writes
            return []
        return [
            CompletionItem(name, help=visible(about) or None)
            for name, about in pairs
            if name.startswith(incomplete) and visible(name) == name  # a shell writes it where a person types
        ]

    return complete


@contextmanager
def _workspace(ctx: click.Context) -> Iterator[Workspace]:
    """Open the workspace of the flags that were written so far."""
    from bike_traffic.cli.session import REGISTRY_SETTINGS
    from bike_traffic.workspace import Workspace

    flags: dict[str, Any] = {name: ctx.params.get(name) for name in REGISTRY_SETTINGS}
    yield Workspace.open(config=ctx.find_root().params.get("config"), notify=lambda _: None, **flags)


def _pipelines(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for name, declaration in workspace.plugins.pipelines().items():
        yield name, declaration.spec.summary


def _backends(workspace: Workspace) -> Iterable[str]:
    return workspace.plugins.backends()


def _metrics(workspace: Workspace) -> Iterator[tuple[str, str]]:  # noqa: ARG001
    from bike_traffic.evaluation.metrics import METRICS

    for metric in METRICS.values():
        if metric.higher_is_better is not None:
            yield metric.name, metric.summary


def _runs(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield the newest run ids of a registry on this machine; another one is not asked."""
    from bike_traffic.registry.queries import EVERYTHING

    if workspace.backend.spec.name == "local":
        newest = deque(workspace.registry.listed(EVERYTHING), maxlen=_MOST_RUNS)
        for row, _ in reversed(newest):
            yield row["run_id"][:8], f"{row['model_type']}, {row['timestamp'][:16]}"


def _aliases(workspace: Workspace) -> Iterator[tuple[str, str]]:
    if workspace.backend.spec.name == "local":
        for event in workspace.registry.events():
            if event.alias:
                yield event.alias, "alias"


def _names(workspace: Workspace) -> Iterator[tuple[str, str]]:
    yield from dict.fromkeys(_aliases(workspace))
    yield from _runs(workspace)


complete_models = _completing(_pipelines)
complete_backends = _completing(_backends)
complete_metrics = _completing(_metrics)
complete_runs = _completing(_runs)
complete_aliases = _completing(lambda workspace: dict.fromkeys(_aliases(workspace)))
complete_names = _completing(_names)
"""Aliases and run ids."""
