"""The state of each counter: what is broken is found, and what is only quiet or unlucky is not."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.data.sample import generate_sample
from bike_traffic.errors import SchemaError
from bike_traffic.monitoring.states import end_of_counts, last_whole_day, states
from bike_traffic.monitoring.usual import Usual

QUAI, BACK, DEAD = "12 quai des Hirondelles N-S", "12 quai des Hirondelles S-N", "Pont du Vieux Moulin S-N"
COLUMNS = [
    "nom_du_compteur", "state", "since", "last_hour", "missing_hours", "comptage_horaire", "predicted", "usual",
    "factor",
]  # fmt: skip


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    """Return the sample, with a counter that is dead from 2024-03-04 to 2024-04-07."""
    return clean(generate_sample())


def up_to(cleaned: pd.DataFrame, moment: str, weeks: int = 20) -> pd.DataFrame:
    end = pd.Timestamp(moment, tz="Europe/Paris")
    return cleaned[(cleaned[TIME] < end) & (cleaned[TIME] >= end - pd.Timedelta(weeks=weeks))]


def trouble(found: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the state of every counter that is in trouble, and since when."""
    broken = found[found["state"] != "counting"]
    return {row["nom_du_compteur"]: (row["state"], f"{row['since']:%m-%d %H}") for row in broken.to_dict("records")}


def exchanged(cleaned: pd.DataFrame, since: str) -> pd.DataFrame:
    """Return the rows with the two directions of the quay exchanged from a day on."""
    names, late = cleaned[COUNTER].astype("str"), cleaned[TIME] >= since
    swapped = names.map({QUAI: BACK, BACK: QUAI}).fillna(names)
    return cleaned.assign(**{COUNTER: names.where(~late, swapped).astype("category")})


def test_counters_that_count_have_a_row_each_with_the_day_before(sample: pd.DataFrame) -> None:
    rows = up_to(sample, "2024-09-18 02:00")
    found = states(rows)
    assert list(found) == COLUMNS
    assert len(found) == 20
    assert trouble(found) == {}
    assert found["since"].isna().all()
    one = found.set_index("nom_du_compteur").loc[QUAI]
    yesterday = rows[(rows[COUNTER] == QUAI) & (rows[TIME].dt.strftime("%m-%d") == "09-17")]
    assert one["comptage_horaire"] == yesterday[COUNT].sum()
    assert one["usual"] > 0
    assert np.isnan(one["predicted"])
    assert (f"{one['last_hour']:%m-%d %H}", one["missing_hours"]) == ("09-18 01", 0)


def test_a_silent_counter_comes_first_and_a_dead_one_second(sample: pd.DataFrame) -> None:
    rows = up_to(sample, "2024-03-20 08:00")
    silent = (rows[COUNTER] == QUAI) & (rows[TIME] >= "2024-03-18 05:00")
    found = states(rows[~silent])
    assert trouble(found) == {QUAI: ("silent", "03-18 05"), DEAD: ("zeros", "03-04 00")}
    assert list(found["nom_du_compteur"][:2]) == [QUAI, DEAD]
    first = found.iloc[0]
    assert (first["missing_hours"], f"{first['last_hour']:%m-%d %H}") == (51, "03-18 04")
    assert np.isnan(first["comptage_horaire"])


def test_a_counter_that_counts_again_is_no_longer_in_trouble(sample: pd.DataFrame) -> None:
    assert trouble(states(up_to(sample, "2024-04-09 08:00"))) == {}


def test_a_quiet_counter_may_count_nothing_on_a_day(sample: pd.DataFrame) -> None:
    rows = up_to(sample, "2024-09-18")
    quiet = rows[COUNTER] == QUAI
    few = rows[COUNT].mask(quiet, (rows[TIME].dt.hour == 9) & (rows[TIME].dt.day % 3 > 0)).astype(float)
    few = few.mask(quiet & (rows[TIME] >= "2024-09-17"), 0.0)
    assert trouble(states(rows.assign(**{COUNT: few}))) == {}


@pytest.mark.parametrize("days", [3, 10])
def test_two_directions_that_were_exchanged_are_found_with_their_first_day(sample: pd.DataFrame, days: int) -> None:
    end = pd.Timestamp("2024-09-20", tz="Europe/Paris")  # a Friday
    since = end - pd.DateOffset(days=days)
    found = states(exchanged(up_to(sample, "2024-09-20"), f"{since:%Y-%m-%d}"))
    assert trouble(found) == dict.fromkeys((QUAI, BACK), ("swapped", f"{since:%m-%d} 00"))


def test_directions_that_were_exchanged_back_are_right_again(sample: pd.DataFrame) -> None:
    rows = up_to(sample, "2024-09-20")
    wrong = exchanged(rows, "2024-09-09")
    late = rows[TIME] >= "2024-09-17"
    again = pd.concat([wrong[~late], rows[late]]).astype({COUNTER: "category"})
    assert trouble(states(again)) == {}


