"""``bt plugins``."""

from __future__ import annotations

import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.plugins_check import check
from bike_traffic.cli.plugins_new import new
from bike_traffic.cli.session import Session, format_option, pass_session
from bike_traffic.manager import Offer
from bike_traffic.specs import BackendSpec, PipelineSpec


@click.group(invoke_without_command=True, epilog="Example: bt plugins list")
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """Show the plugins there are, check one, start a new one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_plugins, form="table")


plugins.add_command(check)
plugins.add_command(new)


@plugins.command("list", epilog="Example: bt plugins list --format json")
@format_option("table", "json")
@pass_session
def list_plugins(session: Session, form: str) -> None:
    """List every plugin with what it offers, and each failure whole."""
    host = session.host(session.settings())
    offers: list[Offer[PipelineSpec] | Offer[BackendSpec]] = [*host.pipelines().values(), *host.backends().values()]
    loaded = [
        {
            "distribution": source.distribution,
            "version": source.version,
            "entry_point": source.entry_point,
            "offers": [offer.spec.name for offer in offers if offer.source == source],
        }
        for source in host.sources
    ]
    if form == "json":
        failures = [
            {
                "distribution": failure.source.distribution,
                "version": failure.source.version,
                "entry_point": failure.source.entry_point,
                "stage": failure.stage,
                "error": f"{type(failure.error).__name__}: {failure.error}",
                "details": failure.details(),
            }
            for failure in host.failures
        ]
        print_json({"loaded": loaded, "failures": failures})
        return
    print_table(
        ["package", "version", "entry point", "offers"],
        [
            [plugin["distribution"], plugin["version"], plugin["entry_point"], ", ".join(plugin["offers"])]
            for plugin in loaded
        ],
    )
    for failure in host.failures:
        click.echo(f"\n{failure}\n{failure.details()}")
