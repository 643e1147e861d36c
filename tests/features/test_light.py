"""The height of the sun over Paris and elsewhere, beside what almanacs say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bike_traffic.features.light import sun_height

PARIS = (48.86, 2.35)


def minutes_of(day: str) -> pd.DatetimeIndex:
    return pd.date_range(day, periods=24 * 60, freq="min", tz="UTC")


def heights(times: pd.DatetimeIndex, place: tuple[float, float] = PARIS) -> np.ndarray:
    return sun_height(times.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.float64) / 3600, *place)


@pytest.mark.parametrize(
    ("day", "declination"), [("2024-06-20", 23.44), ("2024-12-21", -23.44), ("2024-03-20", 0.1), ("2021-08-09", 15.8)]
)
def test_the_highest_sun_of_a_day_is_that_of_its_declination(day: str, declination: float) -> None:
    assert heights(minutes_of(day)).max() == pytest.approx(90 - PARIS[0] + declination, abs=0.15)


@pytest.mark.parametrize(("day", "noon"), [("2024-02-11", "12:05"), ("2024-11-03", "11:34")])
def test_the_sun_is_highest_at_the_true_noon_of_the_longitude(day: str, noon: str) -> None:
    """The equation of time is -14.2 minutes on one day and 16.4 on the other."""
    minutes = minutes_of(day)
    highest = minutes[int(heights(minutes).argmax())]
    assert abs(highest - pd.Timestamp(f"{day}T{noon}Z")) <= pd.Timedelta(minutes=1)


def test_the_sun_is_up_twelve_hours_at_the_equinox() -> None:
    assert (heights(minutes_of("2024-03-20")) > 0).mean() * 24 == pytest.approx(12, abs=0.1)


def test_the_sun_rises_earlier_further_east_and_stands_lower_further_north() -> None:
    day = minutes_of("2024-12-21")
    east, north = heights(day, (48.86, 17.35)), heights(day, (58.86, 2.35))
    assert int(heights(day).argmax()) - int(east.argmax()) == pytest.approx(60, abs=1)  # 15 degrees are an hour
    assert heights(day).max() - north.max() == pytest.approx(10, abs=0.1)
