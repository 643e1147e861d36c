"""The best record of a registry; if there is none, an error that says where it was looked for, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from bike_traffic.errors import NoRecord, no_such
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.records import ModelRecord


def compare(
    registry: RegistryBackend, where: str, metric: str, query: Query
) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
    """Return what `RegistryBackend.compare` returns; `where` is what messages call the registry.

    Raises
    ------
    UnknownMetric, NoRecord
    """
    try:
        return registry.compare(metric, query)
    except NoRecord as error:
        reason = _reason(list(registry.records(EVERYTHING)), metric, query) or str(error)
        raise error.saying(f"{reason} [{where}]") from None


def require_records(registry: RegistryBackend, where: str, model: str) -> None:
    """Raise `NoRecord` if no record is of the model called `model`: found out before its class is imported."""
    if next(registry.records(attrs.evolve(EVERYTHING, model_type=model)), None) is None:
        names = {record.model_type for record in registry.records(EVERYTHING)}
        raise NoRecord(
            f"{_no_model(model, names)} [{where}]", "model-not-registered", name=model, known=sorted(names)
        )


def _reason(records: list[ModelRecord], metric: str, query: Query) -> str | None:
    """Return why no record answers a query, if it is more than that: no records, a misspelt model, another task."""
    names = {record.model_type for record in records}
    if not records or query.model_type not in (None, *names):
        return _no_model(query.model_type, names)
    measured = {name for one in records if query.model_type in (None, one.model_type) for name in one.metrics}
    task = METRICS[metric].task
    if not measured or task is None or any(METRICS[name].task == task for name in measured):
        return None
    ranking = {name for name in measured if METRICS[name].higher_is_better is not None}
    if not ranking:
        return None
    other = "classifier" if task == "regression" else "regression"
    which = f"{query.model_type} is a {other}" if query.model_type else f"each registered model is a {other}"
    return f"no record with {metric} for {query}: {which}, with {', '.join(n for n in METRICS if n in ranking)}"


def _no_model(model: str | None, names: set[str]) -> str:
    if names and model is not None:
        return no_such("registered model", model, names)
    what = f"no record of model {model}" if model else "no record"
    return f"{what}: the registry is empty; `bt train` fills it, --backend and --registry name another one"
