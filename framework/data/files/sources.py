"""Open a source of bytes: a local file, any URL, standard input, or a file that is open already."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from bike_traffic.addresses import is_web
from bike_traffic.data.files.folders.filesystem import filesystem_of, reason_of
from bike_traffic.errors import ReadError

STANDARD_INPUT = "-"

SILENT_SECONDS = 120.0
"""How long a web server may be silent: a portal makes an export before it sends the first byte."""

_ELSEWHERE = re.compile("://|::")
"""Is in addresses that fsspec opens; a path is opened without it, whose import takes as long as a small file."""
_MISSING, _REFUSED, _TOO_MANY, _SERVER_FAILS = (404, 410), (401, 403), 429, 500


def opened(source: str | IO[bytes], shown: str, closing: ExitStack) -> IO[bytes]:
    """Return the bytes of a source as they are; what is opened for them is closed with `closing`.

    Raises
    ------
    ReadError
        A web server does not send the file.
    OSError, ValueError, ImportError
    """
    if not isinstance(source, str):
        return source
    if source == STANDARD_INPUT:
        return sys.stdin.buffer
    if is_web(source):
        return _downloaded(source, shown, closing)
    if not _ELSEWHERE.search(source):
        return closing.enter_context(Path(source).expanduser().open("rb"))
    try:
        filesystem, path = filesystem_of(source)
        file: IO[bytes] = closing.enter_context(filesystem.open(path, "rb"))
    except (OSError, ValueError, ImportError, RuntimeError):
        raise
    except Exception as error:  # each kind of storage has its own errors
        raise OSError(reason_of(error)) from None
    return file


def _downloaded(url: str, shown: str, closing: ExitStack) -> IO[bytes]:
    from bike_traffic.http.client import HttpFile
    from bike_traffic.http.errors import HttpStatus

    try:
        file: Any = closing.enter_context(HttpFile(url, SILENT_SECONDS))
    except HttpStatus as error:
        raise refused(shown, error.status, error.said, error.again) from None
    unbuffered: IO[bytes] = file
    return unbuffered


def refused(uri: str, status: int, said: str, again: str | None) -> ReadError:
    """Return the error of a status, with what the server says and what to do."""
    if status in _MISSING:
        return ReadError(f"{uri}: no such file: the server answers {status}", "http-missing", uri=uri, status=status)
    if status in _REFUSED:
        return ReadError(
            f"{uri}: the server refuses to show it ({status}: {said})",
            "http-refused",
            uri=uri,
            status=status,
            reason=said,
        )
    if status == _TOO_MANY and again is not None:
        when = f"in {again} s" if again.isdecimal() else f"at {again}"
        return ReadError(
            f"{uri}: the server takes no more requests ({status}: {said}); it does again {when}",
            "http-too-many",
            uri=uri,
            status=status,
            reason=said,
            again=f"{again} s" if again.isdecimal() else again,
        )
    advice = "; try again later" if status == _TOO_MANY or status >= _SERVER_FAILS else ""
    return ReadError(
        f"{uri}: the server answers {status}: {said}{advice}", "http-status", uri=uri, status=status, reason=said
    )
