"""The page of a reader's file in a real browser: up, checked, predicted, down, and gone; and what is refused."""

from __future__ import annotations

import gzip
import http.client
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Browser, Download, FilePayload, Request, expect

from bike_traffic.app.limits import FILES
from bike_traffic.app.temporary import PREFIX
from tests.app.browsing import WAIT, Reader, reading
from tests.app.conftest import City
from tests.app.serving import Served, serve

pytestmark = pytest.mark.slow

expect.set_options(timeout=WAIT)
MEGABYTE = 1_000_000
MOST = 150
"""Megabytes by which no file may make the process grow; each bomb here is larger by far."""
SECONDS = 60.0


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the temporary files of the app."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def app(city: City, temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the app with temporary files of its own."""
    flags = ("--registry", str(city.registry), "--data", str(city.counts))
    with serve(tmp_path_factory.mktemp("app"), *flags, environ={"TMPDIR": str(temporary)}) as served:
        yield served


@pytest.fixture
def day(city: City) -> pd.DataFrame:
    """Return the counts of the last day of the city."""
    return pd.read_csv(city.counts, sep=";", dtype=str).tail(24 * 8).reset_index(drop=True)


def as_csv(rows: pd.DataFrame) -> bytes:
    return rows.to_csv(sep=";", index=False).encode()


def upload(reader: Reader, name: str, data: bytes) -> None:
    """Upload a file, and wait until the page has checked it."""
    file = FilePayload(name=name, mimeType="text/csv", buffer=data)
    with reader.page.expect_response(lambda answer: "/upload_file/" in answer.url and answer.request.method == "PUT"):
        reader.page.locator("input[type=file]").first.set_input_files([file])
    expect(reader.page.get_by_text(name[-20:], exact=False).first).to_be_visible()
    reader.settle()


def predict(reader: Reader) -> None:
    reader.page.get_by_role("button", name="Predict", exact=True).click()
    expect(reader.page.get_by_text("rows predicted")).to_be_visible()
    reader.settle()


def download(reader: Reader, label: str) -> Download:
    with reader.page.expect_download() as found:
        reader.page.get_by_role("button", name=label).click()
    return found.value


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_goes_up_and_its_predictions_come_down_as_csv_and_parquet(
    browser: Browser, app: Served, day: pd.DataFrame, packed: bool
) -> None:
    data = as_csv(day)
    with reading(browser, app) as reader:
        reader.open("/file?lang=en")
        upload(reader, "day.csv.gz" if packed else "day.csv", gzip.compress(data) if packed else data)
        predict(reader)
        csv, parquet = download(reader, "Predictions as CSV"), download(reader, "Predictions as Parquet")
        assert csv.suggested_filename == "predictions.csv"
        assert parquet.suggested_filename == "predictions.parquet"
        table = pd.read_csv(csv.path(), sep=";")
        assert list(table.columns[:3]) == ["Nom du compteur", "Date et heure de comptage", "Comptage horaire"]
        assert table["Nom du compteur"].tolist() == day["Nom du compteur"].tolist()
        assert table["prediction"].ge(0).all()
        same = pd.read_parquet(parquet.path())
        assert same["prediction"].tolist() == table["prediction"].tolist()
        assert same["Comptage horaire"].astype(int).tolist() == table["Comptage horaire"].tolist()


def test_coming_hours_come_down_and_can_be_predicted(browser: Browser, app: Served) -> None:
    with reading(browser, app) as reader:
        reader.open("/file?lang=en&days=2&place=Pont+du+Vieux+Moulin")
        reader.unfold("No file at hand?")
        made = download(reader, "Download the file").path()
        assert len(pd.read_csv(made, sep=";")) == 2 * 24 * 2
        upload(reader, "hours.csv", made.read_bytes())
        predict(reader)
        assert "96 rows predicted" in reader.text


def test_predictions_are_removed_when_the_session_ends(
    browser: Browser, app: Served, day: pd.DataFrame, temporary: Path
) -> None:
    with reading(browser, app) as reader:
        reader.open("/file?lang=en")
        upload(reader, "day.csv", as_csv(day))
        predict(reader)
        assert len(list(temporary.glob(f"{PREFIX}*"))) == 1
    end = time.monotonic() + SECONDS
    while list(temporary.glob(f"{PREFIX}*")) and time.monotonic() < end:
        time.sleep(0.2)
    assert list(temporary.glob(f"{PREFIX}*")) == []


def test_a_name_is_no_picture_and_no_link(browser: Browser, app: Served, day: pd.DataFrame) -> None:
    name = "![x](img.png) [a](b) <img src=y onerror=alert(1)> *c*.csv"
    with reading(browser, app) as reader:
        reader.open("/file?lang=en")
        upload(reader, name, as_csv(day))
        expect(reader.page.locator("h3").first).to_contain_text(name)
        upload(reader, name, b"")
        expect(reader.page.locator("[data-testid=stAlert]").first).to_contain_text(name)
        assert reader.page.locator("[data-testid=stMain] img").count() == 0


