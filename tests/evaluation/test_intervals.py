"""An interval holds four counts in five of a month that nobody has seen, and a counter in doubt gets a wide one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNT, COUNTER, TIME, TIME_ZONE
from bike_traffic.data.hours import hours_of_counters
from bike_traffic.evaluation.intervals import Interval

NAMES = ["a", "b", "c", "d", "e"]


def month(number: int, spread: float = 0.3, shift: float = 0.0) -> pd.DataFrame:
    """Return a month of invented hours whose counts differ from the prediction by a lognormal factor."""
    random = np.random.default_rng(number)
    start = pd.Timestamp("2024-01-01", tz=TIME_ZONE) + pd.DateOffset(days=28 * number)
    times = pd.date_range(start, periods=28 * 24, freq="h")
    rows = hours_of_counters(NAMES, times, [None] * 5, [None] * 5)
    predicted = random.uniform(20, 200, len(rows))
    truth = np.rint((predicted + 10) * np.exp(random.normal(shift, spread, len(rows))) - 10).clip(0)
    return rows.assign(prediction=predicted, truth=truth)


def coverage(interval: Interval, rows: pd.DataFrame) -> float:
    lower, upper = interval.bounds(rows)
    truth = rows["truth"].to_numpy()
    return float(((truth >= lower) & (truth <= upper)).mean())


def test_a_month_like_the_others_is_covered_at_the_level() -> None:
    interval = Interval.calibrate([month(0), month(1), month(2)])
    assert coverage(interval, month(3)) == pytest.approx(0.8, abs=0.02)


def test_months_that_differ_give_a_wider_interval_than_one_pool_of_their_rows() -> None:
    """What one month teaches must hold in another: the months' own shifts count, not the rows alone."""
    months = [month(0, shift=-0.3), month(1, shift=0.0), month(2, shift=0.3)]
    together = Interval.calibrate([pd.concat(months)])
    apart = Interval.calibrate(months)
    rows = month(3)
    assert width(apart, rows) > 1.1 * width(together, rows)


def width(interval: Interval, rows: pd.DataFrame) -> float:
    lower, upper = interval.bounds(rows)
    return float((upper - lower).mean())


def test_bounds_are_whole_bikes_never_negative_and_hold_the_prediction() -> None:
    interval = Interval.calibrate([month(0, spread=1.0)])
    rows = month(1).assign(prediction=np.linspace(0, 30, 28 * 24 * 5))
    lower, upper = interval.bounds(rows)
    assert (lower >= 0).all()
    assert (lower == np.rint(lower)).all()
    assert (upper == np.rint(upper)).all()
    assert (lower <= rows["prediction"]).all()
    assert (upper >= rows["prediction"]).all()


def test_each_day_of_horizon_has_its_own_ends_and_an_unknown_day_those_of_all() -> None:
    near, far = month(0, spread=0.1).assign(days_ahead=1), month(1, spread=0.6).assign(days_ahead=7)
    interval = Interval.calibrate([pd.concat([near, far])])
    rows = month(2)
    widths = {day: width(interval, rows.assign(days_ahead=day)) for day in (1, 7, 20)}
    assert widths[1] < widths[20] < widths[7]
    assert widths[20] == width(interval, rows)


@pytest.fixture
def training() -> pd.DataFrame:
    """Return three months of five counters with 60 to 140 bikes an hour."""
    rows = pd.concat([month(0), month(1), month(2)], ignore_index=True)
    random = np.random.default_rng(9)
    return rows.drop(columns=["truth", "prediction"]).assign(**{COUNT: random.integers(60, 140, len(rows)) * 1.0})


def test_a_dead_counter_may_come_back_and_its_interval_says_so(training: pd.DataFrame) -> None:
    last = training[TIME].max() - pd.Timedelta(days=10)
    dead = (training[COUNTER] == "b") & (training[TIME] > last)
    interval = Interval.calibrate([month(0)]).watch(training.assign(**{COUNT: training[COUNT].mask(dead, 0.0)}))
    assert list(interval.typical) == ["b"]
    rows = month(4).assign(prediction=0.0)
    lower, upper = interval.bounds(rows)
    of_b = (rows[COUNTER] == "b").to_numpy()
    assert (lower[of_b] == 0).all()
    assert (upper[of_b] > 90).all()
    assert (upper[~of_b] < 20).all()


def test_a_counter_whose_level_jumped_alone_may_fall_back(training: pd.DataFrame) -> None:
    last = training[TIME].max() - pd.Timedelta(days=7)
    turned = (training[COUNTER] == "c") & (training[TIME] > last)
    counts = training[COUNT].where(~turned, training[COUNT] * 5)
    interval = Interval.calibrate([month(0)]).watch(training.assign(**{COUNT: counts}))
    assert list(interval.typical) == ["c"]
    rows = month(4).assign(prediction=500.0)
    lower, upper = interval.bounds(rows)
    of_c = (rows[COUNTER] == "c").to_numpy()
    assert (lower[of_c] < 140).all()
    assert (upper[of_c] >= 500).all()


def test_a_level_that_all_counters_share_is_no_doubt(training: pd.DataFrame) -> None:
    """In a lockdown every counter falls; none of them is broken."""
    last = training[TIME].max() - pd.Timedelta(days=7)
    fallen = training[COUNT].where(training[TIME] <= last, training[COUNT] / 4)
    assert Interval.calibrate([month(0)]).watch(training.assign(**{COUNT: fallen})).typical == {}


def test_counts_without_a_live_day_leave_no_doubt_and_no_error(training: pd.DataFrame) -> None:
    assert Interval.calibrate([month(0)]).watch(training.assign(**{COUNT: 0.0})).typical == {}


def test_an_interval_is_the_same_after_its_way_through_a_folder(training: pd.DataFrame, tmp_path: Path) -> None:
    dead = (training[COUNTER] == "b") & (training[TIME] > training[TIME].max() - pd.Timedelta(days=10))
    interval = Interval.calibrate([month(0).assign(days_ahead=1), month(1).assign(days_ahead=0)])
    interval = interval.watch(training.assign(**{COUNT: training[COUNT].mask(dead, 0.0)}))
    interval.save(tmp_path)
    assert Interval.load(tmp_path) == interval
    assert Interval.load(tmp_path / "elsewhere") is None
