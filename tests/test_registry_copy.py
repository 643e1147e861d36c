"""`copy` copies all of a registry, continues after an interruption, and never overwrites."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.errors import (
    IntegrityError,
    NoRecord,
    RegistryConflict,
    RegistryCorrupt,
    RegistryUnavailable,
    RegistryWarning,
)
from bike_traffic.loading import load_model
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.files.artifacts import digest_directory
from bike_traffic.registry.files.copying import Copied, copy
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import Trust
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.registry_backends.test_append_log import on_disk
from tests.test_manager import built_in_host
from tests.test_registry import SEED_ENTRY, local_registry, make_record, register
from tests.test_upkeep import (
    EVERYTHING,
    SEEDS,
    TAMPERING,
    A,
    B,
    C,
    bring,
    change,
    cut,
    exactly,
    fill,
    folder_of,
    remove,
)


@pytest.fixture
def source() -> RegistryBackend:
    return fill("source/summary.json")


@pytest.fixture
def target() -> RegistryBackend:
    return local_registry("models/summary.json")


def runs(registry: RegistryBackend) -> list[str]:
    return [record.run_id for record in registry.records(EVERYTHING)]


def copied(done: list[Copied]) -> dict[str, bool]:
    return {one.record.run_id: one.copied for one in done}


def test_records_files_aliases_and_their_history_are_copied_and_the_source_stays(
    source: RegistryBackend, target: RegistryBackend
) -> None:
    before, records = digest_directory(Path("source")), list(source.records(EVERYTHING))
    assert list(copy(source, target)) == [Copied(record, copied=True, verified=True) for record in records]
    assert digest_directory(Path("source")) == before
    assert list(target.records(EVERYTHING)) == [
        attrs.evolve(record, model_uri=record.model_uri.replace("source/", "models/")) for record in records
    ]
    for record in target.records(EVERYTHING):
        assert digest_directory(Path(record.model_uri)) == record.artifacts
        assert Path(record.model_uri, "manifest.json").is_file()
    assert target.events() == source.events()
    assert (target.alias("champion").run_id, target.alias("challenger").run_id) == (A, C)
    assert list(verify(target)) == []


def test_a_second_copy_copies_nothing_and_a_third_only_what_came_since(
    source: RegistryBackend, target: RegistryBackend
) -> None:
    list(copy(source, target))
    before = on_disk()
    assert copied(list(copy(source, target))) == {A: False, B: False, C: False}
    assert on_disk() == before
    register(source, make_record("dddd4444"))
    source.promote("dddd4444", "champion", actor="ana@desk")
    assert copied(list(copy(source, target))) == {A: False, B: False, C: False, "dddd4444": True}
    assert target.events() == source.events()
    assert list(verify(target)) == []


def test_what_the_target_has_of_its_own_stays(source: RegistryBackend, target: RegistryBackend) -> None:
    own = register(target, make_record("own"))
    target.promote("own", "nightly", actor="ana@desk")
    list(copy(source, target))
    assert runs(target) == ["own", A, B, C]
    assert target.alias("nightly") == own
    assert target.alias("champion").run_id == A


def test_a_copy_does_not_move_an_alias_that_the_target_changed_later(
    source: RegistryBackend, target: RegistryBackend
) -> None:
    own = register(target, make_record("own"))
    target.promote("own", "champion", actor="ana@desk")
    list(copy(source, target))
    assert target.alias("champion") == own


class Breaking(LocalRegistry):
    """A target whose connection breaks when the third model, or the third change of an alias, is on its way."""

    def __init__(self, broken: str) -> None:
        super().__init__("models/summary.json")
        self.broken, self.calls = broken, 0

    def _pass(self, method: str) -> None:
        self.calls += method == self.broken
        if self.calls == 3:
            raise RegistryUnavailable("the line is dead")

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        self._pass("before the upload")
        uri = super().upload(directory, model_type=model_type, timestamp=timestamp, run_id=run_id)
        self._pass("after the upload")
        return uri

    def append(self, record: ModelRecord) -> None:
        super().append(record)
        self._pass("after the record")

    def append_event(self, change: RegistryEvent) -> None:
        self._pass("before the change of an alias")
        super().append_event(change)


@pytest.mark.parametrize(
    ("broken", "there"),
    [
        ("before the upload", [A, B]),
        ("after the upload", [A, B]),
        ("after the record", [A, B, C]),
        ("before the change of an alias", [A, B, C]),
    ],
)
def test_a_copy_that_broke_off_goes_on_where_it_stopped(
    source: RegistryBackend, target: RegistryBackend, broken: str, there: list[str]
) -> None:
    with pytest.raises(RegistryUnavailable, match=r"^the line is dead$"):
        list(copy(source, Breaking(broken)))
    assert runs(target) == there
    assert list(verify(target)) == []
    assert copied(list(copy(source, target))) == {run_id: run_id not in there for run_id in (A, B, C)}
    assert target.events() == source.events()
    assert list(verify(target)) == []


@pytest.mark.parametrize("changes", [{"metrics": {"r2": 0.9}}, {"env": "prod"}, {"artifacts": {}}], ids=str)
def test_another_record_under_the_same_run_id_is_a_conflict_and_nothing_is_overwritten(
    source: RegistryBackend, target: RegistryBackend, changes: dict[str, Any]
) -> None:
    target.append(attrs.evolve(source.get(A), **changes))
    before = on_disk()
    with pytest.raises(RegistryConflict, match=exactly(f"the target has another record under the run id {A}")):
        list(copy(source, target))
    assert on_disk() == before


@pytest.mark.parametrize("tamper", [change, cut, bring, remove])
def test_a_model_whose_files_are_not_those_of_its_record_is_not_copied(
    source: RegistryBackend, target: RegistryBackend, tamper: Callable[[Path], None]
) -> None:
    folder = folder_of(source, B)
    tamper(Path(folder))
    detail = {made: detail for made, _, detail in TAMPERING}[tamper].replace("{folder}", folder).replace(A, B)
    with pytest.raises(NoRecord if tamper is remove else IntegrityError, match=exactly(detail)):
        list(copy(source, target))
    assert runs(target) == [A]
    assert not Path("models/rf_class").exists()
    assert target.events() == []


def write_seeds() -> RegistryBackend:
    """Return a registry as the seed leaves one: a summary, and files wherever `model_uri` says."""
    files = Path(str(SEEDS["model_uri"]))
    (files / "rf").mkdir(parents=True)
    (files / "rf/model.joblib").write_bytes(b"their trees")
    Path("source").mkdir()
    Path("source/summary.json").write_text(json.dumps([SEEDS], indent=4))
    return local_registry("source/summary.json")


def test_a_summary_that_the_seed_wrote_is_copied_with_its_files_and_said_to_be_unverified(
    target: RegistryBackend,
) -> None:
    source = write_seeds()
    record = source.get("seedseed")
    assert list(copy(source, target, anywhere=True)) == [Copied(record, copied=True, verified=False)]
    uri = "models/rf/20250618_225926-seedseed/"
    assert target.get("seedseed") == attrs.evolve(record, model_uri=uri)
    assert Path(uri, "rf/model.joblib").read_bytes() == b"their trees"
    before = on_disk()
    assert list(copy(source, target)) == [Copied(record, copied=False, verified=False)]
    assert on_disk() == before
    assert [finding.kind for finding in verify(target)] == ["unverified"]
    assert not Path(str(SEEDS["model_uri"]), "manifest.json").exists()


@pytest.mark.parametrize("place", ["source", "models"])
def test_what_the_seed_wrote_is_not_loaded_before_its_copy_nor_after(target: RegistryBackend, place: str) -> None:
    list(copy(write_seeds(), target, anywhere=True))
    registry = local_registry(place)
    message = (
        "record seedseed has no digests (it was not written by bike-traffic): its files cannot be checked, and "
        "nothing was loaded; --allow-unverified loads them all the same"
    )
    with pytest.raises(IntegrityError, match=exactly(message)):
        load_model(registry, registry.get("seedseed"), built_in_host(), Trust())


def test_files_of_the_seed_that_lie_elsewhere_are_named_by_their_uri(target: RegistryBackend) -> None:
    Path("source").mkdir()
    elsewhere = SEED_ENTRY | {"model_uri": "https://example.org/models/nn/20250619_005924/"}
    Path("source/summary.json").write_text(json.dumps([elsewhere]))
    message = f"the files of run abcd are at {elsewhere['model_uri']}, and a server of https:// does not list them"
    with pytest.raises(NoRecord, match=exactly(message)):
        list(copy(local_registry("source"), target, anywhere=True))
    assert runs(target) == []


@pytest.mark.parametrize("content", ["", "[{", '{"run_id": 1}', '["x"]'])
def test_a_corrupt_source_leaves_the_target_as_it_was(
    source: RegistryBackend, target: RegistryBackend, content: str
) -> None:
    register(target, make_record("own"))
    Path("source/summary.json").write_text(content)
    before = on_disk()
    with pytest.raises(RegistryCorrupt):
        list(copy(source, target))
    assert on_disk() == before
    assert Path("source/summary.json").read_text() == content


def test_an_entry_of_the_source_that_is_no_record_is_left_out(
    source: RegistryBackend, target: RegistryBackend
) -> None:
    path = Path("source/summary.json")
    path.write_text(json.dumps([{"by": "hand"}, *json.loads(path.read_text())]))
    with pytest.warns(RegistryWarning, match=r"^source/summary\.json: entry 1 was left out: not a record of a "):
        assert copied(list(copy(source, target))) == {A: True, B: True, C: True}


@pytest.mark.parametrize("place", ["summary.json", "aliases.json"])
def test_a_corrupt_target_is_left_as_it_is(source: RegistryBackend, target: RegistryBackend, place: str) -> None:
    list(copy(source, target))
    Path("models", place).write_text("[{")
    before = on_disk()
    with pytest.raises(RegistryCorrupt, match=f"^{place} is not a JSON array of records: "):
        list(copy(source, target))
    assert on_disk() == before


def test_a_registry_copied_onto_itself_copies_nothing() -> None:
    registry = fill("models/summary.json")
    before = on_disk()
    assert copied(list(copy(registry, local_registry("models")))) == {A: False, B: False, C: False}
    assert on_disk() == before
