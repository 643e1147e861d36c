"""What the commands share: the settings and plugins of one call, and the options that choose a registry."""

from __future__ import annotations

from collections.abc import Callable
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
        track: bool | None = None,
    ) -> Settings:
        """Return the settings with these flags on top."""
        return load_settings(config=self.config, env=env, backend=backend, registry=registry, data=data, track=track)

    def host(self, settings: Settings) -> PluginHost:
        """Return the plugins, and say on standard error which of them failed."""
        from bike_traffic.manager import PluginHost

        if self._host is None:
            self._host = PluginHost(only=settings.plugins, strict=settings.strict_plugins, notify=note)
        return self._host

    def registry(self, settings: Settings) -> RegistryBackend:
        """Open the registry that the settings name."""
        from bike_traffic.registry import open_registry

        return open_registry(settings=settings, host=self.host(settings))

    def model(
        self,
        settings: Settings,
        *,
        model: str | None,
        run_id: str | None,
        alias: str | None,
        test_mode: bool,
    ) -> LoadedModel:
        """Load the model that ``--run-id`` or ``--alias`` names, or the best of ``--model`` by its default metric."""
        if [model, run_id, alias].count(None) != 2:
            raise click.UsageError("say which model: --model NAME, --run-id ID, or --alias NAME")
        from bike_traffic.metrics import DEFAULT_METRIC
        from bike_traffic.prediction import load_model
        from bike_traffic.registry import Query

        host, registry = self.host(settings), self.registry(settings)
        if run_id is not None:
            return load_model(registry, registry.get(run_id), host)
        if alias is not None:
            return load_model(registry, registry.alias(alias), host)
        spec = host.pipeline(str(model)).spec
        query = Query(model_type=spec.name, env=settings.env_asked_for, test_mode=test_mode)
        return load_model(registry, registry.best(DEFAULT_METRIC[spec.load().task], query), host)


def note(message: str) -> None:
    """Say something beside the result, on standard error."""
    click.echo(message, err=True)


def registry_options(command: CommandT) -> CommandT:
    """Add ``--env``, ``--backend`` and ``--registry``."""
    for option in (
        click.option("--registry", metavar="URI", help="Where the registry is; its scheme names the backend."),
        click.option("--backend", metavar="NAME", help="Registry backend: local, gcs, s3, mlflow, or a plugin's."),
        click.option(
            "--env",
            type=click.Choice(ENVIRONMENTS),
            help="Profile; also, only its models.  [default: dev, models of both]",
        ),
    ):
        command = option(command)
    return command


def model_options(command: CommandT) -> CommandT:
    """Add ``--model``, ``--run-id`` and ``--alias``, and what narrows the search."""
    for option in (
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
