"""An evaluation has the metrics of a pipeline and of the baseline on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNT, COUNTER
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import SplitError
from bike_traffic.evaluation.baselines import FourWeekMean
from bike_traffic.evaluation.measuring import evaluate, evaluation_of, measurable_rows
from bike_traffic.evaluation.references import References
from bike_traffic.names import Task
from bike_traffic.pipeline import Pipeline


@pytest.fixture
def cleaned(small_counts: pd.DataFrame) -> pd.DataFrame:
    return clean(small_counts)


class Fixed(Pipeline):
    """Predicts what it is given."""

    name = "fixed"
    task: Task = "regression"  # type: ignore[misc]

    def __init__(self, values: object = None) -> None:
        self.values = values

    def _fit(self, cleaned: pd.DataFrame) -> None:
        self.histories_: list[pd.DataFrame | None] = []

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> object:
        self.histories_.append(history)
        return self.values

    def save(self, directory: Path) -> None: ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        return cls()


def test_an_evaluation_has_both_baselines_on_the_same_rows(cleaned: pd.DataFrame) -> None:
    rows = cleaned.tail(500)
    pipeline = Fixed(rows[COUNT]).fit(rows)
    references = References.baselines(cleaned)
    measured = evaluate(pipeline, rows, references)
    assert list(measured.rows["truth"]) == list(measured.rows["prediction"]) == list(rows[COUNT])
    assert measured.rows.index.equals(rows.index)
    assert measured.metrics == {"r2": 1.0, "rmse": 0.0, "mae": 0.0, "wape": 0.0, "rmsle": 0.0, "skill": 1.0}
    assert measured.baseline.keys() == {"r2", "rmse", "mae", "wape", "rmsle"}
    assert measured.recent.keys() == measured.metrics.keys()
    assert references.four_week_mean is not None
    assert references.recent is not None
    assert list(measured.rows["baseline"]) == list(references.four_week_mean.predict(rows))
    assert list(measured.rows["recent"]) == list(references.recent.predict(rows))
    assert measured.baseline["rmse"] == pytest.approx(rmse(rows[COUNT], measured.rows["baseline"]))
    assert measured.recent["rmse"] == pytest.approx(rmse(rows[COUNT], measured.rows["recent"]))
    assert measured.recent["skill"] == pytest.approx(1 - measured.recent["rmse"] / measured.baseline["rmse"])


def test_skill_compares_the_error_with_that_of_the_four_week_mean(cleaned: pd.DataFrame) -> None:
    """As good as the mean is 0; a model that is not better than the mean does not beat it."""
    rows = cleaned.tail(500)
    references = References.baselines(cleaned)
    assert references.four_week_mean is not None
    mean = references.four_week_mean.predict(rows)
    same = evaluate(Fixed(mean).fit(rows), rows, references)
    assert (same.metrics["skill"], same.beats_baseline) == (0.0, False)
    worse = evaluate(Fixed(mean + 500).fit(rows), rows, references)
    assert worse.metrics["skill"] == pytest.approx(1 - worse.metrics["rmse"] / worse.baseline["rmse"])
    assert worse.beats_baseline is False
    better = evaluate(Fixed(rows[COUNT]).fit(rows), rows, references)
    assert better.beats_baseline is True


def test_a_part_of_the_rows_is_measured_like_the_whole(cleaned: pd.DataFrame) -> None:
    rows = cleaned.tail(500)
    pipeline, references = Fixed(rows[COUNT] + 3).fit(rows), References.baselines(cleaned)
    whole = evaluate(pipeline, rows, references)
    assert evaluation_of("regression", whole.rows).metrics == whole.metrics
    part = evaluation_of("regression", whole.rows.head(100))
    assert part.metrics["mae"] == pytest.approx(3.0)
    assert part.baseline["rmse"] == pytest.approx(rmse(rows[COUNT].head(100), part.rows["baseline"]))


class FixedLabels(Fixed):
    """A classifier of hours with more than 50 bikes."""

    name = "labels"
    task: Task = "classification"  # type: ignore[misc]

    def _truth(self, cleaned: pd.DataFrame) -> pd.Series:
        return (cleaned[COUNT] > 50).astype(np.int64)


def test_a_classifier_is_measured_in_one_pass_and_the_baseline_by_its_own_labels(cleaned: pd.DataFrame) -> None:
    rows = cleaned.tail(500)
    busy = (rows[COUNT] > 50).to_numpy(np.int64)
    assert 0 < busy.mean() < 1
    pipeline = FixedLabels({"prediction": np.ones(500), "probability": busy * 0.5}).fit(cleaned)
    baseline = FourWeekMean().fit(cleaned)
    measured = evaluate(pipeline, rows, References(four_week_mean=baseline), history=cleaned)
    assert measured.metrics == {
        "accuracy": busy.mean(),
        "precision": busy.mean(),
        "recall": 1.0,
        "f1_score": pytest.approx(2 * busy.mean() / (1 + busy.mean())),
        "roc_auc": 1.0,
        "skill": pytest.approx(1 - (1 - busy.mean()) / (1 - measured.baseline["accuracy"])),
    }
    labels = (baseline.predict(rows) > 50).astype(float)
    assert list(measured.rows["baseline"]) == list(labels)
    assert measured.baseline["accuracy"] == (labels == busy).mean()
    assert list(measured.rows) == [
        "nom_du_compteur",
        "date_et_heure_de_comptage",
        "heure",
        "jour_semaine",
        "truth",
        "prediction",
        "probability",
        "baseline",
        "baseline_score",
    ]
    (history,) = pipeline.histories_
    assert history is not None
    assert history.equals(cleaned)


def test_held_out_rows_of_counters_that_training_does_not_have_are_left_out(cleaned: pd.DataFrame) -> None:
    first = cleaned[COUNTER] == cleaned[COUNTER].iloc[0]
    pipeline = Fixed().fit(cleaned[first])
    assert measurable_rows(pipeline, cleaned).equals(cleaned[first])
    message = "every held-out row is of a counter that the training rows do not have"
    with pytest.raises(SplitError, match=f"^{message}$") as refused:
        measurable_rows(pipeline, cleaned[~first])
    assert refused.value.id == "held-out-counters-unknown"


def rmse(truth: pd.Series, predicted: pd.Series) -> float:
    return float(np.sqrt(((truth - predicted) ** 2).mean()))


def test_a_metric_that_the_rows_do_not_define_is_left_out(cleaned: pd.DataFrame) -> None:
    rows = cleaned.head(5).assign(**{COUNT: 0.0})
    measured = evaluate(Fixed(np.ones(5)).fit(rows), rows, References())
    assert measured.metrics == {"rmse": 1.0, "mae": 1.0, "rmsle": pytest.approx(np.log(2))}
    assert (measured.baseline, measured.recent, measured.beats_baseline) == ({}, {}, None)
