"""A forecast from an origin knows the counts before it and no others."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNT, TIME, TIME_ZONE
from bike_traffic.data.cleaning import clean
from bike_traffic.data.sample import generate_sample
from bike_traffic.errors import SplitError
from bike_traffic.evaluation.splits import split_at
from bike_traffic.names import Need, Task
from bike_traffic.origins import Steps, predicted_month, predicted_months, rows_from_origins
from bike_traffic.pipeline import Pipeline
from bike_traffic.plugins.random_forest import RFPipeline


class LastHour(Pipeline):
    """Predicts the mean count of the history's last hour; a tiny pipeline that needs history."""

    name = "last_hour"
    task: Task = "regression"  # type: ignore[misc]
    needs: tuple[Need, ...] = ("history",)  # type: ignore[misc]

    def _fit(self, cleaned: pd.DataFrame) -> None:
        self.fitted_until_ = cleaned[TIME].max()

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> object:
        assert history is not None
        newest = history[history[TIME] == history[TIME].max()]
        return np.full(len(cleaned), newest[COUNT].mean())

    def save(self, directory: Path) -> None: ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        return cls()


class Zero(LastHour):
    """Needs nothing."""

    needs: tuple[Need, ...] = ()  # type: ignore[misc]

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> object:
        return np.zeros(len(cleaned))


@pytest.fixture(scope="module")
def cleaned() -> pd.DataFrame:
    """Return counts of two counters over the first 220 days of the sample, with both changes of the clock."""
    counts = generate_sample().head(220 * 24 * 20)
    names = counts["Nom du compteur"].cat.categories[:2]
    return clean(counts[counts["Nom du compteur"].isin(names)].reset_index(drop=True))


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz=TIME_ZONE)


DAILY = Steps(pd.Timedelta(days=1), 2)


def test_an_origin_stands_at_each_local_midnight_also_where_the_clock_changes(cleaned: pd.DataFrame) -> None:
    rows = rows_from_origins(LastHour().fit(cleaned), cleaned, day("2024-03-29"), day("2024-04-02"), DAILY)
    assert [origin.isoformat() for origin in rows["origin"].unique()] == [
        "2024-03-29T00:00:00+01:00",
        "2024-03-30T00:00:00+01:00",
        "2024-03-31T00:00:00+01:00",
        "2024-04-01T00:00:00+02:00",
    ]
    hours = rows.groupby(["origin", "days_ahead"]).size() / 2
    assert list(hours) == [24, 24, 24, 23, 23, 24, 24]  # 31 March has 23 hours; the last origin has one day left
    assert list(hours.index.get_level_values("days_ahead")) == [1, 2, 1, 2, 1, 2, 1]


def test_a_start_inside_a_day_waits_for_midnight_unless_the_step_is_of_hours(cleaned: pd.DataFrame) -> None:
    pipeline, start, end = LastHour().fit(cleaned), day("2024-02-05 09:00"), day("2024-02-07")
    daily = rows_from_origins(pipeline, cleaned, start, end, DAILY)
    assert [f"{origin:%d %H}" for origin in daily["origin"].unique()] == ["06 00"]
    hourly = rows_from_origins(pipeline, cleaned, start, end, Steps(pd.Timedelta(hours=12), 1))
    assert [f"{origin:%d %H}" for origin in hourly["origin"].unique()] == ["05 09", "05 21", "06 09", "06 21"]


def test_predictions_do_not_change_when_counts_after_their_origin_do(cleaned: pd.DataFrame) -> None:
    pipeline, start, end = LastHour().fit(cleaned), day("2024-02-05"), day("2024-02-12")
    changed = cleaned.assign(**{COUNT: cleaned[COUNT].where(cleaned[TIME] < day("2024-02-08"), 9999.0)})
    columns = ["origin", "days_ahead", "prediction", "baseline", "recent"]
    before, after = (
        rows_from_origins(pipeline, counts, start, end, DAILY)[columns].query("origin <= @day('2024-02-08')")
        for counts in (cleaned, changed)
    )
    assert len(before) > 0
    pd.testing.assert_frame_equal(before, after)


