"""The error at each counter and place."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.evaluation.places.local_errors import LocalError, local_errors
from bike_traffic.evaluation.references import References


@pytest.fixture
def rows() -> pd.DataFrame:
    """Return two hours of both directions of a place, whose errors cancel out, and one hour of one direction."""
    hours = pd.date_range("2024-06-03", periods=3, freq="h", tz="Europe/Paris")
    return pd.DataFrame(
        {
            COUNTER: pd.Categorical(["Pont N-S", "Pont N-S", "Pont S-N", "Pont S-N", "Pont S-N"]),
            TIME: hours.take([0, 1, 0, 1, 2]),
            "truth": [10.0, 10.0, 20.0, 20.0, 50.0],
            "prediction": [13.0, 13.0, 17.0, 17.0, 50.0],
            "baseline": [10.0, 14.0, 20.0, 20.0, 50.0],
        }
    )


def test_a_place_is_the_sum_of_its_counters_in_the_hours_that_all_of_them_have(rows: pd.DataFrame) -> None:
    errors = local_errors(rows)
    assert errors["Pont N-S"] == LocalError(rmse=3.0, baseline=2.83)
    assert errors["Pont S-N"] == LocalError(rmse=2.45, baseline=0.0)
    assert errors["Pont"] == LocalError(rmse=0.0, baseline=2.83)


def test_what_is_saved_is_loaded_and_an_earlier_model_has_none(rows: pd.DataFrame, tmp_path: Path) -> None:
    assert References.load(tmp_path).errors == {}
    References().measured(rows).save(tmp_path)
    assert References.load(tmp_path).errors == local_errors(rows)
