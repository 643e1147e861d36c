"""The City's columns: what headers and values mean, whatever the year and the form they come in."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, TIME
from bike_traffic.data.loading import load_counts
from bike_traffic.data.schema import (
    CITY_HEADERS,
    COORDINATES,
    column_of,
    headers_of,
    standard_name,
)
from bike_traffic.errors import SchemaError


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Nom du compteur", COUNTER),
        ("nom_compteur", COUNTER),
        ("NOM DU COMPTEUR ", COUNTER),
        ("Date et heure de comptage", TIME),
        ("date", TIME),
        ("Coordonnées géographiques", COORDINATES),
        ("Coordonne\N{COMBINING ACUTE ACCENT}es ge\N{COMBINING ACUTE ACCENT}ographiques", COORDINATES),
        ("coordinates", COORDINATES),
        ("Identifiant du compteur", IDENTIFIER),
        ("id_compteur", IDENTIFIER),
        ("Comptage horaire", COUNT),
        ("sum_counts", COUNT),
        ("Date d'installation du site de comptage", "date_d_installation_du_site_de_comptage"),
        ("test_lien_vers_photos_du_site_de_comptage_", "test_lien_vers_photos_du_site_de_comptage"),
    ],
)
def test_a_header_has_one_standard_name(header: str, name: str) -> None:
    assert standard_name(header) == name


def test_wanted_headers_are_found_as_they_stand() -> None:
    columns = ["mois_annee_comptage", "nom_compteur", "Comptage horaire"]
    assert headers_of(columns, [COUNT, COUNTER]) == {COUNT: "Comptage horaire", COUNTER: "nom_compteur"}


def test_a_missing_header_is_named_with_those_there_are() -> None:
    close = "there are Comptage horraire, date (did you mean 'Comptage horraire'?)"
    message = f"counts.csv: no column 'Comptage horaire'; {close}"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        headers_of(["date", "Comptage horraire"], [TIME, COUNT], "counts.csv")


def test_a_column_is_found_by_its_standard_name() -> None:
    counts = pd.DataFrame({"date": ["x"], "Comptage horaire": [3]})
    assert_series_equal(column_of(counts, TIME), counts["date"])


def test_a_new_standard_name_has_a_header_of_the_city() -> None:
    assert {standard_name(header): header for header in CITY_HEADERS.values()} == dict(CITY_HEADERS)


@pytest.mark.parametrize("columns", [["date", "Date et heure de comptage"], ["Date et heure de comptage", "date"]])
def test_the_citys_label_wins_over_the_name_of_a_field_wherever_they_stand(columns: list[str]) -> None:
    assert headers_of(columns, [TIME]) == {TIME: "Date et heure de comptage"}


@pytest.mark.parametrize("columns", [["Comptage horaire", "comptage_horaire"], ["date", "Date"]])
def test_two_columns_of_equal_right_are_refused(columns: list[str]) -> None:
    message = f"the counts: the columns '{columns[0]}' and '{columns[1]}' mean the same; leave one of them out"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        headers_of(columns, [], optional=[COUNT, TIME])


def test_an_optional_column_may_be_missing() -> None:
    assert headers_of(["date"], [TIME], optional=[COUNT, COORDINATES]) == {TIME: "date"}


def test_a_file_of_sites_is_called_what_it_is() -> None:
    columns = ["Nom du point de comptage", "Date et heure de comptage", "Comptage horaire"]
    with pytest.raises(SchemaError, match=r"file of sites, whose rows are quarter hours; take the file of counters"):
        headers_of(columns, [COUNTER, TIME])


def test_measures_of_the_national_schema_are_counts_of_channels(
    small_counts: pd.DataFrame, clean_place: Path
) -> None:
    rows = pd.DataFrame(
        {
            "channel_id": small_counts["Nom du compteur"],
            "counter_id": "1",
            "start_datetime": small_counts["Date et heure de comptage"],
            "end_datetime": small_counts["Date et heure de comptage"],
            "count": small_counts["Comptage horaire"],
        }
    )
    rows.to_csv("measures.csv", index=False)
    columns = [COUNTER, TIME, COUNT]
    assert_frame_equal(
        load_counts("measures.csv")[columns], load_counts(small_counts)[columns], check_categorical=False
    )


def test_a_name_of_the_national_schema_alone_means_nothing() -> None:
    with pytest.raises(SchemaError, match="no column 'Comptage horaire'"):
        headers_of(["nom_compteur", "date", "count"], [COUNT])
