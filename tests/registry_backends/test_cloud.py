"""The registry on Google Cloud Storage and S3: files are complete and checked."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import pytest

from bike_traffic.errors import IntegrityError, NoRecord, RegistryCorrupt, RegistryUnavailable, SettingsError
from bike_traffic.registry.files.artifacts import digest_directory
from bike_traffic.registry.files.fetching import model_files
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import Trust
from bike_traffic.registry_backends.cloud import CloudRegistry
from tests.proxy import Proxy, proxied
from tests.servers import CLOUDS, Cloud
from tests.test_registry import make_record, register

FILES = {"model.bin": b"trees" * 1000, "empty.txt": b"", "scaler.json": b"{}"}
FOLDER = "rf/20260301_120000-abcd1234"


def whole(message: str) -> str:
    """Return the pattern of exactly this message."""
    return f"^{re.escape(message)}$"


@pytest.fixture
def registry(cloud: Cloud) -> CloudRegistry:
    return cloud.open()


def upload_again(registry: CloudRegistry, record: ModelRecord) -> str:
    """Upload the files that `register` made for a record."""
    return registry.upload(
        Path(f"made-{record.run_id}"),
        model_type=record.model_type,
        timestamp=record.timestamp,
        run_id=record.run_id,
    )


def downloaded(registry: CloudRegistry, record: ModelRecord) -> dict[str, bytes]:
    """Download the files of a record, and return what they hold."""
    folder = Path("downloaded")
    folder.mkdir()
    registry.download(record, folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetched(registry: CloudRegistry, record: ModelRecord) -> Path:
    """Fetch the files of a record into the cache, and return their folder."""
    with model_files(registry, record, Trust()) as folder:
        return folder


def test_the_summary_is_a_plain_array_and_the_files_lie_in_a_folder_a_model(
    cloud: Cloud, registry: CloudRegistry
) -> None:
    record = register(registry, make_record(), FILES)
    assert record.model_uri == f"{cloud.root}/{FOLDER}/"
    assert json.loads(registry.store.filesystem.cat_file(cloud.uri)) == [record.to_json()]
    assert registry.store.list("rf/") == sorted(f"{FOLDER}/{name}" for name in [*FILES, "manifest.json"])
    assert registry.store.list("records/") == [f"records/{record.run_id}.json"]
    assert list(registry.records(Query())) == [record]


def test_a_uri_of_a_folder_means_the_summary_in_it(cloud: Cloud, registry: CloudRegistry) -> None:
    record = register(registry, make_record())
    for uri in (cloud.root, f"{cloud.root}/"):
        assert list(CLOUDS[cloud.backend](uri, endpoint_url=cloud.url).records(Query())) == [record]


def test_an_upload_that_broke_off_goes_on_and_repairs(cloud: Cloud, registry: CloudRegistry) -> None:
    record = register(registry, make_record(), FILES)
    registry.store.filesystem.rm_file(f"{cloud.root}/{FOLDER}/scaler.json")
    registry.store.filesystem.pipe_file(f"{cloud.root}/{FOLDER}/model.bin", b"half")
    assert upload_again(registry, record) == record.model_uri
    assert list(verify(registry)) == []


def test_an_upload_moves_only_what_is_not_there_yet(cloud: Cloud, registry: CloudRegistry) -> None:
    record = register(registry, make_record(), FILES)
    registry.store.filesystem.rm_file(f"{cloud.root}/{FOLDER}/model.bin")
    proxy = Proxy(cloud.url)
    with proxied(proxy) as url:
        upload_again(cloud.open(endpoint_url=url), record)
    assert len([request for request in proxy.requests if request.startswith(("PUT", "POST"))]) == 1


TAMPERED = {
    "changed": (b"other", "model.bin is not the file that was registered (its SHA-256 differs)"),
    "of the same size": (b"TREES" * 1000, "model.bin is not the file that was registered (its SHA-256 differs)"),
    "cut": (b"", "model.bin is not the file that was registered (its SHA-256 differs)"),
}


@pytest.mark.parametrize(("content", "said"), TAMPERED.values(), ids=TAMPERED)
def test_a_file_that_was_changed_is_never_handed_out(
    cloud: Cloud, registry: CloudRegistry, content: bytes, said: str
) -> None:
    record = register(registry, make_record(), FILES)
    registry.store.filesystem.pipe_file(f"{cloud.root}/{FOLDER}/model.bin", content)
    message = f"{cloud.root}/{FOLDER}: {said}; nothing was loaded"
    with pytest.raises(IntegrityError, match=whole(message)):
        fetched(registry, record)
    assert list(verify(registry)) == [Finding("changed-files", record.run_id, message)]


def test_a_file_that_was_added_is_never_handed_out(cloud: Cloud, registry: CloudRegistry) -> None:
    record = register(registry, make_record(), FILES)
    registry.store.filesystem.pipe_file(f"{cloud.root}/{FOLDER}/evil.bin", b"x")
    message = f"{cloud.root}/{FOLDER}: evil.bin is not part of the registered model; nothing was loaded"
    with pytest.raises(IntegrityError, match=whole(message)) as caught:
        fetched(registry, record)
    assert caught.value.parts == {"where": f"{cloud.root}/{FOLDER}", "name": "evil.bin"}


def test_a_file_that_is_gone_is_named(cloud: Cloud, registry: CloudRegistry) -> None:
    record = register(registry, make_record(), FILES)
    registry.store.filesystem.rm_file(f"{cloud.root}/{FOLDER}/model.bin")
    message = f"{cloud.root}/{FOLDER}: model.bin is missing; nothing was loaded"
    with pytest.raises(IntegrityError, match=whole(message)):
        fetched(registry, record)
    assert list(verify(registry)) == [Finding("missing-files", record.run_id, message)]


def test_files_that_are_all_gone_are_said_to_be(cloud: Cloud, registry: CloudRegistry) -> None:
    record = register(registry, make_record(), FILES)
    for path in registry.store.list("rf/"):
        registry.store.filesystem.rm_file(f"{cloud.root}/{path}")
    with pytest.raises(
        NoRecord, match=whole(f"the files of run abcd1234 are gone: {cloud.root}/{FOLDER} does not exist")
    ):
        fetched(registry, record)


def test_a_second_load_transfers_nothing(cloud: Cloud, registry: CloudRegistry) -> None:
    record = register(registry, make_record(), FILES)
    proxy = Proxy(cloud.url)
    with proxied(proxy) as url:
        through = cloud.open(endpoint_url=url)
        folder = fetched(through, record)
        assert digest_directory(folder) == record.artifacts
        assert len(proxy.requests) >= len(FILES)
        proxy.requests.clear()
        assert fetched(through, record) == folder
        assert proxy.requests == []


MOST_ATTEMPTS = 50
"""One attempt in ten or so succeeds."""


def test_files_survive_requests_that_are_cut(cloud: Cloud) -> None:
    proxy = Proxy(cloud.url, cut=0.1)
    with proxied(proxy) as url:
        registry = cloud.open(endpoint_url=url)
        for number in range(3):
            for _ in range(MOST_ATTEMPTS):
                with suppress(RegistryUnavailable):
                    record = register(registry, make_record(f"run-{number}"), FILES)
                    break
            else:
                pytest.fail(f"run-{number} was not registered in {MOST_ATTEMPTS} attempts")
    assert proxy.fates.total() > proxy.fates["answered"]
    assert [found.run_id for found in cloud.open().records(Query())] == ["run-0", "run-1", "run-2"]
    assert list(verify(cloud.open())) == []
    assert downloaded(cloud.open(), record).keys() == {*FILES, "manifest.json"}


@pytest.mark.parametrize("uri", ["models/summary.json", "https://bucket/models/summary.json"])
def test_a_registry_of_another_kind_is_refused(backend_name: str, uri: str) -> None:
    kind = CLOUDS[backend_name]
    root = uri.removesuffix("/summary.json")
    message = f"backend '{backend_name}' keeps a registry at {kind.scheme}://…, not at {root}"
    with pytest.raises(SettingsError, match=whole(message)):
        kind(uri)


@pytest.fixture(params=CLOUDS)
def backend_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_an_object_whose_name_leads_elsewhere_is_refused_before_anything_is_written(
    cloud: Cloud, registry: CloudRegistry, clean_place: Path
) -> None:
    record = register(registry, make_record(), FILES)
    evil = f"rf/{FOLDER.rpartition('/')[2]}/../../../escaped.txt"
    registry.store._create(evil, b"anything")
    with pytest.raises((IntegrityError, RegistryCorrupt)):
        registry.download(record, clean_place / "deep/down/here")
    assert list(clean_place.rglob("escaped*")) == []
