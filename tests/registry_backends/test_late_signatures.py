"""Records of every built-in backend are signed later, on its real server; a copy and a web server have it, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from bike_traffic.errors import RegistryError
from bike_traffic.registry.files.copying import copy
from bike_traffic.registry.files.late_signing import sign_records
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.signing import Trust
from bike_traffic.registry_backends.mlflow_registry import MlflowRegistry
from bike_traffic.registry_backends.web import WebRegistry
from bike_traffic.testing import OpenBackend
from tests.mlflow_server import new_prefix
from tests.registry_backends.conftest import NewCloud
from tests.servers import published
from tests.test_aliases import ACTOR
from tests.test_registry import local_registry, make_record, register
from tests.test_signing import new_keys


def check_late_signatures(open_backend: OpenBackend) -> None:
    """Sign a record, copy it with its signature, and see that one without files is refused."""
    key, public = new_keys()
    record = register(open_backend(), make_record("aaaa1111"))
    (done,) = sign_records(open_backend(), [record], key, actor=ACTOR, reason="it is été")
    (again,) = sign_records(open_backend(), [record], key, actor=ACTOR)
    assert (again.event, again.refused) == (None, None)
    assert open_backend().events() == [done.event]
    assert list(open_backend().records(EVERYTHING)) == [record]
    assert [one.kind for one in verify(open_backend(), public) if one.run_id != "head.json"] == []

    target = local_registry("copies/summary.json")
    list(copy(open_backend(), target))
    fault_of = Trust(public_keys=public).fault_finder(target)
    assert [fault_of(one) for one in target.records(EVERYTHING)] == [None]

    without_files = make_record("bbbb2222", artifacts=record.artifacts)
    open_backend().append(without_files)
    (done,) = sign_records(open_backend(), [without_files], key, actor=ACTOR)
    assert done.refused is not None
    assert done.refused.kind == "missing-files"
    assert len(open_backend().events()) == 1


@pytest.mark.parametrize("name", ["gcs", "s3"])
def test_in_a_bucket(name: str, new_cloud: NewCloud, clean_place: Path) -> None:
    check_late_signatures(new_cloud(name).open)


@pytest.mark.slow
def test_in_mlflow(mlflow_url: str, clean_place: Path) -> None:
    prefix = new_prefix()
    check_late_signatures(lambda: MlflowRegistry(f"mlflow+{mlflow_url}", prefix=prefix))


def test_a_web_server_shows_signatures_and_takes_none(clean_place: Path) -> None:
    key, public = new_keys()
    registry = local_registry()
    record = register(registry, make_record("aaaa1111"))
    other = register(registry, make_record("bbbb2222"))
    list(sign_records(registry, [record], key, actor=ACTOR))
    with published(Path("models")) as url:
        web = WebRegistry(f"{url}/summary.json")
        fault_of = Trust(public_keys=public).fault_finder(web)
        assert [fault_of(one) for one in web.records(EVERYTHING)] == [None, "it is not signed"]
        with pytest.raises(RegistryError, match="a registry is only read over http"):
            list(sign_records(web, [other], key, actor=ACTOR))
