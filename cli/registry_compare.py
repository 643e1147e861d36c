"""``bt registry compare``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.completion import complete_names
from bike_traffic.cli.output import print_json
from bike_traffic.cli.printing import echo, note
from bike_traffic.cli.records import added_by_events, document_of, record_named
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table
from bike_traffic.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from bike_traffic.registry.records import ModelRecord
    from bike_traffic.workspace import Workspace

_SPLIT = ("kind", "training_until", "measured_until", "held_out_rows", "held_out_digest")
_DIGEST, _MINUTES = 12, 16
"""Characters of a digest that tell two apart, and of a time until its minutes."""


@click.command(epilog="Example: bt registry compare 4f2a91c0 champion")
@click.argument("one", metavar="RUN_ID|ALIAS", shell_complete=complete_names)
@click.argument("other", metavar="RUN_ID|ALIAS", shell_complete=complete_names)
@with_workspace()
@format_option("table", "json")
def compare(workspace: Workspace, one: str, other: str, output_format: str) -> None:
    """Compare two records: their metrics, and what of data, split and parameters differs.

    The better value of each metric is marked. Metrics say which model is better only if they are of the same rows.
    """
    with stdout_to_stderr():
        pair = [record_named(workspace.registry, name, None) for name in (one, other)]
        added = added_by_events(workspace.registry.events())
    entries = [document_of(record, added) for record in pair]
    same = _same_rows(entries)
    if output_format == "json":
        print_json({"records": entries, "same_rows": same, "differences": _differences(entries)})
        return
    titles = [f"{record.model_type} {record.run_id[:8]}" for record in pair]
    metrics = [name for name in METRICS if any(name in record.metrics for record in pair)]
    if metrics:
        print_table(["metric", *titles, "difference", "better"], [_metric_row(name, pair) for name in metrics])
        echo()
    rows = [[name, *map(str, values)] for name, values in _differences(entries).items()]
    if rows:
        print_table(["differs", *titles], rows)
    if same is None:
        note("the records do not say on which rows they were measured")
    elif not same:
        note("the two were measured on different rows: compare skill, or run bt registry best --on COUNTS")


def _metric_row(name: str, pair: list[ModelRecord]) -> list[object]:
    values = [record.metrics.get(name) for record in pair]
    first, second = values
    if first is None or second is None:
        return [name, first, second, None, ""]
    better = ""
    if METRICS[name].higher_is_better is not None and first != second:
        better = pair[0 if METRICS[name].better(first, second) else 1].run_id[:8]
    return [name, first, second, second - first, better]


def _same_rows(entries: list[dict[str, Any]]) -> bool | None:
    """Return whether both were measured on the same rows; ``None`` if a record does not say."""
    digests = [(entry.get("split") or {}).get("held_out_digest") for entry in entries]
    return None if None in digests else digests[0] == digests[1]


def _differences(entries: list[dict[str, Any]]) -> dict[str, list[object]]:
    """Return what differs apart from the metrics and the files, as ``part.key`` with the value of each record."""
    flat = [_flat(entry) for entry in entries]
    names = dict.fromkeys([*flat[0], *flat[1]])
    both = {name: [one.get(name, "") for one in flat] for name in names}
    return {name: values for name, values in both.items() if values[0] != values[1]}


def _flat(entry: Mapping[str, Any]) -> dict[str, object]:
    found = {key: _short(key, entry[key]) for key in ("model_type", "env", "timestamp") if key in entry}
    for part in ("split", "data", "registered_fit", "parameters", "plugin", "libraries"):
        values = entry.get(part)
        if not isinstance(values, Mapping):
            continue
        kept = _SPLIT if part == "split" else values
        found |= {f"{part}.{key}": _short(key, values[key]) for key in kept if key in values}
    return found


def _short(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if key.endswith(("digest", "sha256")):
        return value[:_DIGEST]
    return value[:_MINUTES] if key == "timestamp" or key.endswith(("until", "hour")) else value
