"""No server keeps a command waiting beyond its deadline, byte by byte either, or sends more than the limit."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from bike_traffic.http.client import blocks
from bike_traffic.http.errors import HttpError, HttpStatus

SILENT = 0.5
LONGEST = 30.0
"""Seconds after which a server of these tests gives up."""


@contextmanager
def answering(send: Callable[[Callable[[bytes], None]], None]) -> Iterator[str]:
    """Serve one connection, whose answer `send` writes as it likes; give the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                client, _ = server.accept()
                with client:
                    client.recv(65536)
                    send(client.sendall)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/a.csv"
    thread.join(LONGEST)


def silent(write: Callable[[bytes], None]) -> None:
    """Send nothing for longer than a server may be silent."""
    time.sleep(5 * SILENT)


def slowly(data: bytes, first: bytes = b"") -> Callable[[Callable[[bytes], None]], None]:
    """Return what sends `first` at once and then a byte now and then, again and again."""

    def send(write: Callable[[bytes], None]) -> None:
        write(first)
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            for place in range(len(data)):
                write(data[place : place + 1])
                time.sleep(SILENT / 5)

    return send


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("send", "message"),
    [
        (silent, "the server was silent for 0 s"),
        (slowly(b"HTTP/1.1 200 OK"), "the server was silent for 0 s"),
        (slowly(b"X-More: headers\r\n", HEAD), "the server was silent for 0 s"),
        (slowly(b"a", HEAD + b"Content-Length: 1000000\r\n\r\n"), "the server sends less than 10 kB a second"),
        (
            slowly(b"1;extension", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
            "the server was silent for 0 s",
        ),
        (slowly(b"gone", b"HTTP/1.1 404 Not Found\r\n\r\n"), "the server answers 404"),
    ],
    ids=["silent", "status", "headers", "body", "chunk", "error"],
)
def test_a_slow_answer_ends_at_the_deadline(send: Callable[..., None], message: str) -> None:
    with answering(send) as url, pytest.raises(HttpError, match=f"^{message}$"):
        list(blocks(url, None, SILENT))


def sending(body: bytes, headers: bytes) -> Callable[[Callable[[bytes], None]], None]:
    """Return what sends `body` without end."""

    def send(write: Callable[[bytes], None]) -> None:
        write(HEAD + headers + b"\r\n")
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            write(body)

    return send


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"a" * 65536, b""),
        (gzip.compress(b"a" * 10_000_000), b"Content-Encoding: gzip\r\n"),
        (gzip.compress(b"") * 5000, b"Content-Encoding: gzip\r\n"),
    ],
    ids=["endless", "unpacks to more", "unpacks to nothing"],
)
def test_neither_a_body_nor_what_it_unpacks_to_is_longer_than_the_limit(body: bytes, headers: bytes) -> None:
    with (
        answering(sending(body, headers)) as url,
        pytest.raises(HttpError, match=r"^the server sends more than 1,000,000 bytes$"),
    ):
        list(blocks(url, 1_000_000, LONGEST))


def test_a_whole_answer_is_given() -> None:
    def send(write: Callable[[bytes], None]) -> None:
        write(HEAD + b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n")
        packed = gzip.compress(b"hello")
        write(f"{len(packed):x}\r\n".encode() + packed + b"\r\n0\r\n\r\n")

    with answering(send) as url:
        assert b"".join(blocks(url, 5, LONGEST)) == b"hello"


def test_an_error_of_a_server_is_its_status() -> None:
    with (
        answering(lambda write: write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")) as url,
        pytest.raises(HttpStatus, match=r"^the server refuses to show it$"),
    ):
        list(blocks(url, None, LONGEST))
