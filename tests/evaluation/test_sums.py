"""Metrics follow from sums, and those of parts of the rows add up, in any order of the parts."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from bike_traffic.evaluation.measuring import Evaluation, evaluation_from, evaluation_of
from bike_traffic.evaluation.parts.sums import added, sums_of
from bike_traffic.names import Task


def measured(task: Task, size: int = 600) -> pd.DataFrame:
    """Return rows as `measured_rows` does, of a pipeline and both baselines."""
    random = np.random.default_rng(size)
    if task == "classification":
        probability = random.uniform(0, 1, size)
        columns = {
            "truth": (random.uniform(0, 1, size) < probability).astype(float),
            "prediction": (probability > 0.5).astype(np.int64),
            "probability": probability,
            "baseline": random.integers(0, 2, size).astype(float),
            "baseline_score": random.uniform(0, 20, size),
        }
    else:
        truth = random.integers(0, 900, size).astype(float)
        predicted = truth * random.uniform(0.5, 1.5, size)
        columns = {"truth": truth, "prediction": predicted, "baseline": truth + 7.0, "recent": truth * 0.9}
        columns |= {"lower": predicted * 0.8, "upper": predicted * 1.3}
    return pd.DataFrame(columns)


def of_parts(task: Task, parts: list[pd.DataFrame]) -> Evaluation:
    return evaluation_from(task, reduce(added, (sums_of(part) for part in parts), {}))


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_metrics_of_parts_are_those_of_all_rows_in_any_order(task: Task) -> None:
    rows = measured(task)
    whole = evaluation_of(task, rows)
    assert len(whole.metrics) == (9 if task == "regression" else 6)
    for parts in permutations([rows.head(100), rows[100:101], rows.tail(499)]):
        found = of_parts(task, list(parts))
        assert found.metrics == pytest.approx(whole.metrics, rel=1e-12)
        assert found.baseline == pytest.approx(whole.baseline, rel=1e-12)
        assert found.recent == pytest.approx(whole.recent, rel=1e-12)
        assert (found.size, len(found.rows)) == (whole.size, 0) == (600, 0)


def test_a_constant_count_has_no_share_of_variance_also_over_many_parts() -> None:
    part = measured("regression", 999).assign(truth=1234.0)
    found = of_parts("regression", [part] * 50)
    assert "r2" not in found.metrics
    assert found.metrics["rmse"] == pytest.approx(evaluation_of("regression", part).metrics["rmse"])
