"""Outages: the days of a dead counter are left out of the training rows."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from bike_traffic.data.cleaning import clean
from bike_traffic.errors import SchemaError
from bike_traffic.features.outages import OUTAGE_HOURS, training_rows, without_outages


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
