"""The format of a table by its first bytes; its name decides nothing."""

from __future__ import annotations

import io

from bike_traffic.data.files.formats.packing import START_BYTES
from bike_traffic.data.files.unpacking import reading_the_start
from bike_traffic.errors import ReadError
from bike_traffic.http.messages import page_title, without_secrets

CSV, JSON, PARQUET = "csv", "json", "parquet"

_PARQUET = (b"PAR1", b"PARE")
_BLANK = b"\xef\xbb\xbf \t\r\n"


def format_of(uri: str, file: io.BufferedReader, address: str = "") -> str:
    """Return the format of an unpacked file without moving in it.

    Parameters
    ----------
    address : where the file comes from; its secrets are not shown, should the file repeat them.

    Raises
    ------
    ReadError
        The file cannot be read, or is a page, as servers send it in place of what was asked for.
    """
    with reading_the_start(uri):
        start = file.peek(START_BYTES)[:START_BYTES]
    if start.startswith(_PARQUET):
        return PARQUET
    text = start.lstrip(_BLANK)
    if text.startswith((b"[", b"{")):
        return JSON
    if text.startswith(b"<"):
        title = without_secrets(page_title(text.decode("utf-8", "replace")), address)
        raise ReadError(
            f"{uri}: an HTML or XML page, not a table: '{title}'; ask for the data as CSV, Parquet or JSON",
            "file-is-page",
            uri=uri,
            title=title,
        )
    return CSV
