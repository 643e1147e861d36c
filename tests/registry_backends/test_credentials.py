"""Credentials and services of both clouds: each fault is one line, and no line shows a secret."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.errors import RegistryUnavailable
from bike_traffic.registry.files.artifacts import model_folder
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry_backends.cloud_clients import explain
from bike_traffic.registry_backends.store import Store
from tests.registry_backends.conftest import NewCloud
from tests.registry_backends.test_object_stores import ACTS, whole
from tests.servers import CLOUDS, Cloud, free_port, refusing_server
from tests.test_registry import make_record, register

SECRET = "3xtrem3lyS3cret"


def secrets(backend: str) -> dict[str, Any]:
    """Return credentials as options, the secret part of which is easily found again."""
    if backend == "s3":
        return {"key": f"AKIA{SECRET}", "secret": SECRET, "token": f"session-{SECRET}"}
    from google.oauth2.credentials import Credentials

    return {"token": Credentials(f"ya29.{SECRET}")}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize(("backend", "status"), [("gcs", 401), ("gcs", 403), ("s3", 403)])
def test_credentials_that_are_not_allowed_are_said_in_one_line_without_them(
    new_cloud: NewCloud,
    act: Callable[[Store], object],
    backend: str,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloud = new_cloud(backend)
    with refusing_server(status) as url, pytest.raises(RegistryUnavailable) as caught:
        act(cloud.open(endpoint_url=url, **secrets(cloud.backend)).store)
    said, _, why = str(caught.value).partition(": ")
    assert said.startswith(cloud.root)
    hint = "" if backend == "s3" else f"; {LOGIN} logs in as someone else"
    assert why == f"these credentials are not allowed to do this{hint}"
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in caplog.text


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_error_of_the_service_shows_no_secret(cloud: Cloud, act: Callable[[Store], object]) -> None:
    absent = attrs.evolve(cloud, bucket=f"not-{cloud.bucket}")
    with pytest.raises(RegistryUnavailable) as caught:
        act(absent.open(**secrets(cloud.backend)).store)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_credentials_that_cannot_be_used_are_said_without_them(new_cloud: NewCloud) -> None:
    advice = "the credentials are not the key of a service account that can be used"
    with pytest.raises(RegistryUnavailable, match=whole(f"Google Cloud Storage: {advice}")) as caught:
        new_cloud("gcs").open(token={"type": "service_account", "private_key": SECRET})
    assert SECRET not in "".join(traceback.format_exception(caught.value))


LOGIN = "`gcloud auth application-default login`"
NAMES = "GOOGLE_APPLICATION_CREDENTIALS names"
NO_KEY = f"which is not the key file of an account; make a new key, or unset it and run {LOGIN}"


@pytest.mark.parametrize(
    ("key_file", "content", "advice"),
    [
        (
            None,
            None,
            f"no credentials found; run {LOGIN}, or set {NAMES.split()[0]} to a service account's key file",
        ),
        (
            "absent.json",
            None,
            f"{NAMES} absent.json, where no file is; correct it, or unset it and run {LOGIN}",
        ),
        ("text.json", f"not JSON {SECRET}", f"{NAMES} text.json, {NO_KEY}"),
        ("other.json", f'{{"a": "{SECRET}"}}', f"{NAMES} other.json, {NO_KEY}"),
        ("half.json", f'{{"type": "service_account", "private_key": "{SECRET}"}}', f"{NAMES} half.json, {NO_KEY}"),
    ],
)
def test_without_credentials_of_google_it_is_said_what_to_do(
    monkeypatch: pytest.MonkeyPatch, key_file: str | None, content: str | None, advice: str, clean_place: Path
) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # else Google's library asks the network where it runs
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(clean_place))
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    if key_file:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", key_file)
        if content:
            Path(key_file).write_text(content, encoding="utf-8")
    with pytest.raises(RegistryUnavailable, match=whole(f"Google Cloud Storage: {advice}")) as caught:
        CLOUDS["gcs"]("gs://bucket/models/summary.json")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_network_that_does_not_answer_is_said_when_google_is_asked_for_a_token(
    monkeypatch: pytest.MonkeyPatch, clean_place: Path
) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem, pkcs = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = rsa.generate_private_key(65537, 2048).private_bytes(pem, pkcs, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "me@example.org",
        "private_key": key.decode(),
        "token_uri": f"http://127.0.0.1:{free_port()}/token",
        "project_id": "mine",
    }
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    registry = CLOUDS["gcs"]("gs://bucket/models/summary.json", credentials=account)
    message = "gs://bucket/models/summary.json: the service cannot be reached"
    with pytest.raises(RegistryUnavailable, match=whole(message)):
        list(registry.records(EVERYTHING))


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_without_credentials_of_aws_it_is_said_what_to_set(
    monkeypatch: pytest.MonkeyPatch, new_cloud: NewCloud, act: Callable[[Store], object]
) -> None:
    store = new_cloud("s3").open().store
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    with pytest.raises(RegistryUnavailable) as caught:
        act(store)
    assert str(caught.value).partition(": ")[2] == (
        "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure an AWS profile"
    )


@pytest.mark.slow
def test_a_service_that_is_not_there_cannot_be_reached(new_cloud: NewCloud) -> None:
    cloud = new_cloud("s3")
    store = cloud.open(endpoint_url=f"http://127.0.0.1:{free_port()}").store
    with pytest.raises(RegistryUnavailable, match=whole(f"{cloud.root}/a.json: the service cannot be reached")):
        store.read("a.json")


@pytest.mark.slow
def test_an_upload_that_finds_no_service_names_the_folder_of_the_model(new_cloud: NewCloud) -> None:
    cloud, record = new_cloud("s3"), make_record()
    with pytest.raises(RegistryUnavailable) as caught:
        register(cloud.open(endpoint_url=f"http://127.0.0.1:{free_port()}"), record)
    folder = model_folder(record.model_type, record.timestamp, record.run_id)
    assert str(caught.value) == f"{cloud.root}/{folder}/: the service cannot be reached"


def test_what_the_client_of_gcs_raises_without_a_service_means_that_it_cannot_be_reached() -> None:
    """Said of the real exception, since gcsfs asks again for half a minute."""
    import aiohttp

    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(f"http://127.0.0.1:{free_port()}/")

    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        asyncio.run(ask())
    assert explain(caught.value) == "the service cannot be reached"
