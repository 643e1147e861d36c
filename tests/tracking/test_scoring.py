"""`mlflow models serve` serves the model of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bike_traffic.data.cleaning import clean
from bike_traffic.prediction import predict
from bike_traffic.training import TrainingResult
from tests.servers import free_port, wait_for
from tests.tracking.conftest import environment, runs_of, store_client, train_tracked

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def scored(
    small_counts: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, TrainingResult]]:
    """Serve the model of a tracked run as `mlflow models serve` does, and give its address and the training."""
    folder = tmp_path_factory.mktemp("scored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = train_tracked(small_counts, [])
        (run,) = runs_of(store_client())
        tracking_uri = f"sqlite:///{folder}/mlruns_dev/mlflow.db"
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"runs:/{run.info.run_id}/model"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it calls uvicorn by its name
    variables = environment(MLFLOW_TRACKING_URI=tracking_uri, MLFLOW_DISABLE_TELEMETRY="true", PATH=path)
    with (folder / "scoring.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(f"{url}/ping")
        yield url, result
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=600)


def ask(url: str, body: str, content_type: str) -> list[dict[str, Any]]:
    """Ask a scoring server, and return its predictions."""
    request = urllib.request.Request(f"{url}/invocations", body.encode(), {"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=60) as answer:
        predictions: list[dict[str, Any]] = json.loads(answer.read())["predictions"]
    return predictions


def test_a_scoring_server_predicts_the_citys_rows_given_as_json_and_as_csv(
    scored: tuple[str, TrainingResult], small_counts: pd.DataFrame
) -> None:
    url, result = scored
    rows = small_counts.tail(48)
    expected = predict(result.pipeline, clean(rows))["prediction"].tolist()
    records = json.dumps({"dataframe_records": rows.to_dict(orient="records")})
    split = json.dumps({"dataframe_split": json.loads(rows.to_json(orient="split"))})
    for body, content_type in (
        (records, "application/json"),
        (split, "application/json"),
        (rows.to_csv(index=False), "text/csv"),
    ):
        answered = ask(url, body, content_type)
        assert [row["prediction"] for row in answered] == pytest.approx(expected)


def test_a_scoring_server_refuses_an_unknown_counter_unless_a_guess_is_requested(
    scored: tuple[str, TrainingResult], small_counts: pd.DataFrame
) -> None:
    row = small_counts.tail(1).assign(**{"Nom du compteur": "opened yesterday"}).to_dict(orient="records")
    with pytest.raises(OSError, match="HTTP Error 400"):
        ask(scored[0], json.dumps({"dataframe_records": row}), "application/json")
    body = json.dumps({"dataframe_records": row, "params": {"unknown_counters": "predict"}})
    (answered,) = ask(scored[0], body, "application/json")
    assert answered["prediction"] > 0
