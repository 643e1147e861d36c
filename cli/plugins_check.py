"""``bt plugins check``."""

from __future__ import annotations

from contextlib import suppress

import attrs
import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import Session, aside, format_option, note
from bike_traffic.errors import PluginError
from bike_traffic.manager import PluginHost


@click.command(epilog="Example: bt plugins check rf --format json")
@click.argument("name")
@format_option("table", "json")
@click.pass_context
def check(ctx: click.Context, name: str, form: str) -> None:
    """Hold a pipeline to every promise, on generated counts.

    Leaves with 1 when a promise is broken. Registry backends are checked in pytest: a test class inherits
    bike_traffic.testing.BackendChecks.
    """
    session: Session = ctx.obj
    host = session.host(session.settings())
    _refuse_backend(host, name)
    from bike_traffic.progress import progress
    from bike_traffic.testing.pipelines import PIPELINE_CHECKS, run_pipeline_checks
    from bike_traffic.testing.subject import pipeline_subject

    subject = pipeline_subject(name, host)
    results = []
    with aside(), progress(f"checking {name}", len(PIPELINE_CHECKS)) as advance:
        for result in run_pipeline_checks(subject):
            results.append(result)
            advance(1)
    broken = [result for result in results if result.failure]
    if form == "json":
        print_json(
            {
                "pipeline": subject.offer.qualified_name,
                "version": subject.offer.source.version,
                "checks": [{**attrs.asdict(result), "passed": result.failure is None} for result in results],
            }
        )
    else:
        rows = [[one.check, "failed" if one.failure else "passed", one.failure or one.promise] for one in results]
        print_table(["check", "result", "what"], rows)
    note(f"{subject.offer.qualified_name}: {len(results) - len(broken)} of {len(results)} promises are kept")
    if broken:
        ctx.exit(1)


def _refuse_backend(host: PluginHost, name: str) -> None:
    with suppress(LookupError):
        host.pipeline(name)
        return
    with suppress(LookupError):
        host.backend(name)
        raise PluginError(
            f"'{name}' is a registry backend: those are checked in pytest, by a class that inherits "
            "bike_traffic.testing.BackendChecks"
        )
