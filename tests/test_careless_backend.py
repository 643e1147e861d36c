"""The core checks files itself: a registry backend that checks nothing lets nothing through."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bike_traffic.errors import IntegrityError
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.files.copying import copy
from bike_traffic.registry.files.fetching import copy_files, model_files
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import Trust
from tests.test_registry import local_registry, make_record, register


class Careless(RegistryBackend):
    """Keeps records in memory and files in a folder, and checks nothing."""

    name = "careless"

    def __init__(self, uri: str = "careless") -> None:
        self.folder = Path(uri)
        self._records: list[ModelRecord] = []

    def append(self, record: ModelRecord) -> None:
        self._records.append(record)

    def records(self, query: Query) -> Iterator[ModelRecord]:
        return (record for record in self._records if query.admits(record.to_json()))

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        shutil.copytree(directory, self.folder / run_id)
        return str(self.folder / run_id)

    def download(self, record: ModelRecord, directory: Path) -> None:
        shutil.copytree(record.model_uri, directory, dirs_exist_ok=True)

    def events(self) -> list[RegistryEvent]:
        return []

    def append_event(self, event: RegistryEvent) -> None:
        raise NotImplementedError


@pytest.fixture(params=["changed", "another file", "no file"])
def careless(request: pytest.FixtureRequest) -> tuple[Careless, ModelRecord]:
    """Return a registry whose files were changed, and the record of them."""
    registry = Careless()
    record = register(registry, make_record())
    file = Path(record.model_uri, "model.bin")
    if request.param == "changed":
        file.write_bytes(b"evil")
    elif request.param == "another file":
        file.with_name("added.pkl").write_bytes(b"evil")
    else:
        file.unlink()
    return registry, record


def test_nothing_of_it_is_loaded_and_nothing_is_left_in_the_cache(
    careless: tuple[Careless, ModelRecord], tmp_path: Path
) -> None:
    registry, record = careless
    with pytest.raises(IntegrityError), model_files(registry, record, Trust()):
        pytest.fail("the files were handed out")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_nothing_of_it_is_pulled(careless: tuple[Careless, ModelRecord]) -> None:
    with pytest.raises(IntegrityError):
        copy_files(*careless, Trust(), Path("pulled"))
    assert not Path("pulled").exists()


def test_nothing_of_it_is_copied(careless: tuple[Careless, ModelRecord]) -> None:
    target = local_registry("target/summary.json")
    with pytest.raises(IntegrityError):
        list(copy(careless[0], target))
    assert list(target.records(EVERYTHING)) == []


def test_its_files_are_found_when_they_are_verified(careless: tuple[Careless, ModelRecord]) -> None:
    with pytest.raises(IntegrityError):
        careless[0].verify_files(careless[1])
