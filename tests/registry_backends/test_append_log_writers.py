"""Concurrent writers of one log: conflicts, lost answers, deadlines and kills lose nothing and double nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from bike_traffic.errors import MergePending
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import LocalStore, Parts, StoreConflict
from tests.registry_backends.test_append_log import ROOT, SUMMARY, entry, log_on, write_summary

WRITER_SECONDS = 600.0


@pytest.fixture
def log() -> AppendLog:
    return log_on(LocalStore(ROOT))


class BusyStore(LocalStore):
    """A store whose summary somebody else always changes first."""

    def replace(self, path: str, parts: Parts, version: str, *, vouch: bool = False) -> str:
        raise StoreConflict(f"{path} was changed meanwhile")


def test_when_the_deadline_passes_the_entry_is_durable_and_pending_and_merged_by_the_next(log: AppendLog) -> None:
    write_summary(b"[]\n")
    with pytest.raises(MergePending) as caught:
        log_on(BusyStore(ROOT), deadline=0).append(entry("late"))
    assert str(caught.value).startswith("the record is durable under records/, but summary.json was busy for 0 s; ")
    assert caught.value.exit_code == 3
    assert SUMMARY.read_bytes() == b"[]\n"
    assert log.pending() == ["late"]
    log.append(entry("next"))
    assert [one["run_id"] for one in log.entries()] == ["late", "next"]


def test_a_conflict_is_tried_again_until_it_is_gone() -> None:
    class OnceBusyStore(LocalStore):
        busy = 3

        def replace(self, path: str, parts: Parts, version: str, *, vouch: bool = False) -> str:
            if self.busy:
                self.busy -= 1
                raise StoreConflict(f"{path} was changed meanwhile")
            return super().replace(path, parts, version, vouch=vouch)

    write_summary(b"[]")
    log = log_on(OnceBusyStore(ROOT))
    log.append(entry("a"))
    assert log.entries() == [entry("a")]


def test_an_answer_that_was_lost_on_the_way_makes_no_second_entry() -> None:
    class ForgetfulStore(LocalStore):
        """A store that writes, and then says that somebody else did."""

        def replace(self, path: str, parts: Parts, version: str, *, vouch: bool = False) -> str:
            super().replace(path, parts, version, vouch=vouch)
            raise StoreConflict(f"{path} was changed meanwhile")

        def create(self, path: str, data: bytes, *, vouch: bool = False) -> None:
            super().create(path, data, vouch=vouch)
            raise StoreConflict(f"{path} exists already")

    log = log_on(ForgetfulStore(ROOT))
    for run_id in "abc":
        log.append(entry(run_id))
    assert log.entries() == [entry("a"), entry("b"), entry("c")]


WRITER = """
import sys
from pathlib import Path
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import LocalStore

name, count = sys.argv[1], int(sys.argv[2])
log = AppendLog(LocalStore(Path("models")), "summary.json", "records/", "run_id", deadline=600)
for number in range(count):
    run_id = f"{name}-{number}"
    log.append({"run_id": run_id, "timestamp": "2026-03-01T12:00:00+00:00", "padding": "x" * 2000})
    print(run_id, flush=True)
"""


def start_writer(name: str, count: int) -> subprocess.Popen[bytes]:
    """Start a process that appends `count` entries and prints the id of each once it is promised."""
    with Path(f"{name}.promised").open("wb") as promised:
        return subprocess.Popen([sys.executable, "-c", WRITER, name, str(count)], stdout=promised)


def promised() -> list[str]:
    """Return the ids that writers printed whole."""
    texts = (path.read_text() for path in Path().glob("*.promised"))
    return [line for text in texts for line in text.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.slow
def test_eight_processes_append_at_once_and_nothing_is_lost_or_doubled(log: AppendLog) -> None:
    writers = [start_writer(f"writer{number}", 25) for number in range(8)]
    assert [writer.wait(WRITER_SECONDS) for writer in writers] == [0] * 8
    expected = {f"writer{number}-{place}": 1 for number in range(8) for place in range(25)}
    assert Counter(one["run_id"] for one in log.entries()) == expected
    assert log.pending() == []


@pytest.mark.slow
def test_writers_killed_at_any_moment_lose_nothing_double_nothing_and_leave_the_file_whole(log: AppendLog) -> None:
    moments = random.Random(0)
    for round_number in range(8):
        before = len(promised())
        writers = [start_writer(f"round{round_number}-{place}", 10_000) for place in range(3)]
        try:
            end = time.monotonic() + WRITER_SECONDS
            while len(promised()) < before + 3:
                assert time.monotonic() < end
                log.entries()  # raises when a reader could see half a file
            time.sleep(moments.uniform(0, 0.05))
        finally:
            for writer in writers:
                writer.kill()
        assert [writer.wait(WRITER_SECONDS) for writer in writers] == [-9] * 3
        log.entries()
    log.reconcile()
    found = Counter(one["run_id"] for one in log.entries())
    durable = {path.stem for path in (ROOT / "records").glob("*.json")}
    assert {line.strip() for line in promised()} <= durable
    assert found == dict.fromkeys(durable, 1)
    assert log.pending() == []
    log_on(LocalStore(ROOT)).append(entry("last"))
    assert list(ROOT.rglob(".bt-tmp-*")) == []
