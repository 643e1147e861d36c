"""Queries over records, and the best record by a metric."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import attrs

from bike_traffic.cities import PARIS
from bike_traffic.config import SAMPLE
from bike_traffic.errors import NoRecord
from bike_traffic.evaluation.metrics import FEWEST_HELD_OUT, METRICS, Metric
from bike_traffic.registry.records import as_metric, not_a_record, parse_time

QUERIED_KEYS = (
    "timestamp", "model_type", "env", "test_mode", "run_id", "city", "data.source", "data.last_hour", "split.kind",
    "split.held_out_rows", "split.held_out_digest", "split.training_until", "split.measured_until",
)  # fmt: skip
"""The keys of an entry, and of its parts, that a `Query` and `measured_rows` look at."""

LISTED_KEYS = (*QUERIED_KEYS, "beats_baseline", "model_uri", *METRICS)
"""The keys of an entry that a list shows."""

LeftOut = Literal["withdrawn", "test mode", "sample", "random split", "few rows", "other city"]
Mark = Literal["withdrawn", "test mode", "sample", "random split", "few rows", "behind mean"]
_WORDS: Mapping[LeftOut, str] = {
    "sample": "of the sample (add --sample)",
    "test mode": "of test mode (add --test-mode)",
    "random split": "of a random split",
    "few rows": f"measured on fewer than {FEWEST_HELD_OUT} rows",
    "other city": "of another city (--city names it)",
    "withdrawn": "withdrawn (`bt registry restore` takes them back)",
}


@attrs.frozen(kw_only=True)
class Query:
    """A filter of records; ``None`` admits every value.

    Records of test mode and of the sample are left out by default. So are those of a random split: its metrics are
    too good to compare with those of a temporal split; and those measured on fewer than `FEWEST_HELD_OUT` rows,
    unless `split` is ``None`` or records of test mode are asked for. Among these those of the sample are admitted.

    Parameters
    ----------
    test_mode, sample : ``True`` admits only such records, ``False`` only others.
    as_of, since : admit only records registered by a time, or from it on.
    city : leave out records of another city; those of earlier versions do not say of which they are.
    withdrawn : run ids to leave out; `RegistryBackend.best` adds those that are withdrawn.
    measured_by : admit only records with this metric, whatever metric compares them.
    """

    model_type: str | None = None
    env: str | None = None
    test_mode: bool | None = False
    sample: bool | None = False
    as_of: datetime | None = None
    since: datetime | None = None
    split: str | None = "temporal"
    city: str | None = None
    withdrawn: frozenset[str] = frozenset()
    measured_by: str | None = None

    def admits(self, entry: Mapping[str, Any]) -> bool:
        """Return whether the query admits a record, given as JSON."""
        return self.asks_for(entry) and self.leaves_out(entry) is None

    def asks_for(self, entry: Mapping[str, Any]) -> bool:
        """Return whether a record is one of those requested, apart from the reasons of `leaves_out`."""
        return (
            (self.model_type is None or entry.get("model_type") == self.model_type)
            and (self.env is None or entry.get("env") == self.env)
            and (not self.test_mode or entry.get("test_mode") == self.test_mode)
            and (not self.sample or is_of_sample(entry))
            and (self.split in (None, "temporal") or _split_of(entry) in (self.split, None))
            and (self.as_of is None or _time_of(entry) <= self.as_of)
            and (self.since is None or _time_of(entry) >= self.since)
            and (self.measured_by is None or as_metric(entry.get(self.measured_by)) is not None)
        )

    def leaves_out(self, entry: Mapping[str, Any]) -> LeftOut | None:
        """Return why the query leaves out a record that it otherwise asks for; ``None`` if it does not."""
        if self.withdrawn and entry.get("run_id") in self.withdrawn:
            return "withdrawn"
        if self.city is not None and entry.get("city", self.city) != self.city:
            return "other city"
        if self.split == "temporal" and _split_of(entry) not in ("temporal", None):
            return "random split"
        if self.test_mode is False and entry.get("test_mode") != self.test_mode:
            return "test mode"
        if self.sample is False and not self.test_mode and is_of_sample(entry):
            return "sample"
        if self.split == "temporal" and not self.test_mode and _has_few_rows(entry):
            return "few rows"
        return None

    @property
    def with_those_left_out(self) -> Query:
        """The query that also admits the records that this one leaves out."""
        test_mode, sample = self.test_mode or None, self.sample or None
        split = None if self.split == "temporal" else self.split
        return attrs.evolve(self, test_mode=test_mode, sample=sample, split=split, city=None, withdrawn=frozenset())

    def __str__(self) -> str:
        """Return the query in words, for messages."""
        conditions = {"model": self.model_type, "env": self.env, "as of": self.as_of and self.as_of.isoformat()}
        conditions["city"] = self.city if self.city != PARIS.name else None  # which goes without saying
        words = [f"{name} {value}" for name, value in conditions.items() if value]
        words += ["test mode"] if self.test_mode else []
        words += ["the sample"] if self.sample else []
        return ", ".join(words) or "any model"


EVERYTHING = Query(test_mode=None, sample=None, split=None)
"""The query that admits every record."""


def is_of_sample(entry: Mapping[str, Any]) -> bool:
    """Return whether a record, given as JSON, was trained on the generated sample."""
    return isinstance(data := entry.get("data"), dict) and data.get("source") == SAMPLE


def marks_of(entry: Mapping[str, Any], withdrawn: Container[str]) -> list[Mark]:
    """Return why a record, given as JSON, is not or should not be the best: the reasons of `Query`, or the mean."""
    is_random, is_test = _split_of(entry) == "random", bool(entry["test_mode"])
    marks: dict[Mark, bool] = {
        "test mode": is_test and not is_random,
        "sample": is_of_sample(entry),
        "random split": is_random,
        "few rows": not is_test and _has_few_rows(entry),
        "behind mean": entry.get("beats_baseline") is False,
        "withdrawn": entry["run_id"] in withdrawn,
    }
    return [mark for mark, applies in marks.items() if applies]


def _split_of(entry: Mapping[str, Any]) -> object:
    """Return the kind of split; ``None`` if a record has none."""
    return split.get("kind") if isinstance(split := entry.get("split"), dict) else None


def _has_few_rows(entry: Mapping[str, Any]) -> bool:
    split = entry.get("split")
    rows = split.get("held_out_rows") if isinstance(split, dict) else None
    return isinstance(rows, int) and rows < FEWEST_HELD_OUT


def _time_of(entry: Mapping[str, Any]) -> datetime:
    try:
        return parse_time(entry["timestamp"])
    except (KeyError, TypeError, ValueError) as error:
        raise not_a_record(error) from None


def best_entry(
    entries: Iterable[Mapping[str, Any]], metric: Metric, query: Query, compared: Callable[[Any], None] | None = None
) -> Mapping[str, Any]:
    """Return the entry with the best finite value of `metric`, the earliest of equals.

    Raises `NoRecord` if there is none; the message counts the records that the query left out, and says why.
    `compared` is called with each of the `compared_entries`.
    """
    best: Mapping[str, Any] | None = None
    left_out: Counter[LeftOut] = Counter()
    for entry in compared_entries(entries, metric, query, left_out):
        if compared is not None:
            compared(entry)
        if best is None or metric.better(entry[metric.name], best[metric.name]):
            best = entry
    if best is None:
        raise nothing_left(f"record with {metric.name}", query, left_out, name=metric.name)
    return best


def compared_entries(
    entries: Iterable[Mapping[str, Any]], metric: Metric, query: Query, left_out: Counter[LeftOut] | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yield the entries with a finite value of `metric` that `query` admits, and count those that it leaves out."""
    for entry in entries:
        value = as_metric(entry.get(metric.name))
        if value is None or not math.isfinite(value) or not query.asks_for(entry):
            continue
        reason = query.leaves_out(entry)
        if reason is None:
            yield entry
        elif left_out is not None:
            left_out[reason] += 1


def nothing_left(
    what: str, query: Query, left_out: Mapping[LeftOut, int], reasons: str = "", /, **parts: Any
) -> NoRecord:
    """Return the error for a query that admits no record, with the records that it left out and why."""
    more = reasons or ", ".join(f"{left_out[one]} {words}" for one, words in _WORDS.items() if left_out.get(one))
    return NoRecord(
        f"no {what} for {query}{f'; left out: {more}' if more else ''}",
        "no-record-with-metric",
        **parts,
        query=str(query),
        left_out=dict(left_out),
    )
