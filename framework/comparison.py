"""On which rows records were measured: only metrics of the same rows say which model is better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from bike_traffic.evaluation.metrics import Metric

COMPARABLE = "skill"
"""The metric that compares records which were measured on different rows."""


@attrs.frozen(kw_only=True)
class MeasuredRows:
    """Held-out rows, and the records that were measured on them.

    Parameters
    ----------
    after, until : last hour of the training rows, and last hour of the held-out rows (ISO 8601), if the records say.
    rows : number of held-out rows, if the records say.
    records : number of records.
    models : their names, in alphabetical order.
    best : the best value of the metric among them.
    """

    after: str | None
    until: str | None
    rows: int | None
    records: int
    models: tuple[str, ...]
    best: float


def measured_rows(entries: Iterable[Mapping[str, Any]], metric: Metric) -> list[MeasuredRows]:
    """Divide records by the rows they were measured on; the group with the best value of `metric` comes first.

    Records with the same digest of the held-out rows belong together; of those without one, records with the same
    last hour and number of rows.

    Parameters
    ----------
    entries : as `RegistryBackend.compare` returns them.
    """
    if isinstance(entries, Divided) and entries.division.metric == metric:
        return entries.division.groups()
    division = Division(metric)
    for entry in entries:
        division.add(entry)
    return division.groups()


class Division:
    """Records divided by the rows they were measured on, one after the other; see `measured_rows`."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._groups: dict[tuple[object, ...], _Group] = {}

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add a record, given as JSON."""
        split = _part(entry, "split")
        digest = _text(split, "held_out_digest")
        key = (digest,) if digest else (_text(split, "training_until"), _number(split, "held_out_rows"))
        value = entry[self.metric.name]
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(split, _text(_part(entry, "data"), "last_hour"), value)
        group.records += 1
        group.models.add(str(entry.get("model_type")))
        group.best = value if self.metric.better(value, group.best) else group.best

    def groups(self) -> list[MeasuredRows]:
        """Return the groups of the records so far, that with the best value first."""
        described = [_described(group) for group in self._groups.values()]
        return sorted(described, key=lambda group: group.best, reverse=self.metric.higher_is_better is True)


@attrs.frozen(eq=False)
class Divided:
    """Records that were divided when the best of them was searched; they are read again only where each is wanted."""

    read: Callable[[], Iterator[Mapping[str, Any]]]
    division: Division

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Read the records again."""
        return self.read()


@attrs.define
class _Group:
    """Records of the same rows: the first of them stands for all, so that memory holds no other."""

    split: Mapping[str, Any]
    last_hour: str | None
    best: float
    records: int = 0
    models: set[str] = attrs.field(factory=set)


def _described(group: _Group) -> MeasuredRows:
    after = _text(group.split, "training_until")
    # The held-out rows of a temporal split are the last ones.
    until = _text(group.split, "measured_until") or (after and group.last_hour)
    return MeasuredRows(
        after=after,
        until=until,
        rows=_number(group.split, "held_out_rows"),
        records=group.records,
        models=tuple(sorted(group.models)),
        best=group.best,
    )


def _part(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object inside an entry; an empty one if it is missing or of another type."""
    part = entry.get(key)
    return part if isinstance(part, dict) else {}


def _text(part: Mapping[str, Any], key: str) -> str | None:
    value = part.get(key)
    return value if isinstance(value, str) else None


def _number(part: Mapping[str, Any], key: str) -> int | None:
    value = part.get(key)
    return value if isinstance(value, int) else None
