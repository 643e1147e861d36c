"""``bt registry``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from bike_traffic.cli.output import RECORD_COLUMNS, metric_columns, print_json, print_table, record_row
from bike_traffic.cli.registry_aliases import history, promote, rollback
from bike_traffic.cli.registry_upkeep import copy, reconcile, verify
from bike_traffic.cli.session import Session, format_option, note, pass_session, registry_options
from bike_traffic.errors import RegistryError
from bike_traffic.registry import ModelRecord, Query, parse_time


@click.group(epilog="Example: bt registry best --metric r2 --format uri")
def registry() -> None:
    """Find, list, show and pull registered models; promote them, and look after the registry."""


def _query(model: str | None, env: str | None, test_mode: bool | None, as_of: str | None) -> Query:
    try:
        time = parse_time(as_of) if as_of else None
    except ValueError:
        raise RegistryError(f"--as-of {as_of}: not a time; write 2026-06-01 or 2026-06-01T12:00:00+02:00") from None
    return Query(model_type=model, env=env, test_mode=test_mode, as_of=time)


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
    """Name the best model by a metric; lower is better where it is."""
    query = _query(model, env, test_mode, as_of)
    settings = session.settings(env=env, backend=backend, registry=registry)
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
    """List the records in the order of their registration, those of test mode included."""
    settings = session.settings(env=env, backend=backend, registry=registry)
    records = list(session.registry(settings).records(_query(model, env, None, None)))
    if form == "json":
        print_json([record.to_json() for record in records])
    elif records:
        _print_records(records)
    else:
        note("no records yet; `bt train` makes the first")


@registry.command(epilog="Example: bt registry show 4f2a91c0")
@click.argument("run_id")
@registry_options
@format_option("table", "json")
@pass_session
def show(
    session: Session, run_id: str, env: str | None, backend: str | None, registry: str | None, form: str
) -> None:
    """Show one record whole; the first letters of its run id will do."""
    settings = session.settings(env=env, backend=backend, registry=registry)
    entry = session.registry(settings).get(run_id).to_json()
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
@click.argument("run_id")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@registry_options
@pass_session
def pull(
    session: Session, run_id: str, directory: Path, env: str | None, backend: str | None, registry: str | None
) -> None:
    """Copy a model's files into DIRECTORY, each checked against its digest."""
    settings = session.settings(env=env, backend=backend, registry=registry)
    opened = session.registry(settings)
    record = opened.get(run_id)
    if directory.exists() and list(directory.iterdir()):
        raise RegistryError(f"{directory} is not empty; name a new folder")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bt-tmp-", dir=directory.parent) as incoming:
        files = Path(incoming, "files")
        files.mkdir()
        opened.download(record, files)
        files.replace(directory)
    unverified = "" if record.artifacts else "; the record has no digests, so they could not be checked"
    note(f"{record.model_type} of run {record.run_id[:8]}: files in {directory}{unverified}")


for command in (promote, rollback, history, verify, reconcile, copy):
    registry.add_command(command)


def _print_records(records: list[ModelRecord]) -> None:
    metrics = metric_columns(*(record.metrics for record in records))
    rows = [
        [*record_row(record.to_json()), *(record.metrics.get(name) for name in metrics), record.model_uri]
        for record in records
    ]
    print_table([*RECORD_COLUMNS, *metrics, "files"], rows)
