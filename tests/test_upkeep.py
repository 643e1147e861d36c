"""`verify` finds every difference between records, copies of records and files, and changes nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.errors import RegistryCorrupt, RegistryUnavailable
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import Query
from bike_traffic.registry.record_parts import SplitInfo
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.registry_backends.test_append_log import on_disk
from tests.test_registry import SEED_ENTRY, local_registry, make_record, register

A, B, C = "aaaa1111", "bbbb2222", "cccc3333"
SUMMARY = Path("models/summary.json")
EVERYTHING = Query(test_mode=None)
FILES = {"model.bin": b"trees", "sub/scaler.json": b"{}"}
SEEDS = SEED_ENTRY | {"model_type": "rf", "run_id": "seedseed", "model_uri": "theirs/rf/20250619_005924/"}


def fill(uri: str) -> RegistryBackend:
    """Return a registry of three runs, one of them of test mode, with two aliases."""
    registry = local_registry(uri)
    register(registry, make_record(A, split=SplitInfo(kind="temporal"), extra={"note": "é"}), FILES)
    register(registry, make_record(B, model_type="rf_class", env="prod", metrics={"accuracy": 0.9}), FILES)
    register(registry, make_record(C, test_mode=True), {"model.bin": b"other trees"})
    registry.promote(A, "champion", actor="ana@desk", reason="the first")
    registry.promote(B, "champion", actor="ana@desk")
    registry.promote(C, "challenger", actor="bob@desk")
    registry.rollback("champion", actor="ana@desk")
    return registry


@pytest.fixture
def registry() -> RegistryBackend:
    return fill("models/summary.json")


def entries() -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(SUMMARY.read_bytes())
    return read


def write_entries(written: list[dict[str, Any]]) -> None:
    SUMMARY.parent.mkdir(exist_ok=True)
    SUMMARY.write_text(json.dumps(written))


def folder_of(registry: RegistryBackend, run_id: str) -> str:
    return registry.get(run_id).model_uri.rstrip("/")


def not_registered(folder: str, name: str = "model.bin") -> str:
    return f"{folder}: {name} is not the file that was registered (its SHA-256 differs); nothing was loaded"


def exactly(message: str) -> str:
    return f"^{re.escape(message)}$"


def test_nothing_is_found_in_a_registry_as_it_was_written_not_even_in_an_empty_one(clean_place: Path) -> None:
    assert list(verify(local_registry())) == []
    assert list(clean_place.iterdir()) == []
    assert list(verify(fill("models/summary.json"))) == []


EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "one key": ({"rmse": 1.0}, "rmse"),
    "two keys": ({"rmse": 1.0, "r2": 0.99}, "r2, rmse"),
    "added": ({"author": "x"}, "author"),
    "added without a value": ({"author": None}, "author"),
    "removed": ({"r2": ...}, "r2"),
    "deep": ({"split": {"kind": "random"}}, "split"),
    "place": ({"model_uri": "elsewhere/"}, "model_uri"),
}


@pytest.mark.parametrize(("edit", "keys"), EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("place", ["summary", "records"])
def test_an_entry_that_was_edited_in_either_place_is_found_and_its_keys_are_named(
    registry: RegistryBackend, edit: dict[str, Any], keys: str, place: str
) -> None:
    first, *others = entries()
    edited = {key: value for key, value in (first | edit).items() if value is not ...}
    if place == "summary":
        write_entries([edited, *others])
    else:
        Path(f"models/records/{A}.json").write_text(json.dumps(edited))
    assert list(verify(registry)) == [
        Finding("edited", A, f"{keys} in summary.json and under records/ differ"),
    ]


def test_a_second_entry_of_a_run_that_says_something_else_is_found(registry: RegistryBackend) -> None:
    first, *others = entries()
    write_entries([first | {"r2": 0.99}, first, *others])
    assert Finding("edited", A, "r2 in summary.json and under records/ differ") in list(verify(registry))


@pytest.mark.parametrize(
    "edit", [{"timestamp": ...}, {"timestamp": "x"}, {"model_type": "../x"}, {"artifacts": "none"}], ids=str
)
def test_an_edit_that_makes_an_entry_unreadable_is_found_and_the_rest_is_checked(
    registry: RegistryBackend, edit: dict[str, Any]
) -> None:
    tampered = folder_of(registry, C)
    Path(tampered, "model.bin").write_bytes(b"TREES")
    first, *others = entries()
    write_entries([{key: value for key, value in (first | edit).items() if value is not ...}, *others])
    found = list(verify(registry))
    assert Finding("edited", A, f"{min(edit)} in summary.json and under records/ differ") in found
    assert Finding("changed-files", C, not_registered(tampered)) in found


def change_events(change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Edit ``aliases.json``."""
    path = SUMMARY.with_name("aliases.json")
    read = json.loads(path.read_bytes())
    change(read)
    path.write_text(json.dumps(read))


