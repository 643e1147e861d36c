"""A table on the screen and its CSV have the same rows and columns: one in the reader's form, one plain."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from bike_traffic.app.tables import csv, shown_table
from bike_traffic.app.words import words_of

FRAME = pd.DataFrame({"day": pd.to_datetime(["2021-06-19", "2021-06-20"]), "bikes": [6311.4, np.nan]})
RECORDS = pd.DataFrame(
    {
        "kind": ["hour", "week"],
        "rank": [1, 1],
        "start": [pd.Timestamp("2024-10-27 02:00+01:00"), pd.Timestamp("2024-10-21", tz="Europe/Paris")],
        "bikes": [1234.0, 56789.0],
        "compared": [8000, 50],
    }
)


def test_numbers_and_dates_are_in_the_readers_form_on_the_screen() -> None:
    french, english = shown_table(FRAME, words_of("fr")), shown_table(FRAME, words_of("en"))
    assert french.to_dict("list") == {
        "Jour": ["samedi 19 juin 2021", "dimanche 20 juin 2021"],
        "Vélos": ["6\u202f311", "–"],
    }
    assert english.to_dict("list") == {
        "Day": ["Saturday 19 June 2021", "Sunday 20 June 2021"],
        "Bikes": ["6,311", "–"],
    }


def test_numbers_and_dates_are_plain_in_the_csv() -> None:
    assert csv(FRAME, words_of("fr")).decode("utf-8") == "\ufeffJour;Vélos\n2021-06-19;6311\n2021-06-20;\n"


def test_a_csv_can_be_read_back() -> None:
    read = pd.read_csv(io.BytesIO(csv(FRAME, words_of("en"))), sep=";")
    assert read["Bikes"].fillna(-1).tolist() == [6311, -1]


def test_the_hour_of_a_record_has_its_offset_since_it_may_come_twice() -> None:
    lines = csv(RECORDS, words_of("en")).decode("utf-8-sig").splitlines()
    assert lines[1:] == ["hour;1;2024-10-27T02:00:00+01:00;1234;8000", "week;1;2024-10-21;56789;50"]


def test_the_hours_of_the_week_have_the_days_as_columns() -> None:
    wide = pd.DataFrame([[8, *range(7)]], columns=pd.Index(["hour", *range(7)], dtype=object))
    assert list(shown_table(wide, words_of("fr")).columns)[:3] == ["Heure", "Lundi", "Mardi"]
    assert shown_table(wide, words_of("fr"))["Heure"].tolist() == ["8\u00a0h"]
