"""Credentials that a program passes: they reach the cloud, stay in memory, and are shown nowhere."""

from __future__ import annotations

import logging
import re
import tempfile
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import bike_traffic
from bike_traffic.api import open_registry
from bike_traffic.errors import BikeTrafficError, RegistryUnavailable, SettingsError
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.workspace import Workspace
from tests.conftest import Bt
from tests.registry_backends.conftest import NewCloud
from tests.registry_backends.test_object_stores import whole
from tests.servers import Cloud, answer, refusing_server, serving, token_server
from tests.test_registry import make_record, register

SECRET = "3xtrem3lyS3cret"


@pytest.fixture(scope="module")
def private_key() -> str:
    """Return a private key as Google's key files hold it."""
    return (
        rsa.generate_private_key(65537, 2048)
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


@pytest.fixture
def tokens() -> Iterator[tuple[str, list[bytes]]]:
    with token_server() as server:
        yield server


@pytest.fixture
def credentials(private_key: str, tokens: tuple[str, list[bytes]]) -> dict[str, dict[str, Any]]:
    """Return usable credentials of each backend."""
    return {
        "gcs": {
            "type": "service_account",
            "client_email": "app@project.example",
            "private_key": private_key,
            "private_key_id": SECRET,
            "token_uri": f"{tokens[0]}/token",
        },
        "s3": {"key": "AKIATESTING", "secret": SECRET},
    }


Nowhere = Callable[..., None]


@pytest.fixture
def nowhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    private_key: str,
) -> Nowhere:
    """Return a function that finds no secret in texts, output, logs of every level, and all written files."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    secrets = [SECRET, *private_key.splitlines()[1:-1]]

    def check(*texts: str) -> None:
        written = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
        shown = [*texts, *capfd.readouterr(), caplog.text, *written]
        assert [secret for secret in secrets if any(secret in text for text in shown)] == []

    return check


def endpoint(cloud: Cloud, url: str) -> None:
    """Name the server of a bucket in the settings of this folder."""
    Path("bt.toml").write_text(f'[backends.{cloud.backend}]\nendpoint_url = "{url}"\n')


def chain(error: BaseException | None) -> Iterator[str]:
    """Yield what an error and each one behind it say, and its traceback."""
    while error is not None:
        yield f"{error} {error!r} {error.__dict__}"
        yield "".join(traceback.format_exception(error))
        error = error.__cause__ or error.__context__


def test_credentials_open_the_registry_and_are_shown_nowhere(
    cloud: Cloud,
    credentials: dict[str, dict[str, Any]],
    tokens: tuple[str, list[bytes]],
    nowhere: Nowhere,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = register(cloud.open(), make_record())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    endpoint(cloud, cloud.url)
    version = (
        cloud.open(key="AKIATESTING", secret=SECRET).version() if cloud.backend == "s3" else cloud.open().version()
    )
    workspace = Workspace.open(registry=cloud.uri, credentials=credentials[cloud.backend])
    assert workspace.registry.best("r2", Query()) == record
    assert workspace.registry.version() == version
    workspace.pull(record, Path("pulled"))
    assert list(open_registry(cloud.uri, credentials=credentials[cloud.backend]).records(EVERYTHING)) == [record]
    assert cloud.backend == "s3" or all(body.startswith(b"assertion=") for body in tokens[1])
    assert cloud.backend == "s3" or tokens[1]
    nowhere(repr(workspace), repr(workspace.settings), repr(workspace.registry))


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused_are_shown_nowhere(
    cloud: Cloud, credentials: dict[str, dict[str, Any]], nowhere: Nowhere, status: int
) -> None:
    """The server repeats in its answer what it was sent."""
    with refusing_server(status) as url:
        endpoint(cloud, url)
        registry = open_registry(cloud.uri, credentials=credentials[cloud.backend])
        for ask in (registry.version, registry.events, lambda: registry.append(make_record())):
            with pytest.raises(RegistryUnavailable) as caught:
                ask()
            nowhere(*chain(caught.value))


def test_a_key_that_is_refused_a_token_is_tried_once_and_shown_nowhere(
    new_cloud: NewCloud, credentials: dict[str, dict[str, Any]], nowhere: Nowhere
) -> None:
    cloud = new_cloud("gcs")
    endpoint(cloud, cloud.url)
    asked = []

    def refuse(client: BaseHTTPRequestHandler) -> None:
        asked.append(client.rfile.read(int(client.headers["Content-Length"])))
        data = b'{"error": {"code": 401, "message": "%b"}}' % asked[-1]
        answer(client, 401, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], data)

    with serving(refuse) as url:
        registry = open_registry(cloud.uri, credentials=credentials["gcs"] | {"token_uri": f"{url}/token"})
        with pytest.raises(RegistryUnavailable, match="Google does not accept these credentials") as caught:
            registry.events()
    assert len(asked) == 1
    nowhere(*chain(caught.value))


BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing": (
        "gcs",
        {},
        "credentials of backend 'gcs' must be the key of a service account; there is no client_email, "
        "no private_key, no token_uri",
    ),
    "a key under another name": (
        "gcs",
        {"client_email": "a", "token_uri": "b", SECRET: SECRET, "private_key": 1},
        "credentials of backend 'gcs' must be the key of a service account; there is no private_key",
    ),
    "a key that is none": (
        "gcs",
        {"client_email": "a", "token_uri": "b", "private_key": SECRET},
        "Google Cloud Storage: the credentials are not the key of a service account that can be used",
    ),
    "half a key": (
        "s3",
        {"key": SECRET},
        "credentials of backend 's3' must be key and secret, and token for a session; there is no secret",
    ),
}


@pytest.mark.parametrize(("backend", "broken", "message"), BROKEN.values(), ids=BROKEN)
def test_credentials_that_lack_something_are_refused_in_one_line(
    backend: str, broken: dict[str, Any], message: str, nowhere: Nowhere
) -> None:
    scheme = {"gcs": "gs", "s3": "s3"}[backend]
    with pytest.raises(BikeTrafficError, match=whole(message)) as caught:
        open_registry(f"{scheme}://bucket/models/summary.json", credentials=broken)
    nowhere(*chain(caught.value))


@pytest.mark.parametrize("backend", ["local", "web", "mlflow"])
def test_a_backend_that_takes_no_credentials_says_so(backend: str, nowhere: Nowhere) -> None:
    uri = {"local": "models", "web": "http://127.0.0.1:1/", "mlflow": "mlflow+http://127.0.0.1:1"}[backend]
    message = whole(f"backend '{backend}' takes no credentials, so that none can be passed to it")
    for use in (
        lambda: open_registry(uri, credentials={"key": SECRET}),
        lambda: bike_traffic.load_best("rf", registry=uri, credentials={"key": SECRET}),
    ):
        with pytest.raises(SettingsError, match=message) as caught:
            use()
        nowhere(*chain(caught.value))


@pytest.mark.parametrize("backend", ["gcs", "s3"])
def test_credentials_are_no_option_of_the_settings(bt: Bt, backend: str) -> None:
    """A file is the wrong place for them."""
    Path("bt.toml").write_text(
        f'[profiles.dev]\nbackend = "{backend}"\n'
        f'[backends.{backend}]\nregistry = "{ {"gcs": "gs", "s3": "s3"}[backend] }://b/m"\ncredentials = "x"\n'
    )
    done = bt("registry", "list")
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.match(rf"Error: \[backends\.{backend}\] in .*: no option of backend '{backend}' 'cred", done.stderr)
