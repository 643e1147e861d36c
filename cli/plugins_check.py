"""``bt plugins check``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import click

from bike_traffic.cli.completion import complete_models
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import note
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table
from bike_traffic.errors import PluginError
from bike_traffic.manager import PluginHost

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt plugins check rf --format json")
@click.argument("name", shell_complete=complete_models)
@format_option("table", "json")
@with_workspace([])
@click.pass_context
def check(ctx: click.Context, workspace: Workspace, name: str, output_format: str) -> None:
    """Check that a pipeline keeps every promise, on generated counts.

    Exit code 1 if a promise is broken. Registry backends and cities are checked in pytest: a test class
    inherits bike_traffic.testing.BackendChecks or CityChecks.
    """
    from bike_traffic.progress import progress
    from bike_traffic.testing.pipelines.checks import PIPELINE_CHECKS, run_pipeline_checks
    from bike_traffic.testing.pipelines.subject import pipeline_subject

    results = []
    with stdout_to_stderr():
        _refuse_backend(workspace.plugins, name)
        subject = pipeline_subject(name, workspace.plugins)
        with progress(f"checking {name}", len(PIPELINE_CHECKS)) as advance:
            for result in run_pipeline_checks(subject):
                results.append(result)
                advance(1)
    broken = [result for result in results if result.failure]
    if output_format == "json":
        print_json(
            {
                "pipeline": subject.declaration.qualified_name,
                "version": subject.declaration.source.version,
                "checks": [{**attrs.asdict(result), "passed": result.failure is None} for result in results],
            }
        )
    else:
        rows = [[one.check, "failed" if one.failure else "passed", one.failure or one.promise] for one in results]
        print_table(["check", "result", "what"], rows)
    note(f"{subject.declaration.qualified_name}: {len(results) - len(broken)} of {len(results)} promises are kept")
    if broken:
        ctx.exit(1)


def _refuse_backend(host: PluginHost, name: str) -> None:
    with suppress(LookupError):
        host.pipeline(name)
        return
    if name in host.cities():
        raise PluginError(
            f"'{name}' is a city: those are checked in pytest, by a class that inherits "
            "bike_traffic.testing.CityChecks",
            "city-not-checked-here",
            name=name,
        )
    with suppress(LookupError):
        host.backend(name)
        raise PluginError(
            f"'{name}' is a registry backend: those are checked in pytest, by a class that inherits "
            "bike_traffic.testing.BackendChecks",
            "backend-not-checked-here",
            name=name,
        )
