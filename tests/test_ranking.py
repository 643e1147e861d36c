"""Models are ranked by a metric of their newest records on the same counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import attrs
import pandas as pd
import pytest

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import NoRecord, UnknownCounters
from bike_traffic.ranking import RankedModel, Ranking, rank_models
from bike_traffic.registry.queries import Query
from bike_traffic.registry.record_parts import DataInfo, FitInfo, PluginInfo, SplitInfo
from bike_traffic.registry.records import ModelRecord
from bike_traffic.testing.backends.records import make_record
from bike_traffic.training import TrainingPlan
from bike_traffic.workspace import Workspace
from tests.cli.test_registry import table
from tests.conftest import Bt
from tests.test_aliases import exactly
from tests.test_manager import declaring, install_distribution

MEAN = """
import json

import pandas as pd
from bike_traffic import Pipeline
from bike_traffic.columns import COUNT, COUNTER, TIME


class Model(Pipeline):
    name, task = "mean", "regression"
    histories = []

    def __init__(self, factor: float = 1.0):
        self.factor = factor

    def _fit(self, cleaned):
        self.means_ = dict(self.factor * cleaned.groupby(cleaned[COUNTER].astype(str))[COUNT].mean())

    def _predict(self, cleaned, history):
        self.histories.append(history)
        return cleaned[COUNTER].astype(str).map(self.means_).fillna(7.0)

    def save(self, directory):
        (directory / "means.json").write_text(json.dumps(self.means_))

    @classmethod
    def load(cls, directory):
        pipeline = cls()
        pipeline.means_ = json.loads((directory / "means.json").read_text())
        pipeline.counters_ = pd.Index(pipeline.means_)
        return pipeline
"""
RECENT = MEAN.replace('name, task = "mean", "regression"', 'name, task, needs = "recent", "regression", ("history",)')
LAST_WEEK = pd.Timedelta(days=7)


@pytest.fixture
def cleaned(small_counts: pd.DataFrame) -> pd.DataFrame:
    """Return clean counts of four counters over a hundred days."""
    return clean(small_counts)


@pytest.fixture
def before(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return these counts without the last week."""
    kept: pd.DataFrame = cleaned[cleaned[TIME] <= cleaned[TIME].max() - LAST_WEEK]
    return kept


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    """Return a workspace with two more pipelines: the mean of each counter, and one that needs history."""
    for name, source in (("mean", MEAN), ("recent", RECENT)):
        needs = ', needs=("history",)' if name == "recent" else ""
        spec = f'[PipelineSpec(name="{name}", target="{{here}}_model:Model"{needs})]'
        module = install_distribution(monkeypatch, tmp_path / "site", f"{name}-dist", declaring(spec))
        (tmp_path / f"site/{module}_model.py").write_text(source, encoding="utf-8")
    return Workspace.open(registry="models")


def train(workspace: Workspace, name: str, cleaned: pd.DataFrame, **parameters: float) -> ModelRecord:
    (declaration,) = workspace.pipelines([name])
    plan = TrainingPlan(parameters=parameters or ({} if name in ("mean", "recent") else {"n_estimators": 2}))
    return workspace.train(declaration, cleaned, plan).record


def ranked(ranking: Ranking) -> list[str]:
    return [one.record.run_id for one in ranking.models]


def known_rows(record: ModelRecord, cleaned: pd.DataFrame) -> int:
    assert record.known_until is not None
    return int((cleaned[TIME] <= pd.Timestamp(record.known_until)).sum())


def test_the_newest_records_are_measured_on_the_same_rows_and_the_best_comes_first(
    workspace: Workspace, cleaned: pd.DataFrame, before: pd.DataFrame
) -> None:
    train(workspace, "mean", before)
    forest, label, mean = (train(workspace, name, before) for name in ("rf", "rf_class", "mean"))
    ranking = rank_models(workspace, cleaned, "rmse", Query())
    assert ranked(ranking) == [forest.run_id, mean.run_id]
    for one in ranking.models:
        loaded = workspace.load(one.record)
        evaluation = workspace.evaluate(loaded, cleaned).evaluation
        seen = known_rows(one.record, cleaned)
        expected = RankedModel(
            record=one.record,
            metrics=evaluation.metrics,
            baseline=evaluation.baseline,
            recent=evaluation.recent,
            beats_baseline=evaluation.beats_baseline,
            seen_rows=seen,
        )
        assert one == expected
    assert (ranking.rows, ranking.left_out_rows, ranking.history_rows) == (len(cleaned), 0, 0)
    assert ranking.left_out == []
    assert ranked(rank_models(workspace, cleaned, "accuracy", Query())) == [label.run_id]
    assert ranked(rank_models(workspace, cleaned, "rmse", Query(model_type="mean"))) == [mean.run_id]


