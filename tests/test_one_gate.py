"""One training cleans its counts once, and asks its model about the same rows once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bike_traffic
from bike_traffic import answering
from bike_traffic.data import cleaning, loading
from bike_traffic.data.checking import rules, usable
from bike_traffic.data.parts import loading as parts
from bike_traffic.features.history import CountFeatures
from bike_traffic.pipeline import Pipeline
from bike_traffic.plugins.forest import ForestPipeline
from bike_traffic.prediction import predict_file

TINY = {"n_estimators": 3}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often counts are parsed, features are built, and the forest is asked."""
    counted: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **words: Any) -> Any:
            counted[name] += 1
            return function(*arguments, **words)

        return call

    parse = counting("clean", cleaning.clean)
    for module in (answering, cleaning, loading, parts, rules, usable):
        monkeypatch.setattr(module, "clean", parse)
    monkeypatch.setattr(CountFeatures, "transform", counting("features", CountFeatures.transform))
    monkeypatch.setattr(ForestPipeline, "_mean", counting("forest", ForestPipeline._mean))
    return counted


@pytest.mark.parametrize(
    ("form", "track"), [("frame", False), ("file", False), pytest.param("file", True, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("model", "months"), [("rf", 1), ("rf_class", 0)])
def test_a_training_cleans_once_and_asks_the_forest_once_about_the_same_rows(
    calls: Counter[str],
    small_counts: pd.DataFrame,
    small_file: Path,
    model: str,
    months: int,
    form: str,
    track: bool,
) -> None:
    """Features are built for each fit (measured, on all rows, one for each month of the calibration) and prediction.

    The held-out rows and the months of the calibration are predicted once each.
    """
    data: str | pd.DataFrame = small_counts if form == "frame" else str(small_file)
    result = bike_traffic.train(model, data, parameters=TINY, track=track)
    assert calls == {"clean": 1, "features": 2 + months + 1 + months, "forest": 1 + months}
    assert (result.record.tracking is not None) is track


def test_a_prediction_of_a_file_cleans_each_chunk_once(calls: Counter[str], small_file: Path) -> None:
    pipeline: Pipeline = bike_traffic.train("rf_class", str(small_file), parameters=TINY, track=False).pipeline
    calls.clear()
    predict_file(pipeline, str(small_file), "out.csv")
    assert calls == {"clean": 1, "features": 1, "forest": 1}


def test_a_backtest_cleans_once_for_all_folds_and_models(calls: Counter[str], small_counts: pd.DataFrame) -> None:
    bike_traffic.backtest(["rf", "rf_class"], small_counts, folds=2, horizon="14d", parameters=TINY, interval=False)
    assert calls == {"clean": 1, "features": 8, "forest": 4}


def test_a_backtest_calibrates_on_three_months_and_on_the_folds_before(
    calls: Counter[str], small_counts: pd.DataFrame
) -> None:
    bike_traffic.backtest("rf", small_counts, folds=2, horizon="14d", parameters=TINY)
    assert calls == {"clean": 1, "features": 2 * (3 + 2), "forest": 3 + 2}
