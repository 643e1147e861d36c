"""A record is the seed's entry, a query says which are meant, and the best is found among them."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic import open_registry
from bike_traffic.config import load_settings
from bike_traffic.errors import NoRecord, RegistryCorrupt, RegistryWarning, UnknownBackend, UnknownMetric
from bike_traffic.evaluation.metrics import metric_named
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import FileDigest
from bike_traffic.registry.queries import EVERYTHING, Query, best_entry
from bike_traffic.registry.record_parts import DataInfo, SplitInfo
from bike_traffic.registry.records import ModelRecord, parse_time, utc_now
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.testing.backends import records
from bike_traffic.testing.backends.records import make_record as make_record
from bike_traffic.workspace import Workspace

SEED_ENTRY: dict[str, Any] = {
    "timestamp": "2025-06-18T22:59:26.111358",
    "model_type": "nn",
    "env": "prod",
    "test_mode": True,
    "run_id": "abcd",
    "r2": 0.71,
    "rmse": 54.9,
    "model_uri": "gs://bucket/models/nn/20250619_005924/",
}


def register(registry: RegistryBackend, record: ModelRecord, files: dict[str, bytes] | None = None) -> ModelRecord:
    """Upload real files and append the record that names them, as a training does."""
    return records.register(registry, record, Path(f"made-{record.run_id}"), files)


def local_registry(uri: str = "models/summary.json") -> RegistryBackend:
    return open_registry(uri)


def test_a_record_is_the_seeds_entry_key_for_key() -> None:
    record = ModelRecord(
        timestamp="2025-06-18T22:59:26.111358",
        model_type="nn",
        env="prod",
        test_mode=True,
        run_id="abcd",
        metrics={"r2": 0.71, "rmse": 54.9},
        model_uri="gs://bucket/models/nn/20250619_005924/",
    )
    assert list(record.to_json().items()) == list(SEED_ENTRY.items())
    assert ModelRecord.from_json(SEED_ENTRY) == record


def test_a_classifiers_record_carries_the_seeds_four_metrics_flat() -> None:
    metrics = {"accuracy": 0.88, "precision": 0.87, "recall": 0.86, "f1_score": 0.865}
    entry = make_record(model_type="rf_class", metrics=metrics).to_json()
    assert {name: entry[name] for name in metrics} == metrics
    assert ModelRecord.from_json(entry).metrics == metrics


def test_a_record_with_everything_survives_json() -> None:
    record = make_record(
        metrics={"r2": 0.8, "rmse": 40.0, "mae": 22.5, "wape": 0.25, "rmsle": 0.4},
        artifacts={"model.joblib": FileDigest("ab" * 32, 12), "sub/scaler.json": FileDigest("cd" * 32, 0)},
        split=SplitInfo(kind="temporal"),
        fit_seconds=1.5,
        parameters={"depth": None, "list": [1, "é"]},
    )
    assert ModelRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_keys_that_are_not_known_are_kept_as_they_were() -> None:
    entry = {**SEED_ENTRY, "author": "x", "mape": 0.3, "notes": {"deep": [1, None, {"é": True}]}}
    record = ModelRecord.from_json(entry)
    assert record.extra == {"author": "x", "mape": 0.3, "notes": {"deep": [1, None, {"é": True}]}}
    assert record.to_json() == entry


def test_metrics_that_are_not_finite_are_left_out() -> None:
    metrics = {"r2": math.nan, "rmse": 40.0, "mae": math.inf, "wape": -math.inf}
    entry = make_record(metrics=metrics).to_json()
    assert entry.keys() & metrics.keys() == {"rmse"}
    json.dumps(entry, allow_nan=False)


def test_an_entry_of_the_seed_has_no_digests_and_its_time_is_utc() -> None:
    record = ModelRecord.from_json(SEED_ENTRY)
    assert record.artifacts is None
    assert parse_time(record.timestamp) == datetime(2025, 6, 18, 22, 59, 26, 111358, tzinfo=UTC)


def test_new_times_carry_microseconds_and_their_offset() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", utc_now())


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in SEED_ENTRY.items() if name != key}


DIGEST = {"sha256": "ab" * 32, "size": 1}


@pytest.mark.parametrize(
    "entry",
    [
        {},
        *[without(key) for key in ("timestamp", "model_type", "env", "test_mode", "run_id", "model_uri")],
        SEED_ENTRY | {"timestamp": "yesterday"},
        SEED_ENTRY | {"timestamp": 20250618},
        SEED_ENTRY | {"run_id": 7},
        SEED_ENTRY | {"model_type": None},
        SEED_ENTRY | {"model_uri": None},
        SEED_ENTRY | {"artifacts": ["model.bin"]},
        SEED_ENTRY | {"artifacts": {"model.bin": "ab"}},
        SEED_ENTRY | {"artifacts": {"model.bin": {"sha256": "ab"}}},
        SEED_ENTRY | {"artifacts": {"model.bin": {**DIGEST, "md5": ""}}},
        SEED_ENTRY | {"artifacts": {"../model.bin": DIGEST}},
    ],
    ids=lambda entry: json.dumps({key: entry[key] for key in entry if entry[key] != SEED_ENTRY.get(key)}) or "{}",
)
def test_an_entry_that_is_no_record_is_corrupt(entry: dict[str, Any]) -> None:
    with pytest.raises(RegistryCorrupt, match=r"^not a record of a model \(.+\)$"):
        ModelRecord.from_json(entry)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(RegistryCorrupt, match=r"^not a record of a model \(KeyError: 'run_id'\)$"):
        ModelRecord.from_json(without("run_id"))


@pytest.mark.parametrize("timestamp", [None, "yesterday", 20250618])
def test_a_record_with_a_broken_time_is_left_out_when_a_time_is_asked_for_as_well(timestamp: object) -> None:
    Path("models").mkdir()
    Path("models/summary.json").write_text(json.dumps([SEED_ENTRY | {"timestamp": timestamp}]))
    query = Query(test_mode=None, as_of=datetime(2026, 1, 1, tzinfo=UTC))
    left_out = r"^models/summary.json: entry 1 was left out: not a record of a model \("
    with pytest.warns(RegistryWarning, match=left_out):
        assert list(local_registry().records(query)) == []
    with pytest.warns(RegistryWarning, match=left_out), pytest.raises(NoRecord):
        local_registry().best("r2", query)


@pytest.mark.parametrize("value", ["good", [0.7], True, 10**400])
def test_a_metric_that_is_no_number_is_kept_and_never_counts(value: object) -> None:
    entry = SEED_ENTRY | {"r2": value, "test_mode": False}
    assert ModelRecord.from_json(entry).to_json() == entry
    Path("models").mkdir()
    Path("models/summary.json").write_text(json.dumps([entry]))
    with pytest.raises(NoRecord):
        local_registry().best("r2", Query())


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        (Query(), ["old", "nn", "prod", "new"]),
        (Query(test_mode=True), ["test", "tried"]),
        (Query(test_mode=True, sample=True), ["tried"]),
        (Query(test_mode=None), ["old", "nn", "prod", "test", "new"]),
        (Query(sample=True), ["invented"]),
        (Query(sample=None), ["old", "nn", "prod", "invented", "new"]),
        (Query(withdrawn=frozenset({"nn", "new"})), ["old", "prod"]),
        (EVERYTHING, ["old", "nn", "prod", "test", "tried", "invented", "new"]),
        (Query(model_type="nn"), ["nn"]),
        (Query(env="prod"), ["prod"]),
        (Query(model_type="nn", env="prod"), []),
        (Query(as_of=parse_time("2026-02-01T00:00:00")), ["old", "nn"]),
        (Query(as_of=parse_time("2026-02-01T01:00:00+01:00")), ["old", "nn"]),
        (Query(as_of=parse_time("2026-01-31T23:59:59.999999+00:00")), ["old"]),
    ],
    ids=str,
)
def test_a_query_admits_what_it_says_and_no_test_mode_and_no_sample_unless_asked(
    query: Query, runs: list[str]
) -> None:
    records = [
        make_record("old", timestamp="2025-06-18T22:59:26.111358"),
        make_record("nn", model_type="nn", timestamp="2026-02-01T00:00:00.000000+00:00"),
        make_record("prod", env="prod"),
        make_record("test", test_mode=True),
        make_record("tried", test_mode=True, data=DataInfo(source="sample")),
        make_record("invented", data=DataInfo(source="sample", rows=3)),
        make_record("new", data=DataInfo(source="sample.csv")),
    ]
    assert [record.run_id for record in records if query.admits(record.to_json())] == runs


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("r2", [0.1, 0.9, 0.5], "run1"),
        ("rmse", [50.0, 40.0, 30.0], "run2"),
        ("mae", [1, 2, 3], "run0"),
        ("f1_score", [0.8, 0.7, 0.9], "run2"),
        ("r2", [0.5, 0.9, 0.9], "run1"),
        ("rmse", [30.0, 30.0, 40.0], "run0"),
        ("r2", [-0.1, math.nan, None], "run0"),
        ("r2", [0.1, math.inf, "0.9"], "run0"),
    ],
)
def test_the_best_goes_by_the_metrics_direction_and_the_earliest_of_equals_wins(
    metric: str, values: list[Any], best: str
) -> None:
    entries = [{"run_id": f"run{place}", "test_mode": False, metric: value} for place, value in enumerate(values)]
    assert best_entry(entries, metric_named(metric), Query())["run_id"] == best


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (Query(), "any model"),
        (Query(model_type="nn", env="prod"), "model nn, env prod"),
        (Query(test_mode=True), "test mode"),
        (Query(sample=True, model_type="rf"), "model rf, the sample"),
        (Query(as_of=parse_time("2026-01-01")), "as of 2026-01-01T00:00:00+00:00"),
    ],
)
def test_where_no_record_has_the_metric_the_question_is_repeated(query: Query, asked: str) -> None:
    with pytest.raises(NoRecord, match=f"^{re.escape(f'no record with r2 for {asked}')}$"):
        local_registry().best("r2", query)


LEFT_OUT = [
    make_record("a", test_mode=True),
    make_record("b", test_mode=True, data=DataInfo(source="sample")),
    make_record("c", data=DataInfo(source="sample")),
    make_record("d", split=SplitInfo(kind="random"), env="prod"),
    make_record("e"),
    make_record("f", model_type="nn", metrics={"accuracy": 0.5}),
]


@pytest.mark.parametrize(
    ("query", "words", "counts"),
    [
        (
            Query(),
            "any model; left out: 1 of the sample (add --sample), 2 of test mode (add --test-mode), 1 of a random "
            "split, 1 withdrawn (`bt registry restore` takes them back)",
            {"sample": 1, "test mode": 2, "random split": 1, "withdrawn": 1},
        ),
        (Query(env="prod"), "env prod; left out: 1 of a random split", {"random split": 1}),
        (Query(sample=True, env="prod"), "env prod, the sample", {}),
        (Query(model_type="nn"), "model nn", {}),
    ],
    ids=str,
)
def test_where_no_record_is_left_those_left_out_are_counted_with_the_reason(
    query: Query, words: str, counts: dict[str, int]
) -> None:
    registry = local_registry()
    for record in LEFT_OUT:
        registry.append(record)
    registry.withdraw("e", actor="ana", reason="broken counts")
    for one in (registry, InBaseClass("models")):
        with pytest.raises(NoRecord, match=f"^{re.escape(f'no record with rmse for {words}')}$") as caught:
            one.best("rmse", query)
        assert caught.value.parts == {"name": "rmse", "query": str(query), "left_out": counts}


class InBaseClass(LocalRegistry):
    """A registry that searches as a backend does that has no faster way."""

    _compare = RegistryBackend._compare


def test_what_is_compared_is_what_the_best_is_chosen_from() -> None:
    registry = local_registry()
    for record in [*LEFT_OUT, make_record("g", metrics={"rmse": 30.0})]:
        registry.append(record)
    for one in (registry, InBaseClass("models")):
        best, compared = one.compare("rmse", Query())
        assert [(entry["run_id"], entry["rmse"]) for entry in compared] == [("e", 40.0), ("g", 30.0)]
        assert best == one.best("rmse", Query()) == registry.get("g")


def test_records_that_another_metric_must_measure_too_are_compared_alone() -> None:
    registry = local_registry()
    labels = {"accuracy": 0.9, "skill": 0.6}
    registry.append(make_record("labels", model_type="rf_class", metrics=labels))
    registry.append(make_record("bikes", metrics={"rmse": 30.0, "skill": 0.2}))
    for one in (registry, InBaseClass("models")):
        assert one.best("skill", Query()).run_id == "labels"
        assert one.best("skill", Query(measured_by="rmse")).run_id == "bikes"


def test_an_unknown_metric_lists_those_there_are() -> None:
    message = (
        "no metric 'rsme'; there are accuracy, f1_score, interval_score, mae, precision, r2, recall, rmse, rmsle, "
        "roc_auc, skill, wape (did you mean 'rmse'?)"
    )
    with pytest.raises(UnknownMetric, match=f"^{re.escape(message)}$"):
        local_registry().best("rsme", Query())


def test_a_record_is_found_by_its_id_or_by_letters_that_begin_it_alone() -> None:
    registry = local_registry()
    records = [make_record(run_id) for run_id in ("aabb", "aacc", "aac")]
    for record in records:
        registry.append(record)
    assert registry.get("aab") == records[0]
    assert registry.get("aacc") == records[1]
    assert registry.get("aac") == records[2]  # whole, though another begins with it
    with pytest.raises(NoRecord, match=r"^'aa' begins 3 run ids: aabb, aac, aacc$"):
        registry.get("aa")
    with pytest.raises(NoRecord, match=r"^no record with run id 'zz'; `bt registry list` shows those there are$"):
        registry.get("zz")


def test_a_record_of_test_mode_is_found_by_its_id() -> None:
    registry = local_registry()
    registry.append(make_record("test", test_mode=True))
    assert registry.get("test").test_mode is True


@pytest.mark.parametrize("uri", ["kept/summary.json", "kept", "kept/", "file://{here}/kept/summary.json"])
def test_a_registry_is_opened_by_the_uri_of_its_summary_or_of_its_folder(uri: str, clean_place: Path) -> None:
    registry = open_registry(uri.replace("{here}", str(clean_place)))
    registry.append(make_record())
    assert json.loads(Path("kept/summary.json").read_text()) == [make_record().to_json()]


def test_a_registry_of_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UnknownBackend, match=r"^no registry backend 'ftp://'; there are .*file://"):
        open_registry("ftp://somewhere/summary.json")


def test_a_uri_is_opened_with_the_settings_that_were_handed_in() -> None:
    Path("mine.toml").write_text('plugins = []\n[profiles.dev]\nbackend = "gcs"\n')
    Path("bt.toml").write_text("not = 'the settings that were handed in'\n")
    settings = load_settings(config="mine.toml", registry="mine")
    Workspace(attrs.evolve(settings, registry="kept")).registry.append(make_record())
    assert Path("kept/summary.json").exists()