def test_one_direction_that_loses_its_bikes_is_far_and_not_swapped(sample: pd.DataFrame) -> None:
    rows = up_to(sample, "2024-09-20")
    half = (rows[COUNTER] == QUAI) & (rows[TIME] >= "2024-09-16")
    found = states(rows.assign(**{COUNT: rows[COUNT].mask(half, rows[COUNT] // 8)}))
    assert trouble(found) == {QUAI: ("far", "09-16 00")}
    assert found.iloc[0]["factor"] == pytest.approx(1 / 8, rel=0.5)


def test_a_day_that_is_unusual_for_the_whole_city_is_no_fault_of_a_counter(sample: pd.DataFrame) -> None:
    rows = up_to(sample, "2024-09-20")
    snow = rows[COUNT].mask(rows[TIME] >= "2024-09-19", rows[COUNT] // 6)
    assert trouble(states(rows.assign(**{COUNT: snow}))) == {}


def test_far_means_far_from_the_forecast_if_there_is_one(sample: pd.DataFrame) -> None:
    """Works were announced, and the forecast knew it: what is unusual was foreseen."""
    rows = up_to(sample, "2024-09-20")
    works = (rows[COUNTER] == QUAI) & (rows[TIME] >= "2024-09-19")
    counted = rows.assign(**{COUNT: rows[COUNT].mask(works, rows[COUNT] // 8)})
    day = counted[counted[TIME] >= "2024-09-19"]
    foreseen = day[[COUNTER, TIME]].assign(prediction=day[COUNT] + 1.0)
    assert trouble(states(counted)) == {QUAI: ("far", "09-19 00")}
    found = states(counted, foreseen)
    assert trouble(found) == {}
    one = found.set_index("nom_du_compteur").loc[QUAI]
    assert one["predicted"] == one["comptage_horaire"] + 24
    wrong = foreseen.assign(prediction=foreseen["prediction"].mask(day[COUNTER] == BACK, 500.0))
    assert trouble(states(counted, wrong)) == {BACK: ("far", "09-19 00")}


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_days_on_which_the_clock_changes_raise_no_alarm(sample: pd.DataFrame, day: str, hours: int) -> None:
    following = (pd.Timestamp(day) + pd.Timedelta(days=1)).strftime("%Y-%m-%d")
    rows = up_to(sample, following)
    alive = rows[rows[COUNTER] != DEAD]
    found = states(alive)
    assert trouble(found) == {}
    own = alive[(alive[COUNTER] == QUAI) & (alive[TIME].dt.strftime("%Y-%m-%d") == day)]
    assert len(own) == hours
    assert found.set_index("nom_du_compteur").loc[QUAI, "comptage_horaire"] == own[COUNT].sum()
    assert found["missing_hours"].eq(0).all()
    twice = (alive[TIME].dt.strftime("%Y-%m-%d") == day) & (alive[TIME].dt.hour == 2)
    assert trouble(states(alive[~twice])) == {}


def test_a_moment_in_the_past_knows_nothing_later(sample: pd.DataFrame) -> None:
    moment = pd.Timestamp("2024-09-18 02:00", tz="Europe/Paris")
    before = sample[sample[TIME] < moment]
    pd.testing.assert_frame_equal(states(sample, at=moment), states(before))


def test_a_moment_before_all_counts_is_refused(sample: pd.DataFrame) -> None:
    message = "no count is before 2020-01-01 00:00:00+01:00: choose a later moment, or give older counts"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$") as refused:
        states(sample, at=pd.Timestamp("2020-01-01", tz="Europe/Paris"))
    assert refused.value.id == "counts-not-before"


def test_a_few_hours_are_enough_for_a_state(sample: pd.DataFrame) -> None:
    assert states(sample.head(60))["state"].unique().tolist() == ["counting"]


@pytest.mark.parametrize(
    ("end", "day"),
    [
        ("2024-09-18 02:00", "2024-09-17"),
        ("2024-09-18 00:00", "2024-09-17"),
        ("2024-09-17 23:00", "2024-09-16"),
        ("2024-04-01 00:00", "2024-03-31"),
        ("2024-10-28 00:00", "2024-10-27"),
    ],
)
def test_the_last_whole_day_is_over_when_the_counts_end(sample: pd.DataFrame, end: str, day: str) -> None:
    rows = up_to(sample, end)
    assert end_of_counts(rows) == pd.Timestamp(end, tz="Europe/Paris")
    assert last_whole_day(rows) == pd.Timestamp(day, tz="Europe/Paris")


def test_what_was_usual_can_be_given(sample: pd.DataFrame) -> None:
    rows = up_to(sample, "2024-09-18")
    usual = Usual.learn(rows[rows[TIME] < "2024-09-17"])
    pd.testing.assert_frame_equal(states(rows), states(rows, usual=usual))
