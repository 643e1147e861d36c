"""`ahead`: what a forecast is made of, and that it is made of nothing later than its origin."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest

from bike_traffic.cities import PARIS
from bike_traffic.columns import (
    CLOUD,
    COUNT,
    COUNTER,
    HOUR,
    RAIN,
    TEMPERATURE,
    TIME,
    TIME_ZONE,
    WEATHER_COLUMNS,
    WIND,
)
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import ParameterError
from bike_traffic.features.calendar import day_numbers
from bike_traffic.manager import PluginHost
from bike_traffic.parameters import new_pipeline
from bike_traffic.plugins.ahead.pipeline import MODEL_FILE, AheadPipeline

ORIGIN = pd.Timestamp("2024-11-20", tz=TIME_ZONE)
"""The sample ends ten days and more after it."""


def before(cleaned: pd.DataFrame, time: pd.Timestamp) -> pd.DataFrame:
    return cleaned[cleaned[TIME] < time]


def days_from(cleaned: pd.DataFrame, time: pd.Timestamp, days: int = 1) -> pd.DataFrame:
    return cleaned[(cleaned[TIME] >= time) & (cleaned[TIME] < time + pd.DateOffset(days=days))]


def with_weather(cleaned: pd.DataFrame, *, rain: float = 0.0) -> pd.DataFrame:
    """Return rows with invented weather: rain on every third day, or of the given amount on all."""
    wet = np.where(day_numbers(cleaned[TIME]) % 3 == 0, 2.0, 0.0) + rain
    weather = pd.DataFrame({TEMPERATURE: 12.0 + cleaned[HOUR] / 4, RAIN: wet, WIND: 3.0, CLOUD: 50.0})
    return pd.concat([cleaned, weather[list(WEATHER_COLUMNS)].astype(np.float32)], axis="columns")


@pytest.fixture(scope="module")
def cleaned(sample: pd.DataFrame) -> pd.DataFrame:
    """Return four counters over the sample's last 200 days."""
    names = sample["Nom du compteur"].cat.categories[[0, 1, 6, 7]]
    recent = sample.tail(200 * 24 * 20)
    return clean(recent[recent["Nom du compteur"].isin(names)].reset_index(drop=True))


@pytest.fixture(scope="module")
def fitted(cleaned: pd.DataFrame) -> AheadPipeline:
    return AheadPipeline().fit(before(cleaned, ORIGIN))


@pytest.fixture(scope="module")
def fitted_with_weather(cleaned: pd.DataFrame) -> AheadPipeline:
    """Return a pipeline that has seen rain halve the counts."""
    training = with_weather(before(cleaned, ORIGIN))
    halved = training.assign(**{COUNT: (training[COUNT] * np.where(training[RAIN] > 0, 0.5, 1.0)).round()})
    return AheadPipeline().fit(halved)


def first_counter(cleaned: pd.DataFrame) -> pd.Series:
    return cleaned[COUNTER].astype(str) == "12 quai des Hirondelles N-S"


@pytest.mark.parametrize("hours", [0, 8, 15])
def test_counts_after_the_origin_are_not_used(fitted: AheadPipeline, cleaned: pd.DataFrame, hours: int) -> None:
    """The origin of a row that the history has is the midnight before it."""
    rows = days_from(cleaned, ORIGIN)
    rows = rows[rows[HOUR] >= hours]
    expected = fitted.predict(rows, before(cleaned, ORIGIN))
    changed = cleaned.assign(**{COUNT: cleaned[COUNT].where(cleaned[TIME] < ORIGIN, 1000.0)})
    assert fitted.predict(rows, changed).equals(expected)


