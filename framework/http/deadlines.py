"""Connections that end at a deadline, also when a server sends a byte now and then, in its headers too."""

from __future__ import annotations

import io
import socket
import time
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener


class Deadline:
    """The time until which a server may keep its client waiting; whoever reads moves it on."""

    def __init__(self, seconds: float) -> None:
        self.extend(seconds)

    def extend(self, seconds: float) -> None:
        """Move the deadline to so many seconds from now."""
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left; raise `TimeoutError` if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def opener(deadline: Deadline) -> OpenerDirector:
    """Return what opens addresses as `urllib.request.urlopen` does, within a deadline."""
    return build_opener(_HttpHandler(deadline), _HttpsHandler(deadline))


class _HttpHandler(HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_Timed, self._deadline), req)


class _HttpsHandler(HTTPSHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_SafeConnection, self._deadline), req)


class _Timed(HTTPConnection):
    """A connection whose answers are read within a deadline, those of a proxy too."""

    def __init__(self, deadline: Deadline, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self._deadline = deadline
        self.response_class = self._answer  # type: ignore[assignment]

    def _answer(self, sock: socket.socket, *arguments: Any, **words: Any) -> HTTPResponse:
        return HTTPResponse(cast(socket.socket, _TimedSocket(sock, self._deadline)), *arguments, **words)

    def connect(self) -> None:
        self.timeout = self._deadline.left()
        super().connect()


class _SafeConnection(_Timed, HTTPSConnection):
    pass


class _TimedSocket:
    """What an answer needs of a socket: a file to read it from."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002  # always "rb"
        return io.BufferedReader(_TimedFile(self._sock, self._deadline))


class _TimedFile(io.RawIOBase):
    """The bytes of a socket; each wait for some ends at the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._sock.settimeout(self._deadline.left())
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()
