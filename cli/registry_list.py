"""``bt registry list``."""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.completion import complete_metrics, complete_models
from bike_traffic.cli.output import print_json_array
from bike_traffic.cli.printing import note
from bike_traffic.cli.records import added_by_events, print_records, since_time
from bike_traffic.cli.session import flags_of, format_option, require_registry, stdout_to_stderr, with_workspace
from bike_traffic.evaluation.metrics import Metric, metric_named
from bike_traffic.registry.events.event import signatures, withdrawals
from bike_traffic.registry.files.upkeep import signature_faults
from bike_traffic.registry.records import ModelRecord, as_metric

if TYPE_CHECKING:
    from bike_traffic.registry.signing import PublicKeys, Signature
    from bike_traffic.workspace import Workspace

_AT_ONCE = 500
"""Records that are taken from a backend at once."""

_EVERY: Mapping[str, None] = dict.fromkeys(("test_mode", "sample", "split", "city"))
"""What `best` leaves out is listed, too."""

Listed = tuple[Mapping[str, Any], bytes]
"""Some keys of a record, and the whole record as JSON."""


@click.command("list", epilog="Example: bt registry list --sort rmse --limit 10")
@click.option("-m", "--model", metavar="NAME", shell_complete=complete_models, help="Only models of this name.")
@with_workspace()
@click.option("--since", metavar="TIME", help="Only records registered at this time, or on this day (UTC), or later.")
@click.option(
    "--sort",
    metavar="METRIC",
    shell_complete=complete_metrics,
    help="The best by this metric first, those without it last.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N records: the newest, or with --sort the best.",
)
@format_option("table", "json")
def list_records(
    workspace: Workspace,
    model: str | None,
    since: str | None,
    sort: str | None,
    limit: int | None,
    output_format: str,
) -> None:
    """List all records in the order of their registration, with marks.

    The marks say which are of test mode, of the generated sample or of a random split, which are withdrawn, and which
    models do not beat the 4-week mean; with a public key, also which are unsigned or forged.
    """
    with stdout_to_stderr():
        query = workspace.query(model, **_EVERY, since=since_time(since))
        metric = metric_named(sort) if sort else None
        listed = _quiet(workspace.registry.listed(query))
        others = _chosen(listed, metric, limit)
        first = list(islice(others, 1))
        events = workspace.registry.events()
    if not first:
        require_registry(workspace)
    if output_format == "json":
        print_json_array(_documents(chain(first, others), added_by_events(events)))
    elif first:
        marks_of = _signature_marks(workspace.trust.public_keys, signatures(events))
        rows = ((row, marks_of(document)) for row, document in chain(first, others))
        print_records(rows, withdrawals(events), also=sort)
    else:
        flags = flags_of(workspace)
        note(f"no records yet; `bt train{flags}` makes the first [{workspace.registry_in_words}]")


def _quiet(listed: Iterator[Listed]) -> Iterator[Listed]:
    """Yield what a backend lists, and send what it prints on the way to standard error."""
    while True:
        with stdout_to_stderr():
            some = list(islice(listed, _AT_ONCE))
        if not some:
            return
        yield from some


def _chosen(listed: Iterator[Listed], metric: Metric | None, limit: int | None) -> Iterator[Listed]:
    """Yield the newest, or the best by a metric; no more records are held than are listed."""
    if metric is None:
        return listed if limit is None else iter(deque(listed, maxlen=limit))

    def rank(one: Listed) -> tuple[bool, float]:
        value = as_metric(one[0].get(metric.name))
        return (True, 0.0) if value is None else (False, -value if metric.higher_is_better else value)

    return iter(sorted(listed, key=rank) if limit is None else heapq.nsmallest(limit, listed, key=rank))


def _signature_marks(
    keys: PublicKeys | None, later: Mapping[str, Sequence[Signature]]
) -> Callable[[bytes], Sequence[str]]:
    """Return the function that marks a record whose signature is not right, if there are keys to check it with."""
    if keys is None:
        return lambda _: ()

    def marks(document: bytes) -> Sequence[str]:
        record = ModelRecord.from_json(json.loads(document))
        return [fault.kind for fault in signature_faults(record, keys, later.get(record.run_id, ()))]

    return marks


def _documents(listed: Iterable[Listed], events: Mapping[str, Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the document of each record, with what events add: when, by whom and why it was withdrawn or signed."""
    for row, document in listed:
        if added := events.get(row["run_id"]):
            yield json.dumps({**json.loads(document), **added}, ensure_ascii=False).encode()
        else:
            yield document
