"""Limits of reading: what is too large is refused in one line, in little memory, and by the name that was given."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from bike_traffic.data.files.parquet import pages
from bike_traffic.data.files.parquet.pages import refuse_large_pages
from bike_traffic.data.files.reading import open_counts, read_counts
from bike_traffic.errors import BikeTrafficError, ReadError, SchemaError
from tests.data.test_reading import EXPECTED, FIRST, HEADERS, TEXT, as_text

HEADER = ";".join(HEADERS) + "\n"
MEGABYTE = 1 << 20
FRAME = EXPECTED.assign(**{HEADERS[2]: "48.85,2.35"})


def zipped(data: bytes, method: int = zipfile.ZIP_DEFLATED, name: str = "counts.csv") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr(name, data)
    return target.getvalue()


def as_parquet(table: pd.DataFrame | pa.Table, **options: Any) -> bytes:
    target = io.BytesIO()
    table = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    parquet.write_table(table, target, **options)
    return target.getvalue()


PACKED: dict[str, Callable[[], bytes]] = {
    "counts.csv": TEXT.encode,
    "COUNTS.CSV.GZ": lambda: gzip.compress(TEXT.encode()),
    "counts.csv.bz2": lambda: bz2.compress(TEXT.encode()),
    "counts.csv.xz": lambda: lzma.compress(TEXT.encode()),
    "counts.csv.zip": lambda: zipped(TEXT.encode()),
    "Counts.Parquet": lambda: as_parquet(EXPECTED),
    "counts.parquet.gz": lambda: gzip.compress(as_parquet(EXPECTED)),
    "counts.pq.zip": lambda: zipped(as_parquet(EXPECTED)),
}


@pytest.mark.parametrize("name", PACKED)
def test_an_open_file_is_read_and_stays_open(name: str) -> None:
    file = io.BytesIO(PACKED[name]())
    assert_frame_equal(as_text(read_counts(file, name=name)), as_text(EXPECTED))
    assert not file.closed


@pytest.mark.parametrize("name", PACKED)
def test_a_file_is_what_its_first_bytes_say_whatever_it_is_called(name: str, clean_place: Path) -> None:
    for called in ("upload-7f3a", "exports.parquet", "exports.csv.gz", "exports.zip"):
        Path(called).write_bytes(PACKED[name]())
        assert_frame_equal(as_text(read_counts(called)), as_text(EXPECTED))
        assert_frame_equal(as_text(read_counts(called, name="mine.json")), as_text(EXPECTED))


BAD: dict[str, tuple[str, bytes]] = {
    "empty": ("c.csv", b""),
    "no column": ("c.csv", b"a;b\n1;2\n"),
    "a bad row": ("c.csv", HEADER.encode() + b"a;b\n"),
    "cut gz": ("c.csv.gz", gzip.compress(TEXT.encode())[:-9]),
    "no gz": ("c.csv.gz", b"\x1f\x8btext"),
    "no zip": ("c.csv.zip", b"PK\x03\x04text"),
    "empty zip": ("c.csv.zip", zipped(b"", name="folder/")),
    "no xz": ("c.csv.xz", b"\xfd7zXZ\x00text"),
    "no JSON": ("c.json", b"[{"),
    "a page": ("c.csv", b"<html>"),
    "no Parquet": ("c.parquet", b"PAR1"),
    "too long": ("c.csv", TEXT.encode() * 100),
    "a folder": ("c.csv", b"folder"),
    "missing": ("c.csv", b"missing"),
    "no permission": ("c.csv", b"no permission"),
}


@pytest.mark.parametrize(("name", "data"), BAD.values(), ids=BAD)
def test_no_message_or_part_names_the_path_behind_a_name(clean_place: Path, name: str, data: bytes) -> None:
    path = clean_place / "secret-upload"
    match data:
        case b"folder":
            path.mkdir()
        case b"missing":
            pass
        case b"no permission":
            path.symlink_to(path)  # too many symbolic links: refused to root as well
        case _:
            path.write_bytes(data)
    with pytest.raises(BikeTrafficError, match=f"^{re.escape(name)}: ") as refused:
        read_counts(str(path), name=name, max_bytes=1000)
    assert "secret" not in f"{refused.value} {refused.value.parts}"
    assert str(clean_place) not in f"{refused.value} {refused.value.parts}"


def test_more_rows_than_allowed_are_refused_before_more_is_read(clean_place: Path) -> None:
    lines = FIRST.encode() * 200_000
    Path("many.csv").write_bytes(HEADER.encode() + lines)
    Path("many.parquet").write_bytes(as_parquet(FRAME.head(1).loc[[0] * 1000]))
    for name, limit in (("many.csv", 100), ("many.parquet", 999)):
        with pytest.raises(
            ReadError, match=rf"^{name}: more than {limit} rows; divide it into smaller files$"
        ) as refused:
            read_counts(name, max_rows=limit)
        assert (refused.value.id, refused.value.parts) == ("file-too-many-rows", {"uri": name, "max_rows": limit})
    assert len(read_counts("many.csv", max_rows=200_000)) == 200_000
    assert len(read_counts("many.parquet", max_rows=1000)) == 1000


class Counted(io.BytesIO):
    """A file that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.taken += len(piece)
        return piece


