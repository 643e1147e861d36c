"""A search for parameters in MLflow: a run for the search, and below it one for each trial."""

from __future__ import annotations

import pandas as pd
import pytest

import bike_traffic
from tests.tracking.conftest import runs_of, store_client

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.slow,
]


def test_each_trial_is_a_run_below_that_of_the_search(small_counts: pd.DataFrame) -> None:
    found = bike_traffic.tune(
        "rf", small_counts, trials=3, folds=2, horizon="7d", parameters={"n_estimators": 2}, track=True
    )
    runs = {run.data.tags.get("trial", "search"): run for run in runs_of(store_client())}
    assert runs.keys() == {"search", "0", "1", "2"}
    search = runs.pop("search")
    assert (search.info.status, search.data.params) == ("FINISHED", {})
    for trial in found.trials:
        run = runs[str(trial.number)]
        assert run.data.tags["mlflow.parentRunId"] == search.info.run_id
        assert (run.info.status, run.data.tags["state"]) == ("FINISHED", trial.state)
        wanted = {"n_estimators": 2, **trial.parameters}
        assert run.data.params == {name: str(value) for name, value in wanted.items()}
        assert run.data.metrics["rmse"] == pytest.approx(trial.score)
        history = store_client().get_metric_history(run.info.run_id, "rmse")
        assert [point.step for point in history] == list(range(1, len(trial.values) + 1))


def test_a_search_that_is_broken_off_ends_its_run(
    small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bike_traffic.tuning import search

    def interrupted(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "_score", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bike_traffic.tune("rf", small_counts, trials=2, folds=1, horizon="7d", track=True)
    (run,) = runs_of(store_client())
    assert run.info.status == "KILLED"
