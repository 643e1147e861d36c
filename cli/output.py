"""How results are printed: tables for people, one JSON document for scripts."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.printing import echo_json
from bike_traffic.cli.session import Session
from bike_traffic.cli.table import print_table as print_table  # commands of others import it from here
from bike_traffic.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from bike_traffic.backtesting import FoldMean
    from bike_traffic.evaluation.measuring import Evaluation

BASELINE_NAME, RECENT_NAME = "4-week mean", "recent level"
BEHIND_BASELINE = "behind mean"
"""Mark of a model that does not beat the 4-week mean."""
_AT_ONCE = 500
"""Documents of an array that are printed at once."""


def print_json(document: Any) -> None:
    """Print the one JSON document of a command."""
    _take_document()
    echo_json(_indented(document))


def print_json_array(documents: Iterable[bytes], name: str | None = None) -> None:
    """Print the one JSON document of a command, an array of any length, part by part.

    Parameters
    ----------
    name : of the array, if the document is an object with it.
    """
    _take_document()
    margin = "" if name is None else "  "
    first, last = ("[", "]") if name is None else (f'{{\n  "{name}": [', "  ]\n}")
    remaining = iter(documents)
    some = list(islice(remaining, _AT_ONCE))
    if not some:
        echo_json(f"{first}{last.strip(' ')}")
        return
    echo_json(first)
    while some:
        following = list(islice(remaining, _AT_ONCE))
        entries = _entries(some)
        entries = textwrap.indent(entries, margin) if margin else entries
        echo_json(f"{entries}{',' if following else ''}")
        some = following
    echo_json(last)


def _entries(documents: Sequence[bytes]) -> str:
    """Return documents as the entries of an array, indented."""
    import msgspec

    try:
        array = msgspec.json.format(b"[%b]" % b",".join(documents), indent=2).decode()
        return array.removeprefix("[\n").removesuffix("\n]")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # unusual JSON, such as NaN
        return ",\n".join(textwrap.indent(_unusual(document), "  ") for document in documents)


def _unusual(document: bytes) -> str:
    try:
        return _indented(json.loads(document))
    except (ValueError, RecursionError):
        return document.decode("utf-8", "replace")


def _indented(document: Any) -> str:
    return json.dumps(_plain(document), ensure_ascii=False, indent=2)


def _take_document() -> None:
    """Note that this call prints its document: a failure from now on prints none."""
    context = click.get_current_context(silent=True)
    session = context and context.find_object(Session)
    if session:
        session.has_document = True


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: NaN and infinity are null, and what JSON has no type for is its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in (sorted(value, key=str) if isinstance(value, Set) else value)]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if callable(getattr(value, "tolist", None)):  # numpy
        return _plain(value.tolist())
    return str(value)


def metric_columns(*tables: Mapping[str, float]) -> list[str]:
    """Return the metrics that any of the tables holds and a terminal has room for, in the order of `METRICS`."""
    return [name for name in METRICS if METRICS[name].in_tables and any(name in table for table in tables)]


def values_of(metrics: Mapping[str, float], columns: Sequence[str]) -> list[object]:
    """Return the cells of one row of metrics."""
    return [metrics.get(name) for name in columns]


def baseline_rows(
    evaluation: Evaluation | FoldMean, before: Sequence[object], after: Sequence[object], columns: Sequence[str]
) -> list[list[object]]:
    """Return a row for each baseline: the cells before its name, the name, the cells after it, the metrics."""
    named = ((RECENT_NAME, evaluation.recent), (BASELINE_NAME, evaluation.baseline))
    return [[*before, name, *after, *values_of(metrics, columns)] for name, metrics in named if metrics]


def metrics_document(evaluation: Evaluation | FoldMean) -> dict[str, object]:
    """Return the metrics of a model and of the baselines, as JSON documents have them."""
    return {"metrics": evaluation.metrics, "baseline": evaluation.baseline, "recent": evaluation.recent}


def distinct(rows: Iterable[list[object]]) -> list[list[object]]:
    """Return rows without repetitions: models that were measured on the same rows share their baselines."""
    kept: list[list[object]] = []
    for row in rows:
        if row not in kept:
            kept.append(row)
    return kept
