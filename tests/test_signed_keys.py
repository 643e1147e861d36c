"""A signature covers every key of a record but the address of its files, whenever it was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.data.cleaning import clean
from bike_traffic.manager import PluginHost
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import PublicKeys, SigningKey, generate_keys
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, train_model

TINY = {"n_estimators": 1}
NOT_SIGNED = {"model_uri", "signature"}


FaultOf = Callable[[ModelRecord], str | None]


@pytest.fixture(scope="module", params=["at the training", "later"])
def trained(
    request: pytest.FixtureRequest, small_counts: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ModelRecord, FaultOf]:
    """Return a record with every key that it can have, and the function that checks its signature."""
    folder = tmp_path_factory.mktemp("signed")
    generate_keys(folder / "a.key", folder / "a.pub")
    key, keys = SigningKey.read(folder / "a.key"), PublicKeys.read(folder / "a.pub")
    later = request.param == "later"
    result = train_model(
        PluginHost(only=()).pipeline("rf"),
        clean(small_counts),
        LocalRegistry(str(folder / "models")),
        TrainingPlan(parameters=TINY, source="counts.csv"),
        signing_key=None if later else key,
    )
    record = result.record
    return record, partial(keys.fault_of, later=[key.signature_of(record)] if later else [])


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path to each value inside a JSON object."""
    if isinstance(value, Mapping):
        return [one for key, inner in value.items() for one in leaves(inner, (*path, key))]
    return [path]


def altered(value: Any) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}0"


def with_another(entry: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    key, *rest = path
    return entry | {key: with_another(entry[key], tuple(rest)) if rest else altered(entry[key])}


def test_a_record_that_is_not_altered_is_right(trained: tuple[ModelRecord, FaultOf], clean_place: Path) -> None:
    record, fault_of = trained
    assert fault_of(ModelRecord.from_json(record.to_json())) is None
    moved = record.to_json() | {"model_uri": "elsewhere/"}
    assert fault_of(ModelRecord.from_json(moved)) is None


def test_every_value_of_a_record_that_is_altered_shows(trained: tuple[ModelRecord, FaultOf]) -> None:
    record, fault_of = trained
    entry = record.to_json()
    paths = [path for path in leaves(entry) if path[0] not in NOT_SIGNED and path != ("timestamp",)]
    assert {path[0] for path in paths} > {"split", "data", "artifacts", "r2", "parameters", "baseline", "env"}
    assert {("split", "kind"), ("data", "source"), ("data", "rows")} < set(paths)
    unnoticed = [path for path in paths if not fault_of(ModelRecord.from_json(with_another(entry, path)))]
    assert unnoticed == []
    assert fault_of(attrs.evolve(record, timestamp="2020-01-01T00:00:00+00:00"))


def test_every_key_of_a_record_that_is_taken_away_shows(trained: tuple[ModelRecord, FaultOf]) -> None:
    record, fault_of = trained
    entry = record.to_json()
    needed = {"timestamp", "model_type", "env", "test_mode", "run_id"}
    removable = [key for key in entry if key not in needed | NOT_SIGNED]
    less = {key: {name: value for name, value in entry.items() if name != key} for key in removable}
    assert [key for key, one in less.items() if not fault_of(ModelRecord.from_json(one))] == []
    assert fault_of(ModelRecord.from_json(entry | {"another": 1}))
