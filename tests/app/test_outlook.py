"""What a forecast says about places."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bike_traffic.app.outlook import BOTH, Spot, days_of_spot, hours_of_spot, outlook, unusual
from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.places import Place

Series = np.ndarray[tuple[int], np.dtype[np.float64]]

BRIDGE = Place(name="Pont", latitude=48.85, longitude=2.35, counters={"N-S": "Pont N-S", "S-N": "Pont S-N"})


def forecast(days: int = 2, **columns: float | Series) -> pd.DataFrame:
    """Return a forecast of both directions: 1 and 2 bikes in each hour, or other columns."""
    times = pd.date_range("2024-06-03", periods=24 * days, freq="h", tz="Europe/Paris")
    rows = pd.DataFrame(
        {COUNTER: pd.Categorical(np.repeat(["Pont N-S", "Pont S-N"], len(times))), TIME: times.append(times)}
    )
    given: dict[str, float | Series] = dict(columns)
    sums: dict[str, float | Series] = {"prediction": np.repeat([1.0, 2.0], len(times)), "lower": 0.0, "upper": 5.0}
    return rows.assign(**(given or sums))


def test_a_place_is_the_sum_of_its_directions() -> None:
    both = hours_of_spot(forecast(), Spot.of(BRIDGE, BOTH), None, None)
    one = hours_of_spot(forecast(), Spot.of(BRIDGE, "S-N"), None, None)
    assert set(both["forecast"]) == {3.0}
    assert set(both["upper"]) == {10.0}
    assert set(one["forecast"]) == {2.0}


def test_an_hour_that_one_direction_did_not_count_has_no_count() -> None:
    rows = forecast()
    counts = rows[[COUNTER, TIME]].assign(**{COUNT: 4.0}).iloc[1:]
    hours = hours_of_spot(rows, Spot.of(BRIDGE, BOTH), None, counts)
    assert np.isnan(hours["count"].iloc[0])
    assert set(hours["count"].iloc[1:]) == {8.0}


def test_a_day_with_an_unknown_hour_has_no_sum() -> None:
    rows = forecast()
    counts = rows[[COUNTER, TIME]].assign(**{COUNT: 4.0}).iloc[1:]
    days = days_of_spot(hours_of_spot(rows, Spot.of(BRIDGE, BOTH), None, counts))
    assert list(days["bikes"]) == [72.0, 72.0]
    assert np.isnan(days["count"].iloc[0])
    assert days["count"].iloc[1] == 24 * 8


def test_a_classifier_gives_the_chance_of_the_busiest_direction() -> None:
    rows = forecast(prediction=1.0, probability=0.25)
    rows.loc[rows[COUNTER] == "Pont N-S", "probability"] = 0.75
    day = pd.Timestamp("2024-06-04", tz="Europe/Paris")
    of_day = rows[rows[TIME] >= day]
    seen = outlook(rows, of_day, {"Pont": BRIDGE}, BRIDGE, BOTH, day, None, None)
    assert set(seen.today["probability"]) == {0.75}
    assert seen.week["probability"].tolist() == [0.75, 0.75]
    assert seen.city["probability"].tolist() == [0.75]


@pytest.mark.parametrize(("value", "sign"), [(5, -1), (10, 0), (15, 0), (20, 0), (21, 1)])
def test_a_value_outside_the_usual_range_is_unusual(value: float, sign: int) -> None:
    assert unusual(value, 10, 20) == sign


def test_without_a_known_range_nothing_is_unusual() -> None:
    assert unusual(5, np.nan, np.nan) == 0