def test_higher_values_win_where_they_are_better(workspace: Workspace, cleaned: pd.DataFrame) -> None:
    for name in ("mean", "rf"):
        train(workspace, name, cleaned)
    models = [one.record.model_type for one in rank_models(workspace, cleaned, "r2", Query()).models]
    assert models == ["rf", "mean"]


def test_rows_of_counters_that_not_every_model_knows_are_left_out(
    workspace: Workspace, cleaned: pd.DataFrame
) -> None:
    first, second = sorted(cleaned[COUNTER].unique())[:2]
    train(workspace, "mean", cleaned[cleaned[COUNTER].isin([first, second])])
    train(workspace, "rf", cleaned[cleaned[COUNTER] != first])
    ranking = rank_models(workspace, cleaned, "rmse", Query())
    shared = int((cleaned[COUNTER] == second).sum())
    assert (ranking.rows, ranking.left_out_rows) == (shared, len(cleaned) - shared)
    assert len(ranking.models) == 2


def test_without_a_shared_counter_there_is_no_ranking(workspace: Workspace, cleaned: pd.DataFrame) -> None:
    first = sorted(cleaned[COUNTER].unique())[0]
    train(workspace, "mean", cleaned[cleaned[COUNTER] == first])
    train(workspace, "rf", cleaned[cleaned[COUNTER] != first])
    message = "no counter of these counts is known to all of mean, rf; rank fewer models with --model"
    with pytest.raises(UnknownCounters, match=exactly(message)):
        rank_models(workspace, cleaned, "rmse", Query())


def test_a_model_that_needs_history_gets_what_was_known_and_all_are_measured_on_later_rows(
    workspace: Workspace, cleaned: pd.DataFrame, before: pd.DataFrame
) -> None:
    """The record says that the model was fitted until the end of `before`, as after a second fit on all rows."""
    recent, mean = (train(workspace, name, before) for name in ("recent", "mean"))
    until = before[TIME].max()
    entries = json.loads(Path("models/summary.json").read_bytes())
    for entry in entries:
        entry["registered_fit"] = FitInfo(until=until.isoformat()).to_json()
    Path("models/summary.json").write_text(json.dumps(entries))

    ranking = rank_models(workspace, cleaned, "rmse", Query())
    assert {*ranked(ranking)} == {recent.run_id, mean.run_id}
    assert (ranking.rows, ranking.history_rows) == (len(cleaned) - len(before), len(before))
    assert [one.seen_rows for one in ranking.models] == [0, 0]
    pipeline = workspace.plugins.pipeline("recent").load()
    history = sys.modules[pipeline.__module__].Model.histories[-1]
    assert history.equals(before)
    assert sys.modules[workspace.plugins.pipeline("mean").load().__module__].Model.histories[-1] is None

    ranking = rank_models(workspace, cleaned[cleaned[TIME] > until], "rmse", Query())
    reason = (
        f"it needs history: give counts from before and after {until.isoformat()}, the last hour it was fitted on"
    )
    assert ranked(ranking) == [mean.run_id]
    assert [(record.run_id, why) for record, why in ranking.left_out] == [(recent.run_id, reason)]


def test_a_model_that_cannot_be_measured_is_left_out_with_the_reason(
    workspace: Workspace, cleaned: pd.DataFrame
) -> None:
    mean = train(workspace, "mean", cleaned)
    stranger = cleaned.assign(**{COUNTER: pd.Categorical(["elsewhere"] * len(cleaned))})
    elsewhere = train(workspace, "rf", stranger)
    plugin = PluginInfo(distribution="bt-xgb", version="1.0")
    missing = make_record("xgb", model_type="xgb", plugin=plugin)
    source = PluginInfo(distribution="recent-dist", version="1.0")
    bare = attrs.evolve(mean, run_id="bare", model_type="recent", plugin=source, artifacts=None)
    for record in (missing, bare):
        workspace.registry.append(record)
    ranking = rank_models(workspace, cleaned, "rmse", Query())
    assert ranked(ranking) == [mean.run_id]
    reasons = {record.run_id: reason for record, reason in ranking.left_out}
    assert list(reasons) == ["xgb", "bare", elsewhere.run_id]
    assert reasons["xgb"].startswith("run xgb was trained by 'xgb' of bt-xgb 1.0, which is not loaded")
    assert reasons["bare"].startswith("record bare has no digests")
    assert reasons[elsewhere.run_id] == "it knows none of these counters"

    workspace.registry.withdraw(mean.run_id, actor="ana", reason="x")
    with pytest.raises(
        NoRecord, match=r"^no model that can be ranked by rmse for any model; left out: xgb: run xgb "
    ):
        rank_models(workspace, cleaned, "rmse", Query())


