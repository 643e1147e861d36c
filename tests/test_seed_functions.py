"""The original project's two functions: the old arguments and the old import, on today's registry."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pandas as pd
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bike_traffic.api import open_registry
from bike_traffic.app.model_registry_summary import get_best_model_from_summary, update_summary
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import IntegrityError, NoRecord, UnknownMetric
from bike_traffic.manager import PluginHost
from bike_traffic.registry.queries import Query, marks_of
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, train_model
from tests.conftest import Bt
from tests.servers import gcs_server, new_gcs_bucket, token_server

ROOT = Path(__file__).parent.parent
SUMMARY = "models/summary.json"
NEEDED = inspect.Parameter.empty
TINY = TrainingPlan(parameters={"n_estimators": 2})


def test_the_best_model_is_loaded_by_any_metric_and_its_files_are_copied_to_the_given_folder(
    small_counts: pd.DataFrame,
) -> None:
    declaration, registry = PluginHost(only=()).pipeline("rf"), LocalRegistry(SUMMARY)
    weak = TrainingPlan(env="prod", parameters={"n_estimators": 1, "min_samples_leaf": 2000, "max_samples": 0.9})
    strong = TrainingPlan(env="prod", parameters={"n_estimators": 5})
    results = [train_model(declaration, clean(small_counts), registry, plan) for plan in (weak, strong)]
    best = min(results, key=lambda result: result.record.metrics["mae"])

    pipeline = get_best_model_from_summary("rf", SUMMARY, metric="mae", download_dir="copy")
    assert pipeline.predict(small_counts).equals(best.pipeline.predict(small_counts))
    assert sorted(path.name for path in Path("copy").iterdir()) == [
        "manifest.json",
        "model.joblib.zst",
        "references",
    ]


OLD_ARGUMENTS: dict[Callable[..., object], dict[str, object]] = {
    get_best_model_from_summary: {
        "model_type": NEEDED,
        "summary_path": NEEDED,
        "env": "prod",
        "metric": "rmse",
        "test_mode": False,
        "download_dir": None,
    },
    update_summary: {
        "summary_path": NEEDED,
        "model_type": NEEDED,
        "run_id": NEEDED,
        "model_uri": NEEDED,
        "env": "prod",
        "test_mode": False,
        "rmse": None,
        "r2": None,
        "accuracy": None,
        "precision": None,
        "recall": None,
        "f1_score": None,
    },
}


@pytest.mark.parametrize("function", OLD_ARGUMENTS, ids=lambda function: function.__name__)
def test_a_call_by_position_means_what_it_meant_and_our_arguments_have_names(function: Callable[..., object]) -> None:
    parameters = inspect.signature(function).parameters.values()
    by_position = {one.name: one.default for one in parameters if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert list(by_position.items()) == list(OLD_ARGUMENTS[function].items())


def test_the_originals_reader_leaves_out_a_random_split_whatever_it_scores(small_counts: pd.DataFrame) -> None:
    """It filters by model, environment and test mode alone."""
    declaration, registry = PluginHost(only=()).pipeline("rf"), LocalRegistry(SUMMARY)
    plans = [attrs.evolve(TINY, env="prod", split=split, interval=False) for split in ("random", "temporal")]
    flattered, honest = (train_model(declaration, clean(small_counts), registry, plan).record for plan in plans)
    entries = json.loads(Path(SUMMARY).read_text())
    admitted = [one for one in entries if (one["model_type"], one["env"], one["test_mode"]) == ("rf", "prod", False)]
    assert [entry["run_id"] for entry in admitted] == [honest.run_id]
    for query in (Query(env="prod", test_mode=True), Query(env="dev")):  # nor is it found among those of test mode
        with pytest.raises(NoRecord):
            registry.best("rmse", query)
    assert marks_of(flattered.to_json(), ()) == ["random split"]


def test_an_entry_is_written_as_the_original_wrote_it(clean_place: Path) -> None:
    entry = update_summary(SUMMARY, "nn", "abcd", "gs://bucket/models/nn/20250619_005924/", "prod", True, 54.9, 0.71)
    assert json.loads(Path(SUMMARY).read_text()) == [entry]
    assert list(entry) == ["timestamp", "model_type", "env", "test_mode", "run_id", "r2", "rmse", "model_uri"]


def test_what_has_no_digests_is_found_and_loaded_only_when_that_is_allowed(
    bt: Bt, small_file: Path, small_counts: pd.DataFrame
) -> None:
    result = train_model(PluginHost(only=()).pipeline("rf"), clean(small_counts), LocalRegistry("ours"), TINY)
    shutil.copytree(result.record.model_uri, "theirs/20250619_005924/rf")  # the original's folder in a folder
    update_summary(SUMMARY, "rf", "old", "theirs/20250619_005924/", r2=0.5, rmse=50.0)
    message = (
        "record old has no digests (it was not written by bike-traffic): its files cannot be checked, and nothing "
        "was loaded; --allow-unverified loads them all the same"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(message)}$"):
        get_best_model_from_summary("rf", SUMMARY)
    pipeline = get_best_model_from_summary("rf", SUMMARY, download_dir="copy", allow_unverified=True)
    assert pipeline.predict(small_counts).equals(result.pipeline.predict(small_counts))
    assert Path("copy/model.joblib.zst").exists()

    for command in ("predict", "evaluate"):
        refused = bt(command, "-m", "rf", small_file)
        assert (refused.exit_code, refused.stderr) == (1, f"Error: {message}\n")
    words = ("-m", "rf", small_file, "--allow-unverified", "--env", "prod")
    assert bt("predict", *words, "-o", "out.csv").exit_code == 0
    assert len(pd.read_csv("out.csv", sep=";")) == len(small_counts)
    assert bt("evaluate", *words).exit_code == 0


def test_a_service_accounts_key_is_used_from_memory_and_never_written_down(
    small_counts: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    with gcs_server() as gcs, token_server() as (tokens, requests):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs)
        summary = f"gs://{new_gcs_bucket(gcs)}/models/summary.json"
        plan = TrainingPlan(env="prod", parameters={"n_estimators": 2})
        result = train_model(PluginHost(only=()).pipeline("rf"), clean(small_counts), open_registry(summary), plan)
        credentials = {
            "type": "service_account",
            "client_email": "app@project.example",
            "private_key": pem,
            "token_uri": f"{tokens}/token",
        }
        pipeline = get_best_model_from_summary("rf", summary, credentials=credentials)
    assert pipeline.predict(small_counts).equals(result.pipeline.predict(small_counts))
    assert requests
    assert all(body.startswith(b"assertion=") for body in requests)
    secret = pem.splitlines()[1].encode()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_bytes()] == []


def test_a_missing_record_or_metric_is_an_error(clean_place: Path) -> None:
    with pytest.raises(NoRecord, match="no record with rmse for model rf, env prod"):
        get_best_model_from_summary("rf", SUMMARY)
    with pytest.raises(UnknownMetric, match="no metric 'r3'; there are"):
        get_best_model_from_summary("rf", SUMMARY, metric="r3")


def test_the_original_import_works_from_a_checkout_and_gives_the_same_functions() -> None:
    script = (
        "from app.model_registry_summary import get_best_model_from_summary as old\n"
        "from bike_traffic.app.model_registry_summary import get_best_model_from_summary as new\n"
        "assert old is new"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=600)
