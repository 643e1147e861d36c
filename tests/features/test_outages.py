"""Which rows to learn from: without the days of a dead counter, without the weeks of one that is half broken."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from bike_traffic.columns import TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.data.hours import hours_of_counters
from bike_traffic.errors import SchemaError
from bike_traffic.features.outages import OUTAGE_HOURS, training_rows, usual_weeks, without_outages

WEEK = pd.Timedelta(days=7)


def days_of(values: list[list[int]]) -> pd.DataFrame:
    """Return clean rows: one list of hourly counts a day, from 1 June 2024 on."""
    times = [
        f"2024-06-{day + 1:02}T{hour:02}:00:00+02:00" for day, row in enumerate(values) for hour in range(len(row))
    ]
    counts = pd.DataFrame(
        {
            "Nom du compteur": "48 allée du Lac",
            "Date et heure de comptage": times,
            "Coordonnées géographiques": "48.85,2.35",
            "Comptage horaire": [value for row in values for value in row],
        }
    )
    return clean(counts)


def test_a_day_of_zeros_is_an_outage_and_a_day_with_one_bike_is_not() -> None:
    dead, quiet = [0] * 24, [0] * 23 + [1]
    cleaned = days_of([quiet, dead, quiet, dead])
    assert without_outages(cleaned)["jour_mois"].value_counts().to_dict() == {1: 24, 3: 24}


def test_a_short_day_of_zeros_says_too_little_to_be_an_outage() -> None:
    cleaned = days_of([[0] * (OUTAGE_HOURS - 1), [0] * OUTAGE_HOURS])
    assert without_outages(cleaned)["jour_mois"].unique().tolist() == [1]


def test_an_outage_is_that_of_one_counter() -> None:
    dead = days_of([[0] * 24])
    alive = days_of([[5] * 24]).assign(nom_du_compteur=pd.Categorical(["Pont"] * 24))
    both = pd.concat(
        [dead.astype({"nom_du_compteur": str}), alive.astype({"nom_du_compteur": str})], ignore_index=True
    )
    both["nom_du_compteur"] = both["nom_du_compteur"].astype("category")
    kept = without_outages(both)
    assert_frame_equal(kept, both.iloc[24:])
    assert_series_equal(kept["comptage_horaire"], pd.Series(np.full(24, 5.0), kept.index, name="comptage_horaire"))


def test_training_rows_are_those_without_outages() -> None:
    cleaned = days_of([[0] * 24, [5] * 24])
    assert_frame_equal(training_rows(cleaned), cleaned.iloc[24:])
    lively = days_of([[5] * 24])
    assert_frame_equal(training_rows(lively), lively)


def test_counts_that_are_all_outages_leave_nothing_to_learn_from() -> None:
    message = "no row to learn from: every day of every counter has 20 hours or more of zeros"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$") as refused:
        training_rows(days_of([[0] * 24, [0] * 24]))
    assert refused.value.id == "only-outages"


def weekly(levels: dict[str, list[int]]) -> pd.DataFrame:
    """Return clean rows of some counters, with one level a week from Monday, 3 June 2024 on."""
    frames = []
    for name, values in levels.items():
        for week, level in enumerate(values):
            rows = days_of([[level] * 24] * 7).assign(nom_du_compteur=name)
            rows[TIME] += WEEK * week + pd.Timedelta(days=2)  # `days_of` begins on a Saturday
            frames.append(rows)
    return pd.concat(frames, ignore_index=True).astype({"nom_du_compteur": "category"})


def test_weeks_in_which_a_counter_counts_a_small_part_of_its_bikes_are_unusual() -> None:
    steady = [40] * 6
    cleaned = weekly({"quai": [80, 80, 8, 8, 80, 80], "pont": steady, "parc": steady})
    kept = cleaned[usual_weeks(cleaned)]
    weeks = kept[TIME].dt.tz_localize(None).dt.to_period("W").groupby(kept["nom_du_compteur"], observed=True)
    assert weeks.nunique().to_dict() == {"quai": 4, "pont": 6, "parc": 6}


def test_what_all_counters_share_makes_no_week_unusual() -> None:
    lockdown = [80, 80, 8, 8, 80, 80]
    cleaned = weekly({"quai": lockdown, "pont": lockdown, "parc": [level // 2 for level in lockdown]})
    assert usual_weeks(cleaned).all()


def test_a_counter_with_two_levels_and_as_many_weeks_of_each_keeps_one_of_them() -> None:
    steady = [40] * 4
    cleaned = weekly({"quai": [2, 2, 90, 90], "pont": steady, "parc": steady})
    kept = cleaned[usual_weeks(cleaned)]
    assert kept.loc[kept["nom_du_compteur"] == "quai", "comptage_horaire"].unique().tolist() == [90.0]


def test_hours_of_a_day_that_is_cut_off_are_no_rows_to_learn_from_if_no_bike_was_counted() -> None:
    """Counts from 22:00 to 3:00: no day has the hours of an outage, and nothing can be learned."""
    times = pd.date_range("2024-03-04 22:00", periods=5, freq="h", tz="Europe/Paris")
    cleaned = hours_of_counters(["a", "b"], times, [None] * 2, [None] * 2).assign(comptage_horaire=0.0)
    with pytest.raises(SchemaError, match=r"^no row to learn from: "):
        training_rows(cleaned)
    assert len(training_rows(cleaned.assign(comptage_horaire=1.0))) == 10
