"""Requests to a web server that publishes a registry.

A server that is silent, slow, or sends more than is expected cannot keep a command waiting, or fill its memory: each
answer has a deadline and a limit, and so has what it unpacks to.
"""

from __future__ import annotations

import time
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Literal
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from bike_traffic.errors import RegistryUnavailable
from bike_traffic.registry_backends.store import StoreMissing

SILENT_SECONDS = 30.0
SLOWEST = 10_000
"""Bytes per second on average, once `SILENT_SECONDS` have passed."""
_BLOCK = 1 << 16
_MISSING = (404, 410)


def blocks(url: str, limit: int) -> Iterator[bytes]:
    """Yield the content at a URL in blocks.

    Raises
    ------
    StoreMissing
    RegistryUnavailable
        The server refuses or does not answer, is slower than `SLOWEST`, or sends more than `limit` bytes.
    """
    started, total, sent = time.monotonic(), 0, 0
    with _answer("GET", url) as answer:
        unpack = _Unpacking(answer.headers.get("Content-Encoding", ""), url)
        while block := answer.read1(_BLOCK):
            sent += len(block)
            if time.monotonic() - started > SILENT_SECONDS + sent / SLOWEST:
                raise _unavailable(url, f"the server sends less than {SLOWEST // 1000} kB a second")
            for content in unpack(block):
                total += len(content)
                if total > limit:
                    raise _unavailable(url, f"the server sends more than {limit:,} bytes")
                yield content
        expected = answer.headers.get("Content-Length")
        if expected is not None and int(expected) != sent:
            raise _unavailable(url, f"the server sends {sent:,} of {int(expected):,} bytes")


def validator(url: str) -> str | None:
    """Return what changes with the content at a URL, from its headers; ``None`` if the server says nothing of it.

    Raises
    ------
    StoreMissing, RegistryUnavailable
    """
    with _answer("HEAD", url) as answer:
        if tag := answer.headers.get("ETag"):
            return str(tag)
        time_of, size = answer.headers.get("Last-Modified"), answer.headers.get("Content-Length")
    return f"{time_of} {size}" if time_of and size else None


@contextmanager
def _answer(method: Literal["GET", "HEAD"], url: str) -> Iterator[HTTPResponse]:
    """Send a request, and turn every error into one line without the secrets of the URL."""
    try:
        parts = urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        request = Request(urlunsplit(parts._replace(netloc=host)), method=method)
        if method == "GET":
            request.add_header("Accept-Encoding", "gzip")
        if user:  # unredirected: another server does not get it
            name = b64encode(unquote(user).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {name}")
        with urlopen(request, timeout=SILENT_SECONDS) as answer:
            yield answer
    except HTTPError as error:
        with error:
            if error.code in _MISSING:
                raise StoreMissing(f"{url} does not exist") from None
            refused = error.code in (401, 403)
        raise _unavailable(
            url, "the server refuses to show it" if refused else f"the server answers {error.code}"
        ) from None
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, RegistryUnavailable):
            raise
        silent = isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)
        said = f"the server was silent for {SILENT_SECONDS:.0f} s" if silent else "no server answers"
        raise _unavailable(url, said) from None  # the text may contain the request


class _Unpacking:
    """Unpack blocks as the header ``Content-Encoding`` says, `_BLOCK` bytes at a time."""

    def __init__(self, encoding: str, url: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise _unavailable(url, f"the server sends it packed by '{encoding[:20]}', which was not asked for")
        self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in encoding else None
        self._url = url

    def __call__(self, block: bytes) -> Iterator[bytes]:
        if self._gzip is None:
            yield block
            return
        try:
            while block:
                yield self._gzip.decompress(block, _BLOCK)
                block = self._gzip.unconsumed_tail
        except zlib.error:
            raise _unavailable(self._url, "what the server sends cannot be unpacked") from None


def _unavailable(url: str, reason: str) -> RegistryUnavailable:
    return RegistryUnavailable(f"{url}: {reason}", "web-error", where=url, reason=reason)
