"""Requests to web servers.

A server that is silent, slow, or sends more than is expected cannot keep a command waiting, or fill its memory: each
answer has a deadline and a limit, and so has what it unpacks to. Ranges are never asked for: portals announce them
and send the whole file.
"""

from __future__ import annotations

import io
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request

from bike_traffic.http.deadlines import Deadline, opener
from bike_traffic.http.errors import HttpBrokenOff, HttpError, HttpStatus
from bike_traffic.http.messages import said_in, without_secrets

SILENT_SECONDS = 30.0
SLOWEST = 10_000
"""Bytes per second on average, once `SILENT_SECONDS` have passed."""
_BLOCK = 1 << 16
_LONGEST_ERROR = 1 << 16
_URL_SIGNS = "%/:?#[]@!$&'()*+,;=~"
"""What stands in an address as it is; everything else, such as a space or an accent, is written as ``%20``."""


def blocks(url: str, limit: int | None = None, silent_seconds: float = SILENT_SECONDS) -> Iterator[bytes]:
    """Yield the content at a URL in blocks.

    Parameters
    ----------
    limit : the most bytes of the content; ``None`` takes any number.
    silent_seconds : how long the server may be silent.

    Raises
    ------
    HttpStatus
        The server answers with an error.
    HttpBrokenOff
        The answer ends before its end.
    HttpError
        The server does not answer, is slower than `SLOWEST`, or sends more than `limit` bytes.
    """
    waited, total, sent = 0.0, 0, 0
    deadline = Deadline(silent_seconds)
    with _answer("GET", url, silent_seconds, deadline) as answer:
        unpack = _Unpacking(answer.headers.get("Content-Encoding", ""))
        while True:
            asked = time.monotonic()
            time_left = silent_seconds + sent / SLOWEST - waited
            deadline.extend(min(time_left, silent_seconds))
            try:
                block = answer.read1(_BLOCK)
            except TimeoutError:
                if time_left < silent_seconds:
                    raise _too_slow() from None
                raise
            waited += time.monotonic() - asked  # what the reader does between two blocks is not the server's time
            if not block:
                break
            sent += len(block)
            if waited > silent_seconds + sent / SLOWEST:
                raise _too_slow()
            if limit is not None and sent > limit + limit // 100 + _BLOCK:  # what cannot be packed grows a little
                raise _too_long(limit)
            for content in unpack(block):
                total += len(content)
                if limit is not None and total > limit:
                    raise _too_long(limit)
                yield content
        expected = answer.headers.get("Content-Length")
        if expected is not None and expected.isdecimal() and int(expected) != sent:
            raise HttpBrokenOff(f"the server sends {sent:,} of {int(expected):,} bytes")
        if not unpack.complete:
            raise HttpBrokenOff("the server sends only the beginning")


def _too_slow() -> HttpError:
    return HttpError(f"the server sends less than {SLOWEST // 1000} kB a second")


def _too_long(limit: int) -> HttpError:
    return HttpError(f"the server sends more than {limit:,} bytes")


def validator(url: str) -> str | None:
    """Return what changes with the content at a URL, from its headers; ``None`` if the server says nothing of it.

    Raises
    ------
    HttpError
    """
    with _answer("HEAD", url, SILENT_SECONDS, Deadline(SILENT_SECONDS)) as answer:
        if tag := answer.headers.get("ETag"):
            return str(tag)
        time_of, size = answer.headers.get("Last-Modified"), answer.headers.get("Content-Length")
    return f"{time_of} {size}" if time_of and size else None


class HttpFile(io.RawIOBase):
    """The content at a URL as a file that is read once, from its beginning to its end; raises as `blocks` does."""

    def __init__(self, url: str, silent_seconds: float) -> None:
        self._blocks = blocks(url, None, silent_seconds)
        self._left = next(self._blocks, b"")  # so that a refusal is an error of opening

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer, or a part of it."""
        if not self._left:
            self._left = next((block for block in self._blocks if block), b"")
        view = memoryview(buffer).cast("B")
        piece, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """End the request."""
        self._blocks.close()  # type: ignore[attr-defined]
        super().close()


@contextmanager
def _answer(
    method: Literal["GET", "HEAD"], url: str, silent_seconds: float, deadline: Deadline
) -> Iterator[HTTPResponse]:
    """Send a request, and turn every error into one line without the URL; the headers must come by the deadline."""
    try:
        parts = urlsplit(quote(url, safe=_URL_SIGNS))
        user, _, host = parts.netloc.rpartition("@")
        request = Request(urlunsplit(parts._replace(netloc=host)), method=method)
        request.add_header("User-Agent", "bike-traffic")
        if method == "GET":
            request.add_header("Accept-Encoding", "gzip")
        if user:  # unredirected: another server does not get it
            name = b64encode(unquote(user).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {name}")
        with opener(deadline).open(request, timeout=silent_seconds) as answer:
            yield answer
    except HTTPError as error:
        with error:
            raise _refusal(error, url) from None
    except IncompleteRead:
        raise HttpBrokenOff("the server sends only the beginning") from None
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HttpError):
            raise
        silent = isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)
        said = f"the server was silent for {silent_seconds:.0f} s" if silent else "no server answers"
        raise HttpError(said) from None  # the text may contain the request


def _refusal(error: HTTPError, url: str) -> HttpStatus:
    """Return the error of an answer, with the reason and the time that its body or its headers give."""
    said, again = "", None
    try:
        unpack = _Unpacking(error.headers.get("Content-Encoding", ""))
        said, again = said_in(b"".join(unpack(error.read(_LONGEST_ERROR)))[:_LONGEST_ERROR])
    except (OSError, HTTPException):  # the status says enough
        pass
    if not said:
        said = HTTPStatus(error.code).phrase if error.code in set(HTTPStatus) else "no reason"
    return HttpStatus(error.code, without_secrets(said, url), again or error.headers.get("Retry-After"))


def _gunzip() -> Any:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


class _Unpacking:
    """Unpack blocks as the header ``Content-Encoding`` says, `_BLOCK` bytes at a time."""

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise HttpError(f"the server sends it packed by '{encoding[:20]}', which was not asked for")
        self._gzip = _gunzip() if "gzip" in encoding else None

    def __call__(self, block: bytes) -> Iterator[bytes]:
        if self._gzip is None:
            yield block
            return
        try:
            while True:
                if self._gzip.eof:  # a second file in gzip may follow the first
                    self._gzip = _gunzip()
                content = self._gzip.decompress(block, _BLOCK)
                yield content
                block = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
                if not block and len(content) < _BLOCK:
                    return
        except zlib.error:
            raise HttpError("what the server sends cannot be unpacked") from None

    @property
    def complete(self) -> bool:
        """Return whether the end of what was packed has come."""
        return self._gzip is None or self._gzip.eof
