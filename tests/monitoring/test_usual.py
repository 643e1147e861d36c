"""What was usual: quantiles of the last weeks, of counters and of places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.data.hours import hours_of_counters, hours_of_days
from bike_traffic.monitoring.usual import Usual

NAMES = ["Pont N-S", "Pont S-N", "Quai"]
FIRST = pd.Timestamp("2024-01-01")
WEEKS = 20


@pytest.fixture(scope="module")
def cleaned() -> pd.DataFrame:
    """Return 20 weeks of chance; there are two public holidays among the last 12 Mondays."""
    rows = hours_of_counters(NAMES, hours_of_days(FIRST, 7 * WEEKS), [None] * 3, [None] * 3)
    return rows.assign(**{COUNT: np.random.default_rng(0).poisson(30, len(rows)).astype(float)})


def test_it_is_the_quantiles_by_counter_day_type_and_hour_of_the_last_twelve_weeks(cleaned: pd.DataFrame) -> None:
    usual = Usual.learn(cleaned)
    assert usual.last_hour == cleaned[TIME].max()
    assert usual.first_hour == cleaned[TIME].max() - pd.Timedelta(weeks=12) + pd.Timedelta(hours=1)
    recent = cleaned[cleaned[TIME] >= usual.first_hour]
    saturdays = recent[(recent[COUNTER] == "Quai") & (recent[WEEKDAY] == 5) & (recent[HOUR] == 8)]
    times = pd.Series(pd.to_datetime(["2024-06-01 08:00"]).tz_localize("Europe/Paris"), index=[7])
    expected = pd.DataFrame([saturdays[COUNT].quantile([0.1, 0.5, 0.9]).to_list()], [7], ["lower", "middle", "upper"])
    assert_frame_equal(usual.of("Quai", times), expected)


def test_a_public_holiday_is_a_sunday(cleaned: pd.DataFrame) -> None:
    times = pd.DatetimeIndex(["2024-07-14 10:00", "2025-07-14 10:00"]).tz_localize("Europe/Paris")  # Sunday, Monday
    sunday, holiday = Usual.learn(cleaned).of(["Quai", "Quai"], times).to_numpy()
    assert list(sunday) == list(holiday)


def test_a_place_is_the_sum_of_its_directions_where_all_of_them_counted(cleaned: pd.DataFrame) -> None:
    """The quantiles of the sum are not the sums of the quantiles."""
    gap = cleaned[(cleaned[COUNTER] != "Pont S-N") | (cleaned[HOUR] != 3) | (cleaned[TIME] < "2024-05-01")]
    usual = Usual.learn(gap)
    assert list(usual.names) == ["Pont", *NAMES]
    times = pd.DatetimeIndex(["2024-06-04 08:00", "2024-06-04 03:00"]).tz_localize("Europe/Paris")
    wanted = gap[(gap[TIME] >= usual.first_hour) & (gap[WEEKDAY] < 5)]
    off = ["2024-04-01", "2024-05-01", "2024-05-08", "2024-05-09"]
    wanted = wanted[~wanted[TIME].dt.strftime("%Y-%m-%d").isin(off)]
    for time, found in zip(times, usual.of("Pont", times).to_numpy(), strict=True):
        own = wanted[(wanted[HOUR] == time.hour) & (wanted[COUNTER] != "Quai")]
        sums = own.groupby(TIME)[COUNT].agg(["sum", "size"])
        assert list(found) == pytest.approx(sums.loc[sums["size"] == 2, "sum"].quantile([0.1, 0.5, 0.9]).to_list())


def test_days_of_zeros_are_left_out_and_what_is_left_of_too_few_is_unknown(cleaned: pd.DataFrame) -> None:
    dead = (cleaned[COUNTER] == "Quai") & (cleaned[TIME] >= "2024-03-16")  # two Saturdays and three weeks are left
    usual = Usual.learn(cleaned.assign(**{COUNT: cleaned[COUNT].mask(dead, 0.0)}))
    saturday, tuesday = pd.DatetimeIndex(["2024-06-01 08:00", "2024-06-04 08:00"]).tz_localize("Europe/Paris")
    assert usual.of("Quai", pd.DatetimeIndex([saturday])).isna().all(axis=None)
    assert usual.of("Quai", pd.DatetimeIndex([tuesday]))["lower"].item() > 0


def test_an_unknown_name_has_nothing_usual(cleaned: pd.DataFrame) -> None:
    times = pd.DatetimeIndex(["2024-06-03 08:00"]).tz_localize("Europe/Paris")
    assert Usual.learn(cleaned).of("Avenue", times).isna().all(axis=None)


def test_it_is_the_same_after_its_way_through_a_folder_to_a_tenth_of_a_bike(
    cleaned: pd.DataFrame, tmp_path: Path
) -> None:
    usual = Usual.learn(cleaned[cleaned[WEEKDAY] < 6])  # Sundays are unknown
    usual.save(tmp_path)
    again = Usual.load(tmp_path)
    assert again is not None
    assert (list(again.names), again.first_hour, again.last_hour) == (
        list(usual.names), usual.first_hour, usual.last_hour,
    )  # fmt: skip
    np.testing.assert_allclose(again.table, usual.table, atol=0.051)
    assert Usual.load(tmp_path / "elsewhere") is None
