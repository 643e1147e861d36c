"""The recent level: a weighted mean of the last ten weeks by counter and hour of the week."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bike_traffic import RecentLevel
from bike_traffic.columns import COUNT, COUNTER, TIME, TIME_ZONE
from bike_traffic.data.cleaning import RawCleanerTransformer


def hourly(start: str, days: int, values: Mapping[str, object]) -> pd.DataFrame:
    """Return clean rows of each counter for every hour from a local day; a value may be one for each hour."""
    first = pd.Timestamp(start, tz=TIME_ZONE)
    hours = pd.date_range(first, first + pd.DateOffset(days=days), freq="h", inclusive="left")
    frames = [
        pd.DataFrame(
            {
                "Nom du compteur": name,
                "Date et heure de comptage": hours,
                "Coordonnées géographiques": "48.85,2.35",
                "Comptage horaire": count,
            }
        )
        for name, count in values.items()
    ]
    frame: pd.DataFrame = RawCleanerTransformer().transform(pd.concat(frames, ignore_index=True))
    return frame


WEEKS = hourly("2024-01-15", 70, {"quai": 40.0, "pont": 10.0})
"""Ten weeks of winter and spring without a public holiday."""
NEXT_WEEK = hourly("2024-03-25", 7, {"quai": 0.0, "pont": 0.0})


def of(frame: pd.DataFrame, counter: str, day: str | None = None) -> np.ndarray:
    """Return which rows are of a counter, and of a day if one is given."""
    chosen = (frame[COUNTER] == counter).to_numpy()
    return chosen if day is None else chosen & (frame[TIME].dt.strftime("%Y-%m-%d") == day).to_numpy()


def test_a_week_weighs_half_as_much_as_the_one_two_weeks_later() -> None:

    recent = RecentLevel().fit(WEEKS)
    assert recent.predict(NEXT_WEEK)[of(NEXT_WEEK, "quai")].tolist() == [40.0] * 167  # the hour that spring skips
    week = ((WEEKS[TIME] - WEEKS[TIME].min()).dt.days // 7).to_numpy()
    rising = WEEKS.assign(**{COUNT: (week + 1) * 10.0})
    weight = 0.5 ** ((9 - np.arange(10)) / 2)
    mean = (weight * np.arange(1, 11) * 10).sum() / weight.sum()
    predicted = RecentLevel().fit(rising).predict(NEXT_WEEK)
    assert predicted == pytest.approx(np.full(len(NEXT_WEEK), mean), abs=0.01)


def test_weeks_before_the_last_ten_count_for_nothing() -> None:
    older = hourly("2023-11-01", 75, {"quai": 900.0, "pont": 900.0})
    both = RecentLevel().fit(pd.concat([older, WEEKS]))
    assert both.predict(NEXT_WEEK).tolist() == RecentLevel().fit(WEEKS).predict(NEXT_WEEK).tolist()


def test_a_public_holiday_is_a_sunday() -> None:
    quiet_sundays = WEEKS.assign(**{COUNT: np.where(WEEKS[TIME].dt.day_of_week == 6, 4.0, 40.0)})
    easter = hourly("2024-04-01", 2, {"quai": 0.0})
    predicted = RecentLevel().fit(quiet_sundays).predict(easter)
    assert predicted[:24] == pytest.approx(np.full(24, 4.0), abs=1.0)  # Easter Monday
    assert predicted[24:] == pytest.approx(np.full(24, 40.0), abs=1.0)


def test_a_bridge_day_is_left_out() -> None:
    """10 May 2024 is the Friday between Ascension Day and a weekend."""
    spring = hourly("2024-03-11", 70, {"quai": 40.0})
    spring.loc[of(spring, "quai", "2024-05-10"), COUNT] = 900.0
    friday = hourly("2024-05-24", 1, {"quai": 0.0})
    assert RecentLevel().fit(spring).predict(friday).tolist() == [40.0] * 24


def test_the_days_of_an_outage_that_ended_are_left_out() -> None:
    outage = WEEKS.copy()
    outage.loc[of(outage, "quai") & (outage[TIME] >= "2024-03-01") & (outage[TIME] < "2024-03-20"), COUNT] = 0.0
    assert RecentLevel().fit(outage).predict(NEXT_WEEK)[of(NEXT_WEEK, "quai")].tolist() == [40.0] * 167


def test_a_counter_that_is_dead_at_the_end_is_predicted_to_be_zero() -> None:
    dying = WEEKS.copy()
    dying.loc[of(dying, "quai") & (dying[TIME] >= "2024-03-22"), COUNT] = 0.0
    predicted = RecentLevel().fit(dying).predict(NEXT_WEEK)
    assert predicted[of(NEXT_WEEK, "quai")].tolist() == [0.0] * 167
    assert predicted[of(NEXT_WEEK, "pont")].tolist() == [10.0] * 167


def test_a_counter_that_was_always_dead_is_predicted_to_be_zero() -> None:
    dead = WEEKS.assign(**{COUNT: np.where(of(WEEKS, "quai"), 0.0, WEEKS[COUNT])})
    assert RecentLevel().fit(dead).predict(NEXT_WEEK)[of(NEXT_WEEK, "quai")].tolist() == [0.0] * 167


def test_a_counter_whose_rows_ended_long_ago_keeps_its_own_last_ten_weeks() -> None:
    gone = hourly("2023-03-01", 75, {"passerelle": 70.0})
    both = pd.concat([gone, WEEKS.astype({COUNTER: "str"})]).astype({COUNTER: "category"})
    later = hourly("2024-03-25", 1, {"passerelle": 0.0})
    assert RecentLevel().fit(both).predict(later).tolist() == [70.0] * 24


def test_an_unknown_counter_gets_the_mean_of_all() -> None:
    stranger = hourly("2024-03-25", 1, {"autre": 0.0})
    assert RecentLevel().fit(WEEKS).predict(stranger).tolist() == [25.0] * 24


def test_an_hour_of_the_week_without_a_row_gets_the_mean_of_its_day_type_and_hour() -> None:
    no_tuesdays = WEEKS[WEEKS[TIME].dt.day_of_week != 1]
    tuesday = hourly("2024-03-26", 1, {"quai": 0.0, "pont": 0.0})
    assert RecentLevel().fit(no_tuesdays).predict(tuesday).tolist() == [40.0] * 24 + [10.0] * 24


def test_one_row_is_enough() -> None:
    recent = RecentLevel().fit(WEEKS.head(1))
    assert np.isfinite(recent.predict(NEXT_WEEK)).all()
    assert recent.until_ == pd.Timestamp("2024-01-15", tz=TIME_ZONE)


def test_the_order_of_rows_changes_nothing() -> None:
    shuffled = WEEKS.sample(frac=1.0, random_state=0)
    expected = RecentLevel().fit(WEEKS).predict(NEXT_WEEK)
    assert RecentLevel().fit(shuffled).predict(NEXT_WEEK).tolist() == expected.tolist()


def test_hours_after_training_are_blended_geometrically_and_earlier_ones_are_the_models() -> None:
    recent = RecentLevel().fit(WEEKS)
    rows = pd.concat([WEEKS.tail(3), NEXT_WEEK.head(3)])
    predicted = np.full(6, 99.0)
    level = recent.seasonal(rows)
    blended = recent.blend(rows, predicted, weight=0.25)
    assert blended[:3].tolist() == [99.0] * 3
    assert blended[3:] == pytest.approx(100.0**0.75 * (level[3:] + 1.0) ** 0.25 - 1.0)


def test_the_weight_of_a_model_depends_on_how_often_training_has_seen_the_date() -> None:
    """A date has been seen in an earlier year if one at most a week apart from it was in training."""
    recent = RecentLevel().fit(hourly("2023-04-03", 300, {"quai": 40.0}))
    later = pd.concat([hourly("2024-03-25", 2, {"quai": 0.0}), hourly("2025-03-25", 2, {"quai": 0.0})])
    expected = [0.2] * 24 + [0.5] * 24 + [0.5] * 24 + [0.3] * 24
    assert recent.weight_of_model(later).tolist() == expected
    predicted = np.full(len(later), 99.0)
    weight, level = np.array(expected), recent.seasonal(later) + 1.0
    assert recent.blend(later, predicted) == pytest.approx(100.0**weight * level ** (1.0 - weight) - 1.0)


def test_a_blend_of_a_dead_counter_is_near_zero() -> None:
    dying = WEEKS.copy()
    dying.loc[of(dying, "quai") & (dying[TIME] >= "2024-03-22"), COUNT] = 0.0
    blended = RecentLevel().fit(dying).blend(NEXT_WEEK, np.full(len(NEXT_WEEK), 40.0))
    assert blended[of(NEXT_WEEK, "quai")].max() < 2.0


@pytest.mark.parametrize("way", ["json", "pickle"])
def test_a_saved_level_predicts_the_same_when_it_is_loaded(way: str, tmp_path: Path) -> None:
    year = hourly("2023-01-02", 449, {"quai": 40.0, "pont": 10.0})
    year[COUNT] *= 1.5 + np.sin(np.arange(len(year)) / 1000)
    recent = RecentLevel().fit(year)
    rows = pd.concat([NEXT_WEEK, hourly("2024-04-01", 1, {"autre": 0.0}).astype({COUNTER: "str"})])
    rows = rows.astype({COUNTER: "category"})
    if way == "json":
        recent.save(tmp_path)
        loaded = RecentLevel.load(tmp_path)
    else:
        loaded = pickle.loads(pickle.dumps(recent))
    assert loaded is not None
    assert (loaded.since_, loaded.until_) == (recent.since_, recent.until_)
    assert (str(loaded.until_.tz), list(loaded.counters_)) == (TIME_ZONE, ["pont", "quai"])
    assert loaded.predict(rows).tolist() == recent.predict(rows).tolist()
    assert loaded.blend(rows, np.ones(len(rows))) == pytest.approx(recent.blend(rows, np.ones(len(rows))), rel=1e-3)


def test_a_folder_without_a_level_loads_as_none(tmp_path: Path) -> None:
    assert RecentLevel.load(tmp_path) is None


def test_no_rows_give_no_predictions() -> None:
    recent = RecentLevel().fit(WEEKS)
    assert (recent.predict(WEEKS.head(0)).shape, recent.blend(WEEKS.head(0), np.ones(0)).shape) == ((0,), (0,))
