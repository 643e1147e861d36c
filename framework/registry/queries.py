"""Queries over records, and the best record by a metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from bike_traffic.errors import NoRecord
from bike_traffic.evaluation.metrics import Metric
from bike_traffic.registry.records import not_a_record, parse_time

QUERIED_KEYS = ("timestamp", "model_type", "env", "test_mode", "split")
"""The keys of an entry that a `Query` looks at."""


@attrs.frozen(kw_only=True)
class Query:
    """A filter of records; ``None`` admits every value.

    Records of test mode are left out by default, and so are those of a random split: its metrics are too good to
    compare with those of a temporal split.
    """

    model_type: str | None = None
    env: str | None = None
    test_mode: bool | None = False
    as_of: datetime | None = None
    split: str | None = "temporal"

    def admits(self, entry: Mapping[str, Any]) -> bool:
        """Return whether the query admits a record, given as JSON."""
        return (
            (self.model_type is None or entry.get("model_type") == self.model_type)
            and (self.env is None or entry.get("env") == self.env)
            and (self.test_mode is None or entry.get("test_mode") == self.test_mode)
            and (self.split is None or _split_of(entry) in (self.split, None))
            and (self.as_of is None or _time_of(entry) <= self.as_of)
        )

    def __str__(self) -> str:
        """Return the query in words, for messages."""
        conditions = {"model": self.model_type, "env": self.env, "as of": self.as_of and self.as_of.isoformat()}
        words = [f"{name} {value}" for name, value in conditions.items() if value]
        words += ["test mode"] if self.test_mode else []
        return ", ".join(words) or "any model"


EVERYTHING = Query(test_mode=None, split=None)
"""The query that admits every record."""


def _split_of(entry: Mapping[str, Any]) -> object:
    """Return the kind of split; ``None`` if a record has none."""
    split = entry.get("split")
    return split.get("kind") if isinstance(split, Mapping) else None


def _time_of(entry: Mapping[str, Any]) -> datetime:
    try:
        return parse_time(entry["timestamp"])
    except (KeyError, TypeError, ValueError) as error:
        raise not_a_record(error) from None


def best_entry(entries: Iterable[Mapping[str, Any]], metric: Metric, query: Query) -> Mapping[str, Any]:
    """Return the entry with the best finite value of `metric`, the earliest of equals; raise `NoRecord`."""
    best: Mapping[str, Any] | None = None
    for entry in entries:
        value = entry.get(metric.name)
        if not isinstance(value, int | float) or not math.isfinite(value) or not query.admits(entry):
            continue
        if best is None or metric.better(value, best[metric.name]):
            best = entry
    if best is None:
        raise NoRecord(
            f"no record with {metric.name} for {query}", "no-record-with-metric", name=metric.name, query=str(query)
        )
    return best
