"""Rows that do not fit the table: each keeps its place with all values missing, and is named."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.columns import IDENTIFIER
from bike_traffic.data.checking.file import check_file
from bike_traffic.data.files import csv_rows, malformed, reading
from bike_traffic.data.files.formats import refusals
from bike_traffic.data.files.reading import open_counts, read_counts
from bike_traffic.data.schema import CITY_HEADERS, COORDINATES
from bike_traffic.errors import SchemaError
from tests.data.test_reading import HEADERS

ROW = "rue des Lilas;2024-06-01T08:00:00+02:00;48.85,2.35;{count}\n"
GOOD = pd.DataFrame([("rue des Lilas", "2024-06-01T08:00:00+02:00", "48.85,2.35")], columns=HEADERS[:3])
HEADER = ";".join(HEADERS) + "\n"


def table_of(*rows: str) -> bytes:
    """Return a CSV in which row n counts n, or is the text given in its place."""
    lines = [row if row else ROW.format(count=number) for number, row in enumerate(rows)]
    return (HEADER + "".join(lines)).encode()


def texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the values as text, with a dash where they are missing."""
    return frame.astype(object).where(frame.notna(), "-").astype("str")


def expected(size: int, missing: dict[int, str]) -> pd.DataFrame:
    whole = pd.concat([GOOD] * size, ignore_index=True).assign(**{HEADERS[3]: [str(n) for n in range(size)]})
    whole.loc[list(missing)] = None
    return whole


BAD = {
    "too few": ("Pont;4\n", "Expected 4 columns, got 2: Pont;4"),
    "too many": ("Pont;a;b;4;5\n", "Expected 4 columns, got 5: Pont;a;b;4;5"),
    "no delimiter": ("#\n", "Expected 4 columns, got 1: #"),
    "a quote opens in the first field": ('"Pont;a;b;4\n', "a quote is not closed"),
    "a quote opens in the last field": ('Pont;a;b;"4\n', "a quote is not closed"),
    "two lines in quotes": ('"Pont\nNeuf";4\n', 'Expected 4 columns, got 2: "Pont Neuf";4'),
}