def test_reading_stops_at_the_limit() -> None:
    file = Counted(HEADER.encode() + FIRST.encode() * 2_000_000)
    with pytest.raises(ReadError, match=r"^c\.csv: more than 2\.0 MB after unpacking") as refused:
        read_counts(file, name="c.csv", max_bytes=2_000_000)
    assert (refused.value.id, refused.value.parts) == ("file-too-large", {"uri": "c.csv", "megabytes": 2.0})
    assert file.taken < 8 * MEGABYTE


@pytest.mark.parametrize("name", PACKED)
def test_a_file_within_its_limits_is_read_whole(name: str) -> None:
    counts = read_counts(io.BytesIO(PACKED[name]()), name=name, max_rows=3, max_bytes=100_000)
    assert_frame_equal(as_text(counts), as_text(EXPECTED))


def test_a_header_of_many_columns_is_read_at_once(clean_place: Path) -> None:
    Path("wide.csv").write_text(",".join(f"c{number}" for number in range(10_000)) + ",c0\n")
    with pytest.raises(SchemaError, match=r"row 1 has the column 'c0' more than once"):
        read_counts("wide.csv")


MEASURED = """
import resource, sys
from bike_traffic.data.files.reading import open_counts
from bike_traffic.data.weather.reading import read_weather
from bike_traffic.errors import BikeTrafficError
import pyarrow.csv, pyarrow.parquet
def used():
    return resource.getrusage(resource.RUSAGE_SELF)
kind, name, max_bytes = sys.argv[1], sys.argv[2], int(sys.argv[3]) or None
before = used()
try:
    if kind == "weather":
        read_weather(name)
    else:
        with open_counts(name, max_bytes=max_bytes) as counts:
            for frame in counts.frames():
                pass
except BikeTrafficError as error:
    print(error)
after = used()
print(after.ru_maxrss - before.ru_maxrss)
"""


def grown(kind: str, name: str, max_bytes: int = 0) -> tuple[str, float]:
    """Read a file in a new process; return what it printed, and by how many MB its peak memory grew."""
    words = [sys.executable, "-c", MEASURED, kind, name, str(max_bytes)]
    *message, kilobytes = subprocess.check_output(words, text=True, timeout=120).splitlines()
    return "\n".join(message), int(kilobytes) / 1024


def bomb(opened: Any, start: bytes, megabytes: int) -> None:
    with opened as file:
        file.write(start)
        for _ in range(megabytes):
            file.write(b"a" * MEGABYTE)


HEADER_TOO_LONG = "row 1 is longer than 64 KiB; it should hold the names of the columns, and end there"
ROW_TOO_LONG = "row 2 is longer than 1 MB; check its quotes"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        pytest.param(b"", HEADER_TOO_LONG, id="the header never ends"),
        pytest.param(HEADER.encode(), ROW_TOO_LONG, id="row 2 never ends"),
        pytest.param(HEADER.encode() + b'"', ROW_TOO_LONG, id="a quoted field never ends"),
    ],
)
@pytest.mark.parametrize("packing", ["gz", "bz2", "xz", "zip"])
def test_a_bomb_is_refused_in_little_memory(clean_place: Path, packing: str, start: bytes, message: str) -> None:
    """150 MB of one line may not cost a third of that."""
    name = f"bomb.csv.{packing}"
    if packing == "zip":
        with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            bomb(archive.open("a.csv", "w"), start, 150)
    else:
        opened: dict[str, Callable[[], Any]] = {
            "gz": lambda: gzip.GzipFile(name, "wb", 1),
            "bz2": lambda: bz2.BZ2File(name, "wb", compresslevel=1),
            "xz": lambda: lzma.LZMAFile(name, "wb", preset=0),  # noqa: SIM115
        }
        bomb(opened[packing](), start, 150)
    printed, megabytes = grown("counts", name)
    assert printed == f"{name}: {message}"
    assert megabytes < 50


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_whose_members_are_unpacked_at_once_is_refused(clean_place: Path, method: int) -> None:
    Path("c.csv.zip").write_bytes(zipped(TEXT.encode(), method))
    message = "c.csv.zip: cannot be opened: the archive is neither deflated nor stored; pack it again without special"
    with pytest.raises(ReadError, match=f"^{re.escape(message)} options$"):
        read_counts("c.csv.zip")


def test_weather_without_an_end_is_refused_in_little_memory(clean_place: Path) -> None:
    bomb(gzip.GzipFile("weather.csv.gz", "wb", 1), b"", 150)
    printed, megabytes = grown("weather", "weather.csv.gz")
    assert printed == f"weather.csv.gz: {HEADER_TOO_LONG}"
    assert megabytes < 50


def test_a_text_that_every_row_repeats_is_held_once(clean_place: Path) -> None:
    """Written out, 100,000 rows of a text of one MB would be 100 GB."""
    table = pa.table(
        {
            HEADERS[0]: pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["a" * MEGABYTE]),
            **{name: ["x"] * 100_000 for name in HEADERS[1:]},
        }
    )
    Path("repeated.parquet").write_bytes(as_parquet(table))
    printed, megabytes = grown("counts", "repeated.parquet")
    assert printed == ""
    assert megabytes < 60


