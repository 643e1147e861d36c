"""Counts in a temporary folder are those of a frame: the same rows, faults and refusals, also of several files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.data.checking.description import describe, fingerprint
from bike_traffic.data.checking.usable import Tolerance
from bike_traffic.data.loading import load_counts
from bike_traffic.data.parts import stored, writing
from bike_traffic.data.parts.loading import store_counts
from bike_traffic.data.window import Window
from bike_traffic.errors import SchemaError

NAME, COUNT, WHEN = "Nom du compteur", "Comptage horaire", "Date et heure de comptage"
IDENTIFIER = "Identifiant du compteur"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make parts of single places, of which there are two."""
    monkeypatch.setattr(writing, "PART_ROWS", 1000)
    monkeypatch.setattr(stored, "PART_ROWS", 1000)


def faulty(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts with a repeated hour, a negative count, a doubtful one, a stray stamp, and a renamed counter."""
    rows = counts.astype({COUNT: "int64"}).reset_index(drop=True)
    first = rows[NAME].iloc[0]
    rows[IDENTIFIER] = "id " + rows[NAME].astype(str)
    early = (rows[NAME] == first) & (rows.index < len(rows) // 2)
    rows.loc[early, NAME] = "an older name"
    rows.loc[50, COUNT] = -1
    rows.loc[60, COUNT] = 90_000
    rows.loc[70, WHEN] = "2019-01-01T08:00:00+01:00"
    return pd.concat([rows, rows.iloc[[80]]], ignore_index=True)


def written(counts: pd.DataFrame, folder: Path, files: int) -> str:
    folder.mkdir()
    for number, start in enumerate(range(0, len(counts), -(-len(counts) // files))):
        part = counts.iloc[start : start + -(-len(counts) // files)]
        part.to_csv(folder / f"{number}.csv", sep=";", index=False)
    return str(folder)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("files", [1, 3])
def test_rows_digest_and_notes_are_those_of_a_frame(small_counts: pd.DataFrame, tmp_path: Path, files: int) -> None:
    source = written(faulty(small_counts), tmp_path / "counts", files)
    expected_notes: list[str] = []
    expected = load_counts(source, notify=expected_notes.append)
    notes: list[str] = []
    with store_counts(source, notify=notes.append) as counts:
        rows = pd.concat([part.astype({COUNTER: "str"}) for part in counts.parts()]).sort_index()
        assert len(list(counts.parts())) == 2
        assert counts.describe() == describe(expected)
        assert counts.fingerprint() == fingerprint(expected)
        whole = counts.between(counts.first, counts.last + pd.Timedelta(hours=1))
        assert fingerprint(whole) == fingerprint(expected)
        before = sum(len(part) for part in counts.parts(before=counts.last))
        assert before == int((expected[TIME] < counts.last).sum())
    plain = expected.astype({COUNTER: "str"}).reset_index(drop=True)
    columns = [name for name in plain if name not in ("latitude", "longitude", "identifiant_du_compteur")]
    pd.testing.assert_frame_equal(rows[columns], plain[columns], check_index_type=False)
    assert [note.rpartition(" (")[0] for note in notes] == [note.rpartition(" (")[0] for note in expected_notes]
    assert not Path(counts.folder.name).exists()


def test_rows_outside_a_window_are_left_out(small_counts: pd.DataFrame, tmp_path: Path) -> None:
    source = written(small_counts, tmp_path / "counts", 2)
    window = Window.parse("2024-09-10", "2024-10-01")
    with store_counts(source, window=window) as counts:
        assert counts.describe() == describe(load_counts(source, window=window))


@pytest.mark.parametrize("fault", ["negative", "sums of days", "strict", "outside"])
def test_counts_are_refused_with_the_same_error(small_counts: pd.DataFrame, tmp_path: Path, fault: str) -> None:
    rows, tolerance, window = small_counts.astype({COUNT: "int64"}), Tolerance(), Window()
    if fault == "negative":
        rows.loc[rows.index % 3 == 0, COUNT] = -1
    elif fault == "sums of days":
        rows = rows[rows[WHEN].str[11:13] == "08"]
    elif fault == "strict":
        rows, tolerance = faulty(small_counts).drop(columns=IDENTIFIER), Tolerance(share=0.0)
    else:
        window = Window.parse("2030-01-01", None)
    source = written(rows, tmp_path / "counts", 2)
    errors = []
    for load in (load_counts, store_counts):
        with pytest.raises(SchemaError) as caught:
            load(source, tolerance=tolerance, window=window)
        errors.append((caught.value.id, str(caught.value).partition(" (")[0]))
    assert errors[0] == errors[1]


def test_nothing_is_left_in_the_temporary_folder_after_an_error(
    small_counts: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    source = written(small_counts.assign(**{COUNT: -1}), tmp_path / "counts", 1)
    with pytest.raises(SchemaError):
        store_counts(source)
    assert list((tmp_path / "temporary").iterdir()) == []