@pytest.mark.parametrize(("row", "reason"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("places", [[0], [3], [8], [2, 3], [0, 4, 8]], ids=str)
def test_a_row_that_does_not_fit_keeps_its_place(row: str, reason: str, places: list[int]) -> None:
    data = table_of(*(row if n in places else "" for n in range(10)))
    found: dict[int, str] = {}
    counts = read_counts(io.BytesIO(data), name="c.csv", on_malformed=found.__setitem__)
    assert found == dict.fromkeys(places, reason)
    assert_frame_equal(texts(counts), texts(expected(10, found)))


@pytest.mark.parametrize(("row", "reason"), BAD.values(), ids=BAD)
def test_without_a_callback_the_first_such_row_is_an_error(row: str, reason: str) -> None:
    with pytest.raises(
        SchemaError,
        match=f"^{re.escape(f'c.csv: row 5 does not fit the table: {reason}; check its delimiters and quotes')}$",
    ) as refused:
        read_counts(io.BytesIO(table_of("", "", "", row, "", row)), name="c.csv")
    assert (refused.value.id, refused.value.parts) == (
        "row-does-not-fit",
        {"uri": "c.csv", "row": 5, "reason": reason},
    )


def test_quotes_that_are_closed_may_hold_delimiters_and_line_breaks() -> None:
    rows = ['"Pont; aval";t;p;1\n', '"Pont\naval";t;p;2\n', '"a ""b""";t;p;3\n', 'a"b;t;p;4\n']
    counts = read_counts(io.BytesIO(table_of(*rows)), name="c.csv")
    assert counts[HEADERS[0]].tolist() == ["Pont; aval", "Pont\naval", 'a "b"', 'a"b']


def test_blank_lines_are_no_rows() -> None:
    found: dict[int, str] = {}
    data = table_of("", "\n", "\r\n", "Pont;4\n", "")
    counts = read_counts(io.BytesIO(data), name="c.csv", on_malformed=found.__setitem__)
    assert texts(counts)[HEADERS[3]].tolist() == ["0", "-", "4"]
    assert list(found) == [1]


def test_positions_continue_over_blocks_and_chunks_and_come_before_their_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 300)
    monkeypatch.setattr(reading, "CHUNK_ROWS", 20)
    places = {*range(5, 200, 17), 0, 1, 2, 199}
    data = table_of(*("x\n" if n in places else "" for n in range(200)))
    found: list[int] = []
    with open_counts(
        io.BytesIO(data), name="c.csv", on_malformed=lambda position, _: found.append(position)
    ) as source:
        chunks = []
        for frame in source.frames():
            assert {n for n in places if n <= frame.index[-1]} == set(found)
            chunks.append(frame)
    assert len(chunks) > 5
    assert found == sorted(places)
    counts = texts(pd.concat(chunks))
    assert_frame_equal(counts, texts(expected(200, dict.fromkeys(found, ""))))


def test_rows_that_are_not_read_are_not_named() -> None:
    found: list[int] = []
    data = table_of("", "x\n", "", "x\n", "")
    counts = read_counts(
        io.BytesIO(data), name="c.csv", rows=3, on_malformed=lambda position, _: found.append(position)
    )
    assert (len(counts), found) == (3, [1])


def test_a_file_of_malformed_rows_alone_is_read_as_missing_values() -> None:
    found: list[int] = []
    counts = read_counts(
        io.BytesIO(table_of(*["x\n"] * 3)), name="c.csv", on_malformed=lambda position, _: found.append(position)
    )
    assert texts(counts).to_numpy().tolist() == [["-"] * 4] * 3
    assert found == [0, 1, 2]


def test_optional_columns_are_read_where_they_are_there() -> None:
    place = COORDINATES
    with_place = read_counts(io.BytesIO(table_of("")), name="c.csv", optional=[place, IDENTIFIER])
    assert list(with_place.columns) == HEADERS[:3]
    without = GOOD.drop(columns=CITY_HEADERS[place]).to_csv(sep=";", index=False).encode()
    counts = read_counts(io.BytesIO(without), name="c.csv", optional=[place, IDENTIFIER])
    assert list(counts.columns) == HEADERS[:2]


CSV_ROWS = (HEADER.encode(), ROW.format(count=1).encode(), b"x\n")
JSON_ROWS = (b'{"nom_compteur":"rue des Lilas","date":"2024-06-01T08:00:00+02:00"}\n', b'{"date":"2024"}\n', b"{x\n")


@pytest.mark.parametrize("way", ["in chunks", "whole"])
@pytest.mark.parametrize(("start", "good", "bad"), [CSV_ROWS, JSON_ROWS], ids=["csv", "json"])
def test_a_file_of_which_most_rows_do_not_fit_is_refused_before_it_is_read_to_the_end(
    monkeypatch: pytest.MonkeyPatch, start: bytes, good: bytes, bad: bytes, way: str
) -> None:
    """Its rows would fill the memory one by one."""
    monkeypatch.setattr(refusals, "MOST_MALFORMED", 500)
    data = io.BytesIO(start + good + bad * 5_000_000)
    with pytest.raises(SchemaError, match=r"^c\.txt: row [34], like most rows, does not fit the table: ") as refused:
        check_file(data, name="c.txt") if way == "in chunks" else read_counts(
            data, name="c.txt", on_malformed=lambda *_: None
        )
    assert refused.value.id == "row-does-not-fit"
    assert data.tell() < len(data.getbuffer())


@pytest.mark.parametrize(("start", "good", "bad"), [CSV_ROWS, JSON_ROWS], ids=["csv", "json"])
def test_many_rows_that_do_not_fit_are_left_out_if_most_rows_do(
    monkeypatch: pytest.MonkeyPatch, start: bytes, good: bytes, bad: bytes
) -> None:
    monkeypatch.setattr(refusals, "MOST_MALFORMED", 50)
    report = check_file(io.BytesIO(start + (good + bad + good) * 200), name="c.txt")
    (fault,) = [fault for fault in report.faults if fault.id == "row-malformed"]
    assert fault.rows == 200


def test_positions_that_were_asked_about_are_forgotten() -> None:
    """A file of any length may have a share of them."""
    rows = malformed.MalformedRows()
    for position in (1, 5, 12):
        rows.add(position, "")
    assert rows.among(np.arange(0, 10)).nonzero()[0].tolist() == [1, 5]
    assert rows.among(np.arange(0, 10)).nonzero()[0].tolist() == []
    assert rows.among(np.arange(10, 20)).nonzero()[0].tolist() == [2]
