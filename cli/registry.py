"""``bt registry``."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import click

from bike_traffic.cli.output import RECORD_COLUMNS, metric_columns, print_json, print_table, record_row
from bike_traffic.cli.registry_aliases import history, promote, rollback
from bike_traffic.cli.registry_upkeep import copy, keygen, reconcile, verify
from bike_traffic.cli.session import Session, format_option, note, pass_session, registry_options
from bike_traffic.errors import RegistryError
from bike_traffic.manager import bare_name
from bike_traffic.registry import ModelRecord, Query, RegistryBackend, parse_time


@click.group(epilog="Example: bt registry best --metric r2 --format uri")
def registry() -> None:
    """Find, list, show and pull registered models; promote them, and look after the registry."""


def _time(as_of: str | None) -> datetime | None:
    try:
        return parse_time(as_of) if as_of else None
    except ValueError:
        raise RegistryError(f"--as-of {as_of}: not a time; write 2026-06-01 or 2026-06-01T12:00:00+02:00") from None


def _named(opened: RegistryBackend, name: str, as_of: str | None) -> ModelRecord:
    """Return the record of an alias, or of a run id; only an alias stood for something else at another time."""
    if as_of or opened.alias_history(name):
        return opened.alias(name, _time(as_of))
    return opened.get(name)


@registry.command(epilog="Example: bt registry best --metric rmse --model rf")
@click.option("--metric", required=True, metavar="NAME", help="r2, rmse, mae, wape, rmsle, accuracy, f1_score, …")
@click.option("-m", "--model", metavar="NAME", help="Only models of this name.")
@registry_options
@click.option("--test-mode", is_flag=True, help="Look among the models of test mode.")
@click.option("--as-of", metavar="TIME", help="As it stood at this time.")
@format_option("table", "json", "uri")
@pass_session
def best(
    session: Session,
    metric: str,
    model: str | None,
    env: str | None,
    backend: str | None,
    registry: str | None,
    test_mode: bool,
    as_of: str | None,
    form: str,
) -> None:
    """Name the best model by a metric; lower is better where it is.

    Models that were measured on a random split do not take part: their figures flatter.
    """
    settings = session.settings(env=env, backend=backend, registry=registry)
    name = model and bare_name(model)
    query = Query(model_type=name, env=settings.env_asked_for, test_mode=test_mode, as_of=_time(as_of))
    record = session.registry(settings).best(metric, query)
    if form == "json":
        print_json(record.to_json())
    elif form == "uri":
        click.echo(record.model_uri)
    else:
        _print_records([record])


@registry.command("list", epilog="Example: bt registry list --model nn --env prod")
@click.option("-m", "--model", metavar="NAME", help="Only models of this name.")
@registry_options
@format_option("table", "json")
@pass_session
def list_records(
    session: Session,
    model: str | None,
    env: str | None,
    backend: str | None,
    registry: str | None,
    form: str,
) -> None:
    """List the records in the order of their registration, those of test mode and random splits included."""
    settings = session.settings(env=env, backend=backend, registry=registry)
    records = list(
        session.registry(settings).records(
            Query(model_type=model and bare_name(model), env=settings.env_asked_for, test_mode=None, split=None)
        )
    )
    if form == "json":
        print_json([record.to_json() for record in records])
    elif records:
        _print_records(records)
    else:
        note("no records yet; `bt train` makes the first")


@registry.command(epilog="Example: bt registry show champion --as-of 2026-06-01")
@click.argument("name", metavar="RUN_ID|ALIAS")
@registry_options
@click.option("--as-of", metavar="TIME", help="What the alias stood for at this time.")
@format_option("table", "json")
@pass_session
def show(
    session: Session,
    name: str,
    env: str | None,
    backend: str | None,
    registry: str | None,
    as_of: str | None,
    form: str,
) -> None:
    """Show one record whole, by an alias or by a run id, of which the first letters will do."""
    settings = session.settings(env=env, backend=backend, registry=registry)
    entry = _named(session.registry(settings), name, as_of).to_json()
    if form == "json":
        print_json(entry)
        return
    rows: list[tuple[str, object]] = []
    for key, value in entry.items():
        if isinstance(value, dict):
            rows += [(f"{key}.{inner}", held) for inner, held in value.items()]
        else:
            rows.append((key, value))
    print_table(["field", "value"], [(key, _as_text(value)) for key, value in rows])


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_as_text(inner)}" for key, inner in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)


@registry.command(epilog="Example: bt registry pull 4f2a91c0 ./model")
@click.argument("name", metavar="RUN_ID|ALIAS")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@registry_options
@pass_session
def pull(
    session: Session, name: str, directory: Path, env: str | None, backend: str | None, registry: str | None
) -> None:
    """Copy a model's files into DIRECTORY, each checked against its digest."""
    settings = session.settings(env=env, backend=backend, registry=registry)
    from bike_traffic.artifacts import model_files
    from bike_traffic.signing import Trust

    opened = session.registry(settings)
    record = _named(opened, name, None)
    if directory.exists() and list(directory.iterdir()):
        raise RegistryError(f"{directory} is not empty; name a new folder")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bt-tmp-", dir=directory.parent) as incoming:
        files = Path(incoming, "files")
        with model_files(opened, record, Trust.of(settings, unverified=True)) as source:
            shutil.copytree(source, files)
        files.replace(directory)
    unverified = "" if record.artifacts else "; the record has no digests, so they could not be checked"
    note(f"{record.model_type} of run {record.run_id[:8]}: files in {directory}{unverified}")


for command in (promote, rollback, history, verify, reconcile, copy, keygen):
    registry.add_command(command)


def _print_records(records: list[ModelRecord]) -> None:
    metrics = metric_columns(*(record.metrics for record in records))
    rows = [
        [*record_row(record.to_json()), *(record.metrics.get(name) for name in metrics), record.model_uri]
        for record in records
    ]
    print_table([*RECORD_COLUMNS, *metrics, "files"], rows)
