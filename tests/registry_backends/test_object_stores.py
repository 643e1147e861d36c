"""The store on a folder, on Google Cloud Storage and on S3: one contract, and no write without conditions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import RegistryUnavailable
from bike_traffic.registry_backends.store import VOUCHED, LocalStore, Store, StoreConflict, StoreMissing
from tests.proxy import Proxy, proxied
from tests.registry_backends.conftest import NewCloud
from tests.servers import (
    CLOUDS,
    Cloud,
    careless_gcs_server,
    new_gcs_bucket,
)


def whole(message: str) -> str:
    """Return the pattern of exactly this message."""
    return f"^{re.escape(message)}$"


@pytest.fixture(params=["local", *CLOUDS])
def store(request: pytest.FixtureRequest, new_cloud: NewCloud) -> Store:
    """Return an empty store of each kind."""
    return LocalStore(Path("models")) if request.param == "local" else new_cloud(request.param).open().store


def where(store: Store, path: str) -> str:
    """Return the whole name of a path."""
    return f"{vars(store)['root']}/{path}"


ACTS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read("a.json"),
    "create": lambda store: store.create("a.json", b"one"),
    "list": lambda store: store.list("records/"),
}


def test_an_object_is_read_with_the_version_that_replaces_it(store: Store) -> None:
    for data in (b"", b"{}", bytes(range(256)) * 400):
        path = f"records/{len(data)}.json"
        store.create(path, data)
        read, version = store.read(path)
        assert read == data
        store.replace(path, [b"new"], version)
        assert store.read(path)[0] == b"new"
        assert store.read(path)[1] != version


@pytest.mark.parametrize("path", ["a b.json", "é.json", "a+b&c=d#e?f.json", "records/deep/a%2Fb.json"])
def test_a_path_may_hold_any_letter(store: Store, path: str) -> None:
    store.create(path, b"one")
    store.replace(path, [b"two"], store.read(path)[1])
    assert store.read(path)[0] == b"two"
    assert path in store.list("")


def test_what_is_not_there_is_missing(store: Store) -> None:
    with pytest.raises(StoreMissing, match=whole(f"{where(store, 'a.json')} does not exist")):
        store.read("a.json")
    assert store.list("records/") == []


def test_a_second_create_is_a_conflict_and_changes_nothing(store: Store) -> None:
    store.create("a.json", b"one")
    before = store.read("a.json")
    said = "exists already" if isinstance(store, LocalStore) else "was written meanwhile"
    for data in (b"one", b"two"):
        with pytest.raises(StoreConflict, match=whole(f"{where(store, 'a.json')} {said}")):
            store.create("a.json", data)
    assert store.read("a.json") == before


def test_a_stale_replace_is_a_conflict_and_changes_nothing(store: Store) -> None:
    store.create("a.json", b"one")
    version = store.read("a.json")[1]
    store.replace("a.json", [b"two"], version)
    before = store.read("a.json")
    said = "was changed meanwhile" if isinstance(store, LocalStore) else "was written meanwhile"
    with pytest.raises(StoreConflict, match=whole(f"{where(store, 'a.json')} {said}")):
        store.replace("a.json", [b"three"], version)
    assert store.read("a.json") == before


def test_a_replace_of_what_was_removed_is_a_conflict_and_makes_nothing(store: Store) -> None:
    store.create("b.json", b"one")
    version = store.read("b.json")[1]
    said = "was removed meanwhile" if isinstance(store, LocalStore) else "was written meanwhile"
    with pytest.raises(StoreConflict, match=whole(f"{where(store, 'a.json')} {said}")):
        store.replace("a.json", [b"two"], version)
    assert store.list("a") == []


def test_a_version_is_vouched_for_as_long_as_its_writer_does(store: Store) -> None:
    store.create("a.json", b"one", vouch=True)
    version = store.read("a.json")[1]
    assert version.endswith(VOUCHED)
    second = store.replace("a.json", [b"two"], version, vouch=True)
    assert store.read("a.json") == (b"two", second)
    assert second.endswith(VOUCHED)
    third = store.replace("a.json", [b"three"], second)
    assert store.read("a.json") == (b"three", third)
    assert not third.endswith(VOUCHED)


def test_what_is_discarded_is_gone_be_it_there_or_not(store: Store) -> None:
    store.create("pending/a", b"")
    for _ in range(2):
        store.discard("pending/a")
        assert store.list("pending/") == []


def test_a_list_gives_the_paths_that_begin_with_the_prefix_sorted(store: Store) -> None:
    for path in ("records/b.json", "records/a.json", "records/deep/c.json", "other.json", "records-not/d.json"):
        store.create(path, b"")
    assert store.list("records/") == ["records/a.json", "records/b.json", "records/deep/c.json"]
    assert store.list("records/a") == ["records/a.json"]
    assert store.list("none/") == []


def test_a_list_goes_on_over_pages(cloud: Cloud) -> None:
    paths = [f"records/{number}.json" for number in range(5)]
    store = cloud.open().store
    for path in paths:
        store.create(path, b"")
    proxy = Proxy(cloud.url, adds={"gcs": "&maxResults=2", "s3": "&max-keys=2"}[cloud.backend])
    with proxied(proxy) as url:
        assert cloud.open(endpoint_url=url).store.list("records/") == paths
    assert len(proxy.requests) == 3


def test_an_object_that_was_changed_on_its_way_is_not_read(cloud: Cloud) -> None:
    """Written back, the change would be there for good."""
    cloud.open().store.create("a.json", b'{"r2": 0.71}')
    with proxied(Proxy(cloud.url, corrupts=(b"0.71", b"0.91"))) as url:
        message = f"{cloud.root}/a.json: what arrived is not what is stored (its checksum differs)"
        with pytest.raises(RegistryUnavailable, match=whole(message)):
            cloud.open(endpoint_url=url).store.read("a.json")


def test_reading_and_listing_write_nothing(cloud: Cloud) -> None:
    store = cloud.open().store
    with pytest.raises(StoreMissing):
        store.read("a.json")
    assert store.list("") == []


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_bucket_that_is_not_there_is_named(cloud: Cloud, act: Callable[[Store], object]) -> None:
    absent = attrs.evolve(cloud, bucket=f"not-{cloud.bucket}")
    bucket = absent.root.removesuffix("/models")
    with pytest.raises(RegistryUnavailable, match=whole(f"{bucket}: there is no such bucket")):
        act(absent.open().store)


@pytest.fixture
def careless() -> Iterator[Cloud]:
    """Return a bucket on an emulator of Google Cloud Storage that ignores conditions."""
    with careless_gcs_server() as url:
        yield Cloud("gcs", url, new_gcs_bucket(url))


def ignored(root: str, what: str) -> str:
    return whole(
        f"{root}: the store accepted {what}: it ignores conditions, and concurrent writers would lose "
        "records; nothing was registered"
    )


def only_probes(cloud: Cloud) -> bool:
    """Whether nothing stands in the store but one object that a probe made."""
    (path,) = cloud.open().store.list("")
    return re.fullmatch(r"\.bt-store-probed-[0-9a-f]{32}", path) is not None


WRITES: dict[str, Callable[[Store], object]] = {
    "create": lambda store: store.create("a.json", b"one"),
    "replace": lambda store: store.replace("a.json", [b"two"], "1"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_store_that_ignores_conditions_is_not_written_to(careless: Cloud, write: Callable[[Store], object]) -> None:
    with pytest.raises(RegistryUnavailable, match=ignored(careless.root, "a second create")):
        write(careless.open().store)
    assert only_probes(careless)


@pytest.mark.parametrize(
    ("forgets", "what"),
    [
        ("if-none-match|if-match|ifGenerationMatch=", "a second create"),
        ("if-match|ifGenerationMatch=[^0]", "a stale replace"),
    ],
)
def test_a_gateway_that_forgets_conditions_is_found_out(cloud: Cloud, forgets: str, what: str) -> None:
    with (
        proxied(Proxy(cloud.url, forgets=re.compile(forgets))) as url,
        pytest.raises(RegistryUnavailable, match=ignored(cloud.root, what)),
    ):
        cloud.open(endpoint_url=url).store.create("a.json", b"one")
    assert only_probes(cloud)


def test_a_store_is_probed_once(cloud: Cloud) -> None:
    cloud.open().store.create("a.json", b"one")
    proxy = Proxy(cloud.url)
    with proxied(proxy) as url:
        store = cloud.open(endpoint_url=url).store
        for path in ("b.json", "c.json"):
            store.create(path, b"one")
    assert len(proxy.requests) == 3  # one looks for the mark of the first probe
    assert [path for path in store.list("") if not path.startswith(".bt-store-probed")] == [
        "a.json",
        "b.json",
        "c.json",
    ]
