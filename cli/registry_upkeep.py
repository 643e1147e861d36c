"""``bt registry verify``, ``reconcile`` and ``copy``."""

from __future__ import annotations

import attrs
import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import Session, format_option, note, pass_session, registry_options
from bike_traffic.errors import MergePending, NoRecord
from bike_traffic.registry import EVERYTHING


@click.command(epilog="Example: bt registry verify --registry gs://my-bucket/models/summary.json")
@registry_options
@format_option("table", "json")
@click.pass_context
def verify(ctx: click.Context, env: str | None, backend: str | None, registry: str | None, form: str) -> None:
    """Check the records against each other, and every file against its digest.

    Leaves with 1 when something is wrong, with 3 when records are only waiting to be merged.
    """
    from bike_traffic import upkeep

    session: Session = ctx.obj
    opened = session.registry(session.settings(env=env, backend=backend, registry=registry))
    findings = list(upkeep.verify(opened))
    if not findings and next(opened.records(EVERYTHING), None) is None:
        raise NoRecord("there are no records here, and so nothing to verify; look at --registry and --backend")
    if form == "json":
        print_json({"findings": [attrs.asdict(finding) for finding in findings]})
    elif findings:
        print_table(["run", "found", "what"], [[f.run_id[:8], f.trouble, f.detail] for f in findings])
    else:
        click.echo("every record and every file is as it was registered")
    if any(finding.grave for finding in findings):
        ctx.exit(1)
    if any(finding.trouble == "pending" for finding in findings):
        ctx.exit(MergePending.exit_code)


@click.command(epilog="Example: bt registry reconcile")
@registry_options
@pass_session
def reconcile(session: Session, env: str | None, backend: str | None, registry: str | None) -> None:
    """Merge the records that writers left durable but not merged."""
    merged = session.registry(session.settings(env=env, backend=backend, registry=registry)).reconcile()
    note(f"{merged} records merged" if merged else "nothing was pending")


@click.command(epilog="Example: bt registry copy --from models/summary.json --to gs://my-bucket/models/summary.json")
@click.option("--from", "source", required=True, metavar="URI", help="The registry to read.")
@click.option("--to", "target", required=True, metavar="URI", help="The registry to add to.")
@pass_session
def copy(session: Session, source: str, target: str) -> None:
    """Copy every record that is not there yet, with its verified files, and the history of the aliases.

    Called again after a break it goes on where it stopped.
    """
    from bike_traffic import upkeep

    done = list(
        upkeep.copy(
            session.registry(session.settings(registry=source)), session.registry(session.settings(registry=target))
        )
    )
    if not done:
        note(f"{source} has no records")
    note(f"{sum(one.copied for one in done)} models copied, {sum(not one.copied for one in done)} were there already")
    unverified = [one.record.run_id[:8] for one in done if not one.verified]
    if unverified:
        note(f"unverified, since their records have no digests: {', '.join(unverified)}")