def long_text(megabytes: int) -> pa.Table:
    """Return one row whose first text is long."""
    return pa.table({HEADERS[0]: ["a" * (megabytes * MEGABYTE)], **{name: ["x"] for name in HEADERS[1:]}})


def test_parquet_that_declares_more_bytes_than_allowed_is_refused_in_little_memory(clean_place: Path) -> None:
    Path("large.parquet").write_bytes(as_parquet(long_text(150), compression="zstd", use_dictionary=False))
    assert Path("large.parquet").stat().st_size < MEGABYTE
    printed, megabytes = grown("counts", "large.parquet", 100 * MEGABYTE)
    assert printed == "large.parquet: more than 104.9 MB after unpacking; divide it into smaller files"
    assert megabytes < 60


def varint(number: int, length: int = 0) -> bytes:
    """Return a number as Thrift's compact protocol writes it, in `length` bytes if it would be shorter."""
    left, pieces = number << 1, bytearray()
    while left >> 7 or len(pieces) + 1 < length:
        pieces.append(left & 127 | 128)
        left >>= 7
    return bytes([*pieces, left])


def test_parquet_whose_end_hides_a_large_page_is_refused_in_little_memory(clean_place: Path) -> None:
    """The end of the file declares 200 bytes for the column, whose page takes 150 MB."""
    honest = as_parquet(long_text(150), compression="zstd", use_dictionary=False, write_statistics=False)
    column = parquet.read_metadata(io.BytesIO(honest)).row_group(0).column(0)
    declared = varint(column.total_uncompressed_size)
    end = len(honest) - 8 - int(struct.unpack("<I", honest[-8:-4])[0])
    assert declared in honest[end:]
    Path("lying.parquet").write_bytes(honest[:end] + honest[end:].replace(declared, varint(200, len(declared))))
    lying = parquet.read_metadata("lying.parquet").row_group(0).column(0)
    assert lying.total_uncompressed_size == 200
    printed, megabytes = grown("counts", "lying.parquet", 100 * MEGABYTE)
    assert printed == (
        "lying.parquet: column 'Nom du compteur' has pages of more than 64 MB, or too many; "
        "write the file again with smaller ones"
    )
    assert megabytes < 60


def test_parquet_broken_in_the_middle_or_with_other_text_is_one_line(sample: pd.DataFrame) -> None:
    """Some damage cannot be seen; what is seen is no traceback."""
    whole = as_parquet(sample.head(5000), compression="zstd", use_dictionary=False)
    refused = []
    for start in range(100, len(whole) - 200, len(whole) // 40):
        try:
            read_counts(io.BytesIO(whole[:start] + b"\xff" * 100 + whole[start + 100 :]), name="c.parquet")
        except BikeTrafficError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert [message for message in refused if not re.fullmatch(r"c\.parquet: [^\n]+", message)] == []
    latin = pa.array([b"rue \xe0 gauche"]).view(pa.string())
    table = pa.table({HEADERS[0]: latin, **{name: ["x"] for name in HEADERS[1:]}})
    with pytest.raises(ReadError, match=r"^c\.parquet: cannot be read: Invalid UTF8 "):
        read_counts(io.BytesIO(as_parquet(table)), name="c.parquet")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_the_pages_of_an_honest_file_are_read_to_their_end(
    sample: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, version: str, compression: str
) -> None:
    """They pass as they are, and not where pages may be half as large; bytes that are no header are refused."""
    data = as_parquet(
        sample.head(20_000),
        data_page_version=version,
        compression=compression,
        use_dictionary=False,
        data_page_size=4096,
        write_batch_size=64,
        write_page_index=True,
        write_page_checksum=True,
    )
    metadata = parquet.read_metadata(io.BytesIO(data))
    for index in range(metadata.num_columns):
        chunk = metadata.row_group(0).column(index)
        refuse_large_pages("c.parquet", io.BytesIO(data), chunk)
        monkeypatch.setattr(pages, "LARGEST_PAGE", 4096 // 2)
        with pytest.raises(ReadError, match="has pages of more than"):
            refuse_large_pages("c.parquet", io.BytesIO(data), chunk)
        monkeypatch.undo()
    broken = data[:4] + b"\xff" * 64 + data[68:]
    with pytest.raises(ReadError, match=r"^c\.parquet: (not a Parquet file|column )"):
        refuse_large_pages("c.parquet", io.BytesIO(broken), metadata.row_group(0).column(0))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_open_source_is_named_in_late_messages_too(ending: str) -> None:
    rows = FRAME.loc[[0] * 3]
    data = rows.to_csv(sep=";", index=False).encode() if ending == "csv" else as_parquet(rows)
    with open_counts(io.BytesIO(data), name=f"mine.{ending}") as source:
        assert source.uri == f"mine.{ending}"
        assert sum(map(len, source.frames())) == 3
