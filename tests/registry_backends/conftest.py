"""Servers for the cloud backends: started when a test first asks for one, a new bucket for each test."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from bike_traffic.data.files.folders.filesystem import filesystem_of
from tests.mlflow_server import mlflow_server
from tests.servers import CLOUDS, NEW_BUCKET, Cloud, gcs_server, s3_server

NewCloud = Callable[[str], Cloud]
NewBucket = Callable[[str], str]

_SERVERS = {"gcs": gcs_server, "s3": s3_server}
_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
_USERS_OWN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS")


@pytest.fixture(scope="session")
def new_cloud() -> Iterator[NewCloud]:
    """Return a function that makes a bucket on the server of a backend, and starts that server when it must."""
    started: dict[str, str] = {}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto's: a line for each request
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name, value in _AWS.items():
            patch.setenv(name, value)
        for name in _USERS_OWN:
            patch.delenv(name, raising=False)

        def make(backend: str) -> Cloud:
            if backend not in started:
                started[backend] = stack.enter_context(_SERVERS[backend]())
            url = started[backend]
            return Cloud(backend, url, NEW_BUCKET[backend](url))

        yield make


@pytest.fixture
def new_bucket(new_cloud: NewCloud, monkeypatch: pytest.MonkeyPatch) -> NewBucket:
    """Return a function that makes a bucket, which fsspec finds by the environment, and gives its address."""

    def make(kind: str) -> str:
        cloud = new_cloud(kind)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST" if kind == "gcs" else "AWS_ENDPOINT_URL", cloud.url)
        address = f"{CLOUDS[kind].scheme}://{cloud.bucket}"
        type(filesystem_of(address)[0]).clear_instance_cache()  # of an earlier server
        return address

    return make


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, new_cloud: NewCloud) -> Cloud:
    """Return an empty bucket on Google Cloud Storage, then one on S3."""
    return new_cloud(request.param)


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one MLflow server for the session."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url
