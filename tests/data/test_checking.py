"""Checking a file in chunks: the same report as of the whole file, in memory that does not grow with it."""

from __future__ import annotations

import io
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bike_traffic.columns import COUNTER
from bike_traffic.columns import TIME as CLEAN_TIME
from bike_traffic.data.checking.description import describe
from bike_traffic.data.checking.file import CheckReport, check_file
from bike_traffic.data.checking.rules import faults
from bike_traffic.data.checking.seen import SeenHours
from bike_traffic.data.checking.usable import Tolerance
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files import csv_rows, reading
from bike_traffic.data.files.reading import read_counts
from bike_traffic.data.loading import load_counts
from bike_traffic.data.rule import RULES
from bike_traffic.data.schema import CITY_HEADERS
from bike_traffic.errors import ReadError, SchemaError

NAME, TIME, PLACE, COUNT, _ = CITY_HEADERS.values()
OF_WHOLE_FILES = {"row-malformed", "hour-incomplete", "hours-of-days", "hours-apart", "count-doubtful"}
FORMATS = ["csv", "parquet"]


def written(frame: pd.DataFrame, ending: str) -> str:
    path = f"counts.{ending}"
    if ending == "csv":
        frame.to_csv(path, sep=";", index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


@pytest.fixture
def faulty(small_counts: pd.DataFrame) -> pd.DataFrame:
    """Return 600 rows that break every rule of a row, most of them more than once and far apart."""
    rows = small_counts.head(600).astype({COUNT: str}).reset_index(drop=True)
    rows.loc[[3, 200, 590], NAME] = [None, " ", None]
    rows.loc[[7, 300], TIME] = ["hier", None]
    rows.loc[[9, 310], TIME] = "2024-06-01"
    rows.loc[[11, 340], TIME] = "1999-06-01T08:00:00+02:00"
    rows.loc[[13, 320], TIME] = ["2024-03-31T02:00:00", "2023-03-26 02:30"]
    rows.loc[[15, 330], TIME] = "2024-06-01T08:15:00+02:00"
    rows.loc[range(50, 560, 10), PLACE] = "2.35,48.85"
    rows.loc[[400, 401], COUNT] = ["trois", None]
    rows.loc[[20, 420, 421, 422, 423, 424, 425], COUNT] = "-3"
    rows.loc[[8, 599], COUNT] = "2.5"
    again = rows.iloc[[10, 11, 10, 599, 12]].assign(**{COUNT: "1"})
    return pd.concat([rows, again, rows.iloc[[0]].assign(**{NAME: "Pont neuf"})], ignore_index=True)


@pytest.fixture
def tiny_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read at most a few rows at once."""
    monkeypatch.setattr(reading, "CHUNK_ROWS", 7)
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 400)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_in_chunks_and_the_same_file_whole_have_the_same_report(
    faulty: pd.DataFrame, ending: str, tiny_chunks: None
) -> None:
    path = written(faulty, ending)
    chunks: list[int] = []
    report = check_file(path, on_rows=chunks.append)
    whole = read_counts(path)
    cleaned = clean(whole)
    found = faults(whole, cleaned)
    assert [fault.id for fault in found] == [rule for rule in RULES if rule not in OF_WHOLE_FILES]
    usable = load_counts(path, tolerance=Tolerance(share=1.0), notify=lambda line: None)
    held: dict[str, Any] = {**describe(usable), "rows": len(whole)}
    left_out = len(whole) - len(usable)
    assert report == CheckReport(source=path, counts=COUNT, left_out=left_out, faults=tuple(found), **held)
    assert len(chunks) > 50
    assert sum(chunks) == len(faulty)


@pytest.mark.parametrize("seed", range(5))
def test_repeated_hours_are_those_that_a_whole_frame_shows_in_any_order_and_any_chunks(seed: int) -> None:
    """Compared with pandas' own `duplicated` on names and times of few values, off the full hour as well."""
    random = np.random.default_rng(seed)
    size = 3000
    start = pd.Timestamp("2024-10-20", tz="Europe/Paris")
    frame = pd.DataFrame(
        {
            NAME: random.choice(["a", "b", "a ", "c"], size),
            TIME: [
                (start + pd.Timedelta(hours=int(hour), minutes=int(minute))).isoformat()
                for hour, minute in zip(
                    random.integers(0, 400, size), random.choice([0, 0, 0, 37], size), strict=True
                )
            ],
            PLACE: "",
        }
    )
    cleaned = clean(frame)
    expected = pd.DataFrame({"name": cleaned[COUNTER].astype(str), "time": cleaned[CLEAN_TIME]}).duplicated()
    seen = SeenHours()
    edges = [0, *np.sort(random.integers(0, size, 40)), size]
    parts = [seen.add(clean(frame.iloc[first:last])) for first, last in pairwise(edges)]
    assert np.concatenate(parts).tolist() == expected.tolist()
    assert expected.sum() > 1000


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("blank", [None, "", " "], ids=["missing", "empty", "a space"])
@pytest.mark.parametrize("column", [NAME, TIME, PLACE, COUNT])
@pytest.mark.parametrize("first", [0, 70], ids=["whole file", "later chunks"])
def test_a_blank_column_is_reported_row_by_row_and_never_a_traceback(
    small_counts: pd.DataFrame, ending: str, blank: str | None, column: str, first: int, tiny_chunks: None
) -> None:
    rows = small_counts.head(100).astype({COUNT: str}).reset_index(drop=True)
    rows.loc[first:, column] = blank
    report = check_file(written(rows, ending))
    ids = {NAME: "counter-missing", TIME: "time-malformed", COUNT: "count-malformed"}
    assert report.left_out == (100 - first if column in ids else 0)
    assert [(fault.id, fault.rows, fault.first_rows) for fault in report.faults] == (
        [(ids[column], 100 - first, tuple(range(first + 2, first + 7)))] if column in ids else []
    )


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_without_rows_is_refused(small_counts: pd.DataFrame, ending: str) -> None:
    path = written(small_counts.head(0), ending)
    with pytest.raises(SchemaError, match=rf"^{path}: there is no row of counts, only a header$"):
        check_file(path)


def test_an_open_file_is_checked_by_its_name_within_its_limits(small_counts: pd.DataFrame) -> None:
    data = small_counts.to_csv(sep=";", index=False).encode()
    report = check_file(io.BytesIO(data), name="mine.csv", max_rows=len(small_counts), max_bytes=len(data))
    assert (report.source, report.rows, report.faults) == ("mine.csv", len(small_counts), ())
    with pytest.raises(ReadError, match=r"^mine\.csv: more than "):
        check_file(io.BytesIO(data), name="mine.csv", max_rows=len(small_counts) - 1)
    with pytest.raises(ReadError, match=r"^mine\.csv: more than "):
        check_file(io.BytesIO(data), name="mine.csv", max_bytes=len(data) - 1)


def test_rows_to_predict_are_checked_without_counts(small_counts: pd.DataFrame) -> None:
    twice = pd.concat([small_counts.head(5)] * 2).drop(columns=COUNT)
    report = check_file(written(twice, "csv"))
    assert (report.counts, report.faults) == (None, ())


def test_a_long_value_is_shown_in_part(small_counts: pd.DataFrame) -> None:
    rows = small_counts.head(3).astype({COUNT: str}).reset_index(drop=True)
    rows.loc[1, COUNT] = "x" * 10_000
    (fault,) = check_file(written(rows, "csv")).faults
    assert fault.example == repr("x" * 60 + "…")


def test_parquet_times_in_an_unlikely_year_are_no_times(small_counts: pd.DataFrame) -> None:
    rows = small_counts.head(3).reset_index(drop=True)
    rows[TIME] = pd.to_datetime(["1890-01-01T00:00Z", "2024-01-01T00:00Z", "2204-01-01T00:00Z"], utc=True)
    (fault,) = check_file(written(rows, "parquet")).faults
    assert (fault.id, fault.rows, fault.first_rows) == ("time-out-of-range", 2, (2, 4))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(small_counts: pd.DataFrame) -> None:
    """A file that is 40 MB longer takes no 20 MB more."""
    place = small_counts[PLACE].iloc[0]
    times = pd.date_range("2005-01-01", periods=105_000, freq="h", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, counters in (("short.csv", "ab"), ("long.csv", "abcdefgh")):
        with Path(name).open("w") as file:
            file.write(f"{NAME};{TIME};{PLACE};{COUNT}\n")
            for counter in counters:
                file.writelines(f"{counter * 20};{time};{place};7\n" for time in times)
    script = (
        "import resource, sys; from bike_traffic.data.checking.file import check_file\n"
        "report = check_file(sys.argv[1]); assert report.faults == ()\n"
        "print(report.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    rows, peak = {}, {}
    for name in ("short.csv", "long.csv"):
        done = subprocess.check_output([sys.executable, "-c", script, name], timeout=300)
        rows[name], peak[name] = map(int, done.split())
    assert rows == {"short.csv": 210_000, "long.csv": 840_000}
    assert peak["long.csv"] - peak["short.csv"] < 20_000


def test_a_process_ends_after_an_error_early_in_a_long_file(small_counts: pd.DataFrame) -> None:
    """No thread reads on behind an error, which would hold the process or abort it."""
    lines = small_counts.to_csv(sep=";", index=False).encode().splitlines(keepends=True)
    Path("long.csv").write_bytes(b"".join([lines[0], lines[1], *lines[1:] * 20]))
    script = (
        "import sys; from bike_traffic.data.checking.file import check_file\n"
        "from bike_traffic.errors import BikeTrafficError\n"
        "try:\n    check_file('long.csv', max_rows=10)\nexcept BikeTrafficError as error:\n    sys.exit(str(error))"
    )
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "long.csv: more than 10 rows; divide it into smaller files\n")
