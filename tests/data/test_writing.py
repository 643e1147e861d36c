"""Writing: a table appears whole or not at all, in the form that its ending says."""

from __future__ import annotations

import gzip
import os
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.data.files.reading import read_counts
from bike_traffic.data.files.writing import table_writer, write_counts
from bike_traffic.errors import WriteError

COUNTS = pd.DataFrame(
    {
        "Nom du compteur": ["48 allée du Lac", "48 allée du Lac", "Pont"],
        "Comptage horaire": [3, 0, 12],
        "Date et heure de comptage": [f"2024-06-01T{hour}:00:00+02:00" for hour in ("08", "09", "08")],
        "Coordonnées géographiques": ["48.85,2.35", "48.85,2.35", None],
    }
)
CSV = """\
Nom du compteur;Comptage horaire;Date et heure de comptage;Coordonnées géographiques
48 allée du Lac;3;2024-06-01T08:00:00+02:00;48.85,2.35
48 allée du Lac;0;2024-06-01T09:00:00+02:00;48.85,2.35
Pont;12;2024-06-01T08:00:00+02:00;
"""
ENDINGS = ["csv", "csv.gz", "parquet", "pq"]


def test_csv_is_what_the_city_writes() -> None:
    write_counts(COUNTS, "out.csv")
    assert Path("out.csv").read_text(encoding="utf-8") == CSV


def test_categories_are_written_as_their_texts() -> None:
    write_counts(COUNTS.astype("category"), "out.csv")
    assert Path("out.csv").read_text(encoding="utf-8") == CSV


def test_gz_is_compressed_csv() -> None:
    write_counts(COUNTS, "out.csv.gz")
    assert gzip.decompress(Path("out.csv.gz").read_bytes()).decode() == CSV


@pytest.mark.parametrize("ending", ["parquet", "pq"])
@pytest.mark.parametrize("counts", [COUNTS, COUNTS.astype("category")], ids=["text", "categories"])
def test_parquet_keeps_texts_and_numbers(ending: str, counts: pd.DataFrame) -> None:
    write_counts(counts, f"out.{ending}")
    assert_frame_equal(pd.read_parquet(f"out.{ending}"), COUNTS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_frames_are_appended_one_after_another(ending: str) -> None:
    with table_writer(f"out.{ending}", ";") as write:
        for position in range(len(COUNTS)):
            write(COUNTS.iloc[[position]])
    write_counts(COUNTS, f"at_once.{ending}")
    assert_frame_equal(read_counts(f"out.{ending}").astype(object), read_counts(f"at_once.{ending}").astype(object))


@pytest.mark.parametrize("delimiter", [";", ","])
def test_texts_that_need_quotes_come_back_as_they_were(delimiter: str) -> None:
    names = ["Quai; aval", "Quai, amont", 'Quai "bas"', "Quai\nhaut"]
    awkward = pd.concat([COUNTS.head(1)] * len(names), ignore_index=True).assign(**{"Nom du compteur": names})
    with table_writer("out.csv", delimiter) as write:
        write(awkward)
    assert pd.read_csv("out.csv", sep=delimiter)["Nom du compteur"].tolist() == names


@pytest.mark.parametrize("ending", ENDINGS)
def test_any_fsspec_url_is_written(clean_place: Path, ending: str) -> None:
    url = f"memory:/{clean_place}/out.{ending}"
    write_counts(COUNTS, url)
    assert fsspec.filesystem("memory").find(str(clean_place)) == [f"{clean_place}/out.{ending}"]
    assert list(clean_place.iterdir()) == []
    write_counts(COUNTS, f"out.{ending}")
    assert_frame_equal(read_counts(url), read_counts(f"out.{ending}"))


def test_a_dash_is_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_counts(COUNTS, "-")
    assert capfdbinary.readouterr().out.decode() == CSV


def test_a_written_file_is_read_by_whom_the_umask_admits() -> None:
    before = os.umask(0o027)
    try:
        write_counts(COUNTS, "out.csv")
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path("out.csv").stat().st_mode) == 0o640


def broken_off(target: str) -> None:
    """Begin to write, and be interrupted after the first frame."""
    with pytest.raises(KeyboardInterrupt, match=r"^enough$"), table_writer(target, ";") as write:
        write(COUNTS)
        raise KeyboardInterrupt("enough")


def never_begun(target: str) -> None:
    """Fail before the first frame."""
    with pytest.raises(ValueError, match=r"^no frame$"), table_writer(target, ";"):
        raise ValueError("no frame")


@pytest.mark.parametrize("fail", [broken_off, never_begun])
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_error_leaves_no_file_and_nothing_temporary(
    clean_place: Path, fail: Callable[[str], None], ending: str
) -> None:
    fail(f"out.{ending}")
    assert list(clean_place.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_error_leaves_the_old_file_as_it_was(clean_place: Path, ending: str) -> None:
    target = clean_place / f"out.{ending}"
    target.write_bytes(b"what stood there before")
    broken_off(target.name)
    assert target.read_bytes() == b"what stood there before"
    assert list(clean_place.iterdir()) == [target]


def test_an_error_leaves_nothing_behind_a_url(clean_place: Path) -> None:
    broken_off(f"memory:/{clean_place}/out.csv")
    assert fsspec.filesystem("memory").find(str(clean_place)) == []
    assert list(clean_place.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nowhere/out.csv", "No such file or directory"),
        ("file.txt/out.csv", "Not a directory"),
        ("folder", "Is a directory"),
        ("carrier-pigeon://out.csv", "Protocol not known: carrier-pigeon"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_with_the_reason(clean_place: Path, target: str, reason: str) -> None:
    Path("file.txt").touch()
    Path("folder").mkdir()
    with pytest.raises(WriteError, match=f"^{re.escape(f'{target}: cannot be written: {reason}')}$"):
        write_counts(COUNTS, target)
    assert sorted(path.name for path in clean_place.rglob("*")) == ["file.txt", "folder"]


def test_a_pipe_is_written_to_and_not_replaced(clean_place: Path) -> None:
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        write_counts(pd.DataFrame({"a": [1]}), "pipe")
        assert reader.communicate(timeout=600)[0] == b"a\n1\n"
    assert Path("pipe").is_fifo()