def test_history_and_baselines_know_all_counts_before_the_origin(cleaned: pd.DataFrame) -> None:
    rows = rows_from_origins(LastHour().fit(cleaned), cleaned, day("2024-02-05"), day("2024-02-12"), DAILY)
    for origin, own in rows.groupby("origin"):
        newest = cleaned[cleaned[TIME] == pd.Timestamp(str(origin)) - pd.Timedelta(hours=1)]
        assert set(own["prediction"]) == {newest[COUNT].mean()}


def test_origins_without_rows_are_an_error_in_one_line(cleaned: pd.DataFrame) -> None:
    message = "^no origin from 2030-01-01 00:00:00.01:00 to 2030-01-03 00:00:00.01:00 has rows to predict$"
    with pytest.raises(SplitError, match=message):
        rows_from_origins(LastHour().fit(cleaned), cleaned, day("2030-01-01"), day("2030-01-03"), DAILY)


def test_each_month_of_a_calibration_is_predicted_by_a_fit_on_all_rows_before_it(cleaned: pd.DataFrame) -> None:
    fitted: list[Pipeline] = []

    def new() -> Pipeline:
        fitted.append(Zero())
        return fitted[-1]

    end, span = day("2024-04-03"), pd.Timedelta(days=28)
    months = predicted_months(new, cleaned, end, span, 3)
    starts = [day("2024-01-10"), day("2024-02-07"), day("2024-03-06")]  # the clock changes in the last month
    assert [month[TIME].min() for month in months] == starts
    assert [month[TIME].max() + pd.Timedelta(hours=1) for month in months] == [*starts[1:], end]
    ends = [pipeline.fitted_until_ for pipeline in fitted if hasattr(pipeline, "fitted_until_")]
    assert ends == [start - pd.Timedelta(hours=1) for start in starts]


def test_the_months_of_a_calibration_are_predicted_by_the_authors_pipeline_for_it(cleaned: pd.DataFrame) -> None:
    class Careful(Zero):
        def for_calibration(self) -> Pipeline:
            return LastHour()

    months = predicted_months(Careful, cleaned, day("2024-04-03"), pd.Timedelta(days=28), 1)
    assert months[0]["prediction"].sum() > 0


def test_a_month_without_as_much_before_it_is_left_out(cleaned: pd.DataFrame) -> None:
    early = cleaned[cleaned[TIME] < day("2023-11-01")]
    months = predicted_months(Zero, early, day("2023-11-01"), pd.Timedelta(days=28), 3)
    assert [month[TIME].min() for month in months] == [day("2023-10-04")]


def test_a_pipeline_with_history_is_calibrated_by_day_of_horizon(cleaned: pd.DataFrame) -> None:
    split = split_at(cleaned[TIME], day("2024-02-05"), day("2024-03-04"))
    pipeline = LastHour().fit(cleaned.iloc[split.training])
    month = predicted_month(pipeline, cleaned, split)
    assert sorted(month["days_ahead"].unique()) == [0, *range(1, 8)]
    assert month.loc[month["days_ahead"] == 0, TIME].min() == day("2024-02-12")
    assert "days_ahead" not in predicted_month(Zero().fit(cleaned), cleaned, split)


def test_a_month_before_which_nothing_can_be_learned_is_left_out(cleaned: pd.DataFrame) -> None:
    """The first months of a file may be those before its counters were switched on."""
    end, span = day("2024-03-20"), pd.Timedelta(days=28)
    on = day("2024-02-01")
    late = cleaned.assign(**{COUNT: cleaned[COUNT].where(cleaned[TIME] >= on, 0.0)})
    months = predicted_months(partial(RFPipeline, n_estimators=2), late, end, span, 3)
    assert [month[TIME].min() for month in months] == [end - span]
