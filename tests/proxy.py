"""A proxy on loopback for the tests, which cuts connections, drops conditions and refuses requests."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any

import attrs

from tests.servers import answer, serving

ANSWER_SECONDS = 60.0
_NOT_RELAYED = {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@attrs.define
class Proxy:
    """A proxy between a client and a server, which counts requests and makes the trouble that it is told to make.

    Parameters
    ----------
    upstream : address of the server.
    cut : share of the requests that get no answer, half of them after the server has given it.
    loses : number of the one request, counted from 0, whose answer is lost after the server has given it.
    forgets : conditions (headers, words of the query) that do not reach the server.
    adds : text added to every query, such as a page size.
    corrupts : what is replaced by what in every answer, as a fault on the way may.
    refuses : requests (``b"METHOD path\\nbody"``) that are answered with 403.
    """

    upstream: str
    cut: float = 0.0
    loses: int | None = None
    forgets: re.Pattern[str] | None = None
    adds: str = ""
    refuses: re.Pattern[bytes] | None = None
    corrupts: tuple[bytes, bytes] | None = None
    requests: list[str] = attrs.field(factory=list)
    """Method and path of each request, in the order of arrival."""
    fates: Counter[str] = attrs.field(factory=Counter)
    _chance: random.Random = attrs.field(factory=lambda: random.Random(0))
    _lock: Any = attrs.field(factory=threading.Lock)

    def fate(self, request: str) -> str:
        """Note a request, and decide when it is cut."""
        with self._lock:
            drawn = self._chance.random()
            fate = "before" if drawn < self.cut / 2 else "after" if drawn < self.cut else "answered"
            if len(self.requests) == self.loses:
                fate = "after"
            self.requests.append(request)
            self.fates[fate] += 1
        return fate

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Hand a request to the server, and return its answer."""
        if self.refuses and self.refuses.search(f"{method} {path}\n".encode() + body):
            return 403, [], b"<Error><Code>AccessDenied</Code></Error>"
        if self.forgets:
            headers = {name: value for name, value in headers.items() if not self.forgets.match(name.lower())}
            path = "&".join(word for word in path.split("&") if not self.forgets.match(word))
        if "?" in path:
            path += self.adds
        connection = HTTPConnection(self.upstream.removeprefix("http://"), timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, answer.getheaders(), data.replace(*self.corrupts) if self.corrupts else data
        finally:
            connection.close()


@contextmanager
def proxied(proxy: Proxy) -> Iterator[str]:
    """Run a proxy, and give its address."""

    def relay(client: BaseHTTPRequestHandler) -> None:
        body = client.rfile.read(int(client.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in client.headers.items() if name.lower() not in _NOT_RELAYED}
        fate = proxy.fate(f"{client.command} {client.path}")
        client.close_connection = fate != "answered"
        if fate == "before":
            return
        status, answered, data = proxy.ask(client.command, client.path, headers, body)
        if fate == "after":
            return
        length = dict(answered).get("Content-Length", "0") if client.command == "HEAD" else str(len(data))
        kept = [(name, value) for name, value in answered if name.lower() not in _NOT_RELAYED]
        answer(client, status, [*kept, ("Content-Length", length)], data)

    with serving(relay) as url:
        yield url
