"""A model of the generated sample is used only where it is asked for: it says nothing about real counts."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import bike_traffic
from bike_traffic.app.model_registry_summary import get_best_model_from_summary
from bike_traffic.errors import NoRecord
from bike_traffic.workspace import Workspace
from tests.conftest import HERE, Bt
from tests.test_aliases import exactly

SUMMARY = Path("models/summary.json")
LEFT_OUT = f"no record with rmse for model rf; left out: 1 of the sample (add --sample) {HERE}"


@pytest.fixture
def run_id(small_counts: pd.DataFrame) -> str:
    """Train a small forest, let its record say that the counts were the sample's, and return its run id."""
    record = bike_traffic.train("rf", small_counts, parameters={"n_estimators": 1}, env="prod", track=False).record
    entry = json.loads(SUMMARY.read_bytes())[0]
    entry["data"]["source"] = "sample"
    SUMMARY.write_text(json.dumps([entry]))
    return record.run_id


def test_in_python_it_is_found_with_sample_or_by_its_run(run_id: str, small_counts: pd.DataFrame) -> None:
    rows = small_counts.head(100)
    with pytest.raises(NoRecord, match=exactly(LEFT_OUT)):
        bike_traffic.load_best("rf")
    with pytest.raises(NoRecord, match=exactly(LEFT_OUT)):
        bike_traffic.predict(rows, "rf")
    with pytest.raises(NoRecord, match=exactly(LEFT_OUT)):
        bike_traffic.evaluate(rows, "rf")
    with pytest.raises(NoRecord, match=exactly(LEFT_OUT.replace("rf;", "rf, env prod;").removesuffix(f" {HERE}"))):
        get_best_model_from_summary("rf", "models/summary.json")
    expected = bike_traffic.predict(rows, run_id=run_id)
    assert bike_traffic.predict(rows, "rf", sample=True).equals(expected)
    assert bike_traffic.evaluate(rows, "rf", sample=True).evaluation.metrics
    for pipeline in (
        bike_traffic.load_best("rf", sample=True),
        get_best_model_from_summary("rf", "models/summary.json", sample=True),
    ):
        assert pipeline.predict(rows).round(2).equals(expected["prediction"])
    assert Workspace.open().find("rf", sample=True).run_id == run_id


def test_on_the_command_line_it_is_found_with_the_flag(bt: Bt, run_id: str, small_file: Path) -> None:
    commands = {
        "predict": ("predict", "-m", "rf", small_file, "-o", "out.csv"),
        "evaluate": ("evaluate", "-m", "rf", small_file),
        "best": ("registry", "best", "-m", "rf", "--metric", "rmse"),
    }
    for name, words in commands.items():
        done = bt(*words)
        assert (name, done.exit_code, done.stdout, done.stderr) == (name, 1, "", f"Error: {LEFT_OUT}\n")
        done = bt(*words, "--sample")
        assert (name, done.exit_code) == (name, 0)
        assert run_id[:8] in done.stdout + done.stderr
    assert bt("registry", "best", "--on", small_file).exit_code == 1
    document = json.loads(bt("registry", "best", "--on", small_file, "--sample", "--format", "json").stdout)
    assert [one["run_id"] for one in document["models"]] == [run_id]
