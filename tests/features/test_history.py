"""History features: tables of training rows only, each mean shrunk toward the coarser one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from bike_traffic.columns import WEATHER_COLUMNS
from bike_traffic.data.cleaning import RawCleanerTransformer
from bike_traffic.features.history import HALF_LIFE_DAYS, PSEUDO_COUNTS, CountFeatures, HistoryFeatures

COUNT = "comptage_horaire"
HISTORY = ["counter_mean", "profile", "school_profile", "level"]


def cleaned(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    """Return clean rows of (counter, local time, count)."""
    counts = pd.DataFrame(rows, columns=["Nom du compteur", "Date et heure de comptage", "Comptage horaire"])
    counts["Coordonnées géographiques"] = "48.85,2.35"
    frame: pd.DataFrame = RawCleanerTransformer().transform(counts)
    return frame


@pytest.fixture(scope="module")
def clean_small(small_counts: pd.DataFrame) -> pd.DataFrame:
    frame: pd.DataFrame = RawCleanerTransformer().transform(small_counts)
    return frame


# Two working days of term: quai at eight o'clock twice, pont at eight and at nine once.
TINY = [
    ("quai", "2024-05-14T08:00:00", 10.0),
    ("quai", "2024-05-15T08:00:00", 20.0),
    ("pont", "2024-05-14T08:00:00", 6.0),
    ("pont", "2024-05-14T09:00:00", 0.0),
]


def test_each_mean_is_shrunk_toward_the_coarser_one_by_eight_observations() -> None:
    assert (PSEUDO_COUNTS, HALF_LIFE_DAYS) == (8.0, 60.0)
    history = HistoryFeatures().fit(cleaned(TINY)).transform(cleaned(TINY))

    overall_mean = 36 / 4
    quai = (30 + 8 * overall_mean) / (2 + 8)
    pont = (6 + 8 * overall_mean) / (2 + 8)
    at_eight = (36 + 8 * overall_mean) / (3 + 8) / overall_mean
    at_nine = (0 + 8 * overall_mean) / (1 + 8) / overall_mean
    quai_eight = (30 + 8 * quai * at_eight) / (2 + 8)
    pont_eight = (6 + 8 * pont * at_eight) / (1 + 8)
    pont_nine = (0 + 8 * pont * at_nine) / (1 + 8)
    quai_eight_term = (30 + 8 * quai_eight) / (2 + 8)
    pont_eight_term = (6 + 8 * pont_eight) / (1 + 8)
    pont_nine_term = (0 + 8 * pont_nine) / (1 + 8)
    a_day_ago = 0.5 ** (1 / 60)
    quai_level = (a_day_ago * 10 + 20 + 8 * quai) / (a_day_ago * quai_eight_term + quai_eight_term + 8 * quai)
    pont_level = (a_day_ago * (6 + 0) + 8 * pont) / (a_day_ago * (pont_eight_term + pont_nine_term) + 8 * pont)
    expected = [
        (quai, quai_eight, quai_eight_term, quai_level),
        (quai, quai_eight, quai_eight_term, quai_level),
        (pont, pont_eight, pont_eight_term, pont_level),
        (pont, pont_nine, pont_nine_term, pont_level),
    ]
    assert quai == pytest.approx(10.2)
    assert quai_eight == pytest.approx(11.9018, abs=1e-4)
    assert_frame_equal(history, pd.DataFrame(expected, columns=HISTORY, dtype="float32"))


def test_the_school_holidays_have_a_profile_of_their_own() -> None:
    term = [("quai", f"2024-06-{day:02}T08:00:00", 100.0) for day in (3, 4, 5, 6, 7, 10, 11, 12)]
    holiday = [("quai", f"2024-07-{day:02}T08:00:00", 20.0) for day in (8, 9, 10, 11, 12, 15, 16, 17)]
    history = HistoryFeatures().fit(cleaned([*term, *holiday])).transform(cleaned([term[0], holiday[0]]))
    assert history["profile"].tolist() == [60.0, 60.0]
    assert history["school_profile"].tolist() == [80.0, 40.0]


def test_an_hour_without_a_row_takes_the_coarser_mean() -> None:
    rows = [("quai", "2024-05-14T08:00:00", 10.0), ("quai", "2024-05-15T08:00:00", 10.0)]
    history = HistoryFeatures().fit(cleaned(rows)).transform(cleaned([("quai", "2024-05-19T03:00:00", 0.0)]))
    assert history.to_numpy().tolist() == [[10.0, 10.0, 10.0, 1.0]]


def test_a_counter_never_seen_takes_the_means_over_all_counters() -> None:
    fitted = HistoryFeatures().fit(cleaned(TINY))
    seen = fitted.transform(cleaned(TINY))
    stranger = fitted.transform(cleaned([("autre", "2024-05-16T08:00:00", 0.0)])).iloc[0]
    assert fitted.positions(cleaned([*TINY[:1], ("autre", "2024-05-16T08:00:00", 0.0)])).tolist() == [1, -1]
    assert stranger["counter_mean"] == pytest.approx((10.2 + 7.8) / 2)
    assert stranger["profile"] == pytest.approx((36 + 8 * 9) / 11)
    assert stranger["school_profile"] == pytest.approx((seen["school_profile"][0] + seen["school_profile"][2]) / 2)
    assert stranger["level"] == 1.0


def test_only_training_rows_are_learned_from(clean_small: pd.DataFrame) -> None:
    training, held_out = clean_small.iloc[:-400], clean_small.iloc[-400:]
    fitted = HistoryFeatures().fit(training)
    features = fitted.transform(held_out)
    other_truth = held_out.assign(comptage_horaire=held_out[COUNT] * 100 + 7)
    assert_frame_equal(fitted.transform(other_truth), features)
    assert_frame_equal(fitted.transform(held_out.drop(columns=COUNT)), features)
    assert_frame_equal(HistoryFeatures().fit(training).transform(held_out), features)


def test_weather_is_no_feature_of_the_counts(clean_small: pd.DataFrame) -> None:
    with_weather = clean_small.assign(**dict.fromkeys(WEATHER_COLUMNS, np.float32(1)))
    features = CountFeatures().fit(clean_small).transform(clean_small)
    assert_frame_equal(CountFeatures().fit(with_weather).transform(with_weather), features)


def test_the_order_of_rows_changes_nothing(clean_small: pd.DataFrame) -> None:
    shuffled = clean_small.sample(frac=1.0, random_state=1)
    ordered = HistoryFeatures().fit(clean_small)
    assert_frame_equal(ordered.transform(shuffled).sort_index(), ordered.transform(clean_small))
    assert_frame_equal(HistoryFeatures().fit(shuffled).transform(clean_small), ordered.transform(clean_small))


def test_the_order_of_categories_changes_nothing(clean_small: pd.DataFrame) -> None:
    names = clean_small["nom_du_compteur"]
    turned = clean_small.assign(nom_du_compteur=names.cat.reorder_categories(names.cat.categories[::-1]))
    fitted = HistoryFeatures().fit(clean_small)
    assert_frame_equal(fitted.transform(turned), fitted.transform(clean_small))
    assert_frame_equal(HistoryFeatures().fit(turned).transform(clean_small), fitted.transform(clean_small))


def test_the_level_is_higher_where_recent_counts_are_higher() -> None:
    days = pd.date_range("2024-03-01", "2024-06-28", freq="B")
    slope = np.linspace(50, 150, len(days))
    rows = [
        (name, f"{day:%Y-%m-%d}T08:00:00", float(value))
        for name, values in (("fading", slope[::-1]), ("growing", slope), ("steady", np.full(len(days), 100.0)))
        for day, value in zip(days, values, strict=True)
    ]
    one_each = cleaned([(name, "2024-07-01T08:00:00", 0.0) for name in ("fading", "steady", "growing")])
    level = HistoryFeatures().fit(cleaned(rows)).transform(one_each)["level"].tolist()
    assert all(one < other for one, other in pairwise([level[0], 0.95, level[1], 1.05, level[2]]))


def test_counts_that_are_all_zero_give_finite_features() -> None:
    rows = [(name, time, 0.0) for name, time, _ in TINY]
    history = HistoryFeatures().fit(cleaned(rows)).transform(cleaned(TINY))
    assert history[["counter_mean", "profile", "school_profile"]].to_numpy().tolist() == [[0.0] * 3] * 4
    assert np.isfinite(history["level"]).all()


def test_count_features_come_after_the_clean_columns_on_the_same_index(clean_small: pd.DataFrame) -> None:
    rows = clean_small.iloc[[5, 3, 9]]
    features = CountFeatures().fit(clean_small).transform(rows)
    parts = [name for name in clean_small if name not in ("date_et_heure_de_comptage", COUNT)]
    assert list(features.columns[: len(parts)]) == parts
    assert list(features.columns[-len(HISTORY) :]) == HISTORY
    assert features.index.tolist() == rows.index.tolist()
    assert_frame_equal(features[parts], rows[parts])
    assert not features.isna().any(axis=None)


def test_an_empty_frame_gives_no_rows_and_all_columns(clean_small: pd.DataFrame) -> None:
    fitted = CountFeatures().fit(clean_small)
    assert list(fitted.transform(clean_small.head(0)).columns) == list(fitted.transform(clean_small.head(1)).columns)
    assert len(fitted.transform(clean_small.head(0))) == 0


@pytest.mark.parametrize("transformer", [HistoryFeatures(), CountFeatures()])
def test_features_must_be_fitted_first(
    transformer: HistoryFeatures | CountFeatures, clean_small: pd.DataFrame
) -> None:
    name = type(transformer).__name__
    with pytest.raises(NotFittedError, match=rf"^This {name} instance is not fitted yet\."):
        clone(transformer).transform(clean_small)
