"""The best record of a registry; if there is none, an error that says where it was looked for, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.comparison import COMPARABLE
from bike_traffic.errors import NoRecord, NoRegistry, no_such
from bike_traffic.evaluation.metrics import METRICS, Metric, metric_named
from bike_traffic.notices import Notify, counted
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.queries import EVERYTHING, Query, best_entry, compared_entries
from bike_traffic.registry.records import ModelRecord, as_metric

if TYPE_CHECKING:
    from bike_traffic.registry.signing import Trust


_NAMED = 5
"""Number of records with a wrong signature that are named."""


def compare(
    registry: RegistryBackend, where: str, metric: str | None, usual: str, query: Query, trust: Trust, notify: Notify
) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
    """Return what `RegistryBackend.compare` returns; with a public key, the best record that is signed.

    Parameters
    ----------
    where : what messages call the registry.
    metric : ``None`` is `COMPARABLE`, since records may have been measured on different rows; where no record has
        it, as those of early versions, the `usual` one decides.
    usual : the default metric of the task; only records with it are compared.
    notify : called with a line for each better record whose signature is not right.

    Raises
    ------
    UnknownMetric, NoRecord
    """
    if metric is None:
        with suppress(NoRecord):
            return _compare(registry, COMPARABLE, attrs.evolve(query, measured_by=usual), trust, notify)
    metric = metric or usual
    try:
        return _compare(registry, metric, query, trust, notify)
    except NoRegistry:
        raise
    except NoRecord as error:
        require_registry(registry, where)
        reason = _reason(_measured(registry), metric, query) or str(error)
        raise error.saying(f"{reason} [{where}]") from None


def best_of(entries: Sequence[Mapping[str, Any]], metric: str | None, usual: str, query: Query) -> Mapping[str, Any]:
    """Return the best of some records, given as JSON, as `compare` chooses it; raise `NoRecord` if there is none."""
    if metric is None:
        with suppress(NoRecord):
            return best_entry(entries, metric_named(COMPARABLE), attrs.evolve(query, measured_by=usual))
    return best_entry(entries, metric_named(metric or usual), query)


def _compare(
    registry: RegistryBackend, metric: str, query: Query, trust: Trust, notify: Notify
) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
    if trust.public_keys is not None:
        return _compare_signed(registry, metric_named(metric), query, trust, notify)
    return registry.compare(metric, query)


def _compare_signed(
    registry: RegistryBackend, metric: Metric, query: Query, trust: Trust, notify: Notify
) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
    """Look at signatures from the best record on, until one is right: another record may have the same id."""
    query = registry.without_withdrawn(query)
    records = list(registry.records(query.with_those_left_out))
    entries = [record.to_json() for record in records]
    record_of = {id(entry): record for entry, record in zip(entries, records, strict=True)}
    best_entry(entries, metric, query)  # which says why there is none
    compared = list(compared_entries(entries, metric, query))
    sign = -1 if metric.higher_is_better else 1
    ranked = sorted(compared, key=lambda entry: sign * float(entry[metric.name]))
    fault_of = trust.fault_finder(registry)
    for number, entry in enumerate(ranked):
        record = record_of[id(entry)]
        fault = fault_of(record)
        if fault is None:
            _name_rest(number, notify)
            wrong = {id(one) for one in ranked[:number]}
            return record, [one for one in compared if id(one) not in wrong]
        if number < _NAMED:
            notify(f"left out: record {record.run_id}: {fault}")
    _name_rest(len(ranked), notify)
    raise NoRecord(
        f"no record with {metric.name} for {query} is signed as the public key asks",
        "no-signed-record",
        name=metric.name,
        query=str(query),
    )


def _name_rest(left_out: int, notify: Notify) -> None:
    if left_out > _NAMED:
        notify(f"left out: {counted(left_out - _NAMED, 'other record')} whose signatures are not right")


def require_registry(registry: RegistryBackend, where: str) -> None:
    """Raise `NoRegistry` if an address was given and nothing is there; to be asked where nothing was found."""
    if not registry.is_default and not registry.exists():
        raise NoRegistry(
            f"there is no {where}; check --registry and --backend, or let `bt train` make one there",
            "no-registry",
            where=where,
        )


def require_records(registry: RegistryBackend, where: str, model: str) -> None:
    """Raise `NoRecord` if no record is of the model called `model`: found out before its class is imported."""
    if next(registry.records(attrs.evolve(EVERYTHING, model_type=model)), None) is None:
        require_registry(registry, where)
        names = set(_measured(registry))
        raise NoRecord(
            f"{_no_model(model, names)} [{where}]", "model-not-registered", name=model, known=sorted(names)
        )


def _measured(registry: RegistryBackend) -> dict[str, set[str]]:
    """Return the metrics that the records of each model have, by its name."""
    measured: dict[str, set[str]] = {}
    for row, _ in registry.listed(EVERYTHING):
        has = (name for name in METRICS if as_metric(row.get(name)) is not None)
        measured.setdefault(row["model_type"], set()).update(has)
    return measured


def _reason(measured: Mapping[str, set[str]], metric: str, query: Query) -> str | None:
    """Return why no record answers a query, if it is more than that: no records, a misspelt model, another task."""
    if not measured or query.model_type not in (None, *measured):
        return _no_model(query.model_type, set(measured))
    metrics = {name for model, own in measured.items() if query.model_type in (None, model) for name in own}
    task = METRICS[metric].task
    if not metrics or task is None or any(METRICS[name].task == task for name in metrics):
        return None
    ranking = {name for name in metrics if METRICS[name].higher_is_better is not None}
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
