"""A record's JSON comes back byte for byte, and what we write ourselves has typed fields."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

import bike_traffic
from bike_traffic.registry.record_parts import DataInfo, FitInfo, PluginInfo, SplitInfo, TrackingInfo
from bike_traffic.registry.records import ModelRecord

ORIGINAL: dict[str, Any] = {
    "timestamp": "2025-06-18T22:59:26.111358",
    "model_type": "nn",
    "env": "prod",
    "test_mode": False,
    "run_id": "abcd",
    "r2": 0.71,
    "rmse": 54.9,
    "model_uri": "gs://bucket/models/nn/20250619_005924/",
}
"""An entry of the original project."""
OURS: dict[str, Any] = {
    "baseline": {"rmse": 60.0},
    "recent": {"rmse": 58.0},
    "beats_baseline": False,
    "interval": {"level": 0.8, "coverage": 0.79},
    "split": {"kind": "temporal", "seed": 0, "training_until": "2021-07-12T23:00:00+02:00"},
    "data": {"rows": 10, "counters": 2, "first_hour": None, "last_hour": None},
    "registered_fit": {"until": "2021-08-09T23:00:00+02:00", "rows": 12, "seconds": 2},
    "parameters": {"depth": None, "list": [1, "é"]},
    "fit_seconds": 3,
    "plugin": {"distribution": "bt-mine", "version": "1.0"},
    "libraries": {"python": "3.11.7"},
    "tracking": {"run_id": "r", "experiment_id": "1", "uri": "http://host"},
    "signature": {"algorithm": "ed25519", "key": "k", "value": "v"},
}


def text(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False)


@pytest.mark.parametrize(
    "added",
    [
        {},
        OURS,
        dict(reversed(OURS.items())),
        {"author": "x", **OURS, "notes": {"deep": [1, None]}},
        {"split": OURS["split"], "zeta": 1, "baseline": OURS["baseline"], "alpha": 2},
        {"split": {"seed": 1, "unknown": {"a": [1]}, "kind": "random"}},
        {"split": {"kind": None}},
        {"split": "weird"},
        {"split": {"kind": 7}},
        {"fit_seconds": True},
        {"fit_seconds": "3"},
        {"beats_baseline": 0},
        {"beats_baseline": None, "recent": "good", "interval": [0.8], "registered_fit": {"until": 7}},
        {"registered_fit": {"rows": 1.5, "until": "x"}},
        {"registered_fit": {"seconds": 0.25, "why": "all rows", "until": "x"}},
        {"plugin": None},
        {"plugin": {"version": 1.0}},
        {"parameters": [1]},
        {"signature": "none"},
        {"baseline": None, "tracking": [], "libraries": 1, "data": "all"},
        {"plugin": {"wheel": {"b": 1, "a": [None]}, "version": "1.0", "extra": {}, "distribution": "bt-mine"}},
        {"data": {"last_hour": "x", "order": [2, 1], "rows": 1, "counters": 1, "first_hour": "x"}},
        {"tracking": {"uri": "http://host", "run_id": "r", "experiment_id": 1}},
        {"parameters": {"z": {"b": 1, "a": 2}, "a": None}, "baseline": {"rmse": 1, "r2": -0.0}},
        {"metrics": {"r2": 1}, "extra": {"split": 1}, "order": ["b", "a"], "folder": None},
    ],
    ids=text,
)
def test_the_json_of_a_record_comes_back_byte_for_byte(added: dict[str, Any]) -> None:
    entry = {**ORIGINAL, **added}
    assert text(ModelRecord.from_json(entry).to_json()) == text(entry)


def test_our_keys_are_typed_fields_and_unknown_ones_are_kept_apart() -> None:
    record = ModelRecord.from_json({**ORIGINAL, **OURS, "author": "x"})
    assert record.split == SplitInfo(kind="temporal", seed=0, training_until="2021-07-12T23:00:00+02:00")
    assert record.plugin == PluginInfo(distribution="bt-mine", version="1.0")
    assert record.tracking == TrackingInfo(run_id="r", experiment_id="1", uri="http://host")
    assert (record.baseline, record.fit_seconds) == ({"rmse": 60.0}, 3)
    assert (record.recent, record.beats_baseline) == ({"rmse": 58.0}, False)
    assert record.interval == {"level": 0.8, "coverage": 0.79}
    assert record.registered_fit == FitInfo(until="2021-08-09T23:00:00+02:00", rows=12, seconds=2)
    assert (record.libraries, record.signature) == (OURS["libraries"], OURS["signature"])
    assert record.extra == {"data": OURS["data"], "author": "x"}  # its empty hours would not come back as a DataInfo


@pytest.mark.parametrize(
    ("parts", "until"),
    [
        ({}, None),
        ({"split": {"kind": "random"}}, None),
        ({"split": {"training_until": "2021-07-12"}}, "2021-07-12"),
        ({"split": {"training_until": "2021-07-12"}, "registered_fit": {"until": "2021-08-09"}}, "2021-08-09"),
        ({"split": {"training_until": "2021-07-12"}, "registered_fit": {"rows": 5}}, "2021-07-12"),
    ],
    ids=text,
)
def test_a_model_knows_the_rows_of_the_fit_that_was_registered(parts: dict[str, Any], until: str | None) -> None:
    assert ModelRecord.from_json({**ORIGINAL, **parts}).known_until == until


def test_a_value_of_another_kind_stays_as_it_was_and_is_no_field() -> None:
    record = ModelRecord.from_json({**ORIGINAL, "split": "weird", "fit_seconds": True, "plugin": None})
    assert (record.split, record.fit_seconds, record.plugin) == (None, None, None)
    assert record.extra == {"split": "weird", "fit_seconds": True, "plugin": None}


def test_a_training_fills_every_field_in_the_order_that_the_json_has(small_counts: pd.DataFrame) -> None:
    result = bike_traffic.train("rf", small_counts, parameters={"n_estimators": 2}, track=False)
    record = result.record
    assert record.extra == {}
    assert isinstance(record.split, SplitInfo)
    assert isinstance(record.data, DataInfo)
    added = list(record.to_json())[list(record.to_json()).index("artifacts") + 1 :]
    ours = ["city", "baseline", "recent", "beats_baseline", "interval", "split", "data", "registered_fit"]
    assert added == [*ours, "parameters", "fit_seconds", "plugin", "libraries"]
    assert ModelRecord.from_json(record.to_json()) == record
