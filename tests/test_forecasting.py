"""A forecast has every hour of its days for every counter of the model, and says how old its counts are."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNTER, LATITUDE, LONGITUDE, TIME, TIME_ZONE
from bike_traffic.data.cleaning import clean, is_clean
from bike_traffic.data.hours import hours_of_counters, hours_of_days
from bike_traffic.errors import ForecastError, MissingInput
from bike_traffic.evaluation.references import References
from bike_traffic.forecasting import Forecast, forecast, matching_counters, parse_day, tomorrow
from bike_traffic.loading import LoadedModel
from bike_traffic.registry.record_parts import FitInfo, SplitInfo
from bike_traffic.registry.records import ModelRecord
from tests.test_origins import LastHour

RECORD = ModelRecord(
    timestamp="2024-12-01T00:00:00+00:00",
    model_type="last_hour",
    env="dev",
    test_mode=False,
    run_id="0123456789",
    metrics={"rmse": 19.2},
    model_uri="",
    split=SplitInfo(
        kind="temporal", training_until="2024-11-02T23:00:00+01:00", measured_until="2024-11-30T23:00:00+01:00"
    ),
    registered_fit=FitInfo(until="2024-11-30T23:00:00+01:00"),
)


@pytest.fixture
def cleaned(small_counts: pd.DataFrame) -> pd.DataFrame:
    return clean(small_counts)


@pytest.fixture
def model(cleaned: pd.DataFrame) -> LoadedModel:
    return LoadedModel(RECORD, LastHour().fit(cleaned), References.learn(cleaned))


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz=TIME_ZONE)


@pytest.mark.parametrize(
    ("first", "days", "hours", "offsets"),
    [
        ("2024-03-31", 1, 23, {"+0100", "+0200"}),
        ("2024-10-27", 1, 25, {"+0100", "+0200"}),
        ("2024-12-01", 7, 168, {"+0100"}),
        ("2024-03-30", 3, 71, {"+0100", "+0200"}),
    ],
)
def test_days_have_the_hours_that_the_clock_of_paris_gives_them(
    first: str, days: int, hours: int, offsets: set[str]
) -> None:
    times = hours_of_days(pd.Timestamp(first), days)
    assert len(times) == hours
    assert set(times.strftime("%z")) == offsets
    assert times[0] == day(first)
    assert times[-1] == day(first) + pd.DateOffset(days=days) - pd.Timedelta(hours=1)
    assert times.equals(hours_of_days(day(first) + pd.Timedelta(hours=1), days))


def test_the_rows_of_coming_hours_are_a_clean_frame(cleaned: pd.DataFrame) -> None:
    times = hours_of_days(pd.Timestamp("2024-11-30"), 1)
    names = list(cleaned[COUNTER].cat.categories)
    places = cleaned.drop_duplicates(COUNTER).set_index(COUNTER).loc[names]
    made = hours_of_counters(names, times, list(places[LATITUDE]), list(places[LONGITUDE]))
    assert is_clean(made)
    own = cleaned[cleaned[TIME] >= times[0]].sort_values([COUNTER, TIME]).drop(columns="comptage_horaire")
    pd.testing.assert_frame_equal(made, own.reset_index(drop=True), check_dtype=True, check_categorical=False)


def test_a_forecast_has_each_hour_of_each_counter(model: LoadedModel, cleaned: pd.DataFrame) -> None:
    made = forecast(model, start=day("2024-12-01"), days=2, history=cleaned)
    assert list(made.rows.groupby(COUNTER, observed=True).size()) == [48] * 4
    assert list(made.rows) == [
        COUNTER, TIME, "heure", "prediction", "recent", "usual_lower", "usual", "usual_upper",
    ]  # fmt: skip
    assert list(made.as_published()) == ["Nom du compteur", "Date et heure de comptage", "prediction"]
    assert made.as_published()["Date et heure de comptage"].iloc[0] == "2024-12-01T00:00:00+01:00"


def test_history_from_the_first_day_on_is_never_used(model: LoadedModel, cleaned: pd.DataFrame) -> None:
    """A forecast of a past day must not look at the counts of that day."""
    past = cleaned[cleaned[TIME] < day("2024-11-20")]
    with_later_counts = forecast(model, start=day("2024-11-20"), history=cleaned)
    without = forecast(model, start=day("2024-11-20"), history=past)
    pd.testing.assert_frame_equal(with_later_counts.rows, without.rows)


def test_a_model_that_needs_history_says_so_and_history_must_be_older(
    model: LoadedModel, cleaned: pd.DataFrame
) -> None:
    message = "^'last_hour' needs recent counts of its counters; give them as history, or with --history$"
    with pytest.raises(MissingInput, match=message):
        forecast(model, start=day("2024-12-01"))
    message = "^the history has no count before 2020-01-01, the first day of the forecast$"
    with pytest.raises(MissingInput, match=message):
        forecast(model, start=day("2020-01-01"), history=cleaned)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_the_number_of_days_has_a_limit(model: LoadedModel, cleaned: pd.DataFrame, days: int) -> None:
    with pytest.raises(ForecastError, match=f"^a forecast is of 1 to 366 days, not {days}$"):
        forecast(model, start=day("2024-12-01"), days=days, history=cleaned)


KNOWS = "last_hour of run 01234567; the newest count it knows is of 2024-11-30 23:00"
NAMES = ["Face au 48 quai de la Marne NE-SO", "73 boulevard de Sébastopol N-S", "73 boulevard de Sébastopol S-N"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), NAMES),
        (("sebastopol",), NAMES[1:]),
        (("SÉBASTOPOL  n-s",), NAMES[1:2]),
        (("s-n", "marne", "S-N"), [NAMES[2], NAMES[0]]),
    ],
)
def test_counters_are_chosen_by_a_part_of_their_name_accents_and_case_aside(
    texts: tuple[str, ...], expected: list[str]
) -> None:
    assert matching_counters(NAMES, texts) == expected


def test_a_text_that_no_counter_contains_is_an_error_that_shows_some(model: LoadedModel) -> None:
    message = "^no counter's name contains 'rivoli'; the model knows 3: '.*', '.*', '.*'$"
    with pytest.raises(ForecastError, match=message) as refused:
        matching_counters(NAMES, ["marne", "rivoli"])
    assert refused.value.parts == {"text": "rivoli", "known": NAMES}


@pytest.mark.parametrize(
    ("start", "days", "lines"),
    [
        (
            "2024-12-02",
            1,
            [
                f"{KNOWS}, 1 day before the forecast",
                "its rmse on the 28 days after its training was 19.2 bikes per hour",
            ],
        ),
        (
            "2024-12-20",
            20,
            [
                f"{KNOWS}, 19 days before the forecast",
                "its rmse on the 28 days after its training was 19.2 bikes per hour; the forecast reaches 39 days "
                "ahead, where it was not measured",
            ],
        ),
        (
            "2024-11-20",
            1,
            [
                KNOWS,
                "the forecast starts before that: the model may know the counts of these hours",
            ],
        ),
    ],
)
def test_a_forecast_says_how_old_its_counts_are_and_what_the_horizon_means(
    model: LoadedModel, cleaned: pd.DataFrame, start: str, days: int, lines: list[str]
) -> None:
    assert forecast(model, start=day(start), days=days, history=cleaned).notes(RECORD) == lines


def test_newer_history_makes_a_forecast_younger(model: LoadedModel, cleaned: pd.DataFrame) -> None:
    old = attrs.evolve(RECORD, registered_fit=FitInfo(until="2024-06-30T23:00:00+02:00"))
    made = forecast(attrs.evolve(model, record=old), start=day("2024-12-01"), history=cleaned)
    assert made.newest == day("2024-11-30 23:00")


def test_a_record_that_does_not_say_what_it_knows_gives_no_age(model: LoadedModel, cleaned: pd.DataFrame) -> None:
    silent = attrs.evolve(RECORD, registered_fit=None, split=None)
    made = Forecast(rows=forecast(model, start=day("2024-12-01"), history=cleaned).rows, newest=None)
    assert made.notes(silent) == ["last_hour of run 01234567"]


def test_a_model_without_stored_counters_forecasts_those_it_learned(
    model: LoadedModel, cleaned: pd.DataFrame
) -> None:
    """A model of an earlier version did not store where its counters are."""
    made = forecast(attrs.evolve(model, references=References()), start=day("2024-12-01"), history=cleaned)
    assert list(made.rows[COUNTER].unique()) == list(model.pipeline.counters_)


def test_a_forecast_is_one_document(model: LoadedModel, cleaned: pd.DataFrame) -> None:
    document = forecast(model, start=day("2024-12-01"), history=cleaned).to_json(RECORD)
    rows = document.pop("rows")
    assert document == {
        "model_type": "last_hour",
        "run_id": "0123456789",
        "newest_count": "2024-11-30T23:00:00+01:00",
        "first_hour": "2024-12-01T00:00:00+01:00",
    }
    assert rows[0].keys() == {"counter", "time", "prediction", "recent", "usual_lower", "usual", "usual_upper"}
    assert (rows[0]["counter"], rows[-1]["time"]) == (str(model.pipeline.counters_[0]), "2024-12-01T23:00:00+01:00")


def test_a_forecast_is_drawn_in_the_format_of_the_files_ending(
    model: LoadedModel, cleaned: pd.DataFrame, tmp_path: Path
) -> None:
    made = forecast(model, start=day("2024-12-01"), days=2, history=cleaned)
    made = attrs.evolve(made, rows=made.rows.assign(lower=0.0, upper=made.rows["prediction"] * 2))
    made.draw("last_hour", str(tmp_path / "forecast.png"))
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")
    made.draw("last_hour", str(tmp_path / "forecast.svg"))
    svg = (tmp_path / "forecast.svg").read_text()
    assert "<svg" in svg


def test_tomorrow_is_a_midnight_in_paris_ahead_of_now() -> None:
    first = tomorrow()
    assert first == first.normalize()
    assert str(first.tz) == TIME_ZONE
    ahead = first - pd.Timestamp.now(TIME_ZONE)
    assert pd.Timedelta(0) < ahead <= pd.Timedelta(hours=25)


def test_a_day_is_a_date() -> None:
    assert parse_day(" 2026-06-15 ") == day("2026-06-15")
    message = "^'15/06/2026' is not a day; write one such as 2026-06-15$"
    with pytest.raises(ForecastError, match=message):
        parse_day("15/06/2026")
    assert np.isnan(hours_of_counters(["a"], hours_of_days(day("2026-06-15"), 1), [None], [None])[LATITUDE]).all()
