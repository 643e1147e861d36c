"""``bt data fetch`` and ``bt data status``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs
import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace

if TYPE_CHECKING:
    from bike_traffic.opendata.fetching import FetchResult
    from bike_traffic.workspace import Workspace

DEFAULT_STORE = "counts"


@click.command(epilog="Example: bt data fetch --to gs://my-bucket/counts")
@click.option("--to", "target", default=DEFAULT_STORE, show_default=True, metavar="URI", help="The store: a folder.")
@click.option("--since", metavar="MONTH", help="First month, such as 2026-03.  [default: 13 months ago]")
@click.option("--year", "years", metavar="YEARS", help="The archive of a year, or of years such as 2018-2025.")
@click.option("--counters", multiple=True, metavar="ID", help="Only this counter; may be repeated, or ID,ID,…")
@with_workspace(["city"])
@format_option("table", "json")
def fetch(
    workspace: Workspace,
    target: str,
    since: str | None,
    years: str | None,
    counters: tuple[str, ...],
    output_format: str,
) -> None:
    """Fetch the City's counts month by month into a store, or bring a store up to date.

    A store is a folder, on disk or in a bucket, which every command takes in place of a file. The newest months are
    fetched again on each run; months that the portal drops stay. Exit code 1 if a month could not be fetched: the
    next run fetches what is missing.

    With --year the hours that the store lacks come from the City's yearly archives instead, which reach further back.
    """
    if years is not None and since is not None:
        raise click.UsageError("--year takes whole years; give it without --since")
    with stdout_to_stderr():
        from bike_traffic.data.window import month_of
        from bike_traffic.opendata.archives import fetch_year
        from bike_traffic.opendata.fetching import fetch as fetch_months

        city = workspace.city
        first = None if since is None else month_of(since)
        wanted = [one.strip() for text in counters for one in text.split(",") if one.strip()]
        if years is None:
            results = [fetch_months(city, target, since=first, counters=wanted)]
        else:
            results = [fetch_year(city, target, year, counters=wanted) for year in _years(years)]
        months = tuple(month for result in results for month in result.months)
        notes = tuple(line for result in results for line in result.notes)
        result = attrs.evolve(results[-1], months=months, notes=notes)
    for line in result.notes:
        note(line)
    if output_format == "json":
        print_json(_document(result))
    else:
        _print(result)
    if result.error is not None:
        raise result.error


def _years(text: str) -> range:
    first, _, last = text.partition("-")
    if not re.fullmatch(r"\d{4}(-\d{4})?", text) or (last and last < first):
        raise click.BadParameter(f"'{text}' is neither a year nor two with - between them", param_hint="--year")
    return range(int(first), int(last or first) + 1)


def _document(result: FetchResult) -> dict[str, object]:
    document = attrs.asdict(result)
    return {**document, "error": None if result.error is None else result.error.to_json()}


def _print(result: FetchResult) -> None:
    rows = [[one.month, one.state, one.rows, one.size] for one in result.months if one.state != "absent"]
    if rows:
        print_table(["month", "", "rows", "bytes"], rows)
    else:
        note("the portal has no counts of these months")
    for old, new in result.renamed.items():
        note(f"'{old}' now bears the name '{new}'")
    for old, new in result.doubled.items():
        note(f"'{old}' is stored as '{new}', the counter's own name")
    licence = f"; licence: {result.licence}" if result.licence else ""
    note(f"{result.store}: {result.city}{licence}")


@click.command(epilog="Example: bt data status counts --format json")
@click.argument("source", metavar="[STORE]", default=DEFAULT_STORE)
@format_option("table", "json")
def status(source: str, output_format: str) -> None:
    """Say what a store has: its months, its newest hour, and what is missing.

    Every file is read and compared with the manifest. Exit code 1 if one is damaged.
    """
    with stdout_to_stderr():
        import pandas as pd

        from bike_traffic.evaluation.splits import span_in_words
        from bike_traffic.opendata.stores.status import store_status

        found = store_status(source)
    if output_format == "json":
        print_json({**attrs.asdict(found), "months": {name: one.to_json() for name, one in found.months.items()}})
    else:
        months = "1 month" if len(found.months) == 1 else f"{len(found.months)} months"
        echo(f"{found.store}: {found.rows:,} rows in {months}, {found.size:,} bytes")
        if found.age_hours is not None:
            age = span_in_words(pd.Timedelta(hours=found.age_hours))
            echo(f"from {found.first_hour} to {found.last_hour}, {age} ago")
        if found.months:
            echo(f"{found.city}, {found.dataset} at {found.base_url}; licence: {found.licence}")
        for what, named in (("missing", found.missing), ("damaged", found.damaged)):
            if named:
                echo(f"{what}: {', '.join(named)}")
    if found.damaged:
        click.get_current_context().exit(1)
