"""Rows to predict, as the City would publish them."""

from __future__ import annotations

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.columns import COUNTER
from bike_traffic.data.cleaning import clean
from bike_traffic.data.hours import hours_of, hours_of_counters, hours_of_days
from bike_traffic.places import Counter, Place

PONT = Place(name="Pont", latitude=48.85, longitude=2.35, counters={"N-S": "Pont N-S", "S-N": "Pont S-N"})


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-01", 24)])
def test_a_day_has_the_hours_of_the_clock_for_each_direction(day: str, hours: int) -> None:
    rows = hours_of(PONT, pd.Timestamp(day))
    assert list(rows) == ["Nom du compteur", "Date et heure de comptage", "Coordonnées géographiques"]
    assert rows["Nom du compteur"].value_counts().to_dict() == {"Pont N-S": hours, "Pont S-N": hours}
    assert not rows.duplicated().any()


def test_the_rows_are_cleaned_to_the_hours_of_the_counters() -> None:
    nowhere = Counter(latitude=None, longitude=None, mean=1.0, first_hour="", last_hour="")
    day = pd.Timestamp("2024-10-26")
    expected = hours_of_counters(["Pont", "Quai"], hours_of_days(day, 2), [48.85, None], [2.35, None])
    rows = clean(hours_of({"Pont": PONT, "Quai": nowhere}, day, 2))
    assert_frame_equal(rows.astype({COUNTER: "str"}), expected.astype({COUNTER: "str"}), check_dtype=False)
