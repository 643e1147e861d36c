"""The version of a registry: asked for often, so that it costs one small request and no download."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import RegistryUnavailable
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.mlflow_registry import MlflowRegistry
from bike_traffic.registry_backends.store import LocalStore, Store
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.registry_backends.web import WebRegistry
from tests.mlflow_server import new_prefix
from tests.proxy import Proxy, proxied
from tests.registry_backends.conftest import NewCloud
from tests.registry_backends.test_object_stores import whole
from tests.servers import CLOUDS, Cloud, answer, free_port, published, serving
from tests.test_registry import local_registry, make_record, register


def fill(registry: RegistryBackend) -> None:
    """Register two models, one of them with an alias."""
    for run_id in ("aaaa1111", "bbbb2222"):
        register(registry, make_record(run_id))
    registry.promote("aaaa1111", "champion", actor="ana@desk")


def test_a_bucket_is_asked_once_and_nothing_is_downloaded(cloud: Cloud) -> None:
    fill(cloud.open())
    proxy = Proxy(cloud.url)
    with proxied(proxy) as url:
        assert cloud.open(endpoint_url=url).version() == cloud.open().version()
    assert len(proxy.requests) == 1
    assert "summary.json" not in proxy.requests[0]


def test_a_bucket_whose_top_is_full_is_listed_page_by_page(cloud: Cloud) -> None:
    top = attrs.evolve(cloud, bucket=cloud.bucket)
    fill(cloud.open())
    for name in ("a.txt", "b.txt", "t.txt", "z.txt"):
        cloud.open().store.create(name, b"")
    proxy = Proxy(cloud.url, adds={"gcs": "&maxResults=2", "s3": "&max-keys=2"}[cloud.backend])
    with proxied(proxy) as url:
        assert cloud.open(endpoint_url=url).version() == top.open().version()
    assert len(proxy.requests) > 1


def test_a_bucket_that_is_not_there_has_no_version(cloud: Cloud) -> None:
    absent = attrs.evolve(cloud, bucket=f"not-{cloud.bucket}")
    bucket = absent.root.removesuffix("/models")
    with pytest.raises(RegistryUnavailable, match=whole(f"{bucket}: there is no such bucket")):
        absent.open().version()


@pytest.fixture(params=["local", *CLOUDS])
def store(request: pytest.FixtureRequest, new_cloud: NewCloud) -> Store:
    """Return an empty store of each kind."""
    return LocalStore(Path("models")) if request.param == "local" else new_cloud(request.param).open().store


def test_the_versions_of_a_store_are_those_of_the_objects_that_exist_and_change_with_each_write(store: Store) -> None:
    assert store.versions("a.json", "b.json") == {}
    store.create("a.json", b"one")
    store.create("records/b.json", b"one")
    first = store.versions("a.json", "b.json")
    assert list(first) == ["a.json"]
    store.replace("a.json", [b"two"], store.read("a.json")[1])
    store.create("b.json", b"one")
    second = store.versions("a.json", "b.json")
    assert second.keys() == {"a.json", "b.json"}
    assert second["a.json"] != first["a.json"]
    assert store.versions("b.json") == {"b.json": second["b.json"]}


def test_an_edit_by_hand_counts(clean_place: Path) -> None:
    fill(local_registry())
    for name in ("summary.json", "aliases.json"):
        before = local_registry().version()
        path = Path("models", name)
        path.write_text(path.read_text().replace("dev", "DEV").replace("ana", "eve"))
        assert local_registry().version() != before


Headers = Callable[[Path], list[tuple[str, str]]]
SERVERS: dict[str, tuple[Headers, list[str]]] = {
    "tags": (lambda path: [("ETag", str(path.stat().st_mtime_ns))], ["HEAD", "HEAD"]),
    "says nothing": (lambda _: [], ["HEAD", "GET", "HEAD", "GET"]),
}


@pytest.mark.parametrize(("headers", "asked"), SERVERS.values(), ids=SERVERS)
def test_a_web_server_is_asked_for_headers_and_for_the_files_where_these_say_nothing(
    clean_place: Path, headers: Headers, asked: list[str]
) -> None:
    requests: list[str] = []

    def handle(client: BaseHTTPRequestHandler) -> None:
        requests.append(client.command)
        path = Path("models", client.path[1:])
        data = path.read_bytes()
        answer(
            client,
            200,
            [*headers(path), ("Content-Length", str(len(data)))],
            b"" if client.command == "HEAD" else data,
        )

    fill(local_registry())
    with serving(handle) as url:
        before = WebRegistry(url).version()
        assert requests == asked
        assert WebRegistry(url).version() == before
        local_registry().promote("bbbb2222", "champion", actor="ana@desk")
        between = WebRegistry(url).version()
        register(local_registry(), make_record("cccc3333"))
        assert len({before, between, WebRegistry(url).version()}) == 3


def test_a_server_that_knows_no_request_for_headers_is_read(clean_place: Path) -> None:
    def handle(client: BaseHTTPRequestHandler) -> None:
        if client.command == "HEAD":
            answer(client, 501, [("Content-Length", "0")], b"")
            return
        data = Path("models", client.path[1:]).read_bytes()
        answer(client, 200, [("Content-Length", str(len(data)))], data)

    fill(local_registry())
    with serving(handle) as url:
        before = WebRegistry(url).version()
        register(local_registry(), make_record("cccc3333"))
        assert WebRegistry(url).version() != before


def test_a_plain_web_server_publishes_the_changes_of_the_folder(clean_place: Path) -> None:
    Path("models").mkdir()
    with published(Path("models")) as url:
        versions = [WebRegistry(url).version()]
        fill(local_registry())
        versions.append(WebRegistry(url).version())
        local_registry().withdraw("bbbb2222", actor="ana@desk", reason="broken counts")
        versions.append(WebRegistry(url).version())
        assert len(set(versions)) == 3


def test_a_web_server_that_is_gone_has_no_version() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(RegistryUnavailable, match=whole(f"{nobody}/summary.json: no server answers")):
        WebRegistry(nobody).version()


def test_an_mlflow_server_is_asked_once_and_another_registry_on_it_does_not_count(mlflow_url: str) -> None:
    prefix = new_prefix()
    fill(MlflowRegistry(f"mlflow+{mlflow_url}", prefix=prefix))
    before = MlflowRegistry(f"mlflow+{mlflow_url}", prefix=prefix).version()
    fill(MlflowRegistry(f"mlflow+{mlflow_url}", prefix=f"{prefix}2"))
    proxy = Proxy(mlflow_url)
    with proxied(proxy) as url:
        assert MlflowRegistry(f"mlflow+{url}", prefix=prefix).version() == before
    assert [request.partition("?")[0] for request in proxy.requests] == [
        "GET /api/2.0/mlflow/registered-models/search"
    ]


class Plain(LocalRegistry):
    """A backend that leaves `version` to the base class, as one of a third party may."""

    version = RegistryBackend.version


def test_a_backend_without_a_version_of_its_own_has_a_digest_of_records_and_events(clean_place: Path) -> None:
    versions = [Plain("models").version()]
    for change in (
        lambda: register(Plain("models"), make_record("aaaa1111")),
        lambda: Plain("models").promote("aaaa1111", "champion", actor="ana@desk"),
        lambda: Plain("models").withdraw("aaaa1111", actor="ana@desk", reason="broken counts"),
    ):
        change()
        versions += [Plain("models").version()]
        assert Plain("models").version() == versions[-1]
    assert len(set(versions)) == 4
    assert [len(version) for version in versions] == [64] * 4


def test_what_is_durable_but_not_merged_does_not_count_until_it_is_merged(clean_place: Path) -> None:
    fill(local_registry())
    before = local_registry().version()
    log = AppendLog(LocalStore(Path("models")), "summary.json", "records/", "run_id")
    log._make_durable("cccc3333", b'{"run_id": "cccc3333"}')
    assert local_registry().version() == before
    assert [record.run_id for record in local_registry().records(EVERYTHING)] == ["aaaa1111", "bbbb2222"]
