"""`bt train`, `predict`, `evaluate`, `backtest`, `models`, `config`: what a user sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.conftest import Bt

TINY = ("--set", "n_estimators=3")


def test_training_prints_each_model_with_the_four_week_mean_and_registers_it(bt: Bt, small_file: Path) -> None:
    done = bt("train", "-m", "rf", "-m", "rf_class", *TINY, "--data", small_file)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines if line and not line.startswith("─")] == [
        "regression",
        "rf",
        "recent level",
        "4-week mean",
        "classification",
        "rf_class",
        "recent level",
        "4-week mean",
    ]
    listed = json.loads(bt("registry", "list", "--format", "json").stdout)
    assert [entry["model_type"] for entry in listed] == ["rf", "rf_class"]
    assert all(Path(entry["model_uri"]).is_dir() for entry in listed)


def test_json_is_one_document_on_stdout_and_notes_go_to_stderr(bt: Bt, small_file: Path) -> None:
    done = bt("train", "-m", "rf", *TINY, "--data", small_file, "--format", "json")
    (entry,) = json.loads(done.stdout)
    assert entry["model_type"] == "rf"
    assert done.stderr.startswith("rf: fitted in ")


def test_without_data_the_generated_sample_is_used_and_test_mode_takes_a_thousand_rows(bt: Bt) -> None:
    (entry,) = json.loads(bt("train", "-m", "rf", *TINY, "--test-mode", "--format", "json").stdout)
    assert entry["test_mode"] is True
    assert entry["data"]["rows"] == 1000
    assert bt("registry", "best", "--metric", "r2").exit_code == 1
    assert bt("registry", "best", "--metric", "r2", "--test-mode").exit_code == 0


def test_env_and_registry_are_taken_from_flags(bt: Bt, small_file: Path) -> None:
    words = ("--env", "prod", "--registry", "elsewhere/summary.json")
    (entry,) = json.loads(bt("train", "-m", "rf", *TINY, "--data", small_file, *words, "--format", "json").stdout)
    assert entry["env"] == "prod"
    assert Path("elsewhere/summary.json").exists()
    assert not Path("models").exists()


def test_a_wrong_parameter_of_the_second_model_is_reported_before_the_first_is_trained(
    bt: Bt, small_file: Path
) -> None:
    done = bt("train", "-m", "rf", "-m", "nn", *TINY, "--data", small_file)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no parameter of 'nn' 'n_estimators'; there are batch_size, ")
    assert not Path("models").exists()


def test_the_best_model_predicts_and_is_evaluated(bt: Bt, small_file: Path, small_counts: pd.DataFrame) -> None:
    bt("train", "-m", "rf", *TINY, "--data", small_file)
    done = bt("predict", "-m", "rf", small_file, "-o", "out.csv")
    assert (done.exit_code, done.stdout) == (0, "")
    assert len(pd.read_csv("out.csv", sep=";")) == len(small_counts)

    found: dict[str, Any] = json.loads(bt("evaluate", "-m", "rf", small_file, "--format", "json").stdout)
    assert (found["rows"], found["seen_rows"]) == (len(small_counts), len(small_counts))
    assert found["baseline"].keys() == {"r2", "rmse", "mae", "wape", "rmsle"}
    assert found["recent"].keys() == found["baseline"].keys() | {"skill"}
    assert found["metrics"].keys() == found["recent"].keys() | {"coverage", "interval_width", "interval_score"}
    table = bt("evaluate", "--run-id", found["run_id"][:6], small_file).stdout
    assert "4-week mean" in table


def test_an_evaluation_on_rows_that_the_model_may_know_prints_a_note(bt: Bt, small_file: Path) -> None:
    bt("train", "-m", "rf", *TINY, "--data", small_file, "--no-refit")
    seen = "6,912 of 9,600 rows are not later than the training rows: the model may know them\n"
    assert bt("evaluate", "-m", "rf", small_file).stderr == seen


def test_predictions_flow_from_stdin_to_stdout(bt: Bt, small_file: Path) -> None:
    bt("train", "-m", "rf", *TINY, "--data", small_file)
    head = b"".join(small_file.read_bytes().splitlines(keepends=True)[:4])
    done = bt("predict", "-m", "rf", "-", stdin=head)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == ("Nom du compteur;Date et heure de comptage;Comptage horaire;prediction")
    assert len(done.stdout.splitlines()) == 4


@pytest.mark.parametrize("words", [("predict", "x.csv"), ("predict", "-m", "rf", "--run-id", "1", "x.csv")])
def test_a_model_is_named_in_one_way(bt: Bt, words: tuple[str, ...]) -> None:
    done = bt(*words)
    assert done.exit_code == 2
    assert done.stderr.endswith("Error: name one model: --model NAME, --run-id ID, or --alias NAME\n")


def test_a_backtest_prints_each_fold_and_the_mean_and_registers_nothing(bt: Bt, small_file: Path) -> None:
    words = ("backtest", "-m", "rf", *TINY, "--data", small_file, "--folds", "2", "--horizon", "14d")
    document = json.loads(bt(*words, "--format", "json").stdout)
    folds, (mean_of_rf,) = document["folds"], document["means"]
    assert [fold["fold"] for fold in folds] == [1, 2]
    assert [fold["rows"] for fold in folds] == [14 * 24 * 4] * 2
    assert all(fold["baseline"].keys() <= fold["recent"].keys() <= fold["metrics"].keys() for fold in folds)

    lines = bt(*words).stdout.splitlines()
    mean = next(line for line in lines if line.startswith("mean"))
    expected = sum(fold["metrics"]["rmse"] for fold in folds) / 2
    assert f" {expected:.3f} " in mean
    assert mean_of_rf["metrics"]["rmse"] == pytest.approx(expected)
    assert (mean_of_rf["model_type"], mean_of_rf["task"], mean_of_rf["folds"]) == ("rf", "regression", 2)
    assert mean_of_rf["baseline"].keys() == folds[0]["baseline"].keys()
    assert mean_of_rf["recent"].keys() == folds[0]["recent"].keys()
    assert not Path("models").exists()


def test_models_are_listed_with_their_package_and_whether_they_can_run(bt: Bt) -> None:
    listed = json.loads(bt("models", "--format", "json").stdout)
    built_in = [row["name"] for row in listed if row["distribution"] == "bike-traffic"]
    assert built_in == ["rf", "nn", "rf_class", "ahead"]
    assert all(row["ready"] for row in listed)
    assert [row["needs"] for row in listed if row["distribution"] == "bike-traffic"] == [[], [], [], ["history"]]


def test_config_prints_each_value_and_its_source(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bt.toml").write_text('[profiles.dev]\ndata = "here.csv"\n[backends.local]\nregistry = "m/summary.json"\n')
    monkeypatch.setenv("BT_BACKEND", "local")
    found = json.loads(bt("config", "--format", "json", "--env", "dev").stdout)
    assert found["env"] == {"value": "dev", "source": "--env"}
    assert found["backend"] == {"value": "local", "source": "BT_BACKEND"}
    assert found["registry"] == {"value": "m/summary.json", "source": "bt.toml [backends.local]"}
    assert found["data"] == {"value": "here.csv", "source": "bt.toml [profiles.dev]"}
    assert found["track"] == {"value": False, "source": "BT_TRACK"}
    assert found["tracking_uri"] == {"value": "sqlite:///mlruns_dev/mlflow.db", "source": "default"}
    assert found["artifacts"] == {"value": "mlruns_dev", "source": "default"}
    assert found["plugins"] == {"value": "all", "source": "default"}
