"""An array of any length is read line by line: the answers are those of the whole, and memory does not grow."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bike_traffic.comparison import measured_rows
from bike_traffic.errors import RegistryCorrupt, RegistryUnavailable
from bike_traffic.evaluation.metrics import metric_named
from bike_traffic.registry.queries import Query
from bike_traffic.registry.record_parts import SplitInfo
from bike_traffic.registry_backends import array_file
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import LocalStore
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.testing.backends.records import make_record

SUMMARY = Path("models/summary.json")
ARRAYS = {
    "ours": b'[\n{"run_id": "a"},\n{"run_id": "b", "note": "\xc3\xa9"}\n]\n',
    "of one entry": b'[\n{"run_id": "a"}\n]\n',
    "without a last newline": b'[\n{"run_id": "a"}\n]',
    "empty": b"[]",
    "empty, on lines": b"[\n]\n",
    "in one line": b'[{"run_id": "a"}, {"run_id": "b"}]',
    "indented": json.dumps([{"run_id": "a"}, {"run_id": "b", "list": [1, {}]}], indent=2).encode(),
    "begun in one line": b'[{"run_id": "a"},\n{"run_id": "b"}\n]\n',
    "two entries in a line": b'[\n{"run_id": "a"}, {"run_id": "b"},\n{"run_id": "c"}\n]\n',
    "with NaN": b'[\n{"run_id": "a", "r2": NaN},\n{"run_id": "b"}\n]\n',
    "with carriage returns": b'[\r\n{"run_id": "a"},\r\n{"run_id": "b"}\r\n]\r\n',
    "with a byte order mark": b'\xef\xbb\xbf[\n{"run_id": "a"}\n]\n',
    "with a comma too many": b'[\n{"run_id": "a"},\n]\n',
    "with a comma too few": b'[\n{"run_id": "a"}\n{"run_id": "b"}\n]\n',
    "with an end in the middle": b'[\n{"run_id": "a"}\n]\n{"run_id": "b"}\n]\n',
    "cut at a line": b'[\n{"run_id": "a"},\n',
    "cut in a line": b'[\n{"run_id": "a"},\n{"run_',
    "with a number": b'[\n{"run_id": "a"},\n1\n]\n',
    "with half an entry": b'[\n{"run_id": },\n{"run_id": "b"}\n]\n',
    "in another encoding": b'[\n{"run_id": "a", "note": "\xe9"}\n]\n',
    "of a null byte": b"[\n\x00]\n",
    "nothing": b"",
}


@pytest.fixture
def log() -> AppendLog:
    SUMMARY.parent.mkdir()
    return AppendLog(LocalStore(SUMMARY.parent), "summary.json", "records/", "run_id")


@pytest.mark.parametrize("held", [0, 1 << 20], ids=["as a file", "in memory"])
@pytest.mark.parametrize("content", ARRAYS.values(), ids=ARRAYS.keys())
@pytest.mark.usefixtures("impatient")
def test_the_entries_are_those_of_the_whole_array(
    content: bytes, held: int, log: AppendLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_file, "_HELD", held)
    SUMMARY.write_bytes(content)
    try:
        expected = log.entries()
    except RegistryCorrupt as error:
        with pytest.raises(RegistryCorrupt) as raised, log.raw():
            pass
        assert str(raised.value) == str(error)
        return
    with log.raw() as (number, raws):
        entries = [log.whole(raw) for raw in raws]
    assert str(entries) == str(expected)  # NaN is not equal to itself
    assert number == len(expected)


@pytest.mark.parametrize("held", [0, 1 << 20], ids=["as a file", "in memory"])
@pytest.mark.parametrize("content", ARRAYS.values(), ids=ARRAYS.keys())
@pytest.mark.usefixtures("impatient")
def test_entries_that_are_not_checked_first_are_the_same_or_one_is_an_error(
    content: bytes, held: int, log: AppendLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_file, "_HELD", held)
    SUMMARY.write_bytes(content)

    def rows(*, check: bool) -> list[str]:
        try:
            found = [row for row, _ in log.rows(["run_id"], check=check)]
        except RegistryCorrupt:
            return ["corrupt"]
        return ["corrupt"] if any(isinstance(row, RegistryCorrupt) for row in found) else [str(row) for row in found]

    assert rows(check=False) in (rows(check=True), ["corrupt"])


@pytest.mark.parametrize("held", [0, 1 << 20], ids=["as a file", "in memory"])
def test_the_best_of_an_array_with_two_entries_in_a_line_is_the_best_of_both(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_file, "_HELD", held)
    SUMMARY.parent.mkdir()
    values = {"a": 0.8, "b": 0.9}
    lines = [json.dumps(make_record(name, metrics={"r2": r2}).to_json()) for name, r2 in values.items()]
    SUMMARY.write_text(f"[\n{', '.join(lines)}\n]\n", encoding="utf-8")
    assert LocalRegistry("models").best("r2", Query()).run_id == "b"


def test_the_pass_that_finds_the_best_divides_the_records_as_reading_them_again_does() -> None:
    SUMMARY.parent.mkdir()
    splits = [SplitInfo(held_out_rows=500 + one % 2, training_until=f"2021-07-0{1 + one % 3}") for one in range(12)]
    entries = [
        make_record(run_id=f"run-{one}", metrics={"rmse": 40.0 - one, "r2": 0.1 * one}, split=split).to_json()
        for one, split in enumerate(splits)
    ]
    SUMMARY.write_bytes(array_of([json.dumps(entry).encode() for entry in entries]))
    best, compared = LocalRegistry(str(SUMMARY.parent)).compare("rmse", Query())
    assert best.run_id == "run-11"
    assert len(list(compared)) == 12
    groups = measured_rows(compared, metric_named("rmse"))
    assert (
        groups == measured_rows(list(compared), metric_named("rmse")) == measured_rows(entries, metric_named("rmse"))
    )
    assert [group.records for group in groups] == [2] * 6


@pytest.mark.parametrize("held", [0, 1 << 20], ids=["as a file", "in memory"])
@pytest.mark.parametrize(
    "odd",
    [
        b'{"run_id": "odd", "data": ' + b"[" * 3_000 + b"]" * 3_000 + b"}",
        b'{"run_id": "odd", "r2": ' + b"9" * 5_000 + b"}",
    ],
    ids=["nested", "digits"],
)
def test_an_entry_that_python_cannot_hold_is_no_reason_to_refuse_the_others(
    odd: bytes, held: int, log: AppendLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_file, "_HELD", held)
    first, second = records(2)
    SUMMARY.write_bytes(array_of([first, odd, second]))
    rows = [row for row, _ in log.rows(["run_id"])]
    assert [row["run_id"] for row in rows if isinstance(row, dict) and row["run_id"] != "odd"] == RUNS[:2]
    log.append(json.loads(records(3)[2]))
    assert SUMMARY.read_bytes() == array_of([first, odd, *records(3)[1:]])


def test_a_long_array_that_is_rewritten_in_place_while_it_is_read_is_one_clear_error(
    log: AppendLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_file, "_HELD", 0)
    SUMMARY.write_bytes(array_of(records(2_000)))
    with log.raw() as (number, raws):
        assert number == 2_000
        next(raws)
        SUMMARY.write_bytes(b"[]")
        with pytest.raises(RegistryUnavailable, match="another program rewrote it while it was read"):
            list(raws)


RUNS = [f"run-{one:08}" for one in range(3)]
COMMANDS = [
    ["best", "--metric", "r2"],
    ["list", "--limit", "3"],
    ["list", "--format", "json"],
    ["verify", "--format", "json"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_memory_does_not_grow_with_the_records(words: list[str]) -> None:
    """They are of 20 kB each, so that what is kept of each, its name and what is found, is little beside them."""
    SUMMARY.parent.mkdir()
    peaks = []
    for number in (2_000, 8_000):
        SUMMARY.write_bytes(array_of(records(number, note="x" * 20_000)))
        peaks.append(peak_megabytes("registry", *words))
    assert SUMMARY.stat().st_size > 150e6
    assert peaks[1] - peaks[0] < 15, peaks


def test_a_check_that_is_killed_goes_on_and_finds_what_an_uninterrupted_one_finds() -> None:
    SUMMARY.parent.mkdir()
    SUMMARY.write_bytes(array_of(records(6_000)))
    whole = run(command("registry", "verify", "--format", "json"))
    assert len(json.loads(whole.stdout)["findings"]) == 6_000
    noted = Path(os.environ["BT_CACHE"]) / "verifying"
    assert not list(noted.glob("*"))
    end = time.monotonic() + 60
    with subprocess.Popen(command("registry", "verify"), stdout=subprocess.DEVNULL) as killed:
        while killed.poll() is None and not has_reached(noted) and time.monotonic() < end:
            time.sleep(0.005)
        killed.kill()
    assert killed.returncode == -9
    again = run(command("registry", "verify", "--format", "json"))
    assert "goes on after " in again.stderr
    assert again.stdout == whole.stdout
    assert not list(noted.glob("*"))


def has_reached(folder: Path) -> bool:
    """Return whether a check has noted how far it came, with all of the line."""
    return any(re.search(r'"records": .*}\n', path.read_text()) for path in folder.glob("*"))


def records(number: int, **more: object) -> list[bytes]:
    """Return records that another program wrote, without digests."""
    common = {"model_type": "rf", "env": "dev", "test_mode": False, "r2": 0.5, "model_uri": "elsewhere", **more}
    return [
        json.dumps({"timestamp": "2026-03-01T12:00:00+00:00", "run_id": f"run-{one:08}", **common}).encode()
        for one in range(number)
    ]


def array_of(entries: list[bytes]) -> bytes:
    return b"[\n" + b",\n".join(entries) + b"\n]\n"


_PROGRAM = """
import sys
from bike_traffic.registry.bounds import checkpoint
checkpoint._SECONDS = 0.05
from bike_traffic.cli.main import main
main(sys.argv[1:])
"""
"""The command, which notes early how far a check came."""
_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True, timeout=120)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Runs a command and prints its peak memory in kB: measured by the tests, it would be at least theirs."""


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", _PROGRAM, *words, "--registry", str(SUMMARY)]


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    return done


def peak_megabytes(*words: str) -> float:
    kilobytes = int(run([sys.executable, "-c", _MEASURED, *command(*words)]).stdout)
    return kilobytes / (2**20 if sys.platform == "darwin" else 2**10)
