"""The season factor: what season and calendar change between the recent weeks and the day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNT, TIME, TIME_ZONE
from bike_traffic.features.season import SeasonFactor
from tests.features.test_recent import WEEKS, hourly

DAYS = 4 * 365


def with_season(frame: pd.DataFrame, christmas: float = 1.0) -> pd.DataFrame:
    """Return rows whose counts double from January to July, times `christmas` from 23 December to 2 January."""
    times = frame[TIME]
    winter = np.cos(2 * np.pi * (times.dt.day_of_year.to_numpy() - 15) / 365.25)
    count = 100.0 * np.exp(-0.35 * winter)
    days = times.dt.strftime("%m-%d")
    return frame.assign(**{COUNT: np.where((days >= "12-23") | (days <= "01-02"), christmas * count, count)})


def test_counts_that_never_change_have_a_factor_of_one() -> None:
    factor = SeasonFactor().fit(hourly("2022-01-03", 2 * 365, {"quai": 40.0}))
    assert factor.predict(hourly("2024-01-03", 28, {"quai": 0.0})) == pytest.approx(1.0, abs=0.01)


def test_a_season_that_came_back_every_year_is_expected_again() -> None:
    """In May the traffic of spring is above that of the weeks before: the factor says by how much."""
    training = with_season(hourly("2020-05-04", DAYS - 2, {"quai": 0.0, "pont": 0.0}))
    later = with_season(hourly("2024-05-13", 28, {"quai": 0.0}))
    weeks = np.arange(10)
    weight = 0.5 ** (weeks / 2)
    level = training[COUNT].to_numpy()[training["nom_du_compteur"] == "quai"][::-1][: 70 * 24].reshape(10, -1)
    recent = (weight * level.mean(axis=1)).sum() / weight.sum()
    predicted = recent * SeasonFactor().fit(training).predict(later)
    error = np.abs(predicted - later[COUNT]).mean()
    assert error < 0.5 * np.abs(recent - later[COUNT]).mean()


def test_the_days_around_christmas_are_expected_to_be_what_they_were() -> None:
    training = with_season(hourly("2020-01-06", DAYS - 30, {"quai": 0.0}), christmas=0.4)
    days = hourly("2023-12-18", 14, {"quai": 0.0})
    factor = pd.Series(SeasonFactor().fit(training).predict(days)).groupby(days[TIME].dt.day).mean()
    assert 0.35 < factor.loc[27:29].mean() / factor.loc[18:20].mean() < 0.6


def test_one_year_is_believed_less_than_four() -> None:
    year = with_season(hourly("2023-05-03", 375, {"quai": 0.0}))
    years = with_season(hourly("2020-05-04", DAYS, {"quai": 0.0}))
    july = hourly("2024-07-01", 7, {"quai": 0.0})
    once, often = (np.log(SeasonFactor().fit(rows).predict(july)).mean() for rows in (year, years))
    assert 0.0 < once < often


def test_too_few_weeks_give_a_factor_of_one() -> None:
    later = hourly("2024-03-25", 7, {"quai": 0.0})
    for rows in (WEEKS.head(1), WEEKS[WEEKS[TIME] < pd.Timestamp("2024-02-05", tz=TIME_ZONE)]):
        assert SeasonFactor().fit(rows).predict(later).tolist() == [1.0] * len(later)


def test_no_rows_have_no_factor() -> None:
    assert SeasonFactor().fit(WEEKS).predict(WEEKS.head(0)).shape == (0,)


def test_the_factor_of_an_hour_is_the_same_whatever_other_hours_are_asked_for() -> None:
    factor = SeasonFactor().fit(with_season(hourly("2020-05-04", DAYS, {"quai": 0.0})))
    days = hourly("2024-12-24", 14, {"quai": 0.0})
    together = factor.predict(days)
    assert len(set(together)) > 14
    for first in range(0, len(days), 24):
        one = slice(first, first + 24)
        assert factor.predict(days.iloc[one]) == pytest.approx(together[one], rel=1e-12)
