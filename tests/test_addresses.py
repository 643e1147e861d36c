"""Passwords and signatures in addresses are used, and shown nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bike_traffic.addresses import shown
from bike_traffic.errors import BikeTrafficError
from bike_traffic.registry.queries import Query
from bike_traffic.registry_backends.web import WebRegistry
from tests.conftest import Bt
from tests.servers import answer, serving
from tests.test_registry import local_registry, make_record, register

SECRET = "3xtrem3lyS3cret"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models/summary.json", "models/summary.json"),
        ("what is a?b@c", "what is a?b@c"),
        ("https://me:pass@h.org/a.csv?sig=X#y", "https://h.org/a.csv"),
        ("https://me:p%40ss@h.org:81/a@b/c: no server answers", "https://h.org:81/a@b/c: no server answers"),
        ("https://h.org/a?sig=X: the server answers 500; retry", "https://h.org/a: the server answers 500; retry"),
        ("from gs://b/a.csv to s3://k:s@b/c?x.", "from gs://b/a.csv to s3://b/c."),
        ("'https://u:p@h/x?y' and \"https://u@h\"", "'https://h/x' and \"https://h\""),
        ("mlflow+http://u:p@127.0.0.1:5000", "mlflow+http://127.0.0.1:5000"),
        ("a registry at http(s)://…, not at x", "a registry at http(s)://…, not at x"),
        ("http://a@b@h/", "http://h/"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
    ],
)
def test_an_address_is_shown_without_user_password_query_and_fragment(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_no_error_shows_a_secret_of_an_address() -> None:
    error = BikeTrafficError(f"https://me:{SECRET}@h/a?sig={SECRET}: gone", "x", uri=f"https://{SECRET}@h/a", rows=3)
    assert error.to_json() == {"id": "x", "message": "https://h/a: gone", "parts": {"uri": "https://h/a", "rows": 3}}


@pytest.fixture
def signed() -> Iterator[str]:
    """Publish ``models`` for those who give the password and the signature, and give the address with both."""

    def handle(client: BaseHTTPRequestHandler) -> None:
        path, _, query = client.path.partition("?")
        known = client.headers.get("Authorization", "").startswith("Basic ") and query == f"sig={SECRET}"
        file = Path("models" + path)
        data = file.read_bytes() if known and file.is_file() else b""
        status = 403 if not known else 200 if file.is_file() else 404
        answer(client, status, [("Content-Length", str(len(data)))], b"" if client.command == "HEAD" else data)

    with serving(handle) as url:
        yield f"{url.replace('://', f'://me:{SECRET}@')}/summary.json?sig={SECRET}"


def test_a_registry_whose_address_is_signed_is_read_with_its_models(signed: str, tmp_path: Path) -> None:
    record = register(local_registry(), make_record())
    local_registry().promote(record.run_id, "champion", actor="ana@desk")
    registry = WebRegistry(signed)
    assert registry.best("r2", Query()) == record
    assert registry.alias("champion") == record
    registry.download(record, tmp_path / "pulled")
    assert (tmp_path / "pulled/model.bin").is_file()
    assert registry.version() == WebRegistry(signed).version()
    assert SECRET not in registry.registry_id.partition("@")[2]


COMMANDS = [
    ["config"],
    ["config", "--format", "json"],
    ["registry", "list"],
    ["registry", "list", "--format", "json"],
    ["registry", "show", "nobody"],
    ["registry", "show", "nobody", "--format", "json"],
    ["registry", "verify"],
    ["registry", "reconcile"],
    ["registry", "promote", "abcd1234", "champion"],
    ["registry", "pull", "abcd1234", "pulled"],
    ["registry", "copy", "--from", "{registry}", "--to", "copied"],
    ["registry", "copy", "--from", "models", "--to", "{registry}"],
    ["train", "-m", "rf"],
    ["data", "check", "{data}"],
    ["data", "check", "{data}", "--format", "json"],
    ["predict", "--run-id", "abcd1234", "{data}"],
    ["evaluate", "--run-id", "abcd1234", "{data}"],
]


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret_of_an_address(
    bt: Bt, signed: str, monkeypatch: pytest.MonkeyPatch, command: list[str], broken: bool
) -> None:
    register(local_registry(), make_record())
    registry = signed.replace("sig=", "gis=") if broken else signed
    data = signed.replace("summary.json", "counts.csv")
    monkeypatch.setenv("BT_REGISTRY", registry)
    monkeypatch.setenv("BT_DATA", data)
    monkeypatch.setenv("BT_WEATHER", data)
    monkeypatch.setenv("BT_ARTIFACTS", f"s3://key:{SECRET}@bucket/runs")
    done = bt(*(word.format(registry=registry, data=data) for word in command))
    assert SECRET not in done.stdout + done.stderr
    assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)
    if "json" in command and done.stdout:
        json.loads(done.stdout)
