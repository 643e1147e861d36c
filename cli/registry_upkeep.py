"""``bt registry verify``, ``reconcile`` and ``copy``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.output import print_json_array
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import (
    REGISTRY_SETTINGS,
    Session,
    elsewhere_option,
    format_option,
    require_registry,
    stdout_to_stderr,
    with_workspace,
)
from bike_traffic.cli.table import print_table
from bike_traffic.errors import MergePending, NoRecord, RegistryError
from bike_traffic.notices import counted
from bike_traffic.registry.files import copying, upkeep
from bike_traffic.registry.queries import EVERYTHING

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.command(epilog="Example: bt registry verify --registry gs://my-bucket/models/summary.json")
@with_workspace([*REGISTRY_SETTINGS, "public_key"])
@click.option("--restart", is_flag=True, help="Check again what an interrupted check has done.")
@format_option("table", "json")
@click.pass_context
def verify(ctx: click.Context, workspace: Workspace, restart: bool, output_format: str) -> None:
    """Check the records against each other, every file against its digest, and signatures against a public key.

    A check that was interrupted within the last day goes on where it stopped. Exit code 1 if something is wrong, 3 if
    records only wait to be merged.
    """
    keys = workspace.trust.public_keys
    with stdout_to_stderr():
        findings = list(upkeep.verify(workspace.registry, keys, restart=restart, notify=note))
        is_empty = not findings and next(workspace.registry.records(EVERYTHING), None) is None
    if is_empty:
        require_registry(workspace)
        raise NoRecord(
            "the registry has no records to verify; check --registry and --backend",
            "nothing-to-verify",
        )
    if output_format == "json":
        print_json_array((json.dumps(finding.to_json()).encode() for finding in findings), "findings")
    elif findings:
        print_table(["run", "finding", "detail"], [[f.run_id[:8], f.kind, f.detail] for f in findings])
    else:
        echo(f"every record and every file is as it was {'registered' if keys is None else 'signed'}")
    if any(finding.is_error for finding in findings):
        ctx.exit(1)
    if any(finding.kind == "pending" for finding in findings):
        ctx.exit(MergePending.exit_code)


@click.command(epilog="Example: bt registry reconcile --drop 4f2a91c0")
@click.option(
    "--take", metavar="RUN_ID", multiple=True, help="Register a model here that is kept for another registry."
)
@click.option("--drop", metavar="RUN_ID", multiple=True, help="Only remove a kept model for good, of any registry.")
@with_workspace()
@click.pass_context
def reconcile(ctx: click.Context, workspace: Workspace, take: tuple[str, ...], drop: tuple[str, ...]) -> None:
    """Finish what was interrupted: models trained here but not registered, and records not merged.

    Models that are kept on this machine for other registries are listed. With a signing key, the head is signed
    again. Exit code 1 if a model could not be registered; it is kept.
    """
    from bike_traffic.registry.files import kept
    from bike_traffic.registry.files.unfinished import finish

    if take and drop:
        raise click.UsageError("Give --take or --drop, not both.")
    for run_id in drop:
        dropped = kept.drop(run_id)
        note(f"{dropped}: dropped; it was kept for {dropped.registry}")
    if drop:
        return
    finished, failed = [], []
    with stdout_to_stderr():
        key, registry = workspace.signing_key, workspace.registry
        for run_id in take:
            kept.move_to(registry, run_id)
        for one in finish(registry):
            if isinstance(one, RegistryError):
                note(f"not registered: {one}")
                failed.append(one)
                continue
            note(f"{one.model_type} of run {one.run_id[:8]}: registered as {one.model_uri}")
            finished.append(one)
        merged = registry.reconcile()
        if merged:
            note(f"{counted(merged, 'record')} merged")
        if key is not None:
            registry.sign_head(key)
        elsewhere = kept.kept_models(besides=registry)
    for model in elsewhere:
        note(f"kept for another registry: {model}: {model.registry}")
    if elsewhere:
        note("--registry URI registers there, --take RUN_ID takes one here, --drop RUN_ID removes one")
    if failed:
        ctx.exit(1)
    if not finished and not merged:
        require_registry(workspace)
        note("nothing was pending")


@click.command(epilog="Example: bt registry copy --from models/summary.json --to gs://my-bucket/models/summary.json")
@click.option("--from", "source", required=True, metavar="URI", help="The registry to read.")
@click.option("--to", "target", required=True, metavar="URI", help="The registry to add to.")
@elsewhere_option
@click.pass_context
def copy(ctx: click.Context, source: str, target: str, allow_unverified: bool) -> None:
    """Copy every record that the target does not have, with its verified files, and what was promoted or withdrawn.

    After an interruption, run it again: it continues where it stopped. Exit code 1 if a record was left out because
    its files are outside of its registry.
    """
    session = ctx.find_object(Session) or Session(None)
    with stdout_to_stderr():
        workspaces = [session.workspace(registry=uri) for uri in (source, target)]
        done = list(copying.copy(*(one.registry for one in workspaces), anywhere=allow_unverified))
    if not done:
        require_registry(workspaces[0])
        note(f"{source} has no records")
    refused = [one.refused for one in done if one.refused is not None]
    copied = sum(one.copied for one in done)
    note(f"{counted(copied, 'model')} copied, {len(done) - copied - len(refused)} were there already")
    unverified = [one.record.run_id[:8] for one in done if not one.verified and one.refused is None]
    if unverified:
        note(f"unverified, since their records have no digests: {', '.join(unverified)}")
    for error in refused:
        note(f"left out: {error}")
    if refused:
        ctx.exit(1)


@click.command(epilog="Example: bt registry keygen --output keys/bike-traffic")
@click.option("--output", metavar="PATH", help="Write PATH.key and PATH.pub.  [default: in your settings folder]")
def keygen(output: str | None) -> None:
    """Make a pair of Ed25519 keys: the private one signs what you train, the public one checks signatures.

    Only you can read the private key. It has no password: keep it out of repositories and buckets.
    """
    from bike_traffic.folders import key_path
    from bike_traffic.registry.signing import generate_keys

    path = Path(output) if output else key_path()
    private, public = path.with_name(f"{path.name}.key"), path.with_name(f"{path.name}.pub")
    key_id = generate_keys(private, public)
    note(f"key {key_id}")
    note(f"to sign what you train:    export BT_SIGNING_KEY={private}", to_copy=True)
    note(f"to load only what it signed: export BT_PUBLIC_KEY={public}", to_copy=True)
