"""``bt registry verify``, ``reconcile`` and ``copy``."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import Session, format_option, note, pass_session, registry_options
from bike_traffic.errors import MergePending, NoRecord
from bike_traffic.registry import EVERYTHING


@click.command(epilog="Example: bt registry verify --registry gs://my-bucket/models/summary.json")
@registry_options
@click.option("--public-key", metavar="FILE", help="Check signatures too.  [default: the public_key of the settings]")
@format_option("table", "json")
@click.pass_context
def verify(
    ctx: click.Context,
    env: str | None,
    backend: str | None,
    registry: str | None,
    public_key: str | None,
    form: str,
) -> None:
    """Check the records against each other, every file against its digest, and signatures against a public key.

    Leaves with 1 when something is wrong, with 3 when records are only waiting to be merged.
    """
    from bike_traffic import upkeep
    from bike_traffic.signing import Trust

    session: Session = ctx.obj
    settings = session.settings(env=env, backend=backend, registry=registry, public_key=public_key)
    opened = session.registry(settings)
    findings = list(upkeep.verify(opened, Trust.of(settings).public_keys))
    if not findings and next(opened.records(EVERYTHING), None) is None:
        raise NoRecord("there are no records here, and so nothing to verify; look at --registry and --backend")
    if form == "json":
        print_json({"findings": [attrs.asdict(finding) for finding in findings]})
    elif findings:
        print_table(["run", "found", "what"], [[f.run_id[:8], f.trouble, f.detail] for f in findings])
    else:
        click.echo(f"every record and every file is as it was {'signed' if settings.public_key else 'registered'}")
    if any(finding.grave for finding in findings):
        ctx.exit(1)
    if any(finding.trouble == "pending" for finding in findings):
        ctx.exit(MergePending.exit_code)


@click.command(epilog="Example: bt registry reconcile")
@registry_options
@pass_session
def reconcile(session: Session, env: str | None, backend: str | None, registry: str | None) -> None:
    """Finish what was broken off: models trained here that were not registered, and records that were not merged.

    With a signing key, the head is signed anew.
    """
    from bike_traffic.signing import SigningKey
    from bike_traffic.unfinished import finish

    settings = session.settings(env=env, backend=backend, registry=registry)
    key, opened = SigningKey.of(settings), session.registry(settings)
    finished = []
    for record in finish(opened):
        note(f"{record.model_type} of run {record.run_id[:8]}: registered as {record.model_uri}")
        finished.append(record)
    merged = opened.reconcile()
    if merged:
        note(f"{merged} records merged")
    if key is not None:
        opened.sign_head(key)
    if not finished and not merged:
        note("nothing was pending")


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


@click.command(epilog="Example: bt registry keygen --output keys/bike-traffic")
@click.option("--output", metavar="PATH", help="Write PATH.key and PATH.pub.  [default: in your settings folder]")
def keygen(output: str | None) -> None:
    """Make a pair of Ed25519 keys: one to sign what you train, one for others to check it by.

    The private key is readable by you alone and has no password: keep it out of repositories and buckets.
    """
    from bike_traffic.config import key_path
    from bike_traffic.signing import generate_keys

    path = Path(output) if output else key_path()
    private, public = path.with_name(f"{path.name}.key"), path.with_name(f"{path.name}.pub")
    key_id = generate_keys(private, public)
    note(f"key {key_id}")
    note(f"to sign what you train:    export BT_SIGNING_KEY={private}")
    note(f"to load only what it signed: export BT_PUBLIC_KEY={public}")
