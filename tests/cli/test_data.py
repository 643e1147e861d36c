"""`bt data`: the generated sample, and every fault of a file at once."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.data.files.reading import read_counts
from bike_traffic.data.sample import generate_sample
from tests.conftest import Bt

FAULTS: list[dict[str, object]] = [
    {
        "id": "time-malformed",
        "column": "Date et heure de comptage",
        "found": "not a time",
        "rows": 1,
        "first_rows": [3],
        "example": "'hier'",
        "advice": "write times as ISO 8601 with their offset, like 2021-06-01T08:00:00+02:00",
    },
    {
        "id": "coordinates-elsewhere",
        "column": "Coordonnées géographiques",
        "found": "not coordinates in or near Paris",
        "rows": 7,
        "first_rows": [4, 5, 6, 7, 8],
        "example": "'2.35,48.85'",
        "advice": "write 'latitude,longitude' in degrees, 48.0 to 49.5 and 1.4 to 3.6, or leave them empty",
    },
    {
        "id": "count-malformed",
        "column": "Comptage horaire",
        "found": "not a number",
        "rows": 1,
        "first_rows": [20],
        "example": "'trois'",
        "advice": "give each row its count, or leave the row out",
    },
    {
        "id": "count-negative",
        "column": "Comptage horaire",
        "found": "a negative count",
        "rows": 1,
        "first_rows": [21],
        "example": "'-3'",
        "advice": "counts are 0 or more bikes per hour",
    },
    {
        "id": "count-fractional",
        "column": "Comptage horaire",
        "found": "a fractional count",
        "rows": 2,
        "first_rows": [22, 23],
        "example": "'2.5'",
        "advice": "counts are whole bikes per hour",
    },
    {
        "id": "hour-repeated",
        "column": "Date et heure de comptage",
        "found": "the same counter and hour again",
        "rows": 1,
        "first_rows": [9602],
        "example": "'2024-08-23T01:00:00+02:00'",
        "advice": "keep one row for each counter and hour",
    },
]


@pytest.fixture
def faulty_file(small_counts: pd.DataFrame, clean_place: Path) -> Path:
    """Return a file that holds the `FAULTS`."""
    rows = pd.concat([small_counts, small_counts.head(1)], ignore_index=True).astype({"Comptage horaire": str})
    rows.loc[1, "Date et heure de comptage"] = "hier"
    rows.loc[2:8, "Coordonnées géographiques"] = "2.35,48.85"
    rows.loc[18:21, "Comptage horaire"] = ["trois", "-3", "2.5", "0.5"]
    path = clean_place / "faulty.csv"
    rows.to_csv(path, sep=";", index=False)
    return path


def test_a_clean_file_is_described_with_exit_code_0(bt: Bt, small_file: Path) -> None:
    done = bt("data", "check", small_file.name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "counts.csv: 9,600 rows, 4 counters",
        "from 2024-08-23T01:00:00+02:00 to 2024-11-30T23:00:00+01:00",
        "no findings about counters",
        "no faults in the rows",
    ]


def test_a_clean_file_is_one_json_document_without_faults(bt: Bt, small_file: Path) -> None:
    done = bt("data", "check", small_file.name, "--format", "json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "source": "counts.csv",
        "rows": 9600,
        "counters": 4,
        "first_hour": "2024-08-23T01:00:00+02:00",
        "last_hour": "2024-11-30T23:00:00+01:00",
        "counts": "Comptage horaire",
        "left_out": 0,
        "faults": [],
        "findings": [],
    }


@pytest.fixture
def broken_file(small_counts: pd.DataFrame, clean_place: Path) -> Path:
    """Return a file of a counter that has been silent for two days, and of one that was dead for a day."""
    times, names = (small_counts[name].astype(str) for name in ("Date et heure de comptage", "Nom du compteur"))
    silent, dead = sorted(names.unique())[:2]
    rows = small_counts.assign(
        **{
            "Comptage horaire": small_counts["Comptage horaire"].mask(
                (names == dead) & times.str[:10].eq("2024-11-05"), 0
            )
        }
    )
    path = clean_place / "broken.csv"
    rows[(names != silent) | (times.str[:10] < "2024-11-29")].to_csv(path, sep=";", index=False)
    return path


def cells(row: str) -> list[str]:
    return [word.strip() for word in row.split("  ") if word.strip()]


def test_findings_about_counters_are_a_table_and_no_fault_of_the_file(bt: Bt, broken_file: Path) -> None:
    done = bt("data", "check", broken_file.name)
    assert (done.exit_code, done.stderr) == (0, "")
    header, _, *rows, last = done.stdout.splitlines()[2:]
    assert [cells(row) for row in (header, *rows)] == [
        ["counter", "from", "to", "finding"],
        ["12 quai des Hirondelles N-S", "2024-11-29", "still", "no rows for 2 days"],
        ["12 quai des Hirondelles S-N", "2024-11-05", "2024-11-05", "only zeros for 24 hours"],
    ]
    assert last == "no faults in the rows"


def test_findings_are_in_the_json_document_with_ids_and_numbers(bt: Bt, broken_file: Path) -> None:
    assert json.loads(bt("data", "check", broken_file.name, "--format", "json").stdout)["findings"] == [
        {
            "id": "outage-zeros",
            "counter": "12 quai des Hirondelles S-N",
            "first_hour": "2024-11-05T00:00:00+01:00",
            "last_hour": "2024-11-05T23:00:00+01:00",
            "lasting": False,
            "numbers": {"hours": 24},
            "message": "only zeros for 24 hours",
        },
        {
            "id": "outage-silent",
            "counter": "12 quai des Hirondelles N-S",
            "first_hour": "2024-11-29T00:00:00+01:00",
            "last_hour": "2024-11-30T23:00:00+01:00",
            "lasting": True,
            "numbers": {"hours": 48},
            "message": "no rows for 2 days",
        },
    ]


def test_with_html_a_page_is_written_beside_the_table(bt: Bt, broken_file: Path) -> None:
    done = bt("data", "check", broken_file.name, "--html", "report.html")
    assert (done.exit_code, done.stderr) == (0, "report.html written\n")
    page = Path("report.html").read_text(encoding="utf-8")
    assert "1 counter of 4 is in trouble at the end of the file" in page
    assert done.stdout == bt("data", "check", broken_file.name).stdout


def test_a_page_that_cannot_be_written_is_one_line_and_leaves_nothing(bt: Bt, broken_file: Path) -> None:
    done = bt("data", "check", broken_file.name, "--html", "nowhere/report.html")
    message = "Error: nowhere/report.html: cannot be written: No such file or directory\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", message)
    assert [path.name for path in Path().iterdir()] == [broken_file.name]


def test_a_faulty_file_has_a_page_too(bt: Bt, faulty_file: Path) -> None:
    assert bt("data", "check", faulty_file.name, "--strict", "--html", "report.html").exit_code == 1
    assert "&#x27;hier&#x27;" in Path("report.html").read_text(encoding="utf-8")


def test_counts_to_predict_are_checked_without_the_count(bt: Bt, small_counts: pd.DataFrame) -> None:
    future = small_counts.drop(columns="Comptage horaire").to_csv(sep=";", index=False)
    done = bt("data", "check", "-", "--format", "json", stdin=future.encode())
    assert done.exit_code == 0
    assert json.loads(done.stdout) | {"faults": []} == json.loads(done.stdout)
    assert json.loads(done.stdout)["counts"] is None


def test_a_faulty_file_has_exit_code_1_and_a_table_of_all_faults(bt: Bt, faulty_file: Path) -> None:
    done = bt("data", "check", faulty_file.name, "--strict")
    assert (done.exit_code, done.stderr) == (1, "")
    described, span, *_, header, _ = done.stdout.splitlines()[: -len(FAULTS)]
    rows = done.stdout.splitlines()[-len(FAULTS) :]
    assert [described, span] == [
        "faulty.csv: 9,601 rows, 4 counters",
        "from 2024-08-23T01:00:00+02:00 to 2024-11-30T23:00:00+01:00",
    ]
    assert [word.strip() for word in header.split("  ") if word] == [
        "column",
        "fault",
        "rows",
        "first rows",
        "what to do",
        "example",
    ]
    assert [[word.strip() for word in row.split("  ") if word.strip()] for row in rows] == [
        [
            fault["column"],
            fault["found"],
            str(fault["rows"]),
            str(fault["first_rows"]).strip("[]"),
            fault["advice"],
            fault["example"],
        ]
        for fault in FAULTS
    ]


def test_a_faulty_file_is_one_json_document_with_all_faults(bt: Bt, faulty_file: Path) -> None:
    done = bt("data", "check", faulty_file.name, "--strict", "--format", "json")
    assert (done.exit_code, done.stderr) == (1, "")
    assert json.loads(done.stdout)["faults"] == FAULTS


@pytest.mark.parametrize("output_format", ["table", "json"])
def test_a_file_that_is_no_table_is_one_line_on_stderr(bt: Bt, output_format: str) -> None:
    Path("empty.csv").touch()
    done = bt("data", "check", "empty.csv", "--format", output_format)
    message = "empty.csv: the file is empty"
    assert (done.exit_code, done.stderr) == (1, f"Error: {message}\n")
    error = {"error": {"id": "file-empty", "message": message, "parts": {"uri": "empty.csv"}}}
    assert done.stdout == (f"{json.dumps(error, indent=2)}\n" if output_format == "json" else "")


def test_the_sample_is_written_to_a_file_that_passes_its_own_check(bt: Bt, sample: pd.DataFrame) -> None:
    done = bt("data", "sample", "-o", "sample.csv.gz")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "219,380 rows of 20 counters written\n")
    written = gzip.decompress(Path("sample.csv.gz").read_bytes()).decode()
    assert written == sample.to_csv(sep=";", index=False)
    *_, outage, last = bt("data", "check", "sample.csv.gz").stdout.splitlines()
    assert (outage.split()[-4:], last) == (["zeros", "for", "35", "days"], "no faults in the rows")


def test_the_sample_goes_to_stdout_without_an_output(bt: Bt, sample: pd.DataFrame) -> None:
    done = bt("data", "sample")
    assert (done.exit_code, done.stderr) == (0, "219,380 rows of 20 counters written\n")
    assert done.stdout == sample.to_csv(sep=";", index=False)


def test_another_seed_writes_another_sample(bt: Bt) -> None:
    assert bt("data", "sample", "--seed", "7", "-o", "sample.parquet").exit_code == 0
    counts = read_counts("sample.parquet")["Comptage horaire"]
    assert counts.tolist() == generate_sample(7)["Comptage horaire"].tolist()


def test_a_sample_that_cannot_be_written_is_one_line(bt: Bt, clean_place: Path) -> None:
    done = bt("data", "sample", "-o", "nowhere/sample.csv")
    message = "Error: nowhere/sample.csv: cannot be written: No such file or directory\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", message)
    assert list(clean_place.iterdir()) == []
