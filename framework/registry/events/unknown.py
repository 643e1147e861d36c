"""Events of runs that have no record."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.files.findings import Finding


def unknown_runs(events: Sequence[RegistryEvent], unknown: Container[str]) -> Iterator[Finding]:
    """Find the first event of each of these runs."""
    first = {event.run_id: event for event in reversed(events) if event.run_id in unknown}
    for run_id, event in sorted(first.items()):
        what = f"{event.kind} of alias {event.alias}" if event.alias else event.kind
        detail = f"an event names it ({what}, {event.origin}), but no record has this run id"
        yield Finding("unknown-run", run_id, detail, {"kind": event.kind, "alias": event.alias})
