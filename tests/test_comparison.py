"""Records are divided by the rows that they were measured on."""

from __future__ import annotations

from typing import Any

import pytest

from bike_traffic.comparison import MeasuredRows, measured_rows
from bike_traffic.evaluation.metrics import metric_named
from bike_traffic.registry.record_parts import DataInfo, SplitInfo
from bike_traffic.testing.backends.records import make_record

JULY, AUGUST, SEPTEMBER = (f"2021-{month:02}-01T00:00:00+02:00" for month in (7, 8, 9))


def entry(rmse: float, *, model_type: str = "rf", last_hour: str | None = None, **split: Any) -> dict[str, Any]:
    data = DataInfo(last_hour=last_hour) if last_hour else None
    info = SplitInfo(**split) if split else None
    metrics = {"rmse": rmse, "r2": rmse / 100}
    return make_record(model_type=model_type, metrics=metrics, split=info, data=data).to_json()


def test_records_of_one_digest_belong_together_and_others_by_last_hour_and_number_of_rows() -> None:
    july: dict[str, Any] = {"training_until": JULY, "measured_until": AUGUST, "held_out_rows": 100}
    entries = [
        entry(40.0, **july, held_out_digest="ab"),
        entry(38.0, model_type="nn", **july, held_out_digest="ab"),
        entry(30.0, **july, held_out_digest="cd"),
        entry(35.0, training_until=JULY, held_out_rows=50, last_hour=AUGUST),
        entry(36.0, training_until=JULY, held_out_rows=50, last_hour=AUGUST),
        entry(50.0, training_until=AUGUST, held_out_rows=50),
        entry(20.0),
    ]
    groups = [
        MeasuredRows(after=None, until=None, rows=None, records=1, models=("rf",), best=20.0),
        MeasuredRows(after=JULY, until=AUGUST, rows=100, records=1, models=("rf",), best=30.0),
        MeasuredRows(after=JULY, until=AUGUST, rows=50, records=2, models=("rf",), best=35.0),
        MeasuredRows(after=JULY, until=AUGUST, rows=100, records=2, models=("nn", "rf"), best=38.0),
        MeasuredRows(after=AUGUST, until=None, rows=50, records=1, models=("rf",), best=50.0),
    ]
    assert measured_rows(entries, metric_named("rmse")) == groups
    best = [group.best for group in measured_rows(entries, metric_named("r2"))]
    assert best == [0.5, 0.4, 0.36, 0.3, 0.2]


@pytest.mark.parametrize(
    "split",
    ["weird", None, {}, {"held_out_digest": ["ab"], "held_out_rows": "5", "training_until": 7, "measured_until": []}],
    ids=str,
)
def test_a_split_that_another_program_wrote_is_unknown_rows(split: object) -> None:
    entries = [make_record().to_json() | {"split": split, "data": split}]
    assert measured_rows(entries, metric_named("rmse")) == [
        MeasuredRows(after=None, until=None, rows=None, records=1, models=("rf",), best=40.0)
    ]
