"""Registries of any length for the benchmarks, with records like those of `bt train`."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from bike_traffic.registry.files.artifacts import FileDigest, model_folder
from bike_traffic.registry.record_parts import DataInfo, PluginInfo, SplitInfo
from bike_traffic.registry.records import ModelRecord


def make_records(size: int, seed: int = 0) -> Iterator[ModelRecord]:
    """Make so many records, one every ten minutes."""
    chance = random.Random(seed)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(size):
        yield _record(chance, start + timedelta(minutes=10 * number))


def summary_of(records: Iterable[ModelRecord]) -> bytes:
    """Return the ``summary.json`` of records."""
    lines = ",\n".join(json.dumps(record.to_json(), ensure_ascii=False) for record in records)
    return f"[\n{lines}\n]\n".encode()


def _record(chance: random.Random, time: datetime) -> ModelRecord:
    model = chance.choice(["rf", "nn", "rf_class"])
    names = (
        ("accuracy", "precision", "recall", "f1_score", "roc_auc") if model == "rf_class" else ("r2", "rmse", "mae")
    )
    files = (
        ["model.joblib", "four_week_mean.json"] if model != "nn" else ["net_0.keras", "net_1.keras", "state.joblib"]
    )
    timestamp, run_id = time.isoformat(timespec="microseconds"), f"{chance.getrandbits(128):032x}"
    metrics = {name: chance.random() for name in names}
    return ModelRecord(
        timestamp=timestamp,
        model_type=model,
        env=chance.choice(["dev", "prod"]),
        test_mode=chance.random() < 0.1,
        run_id=run_id,
        metrics=metrics,
        model_uri=f"models/{model_folder(model, timestamp, run_id)}/",
        artifacts={name: FileDigest(f"{chance.getrandbits(256):064x}", chance.randrange(10**7)) for name in files},
        baseline={name: chance.random() for name in names},
        split=SplitInfo(kind="temporal", training_rows=390_000, held_out_rows=34_000, left_out_rows=0),
        data=DataInfo(rows=424_000, counters=52, first_hour=_start_of(time), last_hour=timestamp),
        parameters={"n_estimators": 20, "min_samples_leaf": 10, "random_state": 0, "n_jobs": -1},
        fit_seconds=round(chance.uniform(2, 60), 2),
        plugin=PluginInfo(distribution="bike-traffic", version="0.1.0"),
    )


def _start_of(time: datetime) -> str:
    return (time - timedelta(days=300)).isoformat()
