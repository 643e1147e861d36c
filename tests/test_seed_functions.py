"""The original project's two functions: the old arguments and the old import, on today's registry."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.app.model_registry_summary import get_best_model_from_summary, update_summary
from bike_traffic.errors import IntegrityError, NoRecord, UnknownMetric
from bike_traffic.manager import PluginHost
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, train_model

ROOT = Path(__file__).parent.parent
SUMMARY = "models/summary.json"


def test_the_best_model_is_loaded_by_any_metric_and_its_files_are_left_where_asked(
    small_counts: pd.DataFrame,
) -> None:
    offer, registry = PluginHost(only=()).pipeline("rf"), LocalRegistry(SUMMARY)
    weak = TrainingPlan(env="prod", parameters={"n_estimators": 1, "min_samples_leaf": 2000, "max_samples": 0.9})
    strong = TrainingPlan(env="prod", parameters={"n_estimators": 5})
    results = [train_model(offer, small_counts, registry, plan) for plan in (weak, strong)]
    best = min(results, key=lambda result: result.record.metrics["mae"])

    pipeline = get_best_model_from_summary("rf", SUMMARY, metric="mae", download_dir="copy")
    assert pipeline.predict(small_counts).equals(best.pipeline.predict(small_counts))
    assert sorted(path.name for path in Path("copy").iterdir()) == [
        "four_week_mean.json",
        "manifest.json",
        "model.joblib",
    ]


def test_an_entry_is_written_as_the_original_wrote_it(clean_place: Path) -> None:
    entry = update_summary(SUMMARY, "nn", "prod", True, "gs://bucket/models/nn/20250619_005924/", r2=0.71, rmse=54.9)
    assert json.loads(Path(SUMMARY).read_text()) == [entry]
    assert list(entry) == ["timestamp", "model_type", "env", "test_mode", "run_id", "r2", "rmse", "model_uri"]


def test_what_has_no_digests_is_found_but_not_loaded(clean_place: Path) -> None:
    update_summary(SUMMARY, "rf", "prod", False, "models/rf/old/", run_id="old", r2=0.5)
    message = (
        r"record old has no digests \(it was not written by bike-traffic\): its files cannot be checked, and nothing "
        r"was loaded"
    )
    with pytest.raises(IntegrityError, match=message):
        get_best_model_from_summary("rf", SUMMARY)


def test_what_is_not_there_is_said(clean_place: Path) -> None:
    with pytest.raises(NoRecord, match="no record with r2 for model rf, env prod"):
        get_best_model_from_summary("rf", SUMMARY)
    with pytest.raises(UnknownMetric, match="no metric 'r3'; there are"):
        get_best_model_from_summary("rf", SUMMARY, metric="r3")


def test_the_original_import_works_from_a_checkout_and_gives_the_same_functions() -> None:
    script = (
        "from app.model_registry_summary import get_best_model_from_summary as old\n"
        "from bike_traffic.app.model_registry_summary import get_best_model_from_summary as new\n"
        "assert old is new"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
