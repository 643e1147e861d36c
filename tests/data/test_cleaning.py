"""Cleaning: counts of any year become one clean frame, and a clean frame stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.base import clone

from bike_traffic.columns import RAIN, WEATHER_COLUMNS
from bike_traffic.data.cleaning import RawCleanerTransformer, is_clean
from bike_traffic.errors import SchemaError

NAME, TIME = "Nom du compteur", "Date et heure de comptage"
PLACE, COUNT = "Coordonnées géographiques", "Comptage horaire"
CLEAN_TYPES = {
    "nom_du_compteur": "category",
    "heure": "int16",
    "jour_mois": "int16",
    "mois": "int16",
    "annee": "int16",
    "jour_semaine": "int16",
    "latitude": "float32",
    "longitude": "float32",
    "comptage_horaire": "float64",
}


def published(times: pd.Series | list[object], index: list[int] | None = None) -> pd.DataFrame:
    """Return one row a time, with a name that needs cleaning and columns that nobody needs."""
    return pd.DataFrame(
        {
            "Identifiant du compteur": "100003096-353242096",
            NAME: " 48  alle\N{COMBINING ACUTE ACCENT}e du Lac",
            COUNT: "3.0",
            TIME: times,
            PLACE: "48.85,2.35",
            "mois_annee_comptage": "2024-06",
        },
        index=index,
    )


def clean(counts: pd.DataFrame) -> pd.DataFrame:
    cleaned: pd.DataFrame = RawCleanerTransformer().fit_transform(counts)
    return cleaned


def test_clean_columns_have_their_names_types_and_values() -> None:
    cleaned = clean(published(["2024-07-14T08:00:00+02:00", "2024-12-31T23:00:00+01:00"]))
    times = pd.Series(pd.to_datetime(["2024-07-14T06:00Z", "2024-12-31T22:00Z"])).dt.tz_convert("Europe/Paris")
    expected = pd.DataFrame(
        {
            "nom_du_compteur": ["48 allée du Lac"] * 2,
            "date_et_heure_de_comptage": times,
            "heure": [8, 23],
            "jour_mois": [14, 31],
            "mois": [7, 12],
            "annee": [2024, 2024],
            "jour_semaine": [6, 1],
            "latitude": [48.85] * 2,
            "longitude": [2.35] * 2,
            "comptage_horaire": [3.0] * 2,
        }
    ).astype(CLEAN_TYPES)
    assert_frame_equal(cleaned.astype({"nom_du_compteur": object}), expected.astype({"nom_du_compteur": object}))
    assert cleaned["nom_du_compteur"].dtype == "category"


@pytest.mark.parametrize(("day", "number"), [("2024-06-03", 0), ("2024-06-08", 5), ("2024-06-09", 6)])
def test_monday_is_0_and_sunday_6(day: str, number: int) -> None:
    assert clean(published([f"{day}T12:00:00+02:00"]))["jour_semaine"].tolist() == [number]


def stamps(*texts: str, zone: str | None) -> pd.Series:
    times = pd.Series(pd.to_datetime(list(texts)))
    return times if zone is None else times.dt.tz_localize(zone)


@pytest.mark.parametrize(
    ("times", "day_and_hour"),
    [
        pytest.param(["2024-06-30T22:30:00+00:00"], [(1, 0)], id="text in UTC"),
        pytest.param(["2024-06-30T22:30:00Z"], [(1, 0)], id="text in Zulu time"),
        pytest.param(stamps("2024-06-30T22:30", zone="UTC"), [(1, 0)], id="stamps in UTC"),
        pytest.param(stamps("2024-07-01T00:30", zone="Europe/Paris"), [(1, 0)], id="stamps in Paris time"),
        pytest.param(stamps("2024-06-30T18:30", zone="America/New_York"), [(1, 0)], id="stamps in another zone"),
        pytest.param(["2024-07-01T00:30:00"], [(1, 0)], id="naive text"),
        pytest.param(stamps("2024-07-01T00:30", zone=None), [(1, 0)], id="naive stamps"),
        pytest.param(
            ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"], [(27, 2), (27, 2)], id="autumn, text"
        ),
        pytest.param(
            stamps("2024-10-27T00:00", "2024-10-27T01:00", zone="UTC"), [(27, 2), (27, 2)], id="autumn, stamps"
        ),
        pytest.param(["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"], [(31, 1), (31, 3)], id="spring"),
    ],
)
def test_time_parts_are_those_of_paris(times: pd.Series | list[object], day_and_hour: list[tuple[int, int]]) -> None:
    cleaned = clean(published(times))
    assert list(zip(cleaned["jour_mois"], cleaned["heure"], strict=True)) == day_and_hour
    assert str(cleaned["date_et_heure_de_comptage"].dt.tz) == "Europe/Paris"


def test_both_autumn_hours_keep_their_own_moment() -> None:
    cleaned = clean(published(["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]))
    assert cleaned["date_et_heure_de_comptage"].diff().tolist()[1:] == [pd.Timedelta(hours=1)]


def test_the_index_is_kept_and_the_input_left_as_it_was() -> None:
    counts = published(["2024-06-01T08:00:00+02:00", None, "2024-06-01T09:00:00+02:00"], index=[7, 3, 99])
    before = counts.copy(deep=True)
    assert clean(counts).index.tolist() == [7, 3, 99]
    assert_frame_equal(counts, before)


def test_text_and_categories_are_cleaned_alike() -> None:
    counts = published(["2024-06-01T08:00:00+02:00", None, "2024-06-01T09:00:00+02:00"])
    assert_frame_equal(clean(counts), clean(counts.astype("category")))


def test_export_field_names_are_cleaned_like_labels() -> None:
    counts = published(["2024-06-01T08:00:00+02:00"])
    labels = {NAME: "nom_compteur", TIME: "date", PLACE: "coordinates", COUNT: "sum_counts"}
    assert_frame_equal(clean(counts), clean(counts.rename(columns=labels)))


def test_the_count_is_not_needed() -> None:
    counts = published(["2024-06-01T08:00:00+02:00"])
    assert_frame_equal(clean(counts.drop(columns=COUNT)), clean(counts).drop(columns="comptage_horaire"))


def test_what_cannot_be_read_is_missing() -> None:
    counts = published(["hier", "2024-06-01T08:00:00+02:00"])
    counts[PLACE] = ["48.85,2.35", None]
    counts[COUNT] = ["trois", "3"]
    cleaned = clean(counts)
    assert cleaned["date_et_heure_de_comptage"].isna().tolist() == [True, False]
    assert cleaned["heure"].tolist() == [-1, 8]
    assert cleaned["latitude"].isna().tolist() == cleaned["longitude"].isna().tolist() == [False, True]
    assert cleaned["comptage_horaire"].isna().tolist() == [True, False]


def test_an_empty_frame_gives_an_empty_frame_with_all_columns() -> None:
    full = clean(published(["2024-06-01T08:00:00+02:00"]))
    empty = clean(published(["2024-06-01T08:00:00+02:00"]).head(0))
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)
    assert {name: str(empty[name].dtype) for name in CLEAN_TYPES} == CLEAN_TYPES
    assert str(empty["date_et_heure_de_comptage"].dt.tz) == "Europe/Paris"


def test_a_missing_column_is_named() -> None:
    counts = published(["2024-06-01T08:00:00+02:00"])[[NAME, PLACE]]
    message = f"the counts: no column '{TIME}'; there are {PLACE}, {NAME}"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        clean(counts)


def test_all_columns_but_name_and_time_may_be_missing() -> None:
    cleaned = clean(published(["2024-06-01T08:00:00+02:00"])[[NAME, TIME]])
    assert is_clean(cleaned)
    assert cleaned[["latitude", "longitude"]].isna().all(axis=None)
    assert not {"identifiant_du_compteur", "comptage_horaire"} & {*cleaned.columns}


def test_coordinates_outside_of_the_region_are_unknown() -> None:
    rows = published(["2024-06-01T08:00:00+02:00"] * 2).assign(**{PLACE: ["0.0,0.0", "48.85,2.35"]})
    assert clean(rows)["latitude"].isna().tolist() == [True, False]


def test_the_cleaner_is_a_scikit_learn_transformer_that_needs_no_fit() -> None:
    counts = published(["2024-06-01T08:00:00+02:00"])
    assert_frame_equal(clone(RawCleanerTransformer()).transform(counts), clean(counts))


@pytest.fixture
def cleaned(small_counts: pd.DataFrame) -> pd.DataFrame:
    return clean(small_counts)


def test_a_clean_frame_is_returned_as_it_is(cleaned: pd.DataFrame) -> None:
    assert clean(cleaned) is cleaned


@pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda frame: frame.head(3), id="the first rows"),
        pytest.param(lambda frame: frame.head(0), id="no rows"),
        pytest.param(lambda frame: frame[frame["heure"] == 8], id="rows of one hour"),
        pytest.param(lambda frame: frame.sample(5, random_state=0), id="rows in another order"),
        pytest.param(lambda frame: frame.drop(columns="comptage_horaire"), id="without counts"),
        pytest.param(lambda frame: frame.assign(**dict.fromkeys(WEATHER_COLUMNS, np.float32(1))), id="with weather"),
        pytest.param(lambda frame: frame.set_axis(range(7, 7 + len(frame))), id="on another index"),
    ],
)
def test_rows_of_a_clean_frame_are_clean(
    cleaned: pd.DataFrame, choose: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    rows = choose(cleaned)
    assert clean(rows) is rows


def test_the_counts_may_be_any_column_of_a_clean_frame(cleaned: pd.DataFrame) -> None:
    turned = cleaned[["comptage_horaire", *cleaned.columns.drop("comptage_horaire")]]
    assert clean(turned) is turned


OTHER_TYPES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "nom_du_compteur": lambda names: names.astype(str),
    "date_et_heure_de_comptage": lambda times: times.dt.tz_convert("UTC"),
    "heure": lambda hours: hours.astype("int64"),
    "latitude": lambda degrees: degrees.astype("float64"),
    "comptage_horaire": lambda counts: counts.astype("int64"),
}


@pytest.mark.parametrize("weather", [{RAIN: np.float32(1)}, dict.fromkeys(WEATHER_COLUMNS, 1.0)])
def test_a_frame_with_a_part_of_the_weather_or_of_other_types_is_not_a_clean_one(
    cleaned: pd.DataFrame, weather: dict[str, float]
) -> None:
    assert not is_clean(cleaned.assign(**weather))


@pytest.mark.parametrize("column", OTHER_TYPES)
def test_a_frame_of_clean_names_and_other_types_is_cleaned_again(cleaned: pd.DataFrame, column: str) -> None:
    other = cleaned.assign(**{column: OTHER_TYPES[column](cleaned[column])})
    assert not is_clean(other)
    assert_frame_equal(clean(other), cleaned)


def test_a_frame_of_clean_names_is_cleaned_if_it_has_the_published_coordinates(
    small_counts: pd.DataFrame, cleaned: pd.DataFrame
) -> None:
    other = cleaned.astype({"nom_du_compteur": str, "comptage_horaire": "int64"})
    assert_frame_equal(clean(other.assign(coordonnees_geographiques=small_counts[PLACE])), cleaned)


def test_a_clean_frame_with_another_column_is_cleaned_again(cleaned: pd.DataFrame) -> None:
    assert_frame_equal(clean(cleaned.assign(more=1)), cleaned)
