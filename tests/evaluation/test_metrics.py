"""One table has what each metric measures and which direction is better; the values are those of scikit-learn."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from bike_traffic.errors import UnknownMetric
from bike_traffic.evaluation.metrics import DEFAULT_METRIC, METRICS, metric_named, metrics_of
from bike_traffic.names import TASKS

Values = NDArray[np.float64]


def wape(truth: Values, prediction: Values) -> float:
    """Sum of absolute errors over sum of counts, which scikit-learn does not have."""
    return float(np.abs(truth - prediction).sum() / truth.sum())


REFERENCES: dict[str, Callable[[Values, Values], float]] = {
    "r2": reference.r2_score,
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "wape": wape,
    "rmsle": reference.root_mean_squared_log_error,
    "accuracy": reference.accuracy_score,
    "precision": reference.precision_score,
    "recall": reference.recall_score,
    "f1_score": reference.f1_score,
    "roc_auc": reference.roc_auc_score,
}


def test_the_table_has_the_direction_and_the_task_of_every_metric() -> None:
    assert {name: (metric.task, metric.higher_is_better) for name, metric in METRICS.items()} == {
        "r2": ("regression", True),
        "rmse": ("regression", False),
        "mae": ("regression", False),
        "wape": ("regression", False),
        "rmsle": ("regression", False),
        "accuracy": ("classification", True),
        "precision": ("classification", True),
        "recall": ("classification", True),
        "f1_score": ("classification", True),
        "roc_auc": ("classification", True),
    }


def test_every_metric_has_its_name_and_a_summary() -> None:
    assert all(metric.name == name and metric.summary for name, metric in METRICS.items())


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_what_scikit_learn_computes(name: str) -> None:
    random = np.random.default_rng(0)
    metric = metric_named(name)
    if metric.task == "regression":
        truth, given = random.integers(0, 500, 200).astype(float), random.uniform(0, 500, 200)
    else:
        truth, given = random.integers(0, 2, 200).astype(float), random.integers(0, 2, 200).astype(float)
    if metric.of_probability:
        given = random.uniform(0, 1, 200)
    assert metric.score(truth, given) == pytest.approx(REFERENCES[name](truth, given), rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_prediction_has_the_best_value(name: str) -> None:
    metric, truth = metric_named(name), np.array([0.0, 1.0, 0.0, 1.0])
    assert metric.score(truth, truth) == (1.0 if metric.higher_is_better else 0.0)
    assert metric.better(metric.score(truth, truth), metric.score(truth, 1 - truth))


@pytest.mark.parametrize(
    ("name", "truth", "given"),
    [
        ("r2", [3.0, 3.0], [1.0, 2.0]),
        ("wape", [0.0, 0.0], [1.0, 2.0]),
        ("precision", [0.0, 1.0], [0.0, 0.0]),
        ("recall", [0.0, 0.0], [0.0, 1.0]),
        ("f1_score", [0.0, 0.0], [0.0, 0.0]),
        ("roc_auc", [1.0, 1.0], [0.2, 0.9]),
    ],
)
def test_what_the_rows_do_not_define_is_nan(name: str, truth: list[float], given: list[float]) -> None:
    assert math.isnan(metric_named(name).score(np.array(truth), np.array(given)))


@pytest.mark.parametrize(("name", "better", "worse"), [("r2", 0.9, 0.8), ("rmse", 30.0, 40.0)])
def test_better_goes_by_the_direction_and_equal_is_not_better(name: str, better: float, worse: float) -> None:
    metric = metric_named(name)
    assert [metric.better(better, worse), metric.better(worse, better), metric.better(better, better)] == [
        True,
        False,
        False,
    ]


def test_a_tasks_metrics_keep_the_tables_order_and_its_default_is_one_of_them() -> None:
    assert [metric.name for task in TASKS for metric in metrics_of(task)] == list(METRICS)
    assert {task: metric_named(name).task for task, name in DEFAULT_METRIC.items()} == {task: task for task in TASKS}


def test_an_unknown_metric_lists_those_there_are() -> None:
    message = f"no metric 'f1'; there are {', '.join(sorted(METRICS))}"
    with pytest.raises(UnknownMetric, match=f"^{re.escape(message)}$"):
        metric_named("f1")
