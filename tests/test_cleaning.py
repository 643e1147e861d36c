"""Cleaning: counts of any year become one tidy frame, and the days of a dead counter go."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.base import clone

from bike_traffic.cleaning import OUTAGE_HOURS, RawCleanerTransformer, without_outages
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
    counts = published(["2024-06-01T08:00:00+02:00"])[[NAME, TIME]]
    message = f"the counts: no column '{PLACE}'; there are {TIME}, {NAME}"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        clean(counts)


def test_the_cleaner_is_a_scikit_learn_transformer_that_needs_no_fit() -> None:
    counts = published(["2024-06-01T08:00:00+02:00"])
    assert_frame_equal(clone(RawCleanerTransformer()).transform(counts), clean(counts))


def days_of(values: list[list[int]]) -> pd.DataFrame:
    """Return clean rows: one list of hourly counts a day, from 1 June 2024 on."""
    times = [
        f"2024-06-{day + 1:02}T{hour:02}:00:00+02:00" for day, row in enumerate(values) for hour in range(len(row))
    ]
    counts = published(list(times))
    counts[COUNT] = [value for row in values for value in row]
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
