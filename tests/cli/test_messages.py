"""Messages that a newcomer meets say what was meant: near names, places of settings, numbers of one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Bt

TRAIN = ("train", "-m", "rf", "--set", "n_estimators=1", "--no-interval", "--no-refit")


@pytest.fixture
def model(bt: Bt, small_file: Path) -> None:
    assert bt(*TRAIN, "--data", small_file).exit_code == 0


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('data = "a.csv"', "bt.toml: 'data' belongs below a profile, such as [profiles.dev]"),
        ("[profiles.prod]\ntrack = false", "bt.toml [profiles.prod]: 'track' belongs at the top of the file"),
    ],
)
def test_a_setting_at_the_wrong_place_is_told_its_place(bt: Bt, toml: str, message: str) -> None:
    Path("bt.toml").write_text(toml, encoding="utf-8")
    assert bt("config").stderr == f"Error: {message}\n"


def test_a_registry_that_nothing_gives_is_not_set(bt: Bt) -> None:
    done = bt("config", "--backend", "gcs")
    assert done.exit_code == 0
    assert ["registry", "not set", "not set"] in [
        [cell.strip() for cell in line.split("  ") if cell] for line in done.stdout.splitlines()
    ]


def test_a_missing_column_lists_the_near_names_alone(bt: Bt) -> None:
    names = [*(f"site_{number}" for number in range(57)), "Comptage horraire", "Date et heure de comptage"]
    Path("wide.csv").write_text(";".join(names) + "\n" + ";".join("1" * len(names)) + "\n", encoding="utf-8")
    (line,) = bt("data", "check", "wide.csv").stderr.splitlines()
    assert line.startswith("Error: wide.csv: no column 'Nom du compteur'; there are ")
    assert line.endswith(" and 51 more")
    assert line.count(",") == 7


def test_a_counter_without_its_accent_is_suggested(bt: Bt, small_counts: pd.DataFrame, model: None) -> None:
    name = small_counts["Nom du compteur"].iloc[0]
    rows = small_counts[small_counts["Nom du compteur"] == name].head(1)
    rows.assign(**{"Nom du compteur": name.upper().replace("E", "É")}).to_csv("one.csv", sep=";", index=False)
    (line,) = bt("predict", "-m", "rf", "one.csv").stderr.splitlines()
    assert line.startswith("Error: 1 row is of a counter the model was not trained on: ")
    assert f"(row 2, did you mean '{name}'?)" in line
    (line,) = bt("forecast", "-m", "rf", "--counter", name.split()[1][:-1] + "x").stderr.splitlines()
    assert "' (did you mean '" in line


def test_one_row_is_a_row(bt: Bt, small_counts: pd.DataFrame, model: None) -> None:
    small_counts.head(1).to_csv("one.csv", sep=";", index=False)
    assert bt("predict", "-m", "rf", "one.csv", "-o", "out.csv").stderr.endswith(": 1 row predicted into out.csv\n")
    assert bt("data", "check", "one.csv").stdout.startswith("one.csv: 1 row, 1 counter\n")


def test_counts_saved_by_a_spreadsheet_are_refused_with_how_to_save_them(bt: Bt, small_counts: pd.DataFrame) -> None:
    times = pd.to_datetime(small_counts["Date et heure de comptage"], utc=True).dt.tz_convert("Europe/Paris")
    saved = small_counts.assign(
        **{
            "Date et heure de comptage": times.dt.strftime("%d/%m/%Y %H:%M"),
            "Comptage horaire": small_counts["Comptage horaire"].map(lambda count: f"{count},0"),
            "Nom du compteur": small_counts["Nom du compteur"].str.replace("e", "é"),
        }
    )
    saved.to_csv("excel.csv", sep=";", index=False, encoding="cp1252")
    (line,) = bt(*TRAIN, "--data", "excel.csv").stderr.splitlines()
    assert line.startswith(
        "Error: excel.csv: 9,600 of 9,600 rows cannot be used: column 'Date et heure de comptage': "
    )
    assert "a spreadsheet wrote this: give the column the format yyyy-mm-dd hh:mm and save as 'CSV UTF-8'" in line


def test_times_of_another_century_are_out_of_range(bt: Bt, small_counts: pd.DataFrame) -> None:
    rows = small_counts.head(2).assign(**{"Date et heure de comptage": "1999-01-01T08:00:00+01:00"})
    rows.to_csv("old.csv", sep=";", index=False)
    (line,) = bt(*TRAIN, "--data", "old.csv").stderr.splitlines()
    assert "a year out of range in row 2 and 1 more ('1999-01-01T08:00:00+01:00'); years are 2000 to 2099" in line


def test_rows_long_after_the_model_learned_are_told(bt: Bt, small_counts: pd.DataFrame, model: None) -> None:
    rows = small_counts.head(2).copy()
    rows["Date et heure de comptage"] = ["2035-03-01T08:00:00+01:00", "2024-11-30T09:00:00+01:00"]
    rows.to_csv("late.csv", sep=";", index=False)
    first, _ = bt("predict", "-m", "rf", "late.csv", "-o", "out.csv").stderr.splitlines()
    what = "1 row of more than a year after the newest count that the model knows (2024-11-02), until 2035-03-01"
    assert first == f"late.csv: {what}"
