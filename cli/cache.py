"""``bt cache``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from bike_traffic.cli.groups import SuggestingGroup
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import Session, format_option, stdout_to_stderr
from bike_traffic.notices import counted

if TYPE_CHECKING:
    from bike_traffic.registry.bounds.cache import CachedModel

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]?)B?")
_DAYS = re.compile(r"(\d{1,5})d")


def _size(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:  # noqa: ARG001
    """Return the bytes of a size such as ``500MB``."""
    if value is None:
        return None
    match = _SIZE.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"'{value}' is no size such as 500MB or 2GB")
    return int(float(match[1]) * _UNITS[match[2]])


def _age(ctx: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:  # noqa: ARG001
    """Return a number of days such as ``30d``."""
    if value is None:
        return None
    match = _DAYS.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"'{value}' is no number of days such as 30d")
    return timedelta(days=int(match[1]))


@click.group(cls=SuggestingGroup, invoke_without_command=True, epilog="Example: bt cache prune --max-size 1GB")
@format_option("table", "json")
@click.pass_context
def cache(ctx: click.Context, output_format: str) -> None:
    """Show the cache of fetched models: its folder, its size, and how long the oldest was not used."""
    if ctx.invoked_subcommand is not None:
        return
    from bike_traffic.registry.bounds.cache import cached_models

    with stdout_to_stderr():
        folder = (ctx.find_object(Session) or Session(None)).workspace().settings.cache
        models = cached_models(folder)
    size, oldest = sum(model.size for model in models), models[0] if models else None
    if output_format == "json":
        used = oldest and datetime.fromtimestamp(oldest.used, UTC).isoformat(timespec="seconds")
        print_json({"folder": str(folder), "bytes": size, "models": len(models), "oldest_use": used})
        return
    used = f", the oldest last used on {datetime.fromtimestamp(oldest.used, UTC):%Y-%m-%d}" if oldest else ""
    echo(f"{folder}: {counted(len(models), 'model')}, {_megabytes(models)}{used}")


@cache.command(epilog="Example: bt cache prune --older-than 30d")
@click.option("--max-size", callback=_size, metavar="SIZE", help="Keep at most so much, such as 500MB or 2GB.")
@click.option("--older-than", callback=_age, metavar="DAYS", help="Remove models not used for so long, such as 30d.")
@click.pass_context
def prune(ctx: click.Context, max_size: int | None, older_than: timedelta | None) -> None:
    """Remove fetched models, the least recently used first; each is fetched again when it is needed.

    Models used in the last ten minutes stay, and so do trainings that wait to be registered.
    """
    if max_size is None and older_than is None:
        raise click.UsageError("give --max-size SIZE, --older-than DAYS, or both")
    from bike_traffic.registry.bounds.cache import cached_models
    from bike_traffic.registry.bounds.cache import prune as prune_models

    with stdout_to_stderr():
        folder = (ctx.find_object(Session) or Session(None)).workspace().settings.cache
        models = cached_models(folder)
        removed = list(prune_models(models, most_bytes=max_size, older_than=older_than))
    gone = {model.folder for model in removed}
    kept = [model for model in models if model.folder not in gone]
    note(f"removed {counted(len(removed), 'model')}, {_megabytes(removed)}; kept {len(kept)}, {_megabytes(kept)}")


def _megabytes(models: list[CachedModel]) -> str:
    return f"{sum(model.size for model in models) / 1e6:,.1f} MB"
