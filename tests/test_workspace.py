"""A workspace opens each part once, and does in Python what the commands do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import bike_traffic
from bike_traffic.backtesting import Fold, means_over_folds
from bike_traffic.columns import COUNT, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import SettingsError, UnknownCounters, WriteError
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import digest_directory
from bike_traffic.testing.backends.records import make_record
from bike_traffic.training import TrainingPlan, TrainingResult
from bike_traffic.workspace import Workspace
from tests.conftest import Bt
from tests.test_manager import declaring, install_distribution
from tests.testing.test_pipeline_checks import MODEL

TINY = {"n_estimators": 3}
COUNTER_HEADER = "Nom du compteur"


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.open(registry="kept")


@pytest.fixture
def trained(workspace: Workspace, small_counts: pd.DataFrame) -> TrainingResult:
    (declaration,) = workspace.pipelines(["rf"])
    plan = TrainingPlan(parameters=TINY, refit=False, interval=False)
    return workspace.train(declaration, workspace.counts(small_counts), plan)


def test_every_part_is_opened_once(workspace: Workspace) -> None:
    for part in ("plugins", "registry", "trust", "signing_key", "tracker"):
        assert getattr(workspace, part) is getattr(workspace, part)
    assert workspace.registry.registry_id == str(Path("kept/summary.json").absolute())


def test_a_model_is_found_by_run_alias_and_best_and_loaded(
    workspace: Workspace, trained: TrainingResult, small_counts: pd.DataFrame
) -> None:
    record = trained.record
    workspace.registry.promote(record.run_id, "champion", actor="ana@desk")
    assert workspace.find(run_id=record.run_id[:8]) == record
    assert workspace.find(alias="champion") == record
    assert workspace.find("rf") == workspace.find("bike-traffic:rf") == workspace.find(metric="r2") == record
    loaded = workspace.load(record)
    assert loaded.pipeline.predict(small_counts).equals(trained.pipeline.predict(small_counts))


def test_published_and_clean_counts_are_predicted_and_measured_alike(
    workspace: Workspace, trained: TrainingResult, small_counts: pd.DataFrame
) -> None:
    loaded, cleaned = workspace.load(trained.record), clean(small_counts)
    assert workspace.predict(loaded, small_counts).equals(workspace.predict(loaded, cleaned))
    assert bike_traffic.predict(small_counts, "rf", registry="kept").equals(workspace.predict(loaded, cleaned))
    late = cleaned[cleaned[TIME] > pd.Timestamp("2024-11-02T23:00:00+01:00")]
    measured = workspace.evaluate(loaded, late)
    assert measured.evaluation.metrics == trained.evaluation.metrics
    assert measured.evaluation.baseline == trained.evaluation.baseline
    of_file = bike_traffic.evaluate(small_counts, run_id=trained.record.run_id, registry="kept")
    assert of_file.evaluation.metrics == workspace.evaluate(loaded, cleaned).evaluation.metrics


def test_rows_that_the_model_may_know_are_counted(
    workspace: Workspace, trained: TrainingResult, small_counts: pd.DataFrame
) -> None:
    measured = workspace.evaluate(workspace.load(trained.record), clean(small_counts))
    assert measured.seen_rows == 72 * 24 * 4
    assert len(measured.evaluation.rows) == len(small_counts)


def test_counters_unknown_to_a_model_are_refused_unless_they_are_to_be_predicted(
    workspace: Workspace, trained: TrainingResult, small_counts: pd.DataFrame
) -> None:
    strange = small_counts.head(3).assign(**{COUNTER_HEADER: "opened yesterday"})
    strange.index = pd.Index(["a", "b", "c"])
    loaded = workspace.load(trained.record)
    message = "3 rows are of counters the model was not trained on: 'opened yesterday' (row 2, 3, 4); "
    with pytest.raises(UnknownCounters, match=f"^{re.escape(message)}") as refused:
        workspace.predict(loaded, strange)
    assert (refused.value.id, refused.value.parts) == (
        "unknown-counters",
        {"rows": 3, "counters": ["opened yesterday"]},
    )
    with pytest.raises(UnknownCounters):
        workspace.evaluate(loaded, clean(strange))
    assert list(workspace.predict(loaded, strange, unknown_counters="predict")["unknown_counter"]) == [True] * 3


def test_files_are_pulled_whole_into_a_new_folder(workspace: Workspace, trained: TrainingResult) -> None:
    workspace.pull(trained.record, Path("pulled/model"))
    assert digest_directory(Path("pulled/model")) == trained.record.artifacts
    with pytest.raises(WriteError, match=r"^pulled/model is not empty; name a new folder$"):
        workspace.pull(trained.record, Path("pulled/model"))
    assert [path.name for path in Path("pulled").iterdir()] == ["model"]


def test_threads_share_a_workspace_and_its_model(
    workspace: Workspace, trained: TrainingResult, small_counts: pd.DataFrame
) -> None:
    loaded = workspace.load(trained.record)
    expected = workspace.predict(loaded, small_counts)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: workspace.predict(loaded, small_counts), range(8)))
    assert all(answer.equals(expected) for answer in answers)


def test_without_names_every_built_in_that_can_be_trained_is_meant_and_the_others_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notes: list[str] = []
    workspace = Workspace.open(notify=notes.append)
    net = workspace.plugins.pipeline("nn").spec
    monkeypatch.setattr(type(net), "missing_to_train", lambda spec: ["tensorflow"] if spec.name == "nn" else [])
    assert [declaration.spec.name for declaration in workspace.pipelines()] == ["rf", "rf_class", "ahead"]
    assert notes == ["left out: 'nn' needs tensorflow, which is not installed: pip install 'tensorflow>=2.18'"]


def test_what_a_pipeline_needs_and_does_not_get_is_raised_before_counts_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bt: Bt
) -> None:
    spec = '[PipelineSpec(name="mean", target="{here}_model:Model", needs=("weather",))]'
    module = install_distribution(monkeypatch, tmp_path / "site", "mean-dist", declaring(spec))
    model = MODEL.replace('task = "regression"', 'task, needs = "regression", ("weather",)')
    (tmp_path / f"site/{module}_model.py").write_text(model, encoding="utf-8")
    (row,) = [row for row in json.loads(bt("models", "--format", "json").stdout) if row["name"] == "mean"]
    assert row["needs"] == ["weather"]
    Path("not-counts.csv").write_text("not counts", encoding="utf-8")
    for command in ("train", "backtest"):
        done = bt(command, "-m", "mean", "--data", "not-counts.csv")
        message = "'mean' needs the weather of the hours; give it with --weather FILE, or join it to the rows"
        assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")


def test_means_over_folds_are_those_of_each_model_and_its_baseline(sample: pd.DataFrame) -> None:
    folds = bike_traffic.backtest("rf", sample.tail(90 * 24 * 20), folds=2, horizon="7d", parameters=TINY)
    (mean,) = means_over_folds(folds)
    assert (mean.model, mean.task, mean.folds) == ("rf", "regression", 2)
    for name, value in mean.metrics.items():
        assert value == pytest.approx(sum(fold.evaluation.metrics[name] for fold in folds) / 2)
    for name, value in mean.baseline.items():
        assert value == pytest.approx(sum(fold.evaluation.baseline[name] for fold in folds) / 2)


def test_a_fold_keeps_its_rows_with_truth_prediction_and_baseline(small_counts: pd.DataFrame) -> None:
    (fold,) = _folds(small_counts)
    rows, cleaned = fold.evaluation.rows, clean(small_counts)
    assert list(rows["truth"]) == list(cleaned.loc[rows.index, COUNT])
    assert (rows[TIME].min(), rows[TIME].max()) == (fold.first_hour, fold.last_hour)
    assert rows["prediction"].ge(0).all()
    assert rows["baseline"].ge(0).all()


def _folds(counts: pd.DataFrame) -> Iterator[Fold]:
    return iter(bike_traffic.backtest(["rf"], counts, folds=1, horizon="7d", parameters=TINY))


@pytest.mark.parametrize("name", ["local", "gcs", "s3", "web", "mlflow"])
def test_a_misspelt_option_of_a_backend_is_refused_before_anything_is_opened(name: str) -> None:
    registries = {"local": "kept", "gcs": "gs://b/m", "s3": "s3://b/m", "web": "http://127.0.0.1:9/m"}
    registry = registries.get(name, "mlflow+http://127.0.0.1:9")
    Path("bt.toml").write_text(f'[backends.{name}]\nregistry = "{registry}"\nendpont_url = "http://127.0.0.1:9"\n')
    with pytest.raises(SettingsError) as refused:
        _ = Workspace.open(backend=name).registry
    start = f"[backends.{name}] in bt.toml: no option of backend '{name}' 'endpont_url'; there are "
    assert str(refused.value).startswith(start)
    assert ("(did you mean 'endpoint_url'?)" in str(refused.value)) is (name in ("gcs", "s3"))
    assert (refused.value.id, refused.value.parts["name"]) == ("backend-option-unknown", "endpont_url")


def test_the_registry_is_that_of_the_settings(workspace: Workspace) -> None:
    registry: RegistryBackend = bike_traffic.open_registry("kept")
    assert registry.registry_id == workspace.registry.registry_id


A_DAY = {"rmse": 25.0, "r2": 0.9, "skill": 0.02}
"""Of a hold-out of one quiet day: the lower error is no better model."""
FOUR_WEEKS = {"rmse": 38.0, "r2": 0.8, "skill": 0.2}


@pytest.fixture
def unequal(workspace: Workspace) -> Workspace:
    """Return a workspace whose records were measured on different rows, or lack the skill; one is a classifier."""
    for run_id, metrics in (
        ("aday", A_DAY),
        ("fourweeks", FOUR_WEEKS),
        ("early", {"rmse": 20.0, "r2": 0.95}),
    ):
        workspace.registry.append(make_record(run_id, metrics=metrics))
    labels = {"accuracy": 0.9, "f1_score": 0.8, "skill": 0.6}
    workspace.registry.append(make_record("labels", model_type="rf_class", metrics=labels))
    return workspace


@pytest.mark.parametrize("model", ["rf", None])
def test_where_no_metric_is_named_records_are_compared_by_what_compares_across_rows(
    unequal: Workspace, model: str | None
) -> None:
    assert unequal.find(model).run_id == "fourweeks"
    assert unequal.find(model, metric="rmse").run_id == "early"
    assert unequal.find("rf_class").run_id == "labels"


def test_where_no_record_has_a_skill_the_usual_metric_decides(workspace: Workspace) -> None:
    for run_id, rmse in (("worse", 40.0), ("better", 30.0)):
        workspace.registry.append(make_record(run_id, metrics={"rmse": rmse}))
    assert workspace.find("rf").run_id == workspace.find().run_id == "better"