CHANGES_OF_EVENTS: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str, str]] = {
    "edited": (
        lambda read: read[1].update(run_id=C),
        "edited",
        "run_id in aliases.json and under aliases/ differ",
    ),
    "removed": (lambda read: read.pop(1), "pending", "it is under aliases/, but not in aliases.json"),
    "twice": (
        lambda read: read.insert(2, read[1]),
        "duplicate",
        "entries 2 and 3 of aliases.json have the same id",
    ),
    "added": (
        lambda read: read.append(read[1] | {"change_id": "other"}),
        "unrecorded",
        "it is in aliases.json, but not under aliases/",
    ),
}


@pytest.mark.parametrize("what", CHANGES_OF_EVENTS)
def test_a_change_of_the_events_is_found_as_one_of_the_records_is(registry: RegistryBackend, what: str) -> None:
    change, kind, detail = CHANGES_OF_EVENTS[what]
    change_events(change)
    (finding,) = verify(registry)
    assert (finding.kind, finding.detail) == (kind, detail)


@pytest.mark.parametrize("gone", [[C], [A], [B], [A, B, C]], ids=["tail", "head", "middle", "all"])
def test_entries_that_were_cut_off_or_out_are_pending_in_the_order_of_their_ids(
    registry: RegistryBackend, gone: list[str]
) -> None:
    write_entries([entry for entry in entries() if entry["run_id"] not in gone])
    found = list(verify(registry))
    assert found == [Finding("pending", run, "it is under records/, but not in summary.json") for run in gone]
    assert not any(finding.is_error for finding in found)
    assert registry.reconcile() == len(gone)
    assert list(verify(registry)) == []


def test_a_summary_that_is_gone_leaves_every_record_pending(registry: RegistryBackend) -> None:
    SUMMARY.unlink()
    assert [(finding.kind, finding.run_id) for finding in verify(registry)] == [
        ("pending", A),
        ("pending", B),
        ("pending", C),
    ]


def test_entries_that_stand_in_the_summary_alone_are_unrecorded(registry: RegistryBackend) -> None:
    Path(f"models/records/{B}.json").unlink()
    (found,) = verify(registry)
    assert found == Finding("unrecorded", B, "it is in summary.json, but not under records/")
    assert found.is_error


def test_both_directions_are_found_at_once(registry: RegistryBackend) -> None:
    Path(f"models/records/{B}.json").unlink()
    write_entries(entries()[:2])
    assert [(finding.kind, finding.run_id) for finding in verify(registry)] == [("unrecorded", B), ("pending", C)]


def change(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"TREES")


def lengthen(folder: Path) -> None:
    (folder / "sub/scaler.json").write_bytes(b"{} ")


def cut(folder: Path) -> None:
    (folder / "model.bin").unlink()


def bring(folder: Path) -> None:
    (folder / "sub/extra.pkl").write_bytes(b"\x80")


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


TAMPERING: list[tuple[Callable[[Path], None], str, str]] = [
    (change, "changed-files", not_registered("{folder}")),
    (lengthen, "changed-files", not_registered("{folder}", "sub/scaler.json")),
    (cut, "missing-files", "{folder}: model.bin is missing; nothing was loaded"),
    (bring, "changed-files", "{folder}: sub/extra.pkl is not part of the registered model; nothing was loaded"),
    (remove, "missing-files", "the files of run aaaa1111 are gone: {folder} does not exist"),
]


@pytest.mark.parametrize(
    ("tamper", "trouble", "detail"), TAMPERING, ids=["changed", "longer", "missing", "extra", "no folder"]
)
def test_files_that_are_not_as_they_were_registered_are_found_and_the_rest_is_checked(
    registry: RegistryBackend, tamper: Callable[[Path], None], trouble: str, detail: str
) -> None:
    folder, other = folder_of(registry, A), folder_of(registry, C)
    tamper(Path(folder))
    change(Path(other))
    found = list(verify(registry))
    assert [attrs.astuple(finding)[:3] for finding in found] == [
        (trouble, A, detail.replace("{folder}", folder)),
        ("changed-files", C, not_registered(other)),
    ]
    assert all(finding.is_error for finding in found)


def test_a_changed_file_is_not_called_missing_whatever_its_name(registry: RegistryBackend) -> None:
    record = register(registry, make_record("dddd4444"), {"what is missing.txt": b"1"})
    Path(record.model_uri, "what is missing.txt").write_bytes(b"2")
    assert [finding.kind for finding in verify(registry)] == ["changed-files"]


def test_a_summary_that_the_seed_wrote_is_unverified_and_that_is_not_grave() -> None:
    write_entries([SEEDS, SEEDS | {"run_id": "seedtwo"}])
    found = list(verify(local_registry()))
    detail = "the record has no digests; bike-traffic did not write it"
    assert found == [Finding("unverified", "seedseed", detail), Finding("unverified", "seedtwo", detail)]
    assert not any(finding.is_error for finding in found)


def test_a_summary_that_does_not_parse_is_named_and_left_as_it_is(registry: RegistryBackend) -> None:
    Path("models/summary.json").write_text("[{")
    before = on_disk()
    with pytest.raises(RegistryCorrupt, match=r"^summary\.json is not a JSON array of records: "):
        list(verify(registry))
    assert on_disk() == before


