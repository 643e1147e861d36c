"""A search for parameters: the same seed gives the same trials, and an interrupted one goes on."""

from __future__ import annotations

import gc
import json
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest

import bike_traffic
from bike_traffic.columns import TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import MissingExtra, SplitError, TuningError
from bike_traffic.manager import PluginHost
from bike_traffic.search_space import Between, OneOf, Searched
from bike_traffic.tuning import search
from bike_traffic.tuning.search import Tuning, TuningPlan, tune
from bike_traffic.tuning.study import Study, Trial
from tests.conftest import Bt

PLAN = TuningPlan(trials=6, folds=2, horizon=pd.Timedelta(days=7), parameters={"n_estimators": 2})
TUNE = ("tune", "-m", "rf", "--set", "n_estimators=2", "--trials", "5", "--folds", "2", "--horizon", "7d")
LIMIT = 300


def tuned(counts: pd.DataFrame, model: str = "rf", **how: Any) -> Tuning:
    """Search for the parameters of a built-in model."""
    return tune(PluginHost(only=()).pipeline(model), clean(counts), attrs.evolve(PLAN, **how))


def test_the_same_seed_gives_the_same_trials_however_many_processes_there_are(small_counts: pd.DataFrame) -> None:
    from bike_traffic.processes import Workers

    alone = tuned(small_counts, storage="alone.db")
    assert alone == tuned(small_counts, storage="again.db", workers=Workers(jobs=2))
    other = tuned(small_counts, storage="other.db", seed=1)
    assert [trial.parameters for trial in other.trials[1:]] != [trial.parameters for trial in alone.trials[1:]]


def test_the_first_trial_has_the_defaults_and_the_best_is_the_best_mean(small_counts: pd.DataFrame) -> None:
    found = tuned(small_counts)
    assert found.metric == "rmse"
    assert found.trials[0].parameters == {"max_features": 0.33, "max_samples": 0.15, "min_samples_leaf": 5}
    assert [trial.number for trial in found.trials] == list(range(6))
    complete = [trial for trial in found.trials if trial.state == "complete"]
    assert all(len(trial.values) == 2 and trial.score == sum(trial.values) / 2 for trial in complete)
    assert found.best == min(complete, key=lambda trial: trial.score or 0.0)
    assert found.parameters == {"n_estimators": 2, **found.best.parameters}


