"""``bt registry sign``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.completion import complete_runs
from bike_traffic.cli.printing import note
from bike_traffic.cli.registry_events import actor, reason_option
from bike_traffic.cli.session import require_registry, stdout_to_stderr, with_workspace
from bike_traffic.errors import SettingsError
from bike_traffic.notices import counted
from bike_traffic.registry.queries import EVERYTHING

if TYPE_CHECKING:
    from bike_traffic.workspace import Workspace


@click.command(epilog='Example: bt registry sign --all --reason "from before we signed"')
@click.argument("run_ids", metavar="[RUN_ID]...", nargs=-1, shell_complete=complete_runs)
@click.option("--all", "everything", is_flag=True, help="Sign every record that this key did not sign yet.")
@reason_option
@with_workspace()
@click.pass_context
def sign(ctx: click.Context, workspace: Workspace, run_ids: tuple[str, ...], everything: bool, reason: str) -> None:
    """Sign records that were registered without a signature, or with another key's.

    With your signing key you vouch for the records and files as they are now: those that do not verify are refused.
    A signature is added beside the record, which is not changed. Exit code 1 if a record was refused.
    """
    if everything == bool(run_ids):
        raise click.UsageError("Name the runs to sign, or give --all.")
    with stdout_to_stderr():
        from bike_traffic.registry.files.late_signing import sign_records

        key, registry = workspace.signing_key, workspace.registry
        if key is None:
            raise SettingsError(
                "there is no key to sign with; `bt registry keygen` makes one, and signing_key in bt.toml or "
                "BT_SIGNING_KEY names it",
                "signing-key-not-set",
            )
        records = list(registry.records(EVERYTHING)) if everything else [registry.get(one) for one in run_ids]
        if not records:
            require_registry(workspace)
        trusted = workspace.trust.public_keys
        refused, new, before = 0, 0, 0
        for one in sign_records(registry, records, key, actor=actor(), reason=reason, trusted=trusted):
            name = f"{one.record.model_type} of run {one.record.run_id[:8]}"
            if one.refused is not None:
                refused += 1
                note(f"not signed: {name}: {one.refused.detail}")
            elif one.event is not None:
                new += 1
                if not everything:
                    note(f"{name}: signed with key {key.key_id}")
            else:
                before += 1
                if not everything:
                    note(f"{name} is signed with key {key.key_id} already")
        registry.sign_head(key)
    if everything:
        already = f", {before} had its signature already" if before else ""
        note(f"{counted(new, 'record')} signed with key {key.key_id}{already}")
    if refused:
        ctx.exit(1)