def test_the_newest_counts_move_the_forecast(fitted: AheadPipeline, cleaned: pd.DataFrame) -> None:
    """After three days of half the counts, an invented lockdown, fewer bikes are predicted, and more a week later."""
    history, rows = before(cleaned, ORIGIN), days_from(cleaned, ORIGIN, 7)
    locked = history[TIME] >= ORIGIN - pd.DateOffset(days=3)
    halved = history.assign(**{COUNT: history[COUNT].where(~locked, history[COUNT] // 2)})
    ratio = fitted.predict(rows, halved) / fitted.predict(rows, history)
    busy = rows[HOUR].between(7, 20)
    day = day_numbers(rows[TIME]) - day_numbers(rows[TIME]).min()
    assert 0.4 < ratio[busy & (day == 0)].median() < 0.8
    assert ratio[busy & (day == 0)].median() < ratio[busy & (day == 6)].median() < 1.0


def test_hours_that_the_newest_days_lack_or_gain_are_expected_tomorrow(cleaned: pd.DataFrame) -> None:
    """A curfew on three days of each fortnight moves bikes from the evening to the afternoon, invented as it is."""
    day, hour = day_numbers(cleaned[TIME]), cleaned[HOUR]
    curfew = day % 14 < 6
    factor = np.where(curfew & hour.between(19, 22), 0.3, np.where(curfew & hour.between(14, 18), 1.3, 1.0))
    counts = cleaned.assign(**{COUNT: (cleaned[COUNT] * factor).round()})
    last = pd.Timestamp(day[(day % 14 == 3) & (cleaned[TIME] < ORIGIN)].max(), unit="D").tz_localize(TIME_ZONE)
    rows, history = days_from(counts, last), before(counts, last)
    predicted = AheadPipeline().fit(before(counts, ORIGIN - pd.DateOffset(days=30))).predict(rows, history)
    evening, afternoon = rows[HOUR].between(19, 22), rows[HOUR].between(14, 18)
    usual = days_from(cleaned, last)[COUNT]
    assert predicted[evening].sum() / usual[evening].sum() < 0.8 * predicted[afternoon].sum() / usual[afternoon].sum()


def test_twenty_weeks_of_history_are_enough(fitted: AheadPipeline, cleaned: pd.DataFrame) -> None:
    history, rows = before(cleaned, ORIGIN), days_from(cleaned, ORIGIN, 7)
    newest = history[history[TIME] >= ORIGIN - pd.DateOffset(days=150)]
    assert fitted.predict(rows, newest).equals(fitted.predict(rows, history))


@pytest.mark.parametrize("days", [0, 0.2, 3, 20])
def test_a_short_history_is_filled_up_with_what_the_fit_has_kept(
    fitted: AheadPipeline, cleaned: pd.DataFrame, days: float
) -> None:
    history, rows = before(cleaned, ORIGIN), days_from(cleaned, ORIGIN, 7)
    short = history[history[TIME] >= ORIGIN - pd.Timedelta(days=days)]
    predicted, whole = fitted.predict(rows, short), fitted.predict(rows, history)
    assert np.sqrt(((predicted - whole) ** 2).mean()) < 0.2 * whole.mean()


def test_a_counter_that_the_history_lacks_is_predicted_from_what_the_fit_has_kept(
    fitted: AheadPipeline, cleaned: pd.DataFrame
) -> None:
    history, rows = before(cleaned, ORIGIN), days_from(cleaned, ORIGIN, 7)
    of_first = first_counter(rows)
    without = fitted.predict(rows, history[~first_counter(history)])[of_first]
    assert without.sum() == pytest.approx(fitted.predict(rows, history)[of_first].sum(), rel=0.15)


def test_a_counter_of_the_history_alone_has_its_own_level_and_an_unknown_one_the_mean(
    fitted: AheadPipeline, cleaned: pd.DataFrame
) -> None:
    history, rows = before(cleaned, ORIGIN), days_from(cleaned, ORIGIN)
    old = str(rows[COUNTER].iloc[0])

    def renamed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{COUNTER: frame[COUNTER].cat.rename_categories({old: "a new one"})})

    of_first = first_counter(rows)
    expected = fitted.predict(rows, history)
    new = fitted.predict(renamed(rows), pd.concat([history, renamed(history[first_counter(history)])]).pipe(_named))
    assert new[of_first].sum() == pytest.approx(expected[of_first].sum(), rel=0.05)
    unknown = fitted.predict(renamed(rows)[of_first], history)
    mean = expected.groupby(rows[HOUR]).mean()
    assert unknown.to_numpy() == pytest.approx(mean.loc[rows[HOUR][of_first]].to_numpy())


def _named(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose names are a categorical again."""
    return cleaned.assign(**{COUNTER: cleaned[COUNTER].astype(str).astype("category")})


def test_a_counter_that_is_dead_at_the_origin_is_predicted_to_be_zero(
    fitted: AheadPipeline, cleaned: pd.DataFrame
) -> None:
    history, rows = before(cleaned, ORIGIN), days_from(cleaned, ORIGIN, 10)
    dead = first_counter(history) & (history[TIME] >= ORIGIN - pd.DateOffset(days=1))
    predicted = fitted.predict(rows, history.assign(**{COUNT: history[COUNT].where(~dead, 0.0)}))
    assert (predicted[first_counter(rows)] == 0).all()
    assert (predicted[~first_counter(rows) & rows[HOUR].between(7, 20)] > 0).all()


def test_the_outage_before_the_origin_does_not_lower_a_counter_that_is_back(
    fitted: AheadPipeline, cleaned: pd.DataFrame
) -> None:
    history, rows = before(cleaned, ORIGIN), days_from(cleaned, ORIGIN, 7)
    start, end = ORIGIN - pd.DateOffset(days=40), ORIGIN - pd.DateOffset(days=2)
    dead = first_counter(history) & (history[TIME] >= start) & (history[TIME] < end)
    back = fitted.predict(rows, history.assign(**{COUNT: history[COUNT].where(~dead, 0.0)}))
    of_first = first_counter(rows)
    assert back[of_first].sum() == pytest.approx(fitted.predict(rows, history)[of_first].sum(), rel=0.15)


def test_days_of_25_and_23_hours_go_by_the_wall_clock(fitted: AheadPipeline, cleaned: pd.DataFrame) -> None:
    """Both hours 02:00 are the same, and the day after is the second day of the horizon."""
    autumn = pd.Timestamp("2024-10-27", tz=TIME_ZONE)
    rows, history = days_from(cleaned, autumn, 2), before(cleaned, autumn)
    predicted = fitted.predict(rows, history)
    twice = predicted[first_counter(rows) & (rows[HOUR] == 2) & (rows[TIME] < autumn + pd.DateOffset(days=1))]
    assert len(twice) == 2
    assert twice.nunique() == 1
    second = days_from(cleaned, autumn + pd.DateOffset(days=1))
    assert fitted.predict(second, history).equals(predicted[second.index])
    spring = pd.date_range("2025-03-30", "2025-03-31", freq="h", tz=TIME_ZONE, inclusive="left")
    stamps = pd.DataFrame({"Date et heure de comptage": spring, "Nom du compteur": str(rows[COUNTER].iloc[0])})
    answer = fitted.predict(clean(stamps.assign(**{"Coordonnées géographiques": None})), before(cleaned, ORIGIN))
    assert len(answer) == 23


def test_any_horizon_is_answered(fitted: AheadPipeline, cleaned: pd.DataFrame) -> None:
    """Rows after the history count from its end, so that the day of a row is another one after a longer history."""
    rows = days_from(cleaned, ORIGIN + pd.DateOffset(days=9))
    for days in (0, 3, 9):
        predicted = fitted.predict(rows, before(cleaned, ORIGIN + pd.DateOffset(days=days)))
        assert predicted.sum() == pytest.approx(rows[COUNT].sum(), rel=0.5)
    yearly = pd.DataFrame({"Date et heure de comptage": [ORIGIN + pd.DateOffset(days=400)], "Nom du compteur": ["x"]})
    far = fitted.predict(clean(yearly.assign(**{"Coordonnées géographiques": None})), before(cleaned, ORIGIN))
    assert np.isfinite(far).all()


def test_from_noon_the_rest_of_the_day_is_the_first_day(fitted: AheadPipeline, cleaned: pd.DataFrame) -> None:
    """The hours of the day that are known are among the newest counts."""
    noon = ORIGIN + pd.Timedelta(hours=12)
    rows, history = days_from(cleaned, noon), before(cleaned, noon)
    today = rows[TIME] < ORIGIN + pd.DateOffset(days=1)
    doubled = history.assign(**{COUNT: history[COUNT].where(history[TIME] < ORIGIN, history[COUNT] * 2)})
    more = fitted.predict(rows, doubled) / fitted.predict(rows, history)
    assert more[today & rows[HOUR].between(12, 20)].median() > 1.02


def test_weather_moves_the_forecast_where_it_is_given(
    fitted_with_weather: AheadPipeline, cleaned: pd.DataFrame
) -> None:
    history, rows = with_weather(before(cleaned, ORIGIN)), days_from(cleaned, ORIGIN)
    dry, wet = (with_weather(rows).assign(**{RAIN: np.float32(rain)}) for rain in (0, 2))
    ratio = fitted_with_weather.predict(wet, history) / fitted_with_weather.predict(dry, history)
    assert 0.3 < ratio[rows[HOUR].between(7, 20)].median() < 0.8


def test_without_weather_the_forecast_is_that_of_a_fit_without(
    fitted_with_weather: AheadPipeline, cleaned: pd.DataFrame
) -> None:
    """It needs the weather of the rows, and of the history, which says what is usual."""
    plain = list(WEATHER_COLUMNS)
    training = before(cleaned, ORIGIN)
    wet = with_weather(training)[RAIN] > 0
    halved = training.assign(**{COUNT: (training[COUNT] * np.where(wet, 0.5, 1.0)).round()})
    without = AheadPipeline().fit(halved)
    rows = with_weather(days_from(cleaned, ORIGIN, 7))
    expected = without.predict(rows, with_weather(halved))
    assert without.predict(rows.drop(columns=plain), halved).equals(expected)
    for asked, history in ((rows, halved), (rows.drop(columns=plain), with_weather(halved))):
        assert fitted_with_weather.predict(asked, history).to_numpy() == pytest.approx(expected.to_numpy())
    given = fitted_with_weather.predict(rows, with_weather(halved))
    assert not np.allclose(given, expected)


def test_weather_beyond_the_seventh_day_changes_nothing(
    fitted_with_weather: AheadPipeline, cleaned: pd.DataFrame
) -> None:
    history, rows = with_weather(before(cleaned, ORIGIN)), days_from(cleaned, ORIGIN, 9)
    dry, wet = (fitted_with_weather.predict(with_weather(rows, rain=rain), history) for rain in (0.0, 5.0))
    late = rows[TIME] >= ORIGIN + pd.DateOffset(days=7)
    assert dry[late].equals(wet[late])
    assert not dry[~late].equals(wet[~late])


@pytest.mark.parametrize("weather", [False, True])
def test_a_loaded_pipeline_predicts_the_same(
    fitted: AheadPipeline, fitted_with_weather: AheadPipeline, cleaned: pd.DataFrame, clean_place: Path, weather: bool
) -> None:
    pipeline = fitted_with_weather if weather else fitted
    rows, history = (with_weather(part) for part in (days_from(cleaned, ORIGIN, 10), before(cleaned, ORIGIN)))
    pipeline.save(clean_place)
    assert [path.name for path in clean_place.iterdir()] == [MODEL_FILE]
    loaded = AheadPipeline.load(clean_place)
    assert loaded.get_params() == pipeline.get_params()
    predicted = pipeline.predict(rows, history)
    assert loaded.predict(rows, history).to_numpy() == pytest.approx(predicted.to_numpy(), rel=1e-9)


@pytest.mark.parametrize("hours", [1, 50, 24 * 12])
def test_with_too_few_counts_to_learn_from_the_base_is_predicted(cleaned: pd.DataFrame, hours: int) -> None:
    training = cleaned[cleaned[TIME] < cleaned[TIME].min() + pd.Timedelta(hours=hours)]
    rows = days_from(cleaned, training[TIME].max() + pd.Timedelta(hours=1), 10)
    predicted = AheadPipeline().fit(with_weather(training)).predict(with_weather(rows), with_weather(training))
    assert predicted.max() <= 1.05 * training[COUNT].max()


def test_the_season_is_learned_from_two_years_of_counts(sample: pd.DataFrame) -> None:
    """On invented counts of two years and a half that double in summer, June is predicted from May."""
    times = pd.date_range("2021-12-01", "2024-07-01", freq="h", tz=TIME_ZONE, inclusive="left")
    season = 1.0 - 0.5 * np.cos(2 * np.pi * (times.day_of_year - 1) / 365.25)
    count = np.random.default_rng(0).poisson(60 * season * np.where((times.hour > 6) & (times.hour < 21), 1.0, 0.1))
    counts = clean(
        pd.DataFrame(
            {
                "Nom du compteur": "Pont",
                "Date et heure de comptage": times,
                "Comptage horaire": count,
                "Coordonnées géographiques": None,
            }
        )
    )
    start = pd.Timestamp("2024-05-01", tz=TIME_ZONE)
    rows, history = days_from(counts, start + pd.DateOffset(days=14), 14), before(counts, start)
    seasonal = AheadPipeline().fit(history)
    short = AheadPipeline().fit(history[history[TIME] >= start - pd.DateOffset(days=600)])
    assert (seasonal.season_, short.season_) == (True, False)
    error, error_of_short = (
        abs(pipeline.predict(rows, history).sum() / rows[COUNT].sum() - 1) for pipeline in (seasonal, short)
    )
    assert error < 0.1
    assert error < error_of_short


def test_the_daylight_is_that_of_the_city(cleaned: pd.DataFrame, tmp_path: Path) -> None:
    """The position of the city reaches the fit, is saved with it, and changes what it predicts."""
    city = attrs.evolve(PARIS, position="68.4,17.4")
    north = new_pipeline(PluginHost(only=()).pipeline("ahead"), {}, seed=0, city=city)
    assert north.get_params()["position"] == "68.4,17.4"
    history, rows = before(cleaned, ORIGIN), days_from(cleaned, ORIGIN)
    predicted = north.fit(history).predict(rows, history)
    assert not predicted.equals(AheadPipeline().fit(history).predict(rows, history))
    north.save(tmp_path)
    assert AheadPipeline.load(tmp_path).predict(rows, history).equals(predicted)


def test_a_malformed_position_is_one_line(cleaned: pd.DataFrame) -> None:
    message = "'ahead': position must be 'latitude,longitude' in degrees, such as '48.86,2.35', not 'north'"
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        AheadPipeline(position="north").fit(cleaned)
