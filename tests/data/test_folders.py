"""Folders and patterns are read as one file, and of a store the months that are needed."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.columns import TIME
from bike_traffic.data.checking.file import check_file
from bike_traffic.data.files.folders.listing import files_of, version_of
from bike_traffic.data.files.reading import open_counts, read_counts
from bike_traffic.data.files.writing import write_counts
from bike_traffic.data.loading import load_counts
from bike_traffic.data.window import Window, month_of
from bike_traffic.errors import ReadError, SchemaError
from tests.conftest import Bt

STAMP, NAME, COUNT = "Date et heure de comptage", "Nom du compteur", "Comptage horaire"


@pytest.fixture
def parts(small_counts: pd.DataFrame, clean_place: Path) -> pd.DataFrame:
    """Write the counts in three parts into a folder, with things beside them, and return them."""
    folder = clean_place / "counts"
    folder.mkdir()
    for number, name in enumerate(["a.csv", "b.csv.gz", "c.parquet"]):
        write_counts(small_counts.iloc[number * 3200 : (number + 1) * 3200], str(folder / name))
    for name in ("manifest.json", "README.md", ".hidden.csv", "_success.csv"):
        (folder / name).write_text("not counts")
    (folder / "older.csv").mkdir()
    return small_counts


@pytest.mark.parametrize("source", ["counts", "counts/", "./counts", "counts/[abc].*", "counts/*.[cp][sa]*", "file"])
def test_a_folder_or_a_pattern_is_read_as_the_files_one_after_the_other(
    parts: pd.DataFrame, source: str, clean_place: Path
) -> None:
    source = f"file://{clean_place}/counts" if source == "file" else source
    assert_frame_equal(load_counts(source), load_counts(parts), check_categorical=False)


def test_chunks_and_positions_go_on_from_file_to_file(parts: pd.DataFrame) -> None:
    with open_counts("counts") as counts:
        frames = list(counts.frames())
    assert [*pd.concat(frames).index] == [*range(len(parts))]
    Path("counts/b.csv.gz").unlink()
    Path("counts/b.csv").write_text("Nom du compteur;Date et heure de comptage\nx;2024-05-01T00:00:00Z;1;2\n")
    malformed: dict[int, str] = {}
    assert len(read_counts("counts", on_malformed=malformed.__setitem__)) == 6401
    assert list(malformed) == [3200]


def test_a_column_that_a_later_file_lacks_is_missing_there(clean_place: Path) -> None:
    Path("one.csv").write_text(f"{NAME};{STAMP};{COUNT}\nx;2024-05-01T00:00:00Z;1\n")
    Path("two.csv").write_text("nom_compteur,date\nx,2024-05-01T01:00:00Z\n")
    counts = read_counts("*.csv")
    assert list(counts.columns) == [NAME, STAMP, COUNT]
    assert counts[COUNT].notna().tolist() == [True, False]


def test_only_as_many_rows_as_wanted_are_read(parts: pd.DataFrame) -> None:
    assert len(read_counts("counts", rows=3300)) == 3300


def test_a_folder_is_checked_as_one_file(parts: pd.DataFrame) -> None:
    report = check_file("counts")
    assert (report.source, report.rows, report.counters, report.faults) == ("counts", 9600, 4, ())


NOTHING = {
    "empty": "empty: a folder without CSV or Parquet files",
    "empty/*.csv": "empty/*.csv: no file answers to the pattern",
    "file:///nowhere/": "file:///nowhere/: no such file",
}


@pytest.mark.parametrize(("source", "message"), NOTHING.items(), ids=NOTHING)
def test_what_names_no_file_is_one_line(clean_place: Path, source: str, message: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(ReadError, match=f"^{re.escape(message)}$"):
        read_counts(source)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(clean_place: Path, small_counts: pd.DataFrame) -> None:
    small_counts.to_csv("counts[1].csv", sep=";", index=False)
    assert len(read_counts("counts[1].csv")) == 9600
    assert files_of("counts[1].csv") is None


def test_the_version_of_a_source_changes_with_its_files(parts: pd.DataFrame) -> None:
    before = version_of("counts"), version_of("counts/*.csv"), version_of("counts/a.csv")
    Path("counts/a.csv").write_text("changed")
    after = version_of("counts"), version_of("counts/*.csv"), version_of("counts/a.csv")
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert (version_of("nowhere"), version_of("nowhere/*.csv")) == ("missing", "missing")


@pytest.fixture
def store(small_counts: pd.DataFrame, clean_place: Path) -> pd.DataFrame:
    """Write the counts as a store, and return them."""
    (clean_place / "store").mkdir()
    months = small_counts[STAMP].map(lambda text: pd.Timestamp(text).tz_convert("UTC").strftime("%Y-%m"))
    for month, rows in small_counts.groupby(months):
        write_counts(rows, f"store/month={month}.parquet")
    return small_counts


def test_since_and_until_read_only_their_months_and_give_only_their_rows(store: pd.DataFrame) -> None:
    for path in Path("store").iterdir():
        if path.name not in ("month=2024-09.parquet", "month=2024-10.parquet"):
            path.write_text("not read")
    window = Window.parse("2024-09-15", "2024-10-20")
    counts = load_counts("store", window=window)
    every = load_counts(store)
    assert_frame_equal(
        counts.sort_values([TIME, "nom_du_compteur"], ignore_index=True),
        window.of(every).sort_values([TIME, "nom_du_compteur"], ignore_index=True),
        check_categorical=False,
    )
    assert str(counts[TIME].min()) == "2024-09-15 00:00:00+02:00"
    assert str(counts[TIME].max()) == "2024-10-19 23:00:00+02:00"


def test_a_month_begins_by_the_clock_of_paris_though_files_are_of_utc(store: pd.DataFrame) -> None:
    counts = load_counts("store", window=Window.parse("2024-10", "2024-11"))
    assert len(counts) == 4 * (31 * 24 + 1)  # the clock was set back


WINDOWS = {
    ("2024-10-40", None): "'2024-10-40' is neither a day nor a month; write 2026-03-15 or 2026-03",
    (
        "2024-10",
        "2024-10-01",
    ): "there is no hour from 2024-10 to before 2024-10-01; give an earlier day and a later one",
}


@pytest.mark.parametrize(("given", "message"), WINDOWS.items(), ids=map(str, WINDOWS))
def test_a_window_that_means_nothing_is_refused(given: tuple[str, str | None], message: str) -> None:
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        Window.parse(*given)


def test_hours_that_a_store_has_not_are_one_line(store: pd.DataFrame) -> None:
    said = "store: it has the months 2024-08 to 2024-11, and none of the hours that are wanted"
    with pytest.raises(ReadError, match=f"^{re.escape(said)}$"):
        load_counts("store", window=Window.parse("2025-03"))
    with pytest.raises(SchemaError, match=r"^frame: none of its rows is of the hours that are wanted$"):
        load_counts(store, window=Window.parse("2025-03"))


@pytest.mark.parametrize("text", ["2024-13", "2024", "March"])
def test_a_month_is_written_with_its_year(text: str) -> None:
    with pytest.raises(SchemaError, match=f"^'{text}' is not a month; write one such as 2026-03$"):
        month_of(text)


def test_every_command_that_takes_counts_takes_a_store(bt: Bt, store: pd.DataFrame) -> None:
    tiny = ("-m", "rf", "--set", "n_estimators=3")
    assert bt("train", *tiny, "--data", "store", "--since", "2024-09", "--until", "2024-11-20").exit_code == 0
    assert bt("predict", "-m", "rf", "store/", "-o", "predicted.csv").exit_code == 0
    assert len(pd.read_csv("predicted.csv", sep=";")) == len(store)
    assert bt("evaluate", "-m", "rf", "store/month=2024-1*.parquet").exit_code == 0
    assert bt("backtest", *tiny, "--data", "store", "--folds", "1", "--horizon", "14d").exit_code == 0
    assert bt("forecast", "-m", "rf", "--history", "store", "-o", "forecast.csv").exit_code == 0
    checked = bt("data", "check", "store")
    assert (checked.exit_code, checked.stdout.splitlines()[0]) == (0, "store: 9,600 rows, 4 counters")
    assert bt("data", "clean", "store", "one.parquet").exit_code == 0
    assert len(pd.read_parquet("one.parquet")) == len(store)


def test_predictions_do_not_replace_a_file_of_the_input(bt: Bt, store: pd.DataFrame) -> None:
    assert bt("train", "-m", "rf", "--set", "n_estimators=3", "--data", "store").exit_code == 0
    done = bt("predict", "-m", "rf", "store", "-o", "store/month=2024-09.parquet")
    said = "store/month=2024-09.parquet: is the input, and would be replaced; give the predictions another name"
    assert (done.exit_code, done.stderr) == (1, f"Error: {said}\n")


def test_a_faulty_row_of_a_folder_is_named_with_its_file(small_counts: pd.DataFrame, clean_place: Path) -> None:
    """Its number among all rows says little: the example has its file, and its row there."""
    folder = clean_place / "months"
    folder.mkdir()
    parts = [small_counts.iloc[:40], small_counts.iloc[40:90].copy(), small_counts.iloc[90:200]]
    parts[1].loc[43, "Comptage horaire"] = -3
    for number, part in enumerate(parts):
        part.to_csv(folder / f"{number}.csv", sep=";", index=False)
    said = "column 'Comptage horaire': a negative count in row 45 ('-3' in row 5 of 1.csv)"
    (fault,) = check_file(str(folder)).faults
    assert fault.where == said
    notes: list[str] = []
    load_counts(str(folder), notify=notes.append)
    assert notes == [f"{folder}: 1 of 200 rows left out: {said}"]
    alone = check_file(str(folder / "1.csv")).faults
    assert [one.where for one in alone] == [said.replace("45 ('-3' in row 5 of 1.csv)", "5 ('-3')")]
