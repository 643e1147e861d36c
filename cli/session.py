"""What the commands share: the settings and plugins of one call, and the options that choose a registry."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from bike_traffic.config import ENVIRONMENTS, Settings, load_settings

if TYPE_CHECKING:
    from bike_traffic.manager import PluginHost
    from bike_traffic.prediction import LoadedModel
    from bike_traffic.registry import RegistryBackend

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


@attrs.define
class Session:
    """One call of ``bt``; settings and plugins are looked up when a command asks for them."""

    config: str | None
    _host: PluginHost | None = None

    def settings(
        self,
        *,
        env: str | None = None,
        backend: str | None = None,
        registry: str | None = None,
        data: str | None = None,
        public_key: str | None = None,
        track: bool | None = None,
    ) -> Settings:
        """Return the settings with these flags on top."""
        return load_settings(
            config=self.config,
            env=env,
            backend=backend,
            registry=registry,
            data=data,
            public_key=public_key,
            track=track,
        )

    def host(self, settings: Settings) -> PluginHost:
        """Return the plugins, and say on standard error which of them failed."""
        from bike_traffic.manager import PluginHost

        if self._host is None:
            with aside():
                self._host = PluginHost(only=settings.plugins, strict=settings.strict_plugins, notify=note)
        return self._host

    def registry(self, settings: Settings) -> RegistryBackend:
        """Open the registry that the settings name."""
        from bike_traffic.registry import open_registry

        host = self.host(settings)
        with aside():
            return open_registry(settings=settings, host=host)

    def model(
        self,
        settings: Settings,
        *,
        model: str | None,
        run_id: str | None,
        alias: str | None,
        test_mode: bool,
        allow_unverified: bool,
    ) -> LoadedModel:
        """Load the model that ``--run-id`` or ``--alias`` names, or the best of ``--model`` by its default metric."""
        if [model, run_id, alias].count(None) != 2:
            raise click.UsageError("say which model: --model NAME, --run-id ID, or --alias NAME")
        from bike_traffic.manager import bare_name
        from bike_traffic.prediction import default_metric, load_model
        from bike_traffic.registry import Query
        from bike_traffic.signing import Trust

        host, registry = self.host(settings), self.registry(settings)
        if run_id is not None:
            record = registry.get(run_id)
        elif alias is not None:
            record = registry.alias(alias)
        else:
            query = Query(model_type=bare_name(str(model)), env=settings.env_asked_for, test_mode=test_mode)
            with aside():
                metric = default_metric(str(model), registry, host)
            record = registry.best(metric, query)
        with aside():
            return load_model(registry, record, host, Trust.of(settings, unverified=allow_unverified))


@contextmanager
def aside() -> Iterator[None]:
    """Let what plugins print meanwhile go to standard error: standard output is for the one result."""
    with redirect_stdout(sys.stderr):
        yield


def note(message: str) -> None:
    """Say something beside the result, on standard error."""
    click.echo(message, err=True)


def registry_options(command: CommandT) -> CommandT:
    """Add ``--env``, ``--backend`` and ``--registry``."""
    for option in (
        click.option("--registry", metavar="URI", help="Where the registry is; its scheme names the backend."),
        click.option("--backend", metavar="NAME", help="Backend: local, gcs, s3, web, mlflow, or a plugin's."),
        click.option(
            "--env",
            type=click.Choice(ENVIRONMENTS),
            help="Profile; also, only its models.  [default: dev, models of both]",
        ),
    ):
        command = option(command)
    return command


allow_unverified_option = click.option(
    "--allow-unverified",
    is_flag=True,
    help="Load files that cannot be checked, their record having no digests: they may run code.",
)


def model_options(command: CommandT) -> CommandT:
    """Add ``--model``, ``--run-id`` and ``--alias``, and what narrows the search."""
    for option in (
        allow_unverified_option,
        click.option("--test-mode", is_flag=True, help="Look among the models of test mode."),
        click.option("--alias", metavar="NAME", help="The model that an alias stands for."),
        click.option("--run-id", metavar="ID", help="The model of one run; the first letters will do."),
        click.option("-m", "--model", metavar="NAME", help="The best registered model of this name."),
    ):
        command = option(command)
    return registry_options(command)


def format_option(*formats: str) -> Callable[[CommandT], CommandT]:
    """Add ``--format``; the first of `formats` is the default."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True, help="Output."
    )


unknown_counters_option = click.option(
    "--unknown-counters",
    type=click.Choice(["refuse", "predict"]),
    default="refuse",
    show_default=True,
    help="Counters the model was not trained on: refuse, or guess and mark each row.",
)

pass_session = click.make_pass_decorator(Session)
