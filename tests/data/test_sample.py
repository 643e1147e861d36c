"""The generated sample: repeatable, valid, in the City's format, and with the patterns that models look for."""

from __future__ import annotations

import pandas as pd
import pytest

from bike_traffic.data.checking.description import describe
from bike_traffic.data.checking.rules import faults
from bike_traffic.data.cleaning import RawCleanerTransformer, clean
from bike_traffic.data.sample import COUNTERS, OUTAGE, generate_sample
from bike_traffic.features.calendar import SUNDAY_OR_HOLIDAY, WORKING_DAY, calendar_features
from bike_traffic.features.outages import without_outages

NAME, COUNT = "nom_du_compteur", "comptage_horaire"
TIME = "date_et_heure_de_comptage"


@pytest.fixture(scope="module")
def other_sample() -> pd.DataFrame:
    return generate_sample(1)


@pytest.fixture(scope="module")
def cleaned(sample: pd.DataFrame) -> pd.DataFrame:
    frame: pd.DataFrame = RawCleanerTransformer().transform(sample)
    return frame


def test_the_same_seed_gives_the_same_sample(sample: pd.DataFrame, other_sample: pd.DataFrame) -> None:
    assert generate_sample(0).equals(sample)
    assert generate_sample(1).equals(other_sample)


def test_another_seed_gives_other_counts_of_the_same_hours(sample: pd.DataFrame, other_sample: pd.DataFrame) -> None:
    hours = ["Nom du compteur", "Date et heure de comptage"]
    assert sample[hours].equals(other_sample[hours])
    assert (sample["Comptage horaire"] != other_sample["Comptage horaire"]).mean() > 0.5
    assert set(sample["Coordonnées géographiques"]).isdisjoint(other_sample["Coordonnées géographiques"])


def test_columns_are_the_citys(sample: pd.DataFrame) -> None:
    assert list(sample.columns) == [
        "Nom du compteur",
        "Comptage horaire",
        "Date et heure de comptage",
        "Coordonnées géographiques",
    ]
    assert sample.iloc[0].astype(str).str.replace(r"\d", "9", regex=True).tolist() == [
        "99 quai des Hirondelles N-S",
        "9",
        "9999-99-99T99:99:99+99:99",
        "99.99999,9.99999",
    ]


def test_it_holds_20_counters_over_15_months(sample: pd.DataFrame) -> None:
    assert describe(clean(sample)) == {
        "rows": (457 * 24 + 1) * COUNTERS,  # 457 days, and one change of clocks more in autumn than in spring
        "counters": 20,
        "first_hour": "2023-09-01T00:00:00+02:00",
        "last_hour": "2024-11-30T23:00:00+01:00",
    }


def test_each_counter_has_each_hour_once_in_the_order_of_time(cleaned: pd.DataFrame) -> None:
    hours = cleaned[TIME].iloc[::COUNTERS]
    assert (hours.diff().iloc[1:] == pd.Timedelta(hours=1)).all()
    assert cleaned[TIME].is_monotonic_increasing
    assert cleaned.groupby(NAME, observed=True)[TIME].nunique().unique().tolist() == [len(hours)]


def test_each_counter_stays_where_it_is(sample: pd.DataFrame) -> None:
    places = sample.groupby("Nom du compteur", observed=True)["Coordonnées géographiques"].nunique()
    assert places.tolist() == [1] * COUNTERS


def test_it_passes_its_own_check(sample: pd.DataFrame, other_sample: pd.DataFrame) -> None:
    assert faults(sample) == []
    assert faults(other_sample) == []


@pytest.mark.parametrize("seed", [0, 1])
def test_one_counter_is_dead_for_five_weeks_and_nothing_else(
    seed: int, sample: pd.DataFrame, other_sample: pd.DataFrame
) -> None:
    frame = RawCleanerTransformer().transform((sample, other_sample)[seed])
    place, first, last = OUTAGE
    name = frame[NAME].iloc[place]
    inside = frame[TIME].between(
        pd.Timestamp(first, tz="Europe/Paris"), pd.Timestamp(last, tz="Europe/Paris"), inclusive="left"
    )
    window = frame[inside & (frame[NAME] == name)]
    assert window[COUNT].unique().tolist() == [0.0]
    assert len(window) == 35 * 24 - 1  # the clocks go forward in it
    assert without_outages(frame).index.equals(frame.index.difference(window.index))


def test_working_days_peak_at_eight_and_at_eighteen_and_days_off_in_the_afternoon(cleaned: pd.DataFrame) -> None:
    day_type = calendar_features(cleaned[TIME])["day_type"]
    by_hour = {
        kind: cleaned[day_type == kind].groupby("heure")[COUNT].mean().to_numpy()
        for kind in (WORKING_DAY, SUNDAY_OR_HOLIDAY)
    }
    working, off = by_hour[WORKING_DAY], by_hour[SUNDAY_OR_HOLIDAY]
    assert [int(working[:13].argmax()), int(working.argmax())] == [8, 18]
    assert int(off.argmax()) in range(13, 17)
    assert working[8] > 3 * off[8]


def test_summer_is_busier_than_winter_and_holidays_are_quieter(cleaned: pd.DataFrame) -> None:
    calendar = calendar_features(cleaned[TIME])
    working = calendar["day_type"] == WORKING_DAY
    year = cleaned["annee"] == 2024
    mean = cleaned[working & year].groupby("mois")[COUNT].mean()
    assert mean[6] > 1.3 * mean[1]
    assert mean[6] > 1.3 * mean[8]
    in_week = cleaned["jour_semaine"] < 5
    by_holiday = cleaned[in_week].groupby(calendar["public_holiday"])[COUNT].mean()
    assert by_holiday[1.0] < 0.8 * by_holiday[0.0]


def test_counters_differ_in_size_and_share_the_weather(cleaned: pd.DataFrame) -> None:
    daily = cleaned.pivot_table(index=cleaned[TIME].dt.date, columns=NAME, values=COUNT, observed=True)
    means = daily.mean()
    assert means.max() > 3 * means.min()
    working = pd.to_datetime(pd.Index(daily.index)).day_of_week < 5
    june = daily[working & (pd.to_datetime(pd.Index(daily.index)).month == 6)]
    assert float(june.corr().median(axis=None)) > 0.5
