"""The append-only log: nothing is lost, nothing stands there twice, and nothing it cannot read is replaced."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bike_traffic.errors import RegistryConflict, RegistryCorrupt, RegistryError
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import VOUCHED, LocalStore

ROOT = Path("models")
SUMMARY = ROOT / "summary.json"


def log_on(store: LocalStore, deadline: float = 30.0) -> AppendLog:
    return AppendLog(store, "summary.json", "records/", "run_id", deadline=deadline)


@pytest.fixture
def log() -> AppendLog:
    return log_on(LocalStore(ROOT))


def entry(run_id: str, **more: Any) -> dict[str, Any]:
    return {"run_id": run_id, "timestamp": "2026-03-01T12:00:00+00:00", **more}


def write_summary(content: bytes) -> None:
    ROOT.mkdir(exist_ok=True)
    SUMMARY.write_bytes(content)


def write_durable(run_id: str, **more: Any) -> dict[str, Any]:
    """Leave what a writer leaves that died between its two steps."""
    for folder in ("records", "pending/records"):
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
    (ROOT / "pending/records" / run_id).touch()
    (ROOT / f"records/{run_id}.json").write_text(json.dumps(entry(run_id, **more)))
    return entry(run_id, **more)


def on_disk() -> dict[str, bytes]:
    """Return every file of the registry, the lock apart."""
    found = {path.relative_to(ROOT).as_posix(): path for path in ROOT.rglob("*") if path.is_file()}
    own = (".lock", ".bt-vouched-summary.json")
    return {name: path.read_bytes() for name, path in sorted(found.items()) if name not in own}


def test_entries_stand_in_a_plain_json_array_in_the_order_of_their_appending(log: AppendLog) -> None:
    assert log.entries() == []
    entries = [entry("b", note="é"), entry("a"), entry("c", deep={"list": [1, None]})]
    for one in entries:
        log.append(one)
    assert json.loads(SUMMARY.read_bytes()) == entries == log.entries()
    assert {json.loads(path.read_bytes())["run_id"] for path in (ROOT / "records").iterdir()} == {"a", "b", "c"}


def test_one_id_twice_is_a_no_op(log: AppendLog) -> None:
    log.append(entry("a", r2=0.5))
    before = on_disk()
    log.append(entry("a", r2=0.5))
    assert on_disk() == before


def test_one_id_with_the_same_content_in_another_order_is_a_no_op(log: AppendLog) -> None:
    log.append({"run_id": "a", "timestamp": "2026-03-01T12:00:00+00:00", "r2": 1.0, "rmse": 40.0})
    before = on_disk()
    log.append({"rmse": 40.0, "r2": 1, "timestamp": "2026-03-01T12:00:00+00:00", "run_id": "a"})
    assert on_disk() == before


def test_one_id_with_another_content_is_a_conflict_and_changes_nothing(log: AppendLog) -> None:
    log.append(entry("a", r2=0.5))
    before = on_disk()
    with pytest.raises(RegistryConflict, match=r"^another record has the id a$"):
        log.append(entry("a", r2=0.6))
    assert on_disk() == before


def test_an_id_that_stands_in_the_array_alone_with_another_content_is_a_conflict(log: AppendLog) -> None:
    write_summary(json.dumps([entry("seeds", r2=0.5)]).encode())
    before = on_disk()
    with pytest.raises(RegistryConflict, match=r"^another record has the id seeds$"):
        log.append(entry("seeds", r2=0.6))
    assert on_disk() == before


def test_an_entry_that_stands_in_the_array_alone_is_not_added_again(log: AppendLog) -> None:
    write_summary(json.dumps([entry("seeds", r2=0.5)]).encode())
    log.append(entry("seeds", r2=0.5))
    assert log.entries() == [entry("seeds", r2=0.5)]


CORRUPT = {
    "empty": (b"", "Expecting value: line 1 column 1 (char 0)"),
    "blank": (b" \n", "Expecting value: line 2 column 1 (char 2)"),
    "truncated": (b'[\n{"run_id": "a"},\n{"run_', "Unterminated string starting at: line 3 column 2 (char 20)"),
    "unclosed": (b'[{"run_id": "a"}', "Expecting ',' delimiter: line 1 column 17 (char 16)"),
    "twice": (b"[]\n[]\n", "Extra data: line 2 column 1 (char 3)"),
    "object": (b'{"run_id": "a"}', "it holds a dict"),
    "null": (b"null", "it holds a NoneType"),
    "numbers": (b"[1, 2]", "entry 1 is not an object"),
    "mixed": (b'[{"run_id": "a"}, "b"]', "entry 2 is not an object"),
    "html": (b"<html></html>", "Expecting value: line 1 column 1 (char 0)"),
    "latin-1": ('[{"run_id": "é"}]'.encode("latin-1"), None),
    "utf-16": ('[\n{"run_id": "a"}\n]\n'.encode("utf-16"), None),
}


@pytest.mark.parametrize(("content", "reason"), CORRUPT.values(), ids=CORRUPT)
@pytest.mark.parametrize("act", ["entries", "append", "reconcile", "pending"])
def test_a_summary_that_does_not_parse_is_named_and_never_replaced(
    log: AppendLog, content: bytes, reason: str | None, act: str
) -> None:
    write_durable("waiting")
    write_summary(content)
    before = on_disk()
    acts: dict[str, Callable[[], object]] = {
        "entries": log.entries,
        "append": lambda: log.append(entry("new")),
        "reconcile": log.reconcile,
        "pending": log.pending,
    }
    advice = "it was left as it is: restore it, or move it away, and what is under records/ is merged into a new one"
    said = r".+" if reason is None else re.escape(reason)
    with pytest.raises(
        RegistryCorrupt, match=rf"^summary\.json is not a JSON array of records: {said}; {re.escape(advice)}$"
    ):
        acts[act]()
    assert on_disk() == before


def test_a_corrupt_summary_that_is_moved_away_is_made_anew_from_the_durable_entries(log: AppendLog) -> None:
    for run_id in "abc":
        log.append(entry(run_id))
    SUMMARY.write_bytes(b"[{")
    SUMMARY.rename(ROOT / "broken.json")
    log.append(entry("d"))
    assert [one["run_id"] for one in log.entries()] == ["a", "b", "c", "d"]


FOREIGN = {
    "empty": b"[]",
    "empty and spaced": b"\n [ \n ] \n\n",
    "byte-order mark": b"\xef\xbb\xbf[]\n",
    "indented": b'[\n    {\n        "run_id":"x",  "r2" : 7.10e-1\n    }\n]',
    "escapes": b'[{"run_id": "\\u00e9\\/", "b": "\xc3\xa9"}]\n',
    "no id": b'[{"note": "by hand"}, {}]',
    "odd ids": b'[{"run_id": null}, {"run_id": 7}]',
    "lists as ids": b'[{"run_id": ["a"]}, {"run_id": {"a": 1}}]',
    "not a number": b'[{"run_id": "x", "r2": NaN}]',
    "carriage returns": b'[\r\n{"run_id": "x"}\r\n]\r\n',
    "twice one id": b'[{"run_id": "x"}, {"run_id": "x"}]',
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_what_stands_in_the_array_is_kept_byte_for_byte(log: AppendLog, content: bytes) -> None:
    write_summary(content)
    kept = content.rstrip()[:-1].rstrip()
    before = len(json.loads(content))
    log.append(entry("one"))
    log.append(entry("two"))
    assert SUMMARY.read_bytes().startswith(kept)
    assert json.loads(SUMMARY.read_bytes())[before:] == [entry("one"), entry("two")]


def test_a_durable_entry_that_was_not_merged_is_pending_until_it_is_reconciled(log: AppendLog) -> None:
    log.append(entry("merged"))
    lost = write_durable("lost")
    assert log.pending() == ["lost"]
    assert log.reconcile() == 1
    assert log.entries() == [entry("merged"), lost]
    assert (log.pending(), log.reconcile()) == ([], 0)


def test_a_durable_entry_whose_mark_was_lost_is_still_pending_and_reconciled(log: AppendLog) -> None:
    log.append(entry("merged"))
    lost = write_durable("lost")
    (ROOT / "pending/records/lost").unlink()
    log.append(entry("new"))
    assert log.pending() == ["lost"]
    assert log.reconcile() == 1
    assert log.entries() == [entry("merged"), entry("new"), lost]


def test_marks_are_gone_once_what_they_mark_is_merged(log: AppendLog) -> None:
    write_durable("lost")
    (ROOT / "pending/records/not-yet-durable").touch()
    log.append(entry("new"))
    assert [path.name for path in (ROOT / "pending/records").iterdir()] == ["not-yet-durable"]
    log.reconcile()
    assert list((ROOT / "pending/records").iterdir()) == []


def written_by_another() -> None:
    """Write the array as it is, by another hand."""
    SUMMARY.write_bytes(SUMMARY.read_bytes())


def test_an_array_is_vouched_for_while_only_we_write_it(log: AppendLog) -> None:
    store = LocalStore(ROOT)
    for run_id in "abc":
        log_on(store).append(entry(run_id))
        assert store.read("summary.json")[1].endswith(VOUCHED)
    written_by_another()
    assert not store.read("summary.json")[1].endswith(VOUCHED)
    log_on(store).append(entry("d"))
    assert not store.read("summary.json")[1].endswith(VOUCHED)
    assert [one["run_id"] for one in log.entries()] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("by_hand", [b'[{"run_id": "seeds"}]', b"[\n"])
def test_what_others_wrote_into_an_array_of_ours_is_looked_at_before_anything_is_added(
    log: AppendLog, by_hand: bytes
) -> None:
    log.append(entry("a"))
    SUMMARY.write_bytes(by_hand)
    with pytest.raises((RegistryConflict, RegistryCorrupt)):
        log_on(LocalStore(ROOT)).append(entry("seeds"))
    assert SUMMARY.read_bytes() == by_hand


def test_an_id_that_stands_elsewhere_in_the_array_is_not_taken_for_an_entry(log: AppendLog) -> None:
    write_summary(json.dumps([entry("child", parent="a")]).encode())
    log.append(entry("a"))
    assert log.entries() == [entry("child", parent="a"), entry("a")]


def test_an_id_that_is_spelt_with_escapes_is_known_again(log: AppendLog) -> None:
    write_summary(b'[{"run_id": "\\u0061"}]')
    with pytest.raises(RegistryConflict, match=r"^another record has the id a$"):
        log.append(entry("a"))


def test_the_next_append_brings_along_what_others_left_pending_the_oldest_first(log: AppendLog) -> None:
    later = write_durable("a", timestamp="2026-03-01T11:00:00+00:00")
    earlier = write_durable("b", timestamp="2026-03-01T10:00:00+00:00")
    log.append(entry("new"))
    assert log.entries() == [earlier, later, entry("new")]


def test_an_append_that_was_cut_off_may_be_repeated(log: AppendLog) -> None:
    log.append(write_durable("lost"))
    assert log.entries() == [entry("lost")]


@pytest.mark.parametrize("run_id", ["../evil", "a/../../evil", "/evil"])
def test_an_id_that_would_leave_the_folder_is_refused_and_nothing_is_written(log: AppendLog, run_id: str) -> None:
    with pytest.raises(RegistryError, match=rf"^'{re.escape(run_id)}' cannot be a run id$"):
        log.append(entry(run_id))
    assert list(Path().rglob("*.json")) == []


@pytest.mark.parametrize("name", ["README.txt", ".DS_Store", "a.json.orig"])
def test_a_foreign_file_among_the_durable_entries_is_passed_over(log: AppendLog, name: str) -> None:
    log.append(entry("a"))
    (ROOT / "records" / name).write_bytes(b"\0 not a record")
    log.append(entry("b"))
    assert log.pending() == []
    assert log.entries() == [entry("a"), entry("b")]


def test_a_copy_of_a_durable_entry_under_another_name_is_never_merged_twice(log: AppendLog) -> None:
    log.append(entry("a"))
    (ROOT / "records/a copy.json").write_bytes((ROOT / "records/a.json").read_bytes())
    for run_id in ("b", "c"):
        log.append(entry(run_id))
    assert Counter(one["run_id"] for one in log.entries()) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize("content", [b"", b'{"run_id": "b"', b"[]", b"\xff"])
def test_a_durable_entry_that_does_not_parse_stops_nobody_and_is_kept(log: AppendLog, content: bytes) -> None:
    log.append(entry("a"))
    write_durable("b")
    (ROOT / "records/b.json").write_bytes(content)
    log.append(entry("c"))
    assert log.reconcile() == 0
    assert log.names() == ["a", "c"]
    assert log.durable_names() == ["a", "b", "c"]
    with pytest.raises(RegistryCorrupt, match=r"^records/b\.json is not a record: "):
        log.durable("b")
    assert (ROOT / "records/b.json").read_bytes() == content


def test_a_durable_entry_that_no_text_can_hold_stops_nobody(log: AppendLog) -> None:
    write_durable("b", note="\ud800")
    log.append(entry("a"))
    assert (log.names(), log.pending()) == (["a"], ["b"])


def test_an_entry_that_json_cannot_hold_is_refused_and_nothing_is_written(log: AppendLog) -> None:
    with pytest.raises(RegistryCorrupt, match=r"^an entry cannot be written as JSON .*: Out of range float values"):
        log.append(entry("a", r2=float("nan")))
    assert not ROOT.exists()