def test_a_record_that_does_not_parse_is_found_and_the_rest_is_checked(registry: RegistryBackend) -> None:
    path = f"records/{B}.json"
    Path("models", path).write_text("[{")
    before = on_disk()
    found = list(verify(registry))
    assert [(finding.kind, finding.run_id) for finding in found] == [("malformed", B), ("unrecorded", B)]
    assert found[0].detail.startswith(f"{path} is not a record: ")
    assert on_disk() == before


@pytest.mark.parametrize("absolute", [False, True])
def test_a_moved_copy_is_verified_by_itself_from_any_working_directory(
    registry: RegistryBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool
) -> None:
    assert all(entry["model_uri"].startswith("models/") for entry in entries())
    moved = tmp_path / "stick/copy"
    shutil.copytree("models", moved)
    shutil.rmtree("models")
    monkeypatch.chdir(tmp_path / "stick")
    opened = local_registry(str(moved / "summary.json") if absolute else "copy")
    assert list(verify(opened)) == []
    change(moved / "rf/20260301_120000-aaaa1111")
    folder = moved if absolute else Path("copy")
    detail = not_registered(f"{folder}/rf/20260301_120000-aaaa1111")
    assert list(verify(opened)) == [Finding("changed-files", A, detail)]


def test_verify_changes_nothing_on_disk(registry: RegistryBackend, clean_place: Path) -> None:
    write_entries([entries()[0] | {"r2": 0.99}, entries()[1]])
    change(Path(folder_of(registry, A)))
    listed, before = sorted(clean_place.rglob("*")), on_disk()
    assert [finding.kind for finding in verify(registry)] == ["edited", "changed-files", "pending"]
    assert (sorted(clean_place.rglob("*")), on_disk()) == (listed, before)


class Breaking(LocalRegistry):
    """A registry on a disk that fails from one run on, and counts the models that it checks."""

    def __init__(self, uri: str, breaks_at: str = "") -> None:
        super().__init__(uri)
        self.breaks_at = breaks_at
        self.checked: list[str] = []

    def verify_files(self, record: ModelRecord) -> None:
        if record.run_id == self.breaks_at:
            raise RegistryUnavailable("the disk is gone", "folder-error", path="", reason="")
        self.checked.append(record.run_id)
        super().verify_files(record)


RUNS = [f"{number}aaa1111" for number in range(5)]
URI = "models/summary.json"


def interrupted(breaks_at: str) -> list[str]:
    """Register five runs, of which the second lost a file; check them until one cannot be read; return the rest."""
    for run_id in RUNS:
        register(LocalRegistry(URI), make_record(run_id))
    next(Path("models/rf").glob("*-1aaa1111/model.bin")).unlink()
    registry = Breaking(URI, breaks_at)
    with pytest.raises(RegistryUnavailable):
        list(verify(registry))
    return registry.checked


def found(registry: Breaking, **how: Any) -> tuple[list[str], list[str]]:
    """Return the runs with a finding, and those whose files were checked."""
    return [one.run_id for one in verify(registry, **how)], registry.checked


def test_a_check_goes_on_where_it_was_interrupted_with_what_it_had_found() -> None:
    assert interrupted(RUNS[3]) == RUNS[:3]
    notes: list[str] = []
    assert found(Breaking(URI), notify=notes.append) == ([RUNS[1]], RUNS[3:])
    assert len(notes) == 1
    assert notes[0].startswith("goes on after 3 records, which were checked from ")
    assert found(Breaking(URI)) == ([RUNS[1]], RUNS)  # a complete check leaves nothing to go on from


def test_a_check_that_is_interrupted_twice_goes_on_from_the_second_time() -> None:
    interrupted(RUNS[2])
    second = Breaking(URI, RUNS[4])
    with pytest.raises(RegistryUnavailable):
        list(verify(second))
    assert second.checked == RUNS[2:4]
    assert found(Breaking(URI)) == ([RUNS[1]], RUNS[4:])


def test_a_check_begins_again_if_it_is_told_to_or_the_registry_is_another() -> None:
    interrupted(RUNS[3])
    assert found(Breaking(URI), restart=True) == ([RUNS[1]], RUNS)
    Path("models/summary.json").rename("other.json")
    for path in Path("models/records").iterdir():
        path.unlink()
    interrupted_again = json.loads(Path("other.json").read_bytes())
    Path("models/summary.json").write_text(json.dumps(interrupted_again[3:]))
    assert set(found(Breaking(URI))[1]) == set(RUNS[3:])


def test_half_a_line_of_a_killed_check_is_not_used(tmp_path: Path) -> None:
    interrupted(RUNS[3])
    (notes,) = (tmp_path / "cache/verifying").iterdir()
    with notes.open("a") as file:
        file.write('{"finding": {"kind": "unsi')
    assert found(Breaking(URI)) == ([RUNS[1]], RUNS[3:])
