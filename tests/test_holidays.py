"""A model is told whose public holidays there are, and everything that looks at a calendar for it uses these."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bike_traffic
from bike_traffic.columns import HOUR, TIME, TIME_ZONE, WEEKDAY
from bike_traffic.data.cleaning import clean
from bike_traffic.evaluation.intervals import INTERVAL_FILE, Interval
from bike_traffic.evaluation.references import References
from bike_traffic.features.recent import RECENT_FILE, RecentLevel
from bike_traffic.loading import LoadedModel
from bike_traffic.manager import PluginHost
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import Pipeline
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.workspace import Workspace
from tests.conftest import Bt
from tests.features.test_recent import WEEKS, hourly

QUICK: dict[str, dict[str, Any]] = {
    "rf": {"n_estimators": 3},
    "rf_class": {"n_estimators": 3},
    "ahead": {"rows": 3000},
    "nn": {"epochs": 1, "hidden": (8,), "n_nets": 1},
}
ROOT = Path(__file__).parents[1]
LOOKING = {"calendar_features", "HistoryFeatures", "CountFeatures", "RecentLevel", "SeasonFactor", "_DayFeatures"}
LOOKING |= {
    "kinds_of_hours",
    "Usual.learn",
    "compare_day",
    "Interval.calibrate",
    "References.learn",
    "References.baselines",
    "cls.baselines",
    "Days.between",
}
"""Whatever looks at the calendar."""


def fitted(name: str, holidays: str, counts: pd.DataFrame) -> Pipeline:
    pipeline = new_pipeline(PluginHost(only=()).pipeline(name), {**QUICK[name], "holidays": holidays}, seed=0)
    return pipeline.fit(counts)


def days(counts: pd.DataFrame, first: str, number: int = 1) -> pd.DataFrame:
    """Return the clean hours of a few days for the counters of published counts."""
    return hourly(first, number, dict.fromkeys(counts["Nom du compteur"].unique(), 0.0))


@pytest.mark.parametrize("name", ["rf", "rf_class", "ahead", pytest.param("nn", marks=pytest.mark.slow)])
def test_a_pipeline_takes_a_public_holiday_of_its_city_for_one(
    name: str, small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    """26 December 2024, a Thursday, is one in Germany and none in France; it stays one in the saved model."""
    rows = days(small_counts, "2024-12-26")
    french, german = (fitted(name, holidays, small_counts) for holidays in ("FR", "DE-NW"))
    predicted = german.predict_frame(rows, small_counts)
    assert not predicted.equals(french.predict_frame(rows, small_counts))
    german.save(tmp_path)
    loaded = type(german).load(tmp_path)
    assert loaded.holidays == "DE-NW"
    pd.testing.assert_frame_equal(loaded.predict_frame(rows, small_counts), predicted, rtol=1e-3)


def test_the_recent_level_of_a_public_holiday_is_that_of_a_sunday(small_counts: pd.DataFrame) -> None:
    cleaned = clean(small_counts)
    holiday, sunday = days(small_counts, "2024-12-26"), days(small_counts, "2024-12-22")
    german = RecentLevel(holidays="DE-NW").fit(cleaned)
    assert german.predict(holiday).tolist() == german.predict(sunday).tolist()
    assert RecentLevel().fit(cleaned).predict(holiday).tolist() != german.predict(sunday).tolist()


def test_hours_of_a_public_holiday_have_the_interval_of_a_day_off() -> None:
    """In the calibration the hours of days off are right, and those of working days wrong by a factor of three."""
    working = (WEEKS[WEEKDAY] < 5).to_numpy()
    month = WEEKS.assign(truth=100.0, prediction=100.0)
    month["truth"] = month["truth"].where(~working, 300.0)
    rows = hourly("2024-12-26", 1, {"quai": 0.0}).assign(prediction=100.0)
    rows = rows[rows[HOUR].between(8, 20)]
    widths = {}
    for holidays in ("FR", "DE-NW"):
        lower, upper = Interval.calibrate([month], holidays=holidays).bounds(rows)
        widths[holidays] = (upper - lower).max()
    assert widths["DE-NW"] == 0.0
    assert widths["FR"] > 100.0


def trained(bt: Bt, *words: str) -> LoadedModel:
    done = bt("train", "-m", "rf", "--set", "n_estimators=3", *words, "--data", "counts.csv")
    assert done.exit_code == 0, done.stderr
    workspace = Workspace.open()
    return workspace.load(list(workspace.registry.records(EVERYTHING))[-1])


def test_a_training_keeps_them_with_the_model_and_all_that_is_beside_it(bt: Bt, small_file: Path) -> None:
    model = trained(bt, "--set", "holidays=DE-NW")
    assert model.record.to_json()["parameters"]["holidays"] == "DE-NW"
    assert model.pipeline.holidays == "DE-NW"
    assert model.references.recent is not None
    assert model.references.recent.holidays == "DE-NW"
    assert model.references.interval is not None
    assert model.references.interval.holidays == "DE-NW"
    day = bike_traffic.forecast("rf", start="2024-12-26").rows
    sunday = bike_traffic.forecast("rf", start="2024-12-22").rows
    assert day["recent"].tolist() == sunday["recent"].tolist()


def test_unknown_holidays_are_one_line_before_anything_is_fitted(bt: Bt, small_file: Path) -> None:
    for command in (["train", "-m", "rf"], ["backtest", "-m", "rf", "-m", "ahead", "--folds", "1"]):
        done = bt(*command, "--set", "holidays=DE-XX", "--data", "counts.csv")
        assert done.exit_code == 1
        assert done.stderr.startswith(
            "Error: no public holidays are known for 'DE-XX'; give DE, or DE- and one of BB"
        )
        assert len(done.stderr.splitlines()) == 1
    assert not Path("models").exists()


def test_a_backtest_measures_the_baseline_with_the_holidays_of_the_model(small_counts: pd.DataFrame) -> None:
    """3 October 2024 is in the fold, and 1 November is in both calendars."""
    measured = {}
    cleaned = clean(small_counts)
    counts = small_counts[(cleaned[TIME] < pd.Timestamp("2024-10-08", tz=TIME_ZONE)).to_numpy()]
    for holidays in ("FR", "DE-NW"):
        (fold,) = bike_traffic.backtest(
            "rf", counts, folds=1, horizon="7d", parameters={**QUICK["rf"], "holidays": holidays}, interval=False
        )
        rows = fold.evaluation.rows
        learned = clean(counts)[(clean(counts)[TIME] < fold.first_hour).to_numpy()]
        expected = RecentLevel(holidays=holidays).fit(learned).predict(rows)
        assert rows["recent"].tolist() == expected.tolist()
        measured[holidays] = rows[rows[TIME].dt.day == 3]["recent"].sum()
    assert measured["FR"] != measured["DE-NW"]


def test_what_an_earlier_version_stored_has_the_holidays_of_france(
    small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    cleaned = clean(small_counts)
    month = cleaned.assign(truth=1.0, prediction=1.0)
    References.learn(cleaned).calibrated([month], cleaned).save(tmp_path)
    for name in (RECENT_FILE, INTERVAL_FILE):
        path = tmp_path / "references" / name
        stored = json.loads(path.read_text(encoding="utf-8"))
        assert stored.pop("holidays") == "FR"
        path.write_text(json.dumps(stored), encoding="utf-8")
    loaded = References.load(tmp_path)
    assert loaded.recent is not None
    assert loaded.interval is not None
    assert (loaded.recent.holidays, loaded.interval.holidays) == ("FR", "FR")


def test_nothing_in_the_package_looks_at_a_calendar_without_being_told_which() -> None:
    """The generated sample is French, as its streets are."""
    untold = []
    for path in [path for folder in ("framework", "plugins", "examples") for path in (ROOT / folder).rglob("*.py")]:
        if path.name == "sample.py" or "build" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in LOOKING:
                told = any(keyword.arg == "holidays" for keyword in node.keywords)
                untold += [] if told else [f"{path.relative_to(ROOT)}:{node.lineno} {name}"]
    assert untold == []