def test_records_that_the_best_leaves_out_are_not_ranked_either(workspace: Workspace, cleaned: pd.DataFrame) -> None:
    registry = workspace.registry
    registry.append(make_record("old"))
    registry.withdraw("old", actor="ana", reason="x")
    registry.append(make_record("invented", data=DataInfo(source="sample")))
    registry.append(make_record("random", split=SplitInfo(kind="random")))
    registry.append(make_record("label", model_type="rf_class", metrics={"accuracy": 0.9}))
    message = (
        "no model with rmse for any model; left out: 1 of the sample (add --sample), 1 of a random split, "
        "1 withdrawn (`bt registry restore` takes them back)"
    )
    with pytest.raises(NoRecord, match=exactly(message)):
        rank_models(workspace, cleaned, "rmse", Query())


# --- the command


@pytest.fixture
def trained(workspace: Workspace, before: pd.DataFrame) -> dict[str, ModelRecord]:
    return {name: train(workspace, name, before) for name in ("mean", "rf", "recent")}


def test_the_ranking_is_a_table_or_a_document(
    bt: Bt, trained: dict[str, ModelRecord], small_file: Path, cleaned: pd.DataFrame
) -> None:
    mean, forest, recent = trained.values()
    assert mean.known_until is not None
    until = pd.Timestamp(mean.known_until)
    earlier = int((cleaned[TIME] <= until).sum())
    rows = len(cleaned) - earlier
    document = json.loads(bt("registry", "best", "--on", small_file, "--format", "json").stdout)
    models = document.pop("models")
    assert document == {
        "metric": "rmse",
        "rows": rows,
        "left_out_rows": 0,
        "history_rows": earlier,
        "left_out": [],
    }
    assert [(one["rank"], one["run_id"], one["model_type"]) for one in models] == [
        (1, forest.run_id, "rf"),
        (2, mean.run_id, "mean"),
        (3, recent.run_id, "recent"),
    ]
    keys = [
        "rank",
        "run_id",
        "model_type",
        "model_uri",
        "seen_rows",
        "metrics",
        "baseline",
        "recent",
        "beats_baseline",
    ]
    assert list(models[0]) == keys

    done = bt("registry", "best", "--on", small_file)
    notes = [f"{earlier:,} earlier rows are the history of models that need it, and were not measured"]
    assert (done.exit_code, done.stderr.splitlines()) == (0, notes)
    header, *lines = table(done.stdout)
    assert (header[:4], header[-1]) == (["rank", "run", "model", "rows"], "known rows")
    for one, line in zip(models, lines, strict=True):
        behind = ["behind mean"] if one["beats_baseline"] is False else []
        expected = [str(one["rank"]), one["run_id"][:8], one["model_type"], *behind, f"{rows:,}"]
        assert (line[: len(expected)], line[-1]) == (expected, "0")
    assert "behind mean" in lines[-1]

    uri = bt("registry", "best", "--on", small_file, "--format", "uri").stdout
    assert uri == f"{forest.model_uri}\n"


def test_rows_that_a_model_may_know_and_models_left_out_are_noted(
    bt: Bt, workspace: Workspace, trained: dict[str, ModelRecord], small_file: Path, cleaned: pd.DataFrame
) -> None:
    forest = trained["rf"]
    workspace.registry.append(make_record("xgb", model_type="xgb", plugin=PluginInfo(distribution="bt-xgb")))
    for name in ("recent", "mean"):
        workspace.registry.withdraw(trained[name].run_id, actor="ana", reason="x")
    done = bt("registry", "best", "--on", small_file, "--metric", "r2")
    known = known_rows(forest, cleaned)
    left_out, seen = done.stderr.splitlines()
    assert left_out.startswith("left out: xgb of run xgb: run xgb was trained by 'xgb' of bt-xgb unknown, which is ")
    assert seen == (
        f"rf of run {forest.run_id[:8]} may know {known:,} of the {len(cleaned):,} rows: they are not later than its "
        "training rows"
    )


def test_counts_that_cannot_be_read_are_one_line(bt: Bt, trained: dict[str, ModelRecord]) -> None:
    done = bt("registry", "best", "--on", "nowhere.csv")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: nowhere.csv: ")
    assert done.stderr.count("\n") == 1
    assert trained
