"""MLflow loads the class that `bt` loads, even if two pipelines have one name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bike_traffic.registry.files.artifacts import MANIFEST
from tests.plugin_site import write_distribution
from tests.test_manager import declaring

pytestmark = pytest.mark.slow

CLASH = """
import json

import numpy as np
from bike_traffic import Pipeline


class ClashingPipeline(Pipeline):
    name, task = "rf", "regression"

    def _fit(self, cleaned):
        self.number_ = 42.0

    def _predict(self, cleaned, history):
        return np.full(len(cleaned), self.number_)

    def save(self, directory):
        (directory / "clash.json").write_text(json.dumps([self.number_, list(self.counters_)]))

    @classmethod
    def load(cls, directory):
        pipeline = cls()
        pipeline.number_, pipeline.counters_ = json.loads((directory / "clash.json").read_text())
        return pipeline
"""
DECLARATION = declaring('[PipelineSpec(name="rf", target="bt_clash_model:ClashingPipeline")]')
PREDICTING = """
import sys, mlflow.pyfunc, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
print(type(model.unwrap_python_model().pipeline).__name__)
print(sorted(set(model.predict(pd.read_csv(sys.argv[2], sep=";"))["prediction"])))
"""


def run_python(site: Path, *words: str | Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "BT_TRACK"}
    environment |= {"PYTHONPATH": str(site), "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def site(tmp_path: Path) -> Path:
    modules = {"bt_clash": DECLARATION, "bt_clash_model": CLASH}
    write_distribution(tmp_path / "site", "bt-clash", modules, {"bike_traffic/main": "bt_clash"})
    return tmp_path / "site"


def trained_model(site: Path, model: str, counts: Path, *parameters: str) -> Path:
    """Train in a process that has the plugin, and return the folder of the model in the run."""
    words: list[str | Path] = [
        "-m",
        "bike_traffic.cli.main",
        "train",
        "-m",
        model,
        "--data",
        counts,
        "--format",
        "json",
        *parameters,
    ]
    (entry,) = json.loads(run_python(site, *words))
    (folder,) = Path("mlruns_dev").glob(f"*/{entry['run_id']}/artifacts/model")
    return folder


def test_mlflow_loads_a_third_partys_pipeline_that_has_a_built_ins_name(site: Path, small_file: Path) -> None:
    model = trained_model(site, "bt-clash:rf", small_file)
    manifest = json.loads((model / "artifacts/files" / MANIFEST).read_text())
    assert (manifest["model_type"], manifest["plugin"]) == ("rf", {"distribution": "bt-clash", "version": "1.0"})
    assert run_python(site, "-c", PREDICTING, model, small_file) == "ClashingPipeline\n[42.0]\n"


def test_a_manifest_without_a_plugin_loads_by_the_name_alone(site: Path, small_file: Path) -> None:
    """Earlier versions wrote such manifests."""
    model = trained_model(site, "rf", small_file, "--set", "n_estimators=3")
    path = model / "artifacts/files" / MANIFEST
    manifest = json.loads(path.read_text())
    del manifest["plugin"]
    path.write_text(json.dumps(manifest))
    assert run_python(site, "-c", PREDICTING, model, small_file).startswith("RFPipeline\n")