def test_a_search_goes_on_where_it_was_interrupted_with_the_trials_that_it_would_have_had(
    small_counts: pd.DataFrame,
) -> None:
    whole = tuned(small_counts, storage="whole.db")
    ended = []

    def interrupt(trial: Trial, _: Tuning | None) -> None:
        ended.append(trial)
        if len(ended) == 2:
            raise KeyboardInterrupt

    declaration, cleaned = PluginHost(only=()).pipeline("rf"), clean(small_counts)
    plan = attrs.evolve(PLAN, storage="parts.db")
    with pytest.raises(KeyboardInterrupt):
        tune(declaration, cleaned, plan, on_trial=interrupt)
    later: list[Trial] = []
    assert tune(declaration, cleaned, plan, on_trial=lambda trial, _: later.append(trial)) == whole
    assert sorted(trial.number for trial in [*ended, *later]) == list(range(6))
    assert tune(declaration, cleaned, attrs.evolve(plan, trials=3), on_trial=interrupt) == whole


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_with_the_same_trials(bt: Bt, small_file: Path) -> None:
    words = [*TUNE, "--data", str(small_file), "--format", "json"]
    whole = bt(*words, "--storage", "whole.db")
    process = subprocess.Popen(
        [sys.executable, "-m", "bike_traffic.cli.main", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(b"trial 2"):
            process.send_signal(signal.SIGKILL)
    process.stderr.close()
    assert process.wait(timeout=LIMIT) == -signal.SIGKILL
    done = bt(*words)
    assert (done.exit_code, done.stdout) == (0, whole.stdout)


def test_folds_end_before_the_hold_out_of_a_training(
    small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    score = search._score

    def spied(new: Any, split: Any, metric: str, cleaned: pd.DataFrame) -> float:
        seen.append(cleaned[TIME].iloc[split.held_out].max())
        return score(new, split, metric, cleaned)

    monkeypatch.setattr(search, "_score", spied)
    tuned(small_counts, trials=1)
    last = clean(small_counts)[TIME].max()
    assert max(seen) == last - pd.Timedelta(days=28)


@pytest.fixture
def study() -> Iterator[Study]:
    """Return a study in memory without trials; lower metrics are better."""
    space = {"x": Between(0.0, 1.0)}
    with closing(Study("sqlite:///:memory:", "study", space, higher_is_better=False, seed=0)) as made:
        yield made


def test_a_trial_is_behind_that_is_worse_than_the_median_after_as_many_folds(study: Study) -> None:
    def complete(*values: float) -> None:
        (trial, *_) = study.next_trials(len(study.trials()) + 1)
        study.report(trial, values)
        study.finish(trial, "complete")

    def behind(*values: float) -> bool:
        return study.is_behind(Trial(number=9, parameters={}, values=values, state="running"))

    for first in (1.0, 2.0, 3.0):
        complete(first, 9.0)
    assert not behind(99.0)  # three are too few to compare with
    complete(4.0, 9.0)
    assert (behind(2.4), behind(2.6), behind(4.0, 6.8), behind(4.0, 7.8)) == (False, True, False, True)


def file_of(connection: sqlite3.Connection) -> str:
    """Return the file of an open connection of this thread, and nothing of others."""
    try:
        return str(connection.execute("PRAGMA database_list").fetchone()[2])
    except sqlite3.ProgrammingError:
        return ""


def test_a_closed_study_leaves_no_connection_open() -> None:
    study = Study("trials.db", "study", {"x": Between(0.0, 1.0)}, higher_is_better=False, seed=0)
    assert len(study.next_trials(1)) == 1
    study.close()
    files = [file_of(one) for one in gc.get_objects() if isinstance(one, sqlite3.Connection)]
    assert [file for file in files if file.endswith("trials.db")] == []


@pytest.mark.parametrize(
    ("searched", "inside", "outside"),
    [
        (Between(1, 4), [1, 4], [0, 5, 2.0, True, "2"]),
        (Between(0.0, 1.0), [0.0, 0.5, 1.0], [-0.1, 1.5, 1]),
        (OneOf(((8,), (16, 8))), [(8,), (16, 8)], [(16,), [8]]),
        (OneOf((1, None)), [1, None], [1.0, True, 0]),
    ],
)
def test_a_range_has_the_values_of_its_own_type(searched: Searched, inside: list[Any], outside: list[Any]) -> None:
    assert [value for value in inside if not searched.has(value)] == []
    assert [value for value in outside if searched.has(value)] == []


def test_values_of_any_type_are_searched(small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    from bike_traffic.plugins.random_forest import RFPipeline

    space: Mapping[str, Searched] = {"holidays": OneOf(("FR", "DE-NW")), "min_samples_leaf": Between(5, 50, log=True)}
    monkeypatch.setattr(RFPipeline, "search_space", classmethod(lambda _: space))
    found = tuned(small_counts, trials=4)
    assert {trial.parameters["holidays"] for trial in found.trials} <= {"FR", "DE-NW"}
    assert all(type(trial.parameters["min_samples_leaf"]) is int for trial in found.trials)


@pytest.mark.parametrize("model", ["rf", "rf_class", "nn", "ahead"])
def test_the_built_in_models_declare_what_to_search(model: str) -> None:
    assert PluginHost(only=()).pipeline(model).spec.load().search_space()


def test_the_command_prints_the_best_as_words_that_train_takes(bt: Bt, small_file: Path) -> None:
    done = bt(*TUNE, "--data", small_file)
    assert done.exit_code == 0, done.stderr
    words = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"--set n_estimators=2( --set \w+=[0-9.]+){3}", words)
    assert [line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("trial")] == [
        f"trial {number}" for number in range(5)
    ]
    line = done.stderr.splitlines()[-1]
    assert line == f"train it: bt train -m rf --data {shlex.quote(str(small_file))} {words}"
    trained = bt(*shlex.split(line)[3:], "--no-interval")
    assert trained.exit_code == 0, trained.stderr
    again = bt(*TUNE, "--data", small_file, "--format", "json")
    document = json.loads(again.stdout)
    assert (document["model_type"], document["metric"], len(document["trials"])) == ("rf", "rmse", 5)
    assert document["best"]["words"] == words
    assert not [line for line in again.stderr.splitlines() if line.startswith("trial")]


def test_the_line_to_train_the_best_repeats_what_the_search_was_given(bt: Bt, small_file: Path) -> None:
    given = [
        "--registry",
        "my models",
        "--data",
        str(small_file),
        "--max-left-out",
        "0.5",
        "--keep-doubtful",
        "--no-track",
    ]
    done = bt(*TUNE[:-4], "--folds", "1", "--horizon", "7d", "--trials", "1", *given, "--seed", "7")
    assert done.exit_code == 0, done.stderr
    line = done.stderr.splitlines()[-1]
    assert shlex.split(line)[:-8] == ["train", "it:", "bt", "train", "-m", "rf", *given, "--seed", "7"]


def test_the_best_is_registered_when_asked(bt: Bt, small_file: Path) -> None:
    done = bt(*TUNE[:-4], "--folds", "1", "--horizon", "7d", "--trials", "2", "--data", small_file, "--register")
    assert done.exit_code == 0, done.stderr
    (record,) = bike_traffic.open_registry("models").records(bike_traffic.Query())
    words = dict(word.split("=") for word in shlex.split(done.stdout.splitlines()[-1])[1::2])
    assert {name: str(value) for name, value in (record.parameters or {}).items() if name in words} == words
    assert done.stderr.splitlines()[-1] == f"registered as {record.model_uri}"


def test_what_cannot_be_searched_is_one_line(bt: Bt, small_file: Path, small_counts: pd.DataFrame) -> None:
    done = bt("tune", "-m", "ahead", "--set", "alpha=1", "--data", small_file)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        1,
        "Error: 'ahead' declares no parameters to search, or all of them are given",
    )
    with pytest.raises(TuningError, match=r"^no/where\.db: the trials cannot be kept there: \w+: "):
        tuned(small_counts, storage="no/where.db")
    with pytest.raises(TuningError, match=r"^foo://host/x: the trials cannot be kept there: \w+: ") as caught:
        tuned(small_counts, storage="foo://me:secret@host/x")
    assert "secret" not in str(caught.value.parts)
    with pytest.raises(SplitError):
        tuned(small_counts, folds=99)


def test_without_optuna_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "find_spec", lambda _: None)
    message = r"^a search needs optuna, which is not installed: pip install 'optuna>=4'$"
    with pytest.raises(MissingExtra, match=message):
        search.require_optuna()


def test_the_values_of_more_than_ten_folds_stay_in_their_order(study: Study) -> None:
    (trial,) = study.next_trials(1)
    values = [float(fold) for fold in range(12)]
    study.report(trial, values)
    assert [one.values for one in study.trials()] == [values]
