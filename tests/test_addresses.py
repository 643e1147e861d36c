"""Passwords and signatures in addresses are used, and shown nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bike_traffic.addresses import shown
from bike_traffic.errors import BikeTrafficError
from bike_traffic.registry.queries import Query
from bike_traffic.registry_backends.web import WebRegistry
from tests.servers import SECRET, secret_server
from tests.test_registry import local_registry, make_record, register


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
        ("http://me:p/a#s?s@h.org/x: gone", "http://h.org/x: gone"),
        ("simplecache::s3://k:s@b/c", "simplecache::s3://b/c"),
        (
            "Max retries exceeded with url: /a.csv?X-Amz-Expires=9&X-Amz-Signature=X&sig=Y (Caused by …)",
            "Max retries exceeded with url: /a.csv?X-Amz-Expires=9&X-Amz-Signature=…&sig=… (Caused by …)",
        ),
        ("rf?n_estimators=2&token=", "rf?n_estimators=2&token="),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
    ],
)
def test_an_address_is_shown_without_user_password_query_and_fragment(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_no_error_shows_a_secret_of_an_address() -> None:
    error = BikeTrafficError(f"https://me:{SECRET}@h/a?sig={SECRET}: gone", "x", uri=f"https://{SECRET}@h/a", rows=3)
    assert error.to_json() == {"id": "x", "message": "https://h/a: gone", "parts": {"uri": "https://h/a", "rows": 3}}


@pytest.fixture
def signed(clean_place: Path) -> Iterator[str]:
    with secret_server(clean_place / "models") as root:
        yield root.format(path="summary.json")


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
