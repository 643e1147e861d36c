"""A forecast is compared with what came only if its model could not know it."""

from __future__ import annotations

import attrs
import pandas as pd
import pytest

from bike_traffic.app.last_week import Week, could_not_know, errors, honest_record, hours_that_came
from bike_traffic.columns import COUNTER, TIME
from bike_traffic.evaluation.measuring import evaluation_of
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import ModelRecord
from tests.app.test_leaderboard import record


def local(text: str) -> pd.Timestamp:
    """Return a time in Paris."""
    return pd.Timestamp(text, tz="Europe/Paris")


@pytest.mark.parametrize(
    ("newest", "start", "end"),
    [
        ("2024-06-10 01:00", "2024-06-03", "2024-06-10"),
        ("2024-06-10 23:00", "2024-06-04", "2024-06-11"),
        ("2024-03-31 23:00", "2024-03-25", "2024-04-01"),  # a day of 23 hours
        ("2024-10-27 22:00", "2024-10-20", "2024-10-27"),  # of 25
    ],
)
def test_the_week_has_the_last_seven_whole_local_days(newest: str, start: str, end: str) -> None:
    assert Week.before(local(newest)) == Week(local(start), local(end))


WEEK = Week(local("2024-06-03"), local("2024-06-10"))


def until(run_id: str, hour: str | None) -> ModelRecord:
    """Return a record whose registered model learned until an hour."""
    fit = {} if hour is None else {"registered_fit": {"until": hour}}
    return record(run_id, **fit)


EARLY, BEFORE = until("early", "2024-05-01T00:00:00+02:00"), until("before", "2024-06-02T23:00:00+02:00")
INSIDE, SILENT = until("inside", "2024-06-03T00:00:00+02:00"), until("silent", None)


def test_a_model_may_know_what_is_not_later_than_its_last_hour() -> None:
    assert [could_not_know(one, WEEK) for one in (EARLY, BEFORE, INSIDE, SILENT)] == [True, True, False, False]


def test_the_chosen_record_is_measured_if_it_could_not_know_the_week() -> None:
    assert honest_record([EARLY, BEFORE], EARLY, WEEK, Query(), ()) == EARLY


def test_else_the_newest_other_record_of_its_model_is() -> None:
    assert honest_record([EARLY, BEFORE, INSIDE], INSIDE, WEEK, Query(), ()) == BEFORE
    assert honest_record([EARLY, BEFORE, INSIDE], INSIDE, WEEK, Query(), {"before"}) == EARLY


def test_a_record_of_another_model_or_of_test_mode_does_not_stand_in() -> None:
    others = [attrs.evolve(EARLY, model_type="nn"), attrs.evolve(EARLY, test_mode=True)]
    assert honest_record([*others, INSIDE], INSIDE, WEEK, Query(), ()) is None


def rows() -> pd.DataFrame:
    """Return two counters over two hours, of which one counted a single hour."""
    times = [local("2024-06-03 08:00"), local("2024-06-03 09:00"), local("2024-06-03 08:00")]
    return pd.DataFrame(
        {
            COUNTER: pd.Categorical(["A N-S", "A N-S", "B"]), TIME: times, "truth": [10.0, 20.0, 5.0],
            "prediction": [12.0, 20.0, 9.0], "lower": [8.0, 15.0, 1.0], "upper": [14.0, 25.0, 10.0],
            "baseline": [13.0, 21.0, 5.0],
        }
    )  # fmt: skip


def test_errors_are_mean_absolute_ones_beside_those_of_the_mean() -> None:
    by_counter = errors("regression", rows(), "counter").set_index("name")
    assert by_counter.to_dict("index") == {
        "A N-S": {"error": 1.0, "baseline": 2.0},
        "B": {"error": 4.0, "baseline": 0.0},
    }
    by_hour = errors("regression", rows(), "hour").set_index("hour")
    assert by_hour["error"].to_dict() == {8: 3.0, 9: 0.0}


def test_an_error_of_a_classifier_is_its_share_of_wrong_hours() -> None:
    labels = rows().assign(truth=[1.0, 0.0, 1.0], prediction=[1.0, 1.0, 1.0], baseline=[0.0, 0.0, 1.0])
    found = errors("classification", labels.drop(columns=["lower", "upper"]), "counter").set_index("name")
    assert found["error"].to_dict() == {"A N-S": 0.5, "B": 0.0}
    percent = errors("classification", labels, "counter", 100).set_index("name")
    assert percent["error"].to_dict() == {"A N-S": 50.0, "B": 0.0}


def test_hours_are_sums_of_the_hours_that_were_counted() -> None:
    evaluation = evaluation_of("regression", rows())
    whole = hours_that_came(evaluation, None)
    assert whole[["forecast", "count"]].to_numpy().tolist() == [[21.0, 15.0], [20.0, 20.0]]
    assert "lower" not in whole
    one = hours_that_came(evaluation, ["B"])
    assert one[["forecast", "count", "lower", "upper"]].to_numpy().tolist() == [[9.0, 5.0, 1.0, 10.0]]
