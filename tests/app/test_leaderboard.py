"""Records are listed as `best` chooses among them, and two are compared value by value."""

from __future__ import annotations

from typing import Any

import pytest

from bike_traffic.app.leaderboard import (
    Line,
    Row,
    admitted,
    different_rows,
    metric_for,
    ordered,
    ranking_metric,
    side_by_side,
    task_of,
)
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import ModelRecord


def record(run_id: str, **other: Any) -> ModelRecord:
    """Return a record; by default of an rf with an rmse of 30."""
    return ModelRecord.from_json(
        {
            "timestamp": "2026-11-01T10:00:00+00:00", "model_type": "rf", "env": "dev", "test_mode": False,
            "run_id": run_id, "rmse": 30.0, "model_uri": f"models/{run_id}/", "split": {"kind": "temporal"},
            **other,
        }
    )  # fmt: skip


def event(run_id: str, kind: Any, alias: str = "") -> RegistryEvent:
    """Return an event."""
    return RegistryEvent(
        alias=alias, run_id=run_id, kind=kind, timestamp="2026-11-02T10:00:00+00:00", actor="me@here", reason="why"
    )


GOOD = record("good")
LEFT_OUT = {
    "withdrawn": record("gone"),
    "test mode": record("test", test_mode=True),
    "sample": record("sample", data={"source": "sample"}),
    "random split": record("random", split={"kind": "random"}),
}
WITHDRAWN = {"gone": event("gone", "withdraw")}
EVENTS = [event("good", "promote", "champion"), WITHDRAWN["gone"]]


def test_what_best_leaves_out_is_not_listed_unless_it_is_asked_for() -> None:
    records = [GOOD, *LEFT_OUT.values()]
    assert admitted(records, EVENTS, WITHDRAWN, Query(), left_out=False) == [Line(GOOD, ("champion",), ())]
    whole = admitted(records, EVENTS, WITHDRAWN, Query(), left_out=True)
    assert [line.record for line in whole] == records


@pytest.mark.parametrize("mark", LEFT_OUT)
def test_a_record_that_is_left_out_has_the_mark_that_says_why(mark: str) -> None:
    (line,) = admitted([LEFT_OUT[mark]], EVENTS, WITHDRAWN, Query(), left_out=True)
    assert line.marks == (mark,)


def test_a_filter_holds_for_those_left_out_too() -> None:
    records = [GOOD, record("nn", model_type="nn", test_mode=True)]
    lines = admitted(records, [], {}, Query(model_type="nn"), left_out=True)
    assert [line.record.run_id for line in lines] == ["nn"]


def test_the_best_come_first_and_those_without_the_metric_last() -> None:
    runs = [record("none", rmse=None), record("worse", rmse=31.0), record("better", rmse=29.0)]
    lines = [Line(one, (), ()) for one in runs]
    assert [line.record.run_id for line in ordered(lines, "rmse", newest_first=False)] == ["better", "worse", "none"]


def test_for_a_score_the_highest_value_comes_first() -> None:
    lines = [Line(record("low", r2=0.5), (), ()), Line(record("high", r2=0.8), (), ())]
    assert [line.record.run_id for line in ordered(lines, "r2", newest_first=False)] == ["high", "low"]


def test_the_newest_come_first_if_that_is_asked_for() -> None:
    lines = [Line(GOOD, (), ()), Line(record("new", timestamp="2026-11-03T10:00:00+00:00"), (), ())]
    assert [line.record.run_id for line in ordered(lines, "rmse", newest_first=True)] == ["new", "good"]


def test_a_metric_of_another_task_gives_way_to_the_usual_one() -> None:
    assert metric_for("regression", "mae") == "mae"
    assert metric_for("classification", "mae") == "f1_score"
    assert metric_for("classification", "skill") == "skill"


def test_without_a_wanted_metric_skill_orders_the_records_if_any_has_it() -> None:
    plain, skilled = Line(GOOD, (), ()), Line(record("skilled", rmse=40.0, skill=0.2), (), ())
    assert ranking_metric("regression", None, [plain, skilled]) == "skill"
    assert ranking_metric("regression", None, [plain]) == "rmse"
    assert ranking_metric("regression", "mae", [plain, skilled]) == "mae"


def test_a_record_is_of_the_task_whose_metrics_it_has() -> None:
    assert task_of(GOOD) == "regression"
    assert task_of(record("busy", rmse=None, accuracy=0.8, skill=0.1)) == "classification"


def test_records_of_different_rows_are_told_apart_unless_the_metric_compares_them() -> None:
    splits = [{"kind": "temporal", "held_out_digest": digest} for digest in ("a", "b")]
    lines = [Line(record(f"run{n}", split=split, skill=0.1), (), ()) for n, split in enumerate(splits)]
    assert len(different_rows(lines, "rmse")) == 2
    assert different_rows(lines, "skill") == []
    assert different_rows(lines[:1] * 2, "rmse") == []


def test_two_records_are_compared_value_by_value() -> None:
    left = record("left", parameters={"trees": 10, "depth": 3}, artifacts={})
    right = record("right", parameters={"trees": 20})
    rows = side_by_side(left, right)
    assert [row for row in rows if row.part == "parameters"] == [
        Row("parameters", "trees", 10, 20),
        Row("parameters", "depth", 3, None),
    ]
    assert not next(row for row in rows if row.name == "rmse").differs
    assert "artifacts" not in {row.part for row in rows} | {row.name for row in rows}
