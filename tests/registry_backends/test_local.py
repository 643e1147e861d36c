"""The registry on this machine: the seed's layout, files stored whole, one line when it cannot be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bike_traffic.errors import (
    IntegrityError,
    NoRecord,
    RegistryConflict,
    RegistryCorrupt,
    RegistryUnavailable,
    RegistryWarning,
    SettingsError,
)
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.queries import Query
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.test_registry import SEED_ENTRY, make_record, register

FILES = {"model.bin": b"trees", "sub/scaler.json": b"{}"}


@pytest.fixture
def registry() -> RegistryBackend:
    return LocalRegistry("models/summary.json")


def test_opening_and_asking_create_nothing(registry: RegistryBackend, clean_place: Path) -> None:
    assert list(registry.records(Query(test_mode=None))) == []
    assert list(clean_place.iterdir()) == []


def test_the_summary_is_the_seeds_plain_array_and_the_files_lie_in_a_folder_a_model(
    registry: RegistryBackend,
) -> None:
    record = register(registry, make_record(), FILES)
    assert json.loads(Path("models/summary.json").read_bytes()) == [record.to_json()]
    assert record.model_uri == "models/rf/20260301_120000-abcd1234/"
    stored = {path.relative_to(record.model_uri).as_posix() for path in Path(record.model_uri).rglob("*")}
    assert stored == {"manifest.json", "model.bin", "sub", "sub/scaler.json"}
    assert sorted(path.name for path in Path("models/rf").iterdir()) == ["20260301_120000-abcd1234"]


def test_a_record_appended_as_it_was_read_is_a_no_op(registry: RegistryBackend) -> None:
    registry.append(make_record(metrics={"rmse": 40, "r2": 0.8}, extra={"zeta": 1, "alpha": [2]}))
    summary = Path("models/summary.json").read_bytes()
    for record in list(registry.records(Query())):
        registry.append(record)
    assert Path("models/summary.json").read_bytes() == summary


def test_one_run_id_with_another_content_is_a_conflict(registry: RegistryBackend) -> None:
    registry.append(make_record())
    with pytest.raises(RegistryConflict, match=r"^another record has the id abcd1234$"):
        registry.append(make_record(metrics={"r2": 0.9}))
    assert list(registry.records(Query())) == [make_record()]


def test_a_summary_that_the_seed_wrote_is_read_and_added_to(registry: RegistryBackend) -> None:
    Path("models").mkdir()
    text = json.dumps([SEED_ENTRY, SEED_ENTRY | {"run_id": "efgh", "test_mode": False, "r2": 0.6}], indent=4)
    Path("models/summary.json").write_text(text)
    assert registry.best("r2", Query(test_mode=True)).run_id == "abcd"
    assert registry.best("r2", Query()).run_id == "efgh"
    registry.append(make_record(metrics={"r2": 0.7}))
    assert registry.best("r2", Query()).run_id == "abcd1234"
    assert Path("models/summary.json").read_text().startswith(text.rstrip()[:-1].rstrip())


def test_a_broken_entry_is_left_out_and_left_as_it_is(registry: RegistryBackend) -> None:
    Path("models").mkdir()
    Path("models/summary.json").write_text('[{"by": "hand"}]')
    with pytest.warns(
        RegistryWarning,
        match=r"^models/summary\.json: entry 1 was left out: not a record of a model \(KeyError: 'timestamp'\)$",
    ):
        assert list(registry.records(Query(test_mode=None))) == []
    assert Path("models/summary.json").read_text() == '[{"by": "hand"}]'


def test_the_same_upload_twice_is_a_no_op_and_another_is_a_conflict(registry: RegistryBackend) -> None:
    record = register(registry, make_record(), FILES)
    assert register(registry, make_record(), FILES) == record
    target = record.model_uri.rstrip("/")
    with pytest.raises(
        RegistryConflict, match=f"^{re.escape(f'{target} holds other files than those of run abcd1234')}$"
    ):
        register(registry, make_record(), {"model.bin": b"other"})
    assert (Path(target) / "model.bin").read_bytes() == b"trees"


def test_a_download_is_the_upload_checked(registry: RegistryBackend) -> None:
    record = register(registry, make_record(), FILES)
    registry.download(record, Path("pulled"))
    assert {name: Path("pulled", name).read_bytes() for name in FILES} == FILES
    Path(record.model_uri, "model.bin").write_bytes(b"TREES")
    message = (
        f"{record.model_uri.rstrip('/')}: model.bin is not the file that was registered (its SHA-256 differs); "
        "nothing was loaded"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(message)}$"):
        registry.download(record, Path("refused"))


def test_a_registry_that_was_moved_keeps_working(registry: RegistryBackend) -> None:
    record = register(registry, make_record(), FILES)
    Path("models").rename("elsewhere")
    moved = LocalRegistry("elsewhere")
    moved.download(moved.get("abcd1234"), Path("pulled"))
    assert {name: Path("pulled", name).read_bytes() for name in FILES} == FILES
    message = "the files of run abcd1234 are gone: models/rf/20260301_120000-abcd1234 does not exist"
    with pytest.raises(NoRecord, match=f"^{re.escape(message)}$"):
        registry.download(record, Path("gone"))


@pytest.mark.parametrize("model_type", ["../outside", "{here}/outside"])
def test_a_record_whose_folder_lies_outside_is_refused(
    registry: RegistryBackend, clean_place: Path, model_type: str
) -> None:
    record = register(registry, make_record(), FILES)
    Path(record.model_uri).parent.rename("outside")
    forged = record.to_json() | {"model_type": model_type.replace("{here}", str(clean_place))}
    Path("models/summary.json").write_text(json.dumps([forged]))
    with pytest.raises(RegistryCorrupt):
        registry.download(registry.get(record.run_id), Path("pulled"))
    assert not Path("pulled").exists()


def test_a_place_below_a_file_is_unavailable_and_said_in_one_line() -> None:
    Path("file.txt").write_text("not a folder")
    registry = LocalRegistry("file.txt/models")
    with pytest.raises(RegistryUnavailable, match=r"^file\.txt/models/pending/records/abcd1234: Not a directory$"):
        registry.append(make_record())
    with pytest.raises(RegistryUnavailable, match=r"^file\.txt/models/rf/20260301_120000-abcd1234: Not a directory$"):
        register(registry, make_record())
    assert Path("file.txt").read_text() == "not a folder"


def test_an_upload_that_fails_leaves_nothing_behind(registry: RegistryBackend) -> None:
    with pytest.raises(
        RegistryUnavailable, match=r"^models/rf/20260301_120000-abcd1234: .*No such file or directory"
    ):
        registry.upload(Path("gone"), model_type="rf", timestamp=make_record().timestamp, run_id=make_record().run_id)
    assert [path for path in Path("models").rglob("*") if path.is_file()] == []
    assert list(Path("models/rf").iterdir()) == []


def test_an_address_that_is_no_folder_is_refused() -> None:
    message = "backend 'local' keeps a registry in a folder, not at gs://bucket/models"
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        LocalRegistry("gs://bucket/models")
