"""Reading: any file or URL of counts gives the same frame, and what cannot be read is said in one line."""

from __future__ import annotations

import gzip
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import fsspec
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from bike_traffic.data.checking.rules import faults
from bike_traffic.data.files.formats.refusals import row_number
from bike_traffic.data.files.reading import CHUNK_ROWS, open_counts, read_counts
from bike_traffic.data.parsing.times import parse_times
from bike_traffic.data.parsing.values import parse_coordinates, parse_numbers
from bike_traffic.errors import ReadError, SchemaError

HEADERS = ["Nom du compteur", "Date et heure de comptage", "Coordonnées géographiques", "Comptage horaire"]
ROWS: list[tuple[str, str, str | None, str]] = [
    ("12 quai des Hirondelles N-S", "2024-06-01T08:00:00+02:00", "48.85,2.35", "31"),
    ("Pont du Vieux Moulin; aval", "2024-06-01T08:00:00+02:00", None, "4"),
    ("12 quai des Hirondelles N-S", "2024-06-01T09:00:00+02:00", "48.85,2.35", "27.0"),
]
EXPECTED = pd.DataFrame(ROWS, columns=HEADERS)
TEXT = EXPECTED.to_csv(sep=";", index=False)
FIRST = TEXT.splitlines(keepends=True)[1]


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the values as text, whatever holds them, to compare what was read with what was written."""
    return frame.astype(object).astype("str")


def bytes_to(path: Path, data: bytes | str) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def parquet_to(path: Path, table: pa.Table | pd.DataFrame) -> str:
    table = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    parquet.write_table(table, path)
    return str(path)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda folder: bytes_to(folder / "counts.csv", TEXT), id="semicolons"),
        pytest.param(lambda folder: bytes_to(folder / "c.csv", EXPECTED.to_csv(index=False)), id="commas"),
        pytest.param(lambda folder: bytes_to(folder / "c.csv", TEXT.encode("utf-8-sig")), id="byte order mark"),
        pytest.param(lambda folder: bytes_to(folder / "c.csv", TEXT.replace("\n", "\r\n")), id="CRLF"),
        pytest.param(lambda folder: bytes_to(folder / "c.csv", TEXT.rstrip("\n")), id="no newline at the end"),
        pytest.param(lambda folder: bytes_to(folder / "counts.txt", TEXT), id="another ending"),
        pytest.param(lambda folder: bytes_to(folder / "c.csv.gz", gzip.compress(TEXT.encode())), id="gz"),
        pytest.param(lambda folder: parquet_to(folder / "counts.parquet", EXPECTED), id="Parquet"),
        pytest.param(lambda folder: parquet_to(folder / "counts.pq", EXPECTED), id="pq"),
        pytest.param(
            lambda folder: parquet_to(folder / "c.parquet", EXPECTED.astype("category")), id="Parquet of categories"
        ),
        pytest.param(lambda folder: f"file://{bytes_to(folder / 'counts.csv', TEXT)}", id="file URL"),
    ],
)
def test_every_format_gives_the_same_frame(clean_place: Path, write: Callable[[Path], str]) -> None:
    assert_frame_equal(as_text(read_counts(write(clean_place))), as_text(EXPECTED))


def test_any_fsspec_url_is_read(clean_place: Path) -> None:
    url = f"memory:/{clean_place}/counts.csv.gz"
    fsspec.filesystem("memory").pipe(url, gzip.compress(TEXT.encode()))
    assert_frame_equal(as_text(read_counts(url)), as_text(EXPECTED))


def test_a_dash_is_csv_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert_frame_equal(as_text(read_counts("-")), as_text(EXPECTED))


def test_typed_parquet_says_the_same_as_text(clean_place: Path) -> None:
    moments = [pd.Timestamp(row[1]).to_pydatetime() for row in ROWS]
    places = [{"lon": 2.35, "lat": 48.85}, None, {"lon": 2.35, "lat": 48.85}]
    table = pa.table(
        {
            "nom_compteur": [row[0] for row in ROWS],
            "date": pa.array(moments, pa.timestamp("ms", "UTC")),
            "coordinates": places,
            "sum_counts": pa.array([31, 4, 27], pa.int32()),
        }
    )
    counts = read_counts(parquet_to(clean_place / "typed.parquet", table))
    assert list(counts.columns) == ["nom_compteur", "date", "coordinates", "sum_counts"]
    assert counts["nom_compteur"].tolist() == EXPECTED[HEADERS[0]].tolist()
    assert parse_times(counts["date"]).tolist() == parse_times(EXPECTED[HEADERS[1]]).tolist()
    assert_frame_equal(parse_coordinates(counts["coordinates"]), parse_coordinates(EXPECTED[HEADERS[2]]))
    assert parse_numbers(counts["sum_counts"]).tolist() == [31.0, 4.0, 27.0]
    assert faults(counts) == []


@pytest.mark.parametrize(
    "coordinates",
    [
        pytest.param([{"x": 2.35, "y": 48.85}], id="a structure of something else"),
        pytest.param([[2.35, 48.85]], id="a list"),
    ],
)
def test_parquet_coordinates_in_an_unknown_form_are_refused(clean_place: Path, coordinates: list[object]) -> None:
    table = pa.table({"nom_compteur": ["a"], "date": ["2024-06-01T08:00:00+02:00"], "coordinates": coordinates})
    path = parquet_to(clean_place / "odd.parquet", table)
    with pytest.raises(SchemaError, match=re.escape(f"{path}: column 'coordinates': ")):
        read_counts(path)


def test_field_names_of_an_export_are_read_like_labels(clean_place: Path) -> None:
    names = ["nom_compteur", "date", "coordinates", "sum_counts"]
    by_field_name = EXPECTED.set_axis(names, axis="columns").assign(id_compteur="100003096-353242096")
    path = bytes_to(clean_place / "export.csv", by_field_name.to_csv(sep=";", index=False))
    assert_frame_equal(as_text(read_counts(path))[[*by_field_name]], as_text(by_field_name))


SITE = ["Identifiant du compteur", "Identifiant du site de comptage", "Nom du site de comptage"]
PHOTOS = ["Identifiant technique compteur", "ID Photos", "test_lien_vers_photos_du_site_de_comptage_", "id_photo_1"]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param([*SITE, *HEADERS, "Lien vers photo du site de comptage"], id="2019"),
        pytest.param([*SITE, *HEADERS[::-1], *PHOTOS, "url_sites", "type_dimage"], id="with photos"),
        pytest.param(["mois_annee_comptage", *HEADERS, *PHOTOS], id="with the month"),
        pytest.param(HEADERS[::-1], id="nothing else"),
        pytest.param([header.upper() for header in HEADERS], id="in capitals"),
    ],
)
def test_the_column_sets_of_all_years_give_the_same_values(clean_place: Path, columns: list[str]) -> None:
    values = {header.lower(): EXPECTED[header] for header in HEADERS}
    published = pd.DataFrame({column: values.get(column.lower(), "something; else") for column in columns})
    counts = read_counts(bytes_to(clean_place / "counts.csv", published.to_csv(sep=";", index=False)))
    counts = counts.drop(columns=SITE[0], errors="ignore")
    assert_frame_equal(as_text(counts.set_axis(HEADERS, axis="columns")), as_text(EXPECTED))


def test_the_count_is_left_out_where_the_file_has_none(clean_place: Path) -> None:
    future = EXPECTED.drop(columns="Comptage horaire")
    path = bytes_to(clean_place / "future.csv", future.to_csv(sep=";", index=False))
    assert_frame_equal(as_text(read_counts(path)), as_text(future))


@pytest.mark.parametrize("rows", [1, 2, 3, 99])
def test_rows_limits_how_many_are_read(clean_place: Path, rows: int) -> None:
    path = bytes_to(clean_place / "counts.csv", TEXT)
    assert_frame_equal(as_text(read_counts(path, rows=rows)), as_text(EXPECTED.head(rows)))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_index_is_the_position_of_the_row_also_across_chunks(clean_place: Path, ending: str) -> None:
    rows = 3 * CHUNK_ROWS
    counter = ["first", "second"] * (rows // 2)
    times = ["2024-06-01T08:00:00+02:00"] * (rows - 1) + ["2024-06-01T09:00+02:00"]
    long = pd.DataFrame({HEADERS[0]: counter, HEADERS[1]: times, HEADERS[2]: "48.85000,2.35000", HEADERS[3]: 7})
    path = clean_place / f"long.{ending}"
    if ending == "csv":
        bytes_to(path, ";".join(HEADERS) + "\n" + long.to_csv(sep=";", index=False, header=False))
    else:
        parquet_to(path, long)
    with open_counts(str(path)) as source:
        chunks = list(source.frames())
    assert len(chunks) > 1
    assert [label for chunk in chunks for label in (chunk.index[0], chunk.index[-1])][1:-1] == [
        edge for chunk in chunks[1:] for edge in (chunk.index[0] - 1, chunk.index[0])
    ]
    assert (chunks[0].index[0], chunks[-1].index[-1]) == (0, rows - 1)
    whole = read_counts(str(path))
    assert whole.index.equals(pd.RangeIndex(rows))
    assert_frame_equal(as_text(whole), as_text(pd.concat(chunks)))
    assert whole[HEADERS[1]].iloc[-1] == "2024-06-01T09:00+02:00"


def test_row_numbers_are_those_of_a_spreadsheet() -> None:
    assert [row_number(0), row_number(1)] == [2, 3]


def test_a_source_knows_its_columns_and_its_delimiter(clean_place: Path) -> None:
    path = bytes_to(clean_place / "counts.csv", EXPECTED.to_csv(index=False))
    standard = ["nom_du_compteur", "date_et_heure_de_comptage", "coordonnees_geographiques", "comptage_horaire"]
    with open_counts(path) as source:
        assert (source.headers, source.delimiter) == (dict(zip(standard, HEADERS, strict=True)), ",")


THERE_ARE = "there are Comptage horaire, Coordonnées géographiques, Date et heure de comptage"


EMPTY, NO_ROW = "the file is empty", "there is no row of counts, only a header"
HEADER = ";".join(HEADERS)
ZIPPED = gzip.compress(TEXT.encode())
BAD_FILES: dict[str, tuple[str, bytes | str, type[Exception], str]] = {
    "empty": ("c.csv", "", SchemaError, EMPTY),
    "empty gz": ("c.csv.gz", gzip.compress(b""), SchemaError, EMPTY),
    "header only": ("c.csv", HEADER + "\n", SchemaError, NO_ROW),
    "header without a newline": ("c.csv", HEADER, SchemaError, NO_ROW),
    "UTF-16": ("c.csv", TEXT.encode("utf-16"), ReadError, "UTF-16 text; save it as UTF-8"),
    "tabs": (
        "c.csv",
        TEXT.replace(";", "\t"),
        SchemaError,
        "row 1 has neither ';' nor ',' between column names: "
        r"'Nom du compteur\tDate et heure de comptage\tCoordonnées géogra'; "
        "save the file with one of them as delimiter",
    ),
    "truncated gz": (
        "c.csv.gz",
        ZIPPED[:-20],
        ReadError,
        "broken off: Compressed file ended before the end-of-stream marker was reached",
    ),
    "the start of a Parquet file": (
        "c.csv",
        b"PAR1\x15\x04\x15" * 9,
        ReadError,
        "not a Parquet file: Parquet magic bytes not found in footer. Either the file is corrupted or this is not a "
        "parquet file.",
    ),
    "duplicated column": (
        "c.csv",
        TEXT.replace(HEADERS[1], HEADERS[0]),
        SchemaError,
        "row 1 has the column 'Nom du compteur' more than once",
    ),
    "missing column": (
        "c.csv",
        TEXT.replace(HEADERS[0], "Rue"),
        SchemaError,
        f"no column 'Nom du compteur'; {THERE_ARE}, Rue",
    ),
    "misnamed column": (
        "c.csv",
        TEXT.replace(HEADERS[0], "Nom compteurs"),
        SchemaError,
        f"no column 'Nom du compteur'; {THERE_ARE}, Nom compteurs (did you mean 'Nom compteurs'?)",
    ),
}


@pytest.mark.parametrize(("name", "data", "error", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_cannot_be_read_is_refused_with_one_message(
    clean_place: Path, name: str, data: bytes | str, error: type[Exception], message: str
) -> None:
    path = bytes_to(clean_place / name, data)
    with pytest.raises(error, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_counts(path)


@pytest.mark.parametrize(
    ("name", "message"), [("nope.csv", "no such file"), (".", "a folder without CSV or Parquet files")]
)
def test_a_missing_file_or_an_empty_folder_is_refused(name: str, message: str) -> None:
    with pytest.raises(ReadError, match=f"^{re.escape(f'{name}: {message}')}$"):
        read_counts(name)


def test_an_unknown_kind_of_url_is_refused() -> None:
    with pytest.raises(
        ReadError, match=r"^carrier-pigeon://c.csv: cannot be opened: Protocol not known: carrier-pigeon$"
    ):
        read_counts("carrier-pigeon://c.csv")


@pytest.mark.parametrize(
    ("bad_row", "error"),
    [
        pytest.param(b"Pont du Vieux Moulin;4\n", SchemaError, id="too few fields"),
        pytest.param(FIRST.strip().encode() + b";9\n", SchemaError, id="too many fields"),
        pytest.param("Allée à côté;2024-06-01T08:00:00+02:00;;4\n".encode("latin-1"), ReadError, id="latin-1"),
    ],
)
@pytest.mark.parametrize("before", [1, 1000])
def test_a_bad_row_is_named_by_its_number(
    clean_place: Path, bad_row: bytes, error: type[Exception], before: int
) -> None:
    good = FIRST.encode()
    header = ";".join(HEADERS).encode() + b"\n"
    path = bytes_to(clean_place / "c.csv", header + good * before + bad_row + good * 10)
    with pytest.raises(error, match=rf"^{re.escape(path)}: .*\brow {before + 2}\b"):
        read_counts(path)


def test_a_gz_that_breaks_off_late_says_after_which_row(clean_place: Path) -> None:
    rows = "".join(
        f"{number} rue du Puits;2024-06-01T08:00:00+02:00;48.85,2.35;{number}\n" for number in range(400_000)
    )
    whole = gzip.compress((";".join(HEADERS) + "\n" + rows).encode(), 1)
    path = bytes_to(clean_place / "counts.csv.gz", whole[:-100_000])
    with pytest.raises(
        ReadError, match=rf"^{re.escape(path)}: broken off somewhere after row \d+: Compressed file ended "
    ):
        read_counts(path)
