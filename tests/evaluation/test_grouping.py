"""Errors by counter, hour, day and weekday say where a model is wrong, the worst first."""

from __future__ import annotations

import pandas as pd
import pytest

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.data.cleaning import clean
from bike_traffic.evaluation.grouping import By, errors_by
from bike_traffic.evaluation.measuring import evaluation_of


@pytest.fixture
def rows(small_counts: pd.DataFrame) -> pd.DataFrame:
    cleaned = clean(small_counts).tail(28 * 24 * 4)
    predicted = cleaned[COUNT] + 1.0 + cleaned[COUNTER].cat.codes + cleaned[HOUR] + cleaned[WEEKDAY]
    return cleaned.assign(truth=cleaned[COUNT], prediction=predicted, baseline=cleaned[COUNT] + 7.0)


@pytest.mark.parametrize(
    ("by", "groups", "worst"),
    [("counter", 4, "Pont du Vieux Moulin S-N"), ("hour", 24, "23:00"), ("weekday", 7, "Sunday"), ("day", 28, None)],
)
def test_each_group_is_measured_on_its_own_rows_the_worst_first(
    rows: pd.DataFrame, by: By, groups: int, worst: str | None
) -> None:
    found = errors_by("regression", rows, by)
    assert len(found) == groups
    assert sum(len(group.evaluation.rows) for group in found) == len(rows)
    errors = [group.evaluation.metrics["rmse"] for group in found]
    assert errors == sorted(errors, reverse=True)
    assert worst in (None, found[0].name)
    for group in found:
        assert group.evaluation.metrics == evaluation_of("regression", group.evaluation.rows).metrics
        assert group.evaluation.baseline["mae"] == pytest.approx(7.0)


def test_a_group_has_the_rows_that_its_name_says(rows: pd.DataFrame) -> None:
    of_day = {group.name: group.evaluation.rows for group in errors_by("regression", rows, "day")}
    assert set(of_day["2024-11-15"][TIME].dt.strftime("%Y-%m-%d")) == {"2024-11-15"}
    of_weekday = {group.name: group.evaluation.rows for group in errors_by("regression", rows, "weekday")}
    assert set(of_weekday["Monday"][WEEKDAY]) == {0}


def test_a_classification_is_worst_where_its_accuracy_is_lowest(rows: pd.DataFrame) -> None:
    wrong = rows[HOUR] == 5
    labels = rows.assign(truth=1.0, prediction=(~wrong).astype(float))
    assert errors_by("classification", labels, "hour")[0].name == "05:00"
