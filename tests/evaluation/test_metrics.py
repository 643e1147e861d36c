"""One table has what each metric measures and which direction is better; the values are those of scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from bike_traffic.errors import UnknownMetric
from bike_traffic.evaluation.metrics import DEFAULT_METRIC, METRICS, metric_named, metrics_of, skill
from bike_traffic.evaluation.parts.sums import STEPS, Sums
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
        "skill": (None, True),
        "coverage": ("regression", None),
        "interval_width": ("regression", None),
        "interval_score": ("regression", False),
    }


def test_every_metric_has_its_name_and_a_summary() -> None:
    assert all(metric.name == name and metric.summary for name, metric in METRICS.items())


@pytest.mark.parametrize("name", REFERENCES)
def test_a_metric_is_what_scikit_learn_computes(name: str) -> None:
    random = np.random.default_rng(0)
    metric = metric_named(name)
    if metric.task == "regression":
        truth, given = random.integers(0, 500, 200).astype(float), random.uniform(0, 500, 200)
    else:
        truth, given = random.integers(0, 2, 200).astype(float), random.integers(0, 2, 200).astype(float)
    if name == "roc_auc":
        given = random.integers(0, STEPS + 1, 200) / STEPS
    assert score(name, truth, given) == pytest.approx(REFERENCES[name](truth, given), rel=1e-12)


@pytest.mark.parametrize("name", REFERENCES)
def test_a_perfect_prediction_has_the_best_value(name: str) -> None:
    metric, truth = metric_named(name), np.array([0.0, 1.0, 0.0, 1.0])
    assert score(name, truth, truth) == (1.0 if metric.higher_is_better else 0.0)
    assert metric.better(score(name, truth, truth), score(name, truth, 1 - truth))


def score(name: str, truth: Values, given: Values) -> float:
    computed = metric_named(name).score
    assert computed is not None
    return computed(Sums.of(truth, given, given if name == "roc_auc" else None))


def test_the_area_under_the_curve_takes_close_probabilities_for_equal_ones() -> None:
    """It differs from the exact area by half of the share of the pairs that fall into one step, at most."""
    random = np.random.default_rng(1)
    probability = random.beta(0.3, 2.0, 3000)
    truth = (random.uniform(size=3000) < probability).astype(float)
    quiet, busy = Sums.of(truth, truth, probability).scored
    bound = 0.5 * float((quiet * busy).sum()) / float(quiet.sum() * busy.sum())
    error = score("roc_auc", truth, probability) - float(reference.roc_auc_score(truth, probability))
    assert 0.0 < abs(error) <= bound < 0.003


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
    assert math.isnan(score(name, np.array(truth), np.array(given)))


@pytest.mark.parametrize(("name", "better", "worse"), [("r2", 0.9, 0.8), ("rmse", 30.0, 40.0)])
def test_better_goes_by_the_direction_and_equal_is_not_better(name: str, better: float, worse: float) -> None:
    metric = metric_named(name)
    assert [metric.better(better, worse), metric.better(worse, better), metric.better(better, better)] == [
        True,
        False,
        False,
    ]


def test_a_tasks_metrics_keep_the_tables_order_and_its_default_is_one_of_them() -> None:
    for task in TASKS:
        assert [metric.name for metric in metrics_of(task)] == [
            name for name, metric in METRICS.items() if metric.task in (task, None)
        ]
    assert {task: metric_named(name).task for task, name in DEFAULT_METRIC.items()} == {task: task for task in TASKS}


def test_an_unknown_metric_lists_those_that_rank() -> None:
    ranking = sorted(METRICS.keys() - {"coverage", "interval_width"})
    for name in ("f1", "coverage"):
        with pytest.raises(UnknownMetric) as refused:
            metric_named(name)
        assert refused.value.known == ranking
    assert str(refused.value).startswith(f"no metric 'coverage'; there are {', '.join(ranking)}")


@pytest.mark.parametrize(
    ("metrics", "reference", "expected"),
    [
        ({"rmse": 30.0}, {"rmse": 40.0}, 0.25),
        ({"rmse": 50.0}, {"rmse": 40.0}, -0.25),
        ({"accuracy": 0.9}, {"accuracy": 0.8}, 0.5),
        ({"accuracy": 0.8}, {"accuracy": 0.8}, 0.0),
    ],
)
def test_skill_is_the_share_of_a_references_error_that_is_saved(
    metrics: dict[str, float], reference: dict[str, float], expected: float
) -> None:
    assert skill(metrics, reference) == pytest.approx(expected)


def test_there_is_no_skill_beside_a_perfect_reference() -> None:
    assert math.isnan(skill({"rmse": 1.0}, {"rmse": 0.0}))


def test_an_interval_is_scored_by_its_width_and_by_how_far_counts_are_outside() -> None:
    truth, lower, upper = np.array([5.0, 10.0, 0.0]), np.array([4.0, 12.0, 1.0]), np.array([8.0, 16.0, 3.0])
    sums = Sums.of(truth, truth).with_intervals(truth, lower, upper)
    names = ("coverage", "interval_width", "interval_score")
    scored = [computed(sums) for name in names if (computed := METRICS[name].score) is not None]
    outside = 10 * (0 + 2 + 1)
    assert scored == pytest.approx([1 / 3, (4 + 4 + 2) / 3, (4 + 4 + 2 + outside) / 3])