def test_as_many_files_as_a_reader_likes_one_after_the_other(
    browser: Browser, app: Served, day: pd.DataFrame
) -> None:
    """A file that is replaced no longer counts."""
    with reading(browser, app) as reader:
        reader.open("/file?lang=en")
        for number in range(FILES + 2):
            upload(reader, f"file-{number}.csv", as_csv(day))
            expect(reader.page.locator("h3").first).to_contain_text(f"file-{number}.csv")


@pytest.mark.parametrize(("width", "dark", "language"), [(1366, True, "fr"), (390, False, "fr"), (320, True, "en")])
def test_the_page_fits_any_window(
    browser: Browser, app: Served, day: pd.DataFrame, width: int, language: str, *, dark: bool
) -> None:
    with reading(browser, app, width=width, dark=dark) as reader:
        reader.open(f"/file?lang={language}")
        upload(reader, "day.csv", as_csv(day))
        reader.page.get_by_role("button", name="Predict" if language == "en" else "Prévoir", exact=True).click()
        expect(reader.page.locator("[data-testid=stMetricValue]").first).to_be_visible()
        reader.settle()
        assert not reader.is_too_wide()


def rows(number: int) -> Iterator[bytes]:
    yield b"Nom du compteur;Date et heure de comptage;Coordonn\xc3\xa9es g\xc3\xa9ographiques\n"
    row = b"12 quai des Hirondelles N-S;2024-11-30T08:00:00+01:00;48.89246,2.35612\n"
    for _ in range(number // 10_000):
        yield row * 10_000


def letters(number: int) -> Iterator[bytes]:
    for _ in range(number // MEGABYTE):
        yield b"x" * MEGABYTE


def packed(pieces: Iterator[bytes]) -> bytes:
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join([*(pack.compress(piece) for piece in pieces), pack.flush()])


def long_row() -> Iterator[bytes]:
    yield from rows(10_000)
    yield from letters(1000 * MEGABYTE)


def test_a_file_that_only_looks_small_is_one_line_and_little_memory(browser: Browser, app: Served) -> None:
    """Each unpacks to a gigabyte: one line without an end, one endless row, and fifteen million rows."""
    bombs = {"line": letters(1000 * MEGABYTE), "row": long_row(), "rows": rows(15_000_000)}
    with reading(browser, app) as reader:
        reader.open("/file?lang=en")
        for name, pieces in bombs.items():
            data = packed(pieces)
            message = reader.page.locator("[data-testid=stAlert]").first
            with little_memory(app):
                upload(reader, f"{name}.csv.gz", data)
                expect(message).to_contain_text(f"{name}.csv.gz: ")
            assert "\n" not in message.inner_text().strip()


class little_memory:  # noqa: N801  # used like a function
    """Fail if the process of the app grows by more than `MOST` inside the block."""

    def __init__(self, app: Served) -> None:
        self._folder = Path(f"/proc/{app.process.pid}")

    def __enter__(self) -> None:
        (self._folder / "clear_refs").write_text("5")  # forget the peak so far
        self._before = self._peak()

    def __exit__(self, *error: object) -> None:
        grown = self._peak() - self._before
        assert grown < MOST, f"{grown:.0f} MB"

    def _peak(self) -> float:
        lines = (self._folder / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / MEGABYTE


def test_a_session_holds_few_files_and_no_endless_one(browser: Browser, app: Served, day: pd.DataFrame) -> None:
    """Of 60 files at addresses of one's own all but the first are refused, and so is a body without a length."""
    sent: list[Request] = []
    with reading(browser, app) as reader:
        reader.open("/file?lang=en")
        reader.page.on("request", lambda request: sent.append(request) if request.method == "PUT" else None)
        upload(reader, "day.csv", as_csv(day))
        headers = sent[0].all_headers()
        path = urlsplit(sent[0].url).path.rpartition("/")[0]
        with little_memory(app):
            answers = [put(app, f"{path}/own-{number}", headers, 5 * MEGABYTE) for number in range(60)]
        assert answers == [204] * (FILES - 1) + [413] * (60 - FILES + 1)
        with little_memory(app):
            assert put(app, f"{path}/own-0", headers, 400 * MEGABYTE) == 413
        expect(reader.page.locator("h3").first).to_contain_text("day.csv")


def put(app: Served, path: str, headers: Mapping[str, str], size: int) -> int:
    """Send a file of some bytes in chunks without saying its length, and return the status of the answer."""
    connection = http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=SECONDS)
    kept = ("cookie", "x-xsrftoken", "origin")
    connection.putrequest("PUT", path)
    for name in kept:
        if name in headers:
            connection.putheader(name, headers[name])
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    try:
        for piece in (head, *letters(size), b"\r\n--b--\r\n"):
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):  # the server has answered, and reads no more
        pass
    try:
        return connection.getresponse().status
    finally:
        connection.close()
