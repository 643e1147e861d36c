"""Records for the checks of a registry backend, and the expected answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import write_manifest
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.record_parts import DataInfo, SplitInfo
from bike_traffic.registry.records import ModelRecord, parse_time


def make_record(run_id: str = "abcd1234", **changes: Any) -> ModelRecord:
    """Return a record of one regression model, with `changes`."""
    record = ModelRecord(
        timestamp="2026-03-01T12:00:00.000000+00:00",
        model_type="rf",
        env="dev",
        test_mode=False,
        run_id=run_id,
        metrics={"r2": 0.8, "rmse": 40.0},
        model_uri="models/rf/20260301_120000-abcd1234/",
    )
    return attrs.evolve(record, **changes)


def register(
    registry: RegistryBackend, record: ModelRecord, folder: Path, files: Mapping[str, bytes] | None = None
) -> ModelRecord:
    """Write files into `folder`, upload them, and append the record that names them, as a training does."""
    for name, content in (files or {"model.bin": record.run_id.encode()}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    digests = write_manifest(folder, record.model_type, record.plugin)
    uri = registry.upload(folder, model_type=record.model_type, timestamp=record.timestamp, run_id=record.run_id)
    record = attrs.evolve(record, model_uri=uri, artifacts=digests)
    registry.append(record)
    return record


def _in_month(month: int, run_id: str, **changes: Any) -> ModelRecord:
    return make_record(run_id, timestamp=f"2026-{month:02}-01T12:00:00.123457+00:00", **changes)


CONTENDERS = (
    _in_month(5, "late-tie", metrics={"r2": 0.9, "rmse": 30.1}),
    _in_month(2, "early-tie", metrics={"r2": 0.9, "rmse": 30.1}),
    _in_month(3, "net", model_type="nn", metrics={"r2": 0.95, "rmse": 31.0}, env="prod"),
    _in_month(1, "trial", metrics={"r2": 0.99, "rmse": 1.0}, test_mode=True),
    _in_month(1, "old", metrics={"r2": -12.5, "rmse": 1e9}),
    _in_month(4, "labels", model_type="rf_class", metrics={"accuracy": 0.8}),
    _in_month(4, "flattered", metrics={"r2": 0.98, "rmse": 2.0}, split=SplitInfo(kind="random")),
    _in_month(5, "invented", metrics={"r2": 0.97, "rmse": 3.0}, data=DataInfo(source="sample")),
    _in_month(6, "endless", metrics={"r2": math.inf, "rmse": math.nan}),
)
"""Records, in the order of their appending; `BEST` has the best one for each query."""

FEBRUARY = parse_time("2026-02-01T13:00:00.123457+01:00")
_BEFORE_FEBRUARY = parse_time("2026-02-01T12:00:00.123456+00:00")

BEST: tuple[tuple[str, Query, str | None], ...] = (
    ("r2", Query(), "net"),
    ("rmse", Query(), "late-tie"),
    ("r2", Query(model_type="rf"), "late-tie"),
    ("rmse", Query(model_type="rf"), "late-tie"),
    ("r2", Query(env="dev"), "late-tie"),
    ("r2", Query(model_type="nn", env="dev"), None),
    ("rmse", Query(test_mode=True), "trial"),
    ("rmse", Query(test_mode=None), "trial"),
    ("rmse", Query(sample=True), "invented"),
    ("rmse", Query(sample=None), "invented"),
    ("rmse", Query(split="random"), "flattered"),
    ("rmse", Query(split=None), "flattered"),
    ("rmse", EVERYTHING, "trial"),
    ("r2", Query(as_of=FEBRUARY), "early-tie"),
    ("r2", Query(as_of=_BEFORE_FEBRUARY), "old"),
    ("accuracy", Query(), "labels"),
    ("f1_score", Query(), None),
)
"""Metric, query, and the best run of `CONTENDERS`; ``None`` if there is none."""

FILES = {"model.bin": b"\x00trees\xff\r\n", "empty.txt": b"", "sub/folder/scaler.json": b"{}"}
FOREIGN = {"author": "é ☃ 𝄞 '\"\n", "mape": 0.3, "notes": {"deep": [1, None, 1.0, {"b": True, "a": []}]}}
ACTOR = "ana@desk"


def at_once(work: Callable[[Any], Any], arguments: list[Any]) -> list[Any]:
    """Do the work for each argument in a thread of its own, and return the results."""
    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(work, arguments))


def pulled_files(registry: RegistryBackend, record: ModelRecord, folder: Path) -> dict[str, bytes]:
    """Download the files of a record into a folder, and return their contents."""
    folder.mkdir(exist_ok=True)
    registry.download(record, folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
