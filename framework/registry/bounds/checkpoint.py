"""How far a long check of a registry came, kept in the cache, so that the next one goes on there."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import attrs

from bike_traffic.folders import cache_directory, sweep
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.findings import Finding, Verifiable
from bike_traffic.registry.records import utc_now

_SECONDS = 5.0
"""Time between two notes of how far a check is; a shorter check writes none."""


@attrs.frozen
class Reached:
    """Where a check stopped.

    Parameters
    ----------
    began : time of its beginning, ISO 8601.
    records : the number that it had checked.
    run_id : of the last of them.
    findings : about them.
    """

    began: str
    records: int
    run_id: str
    findings: Sequence[Finding]


class Checkpoint:
    """The notes of one check, as lines of JSON."""

    def __init__(self, registry_id: str, key_ids: Iterable[str]) -> None:
        name = hashlib.sha256("\0".join([registry_id, *sorted(key_ids)]).encode()).hexdigest()
        self._path = cache_directory() / "verifying" / f"{name}.jsonl"
        self._began = utc_now()
        self._written = time.monotonic()
        self._lines: list[dict[str, Any]] = []
        self._last: dict[str, Any] | None = None

    def reached(self) -> Reached | None:
        """Return where an earlier check stopped; ``None`` if none did."""
        sweep([self._path])
        began, complete, end = "", 0, 0
        findings: list[Finding] = []
        unfinished: list[bytes] = []
        last: dict[str, Any] | None = None
        try:
            with self._path.open("rb") as file:
                for line in file:
                    note = json.loads(line)
                    if "began" in note:
                        began = note["began"]
                    elif "finding" in note:
                        findings.append(Finding(**note["finding"]))
                    else:
                        complete, end, last = len(findings), end + sum(map(len, [*unfinished, line])), note
                        unfinished = []
                        continue
                    unfinished.append(line)
        except (OSError, ValueError, TypeError, KeyError):
            pass  # a process that was killed may have left half a line
        if last is None:
            self.forget()
            return None
        with suppress(OSError):
            os.truncate(self._path, end)
        self._began = ""
        return Reached(began, last["records"], last["run_id"], findings[:complete])

    def forget(self) -> None:
        """Remove the notes: the check is complete, or begins again."""
        self._began, self._lines, self._last = utc_now(), [], None
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def add(self, records: int, run_id: str, findings: Iterable[Finding]) -> None:
        """Note that so many records are checked, `run_id` the last of them, and what was found about it."""
        self._lines += [{"finding": attrs.asdict(finding)} for finding in findings]
        self._last = {"records": records, "run_id": run_id}
        if time.monotonic() - self._written > _SECONDS:
            self.write()

    def write(self) -> None:
        """Write the notes that were not written yet; a cache that cannot be written keeps none."""
        if self._last is None:
            return
        self._written = time.monotonic()
        lines = [*([{"began": self._began}] if self._began else []), *self._lines, self._last]
        self._began, self._lines, self._last = "", [], None
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(line, default=str)}\n" for line in lines)


def resumed(
    registry: RegistryBackend, checkpoint: Checkpoint, notify: Callable[[str], None]
) -> tuple[Reached | None, Iterator[Verifiable], int | None]:
    """Return where an earlier check of these records stopped, what is left to check, and the number of all."""
    done = checkpoint.reached()
    if done is not None:
        records = registry.records_to_verify(done.records - 1)
        last = next(records, None)
        if last is not None and last.run_id == done.run_id:
            when = f"{done.began[:16]} UTC"
            notify(f"goes on after {done.records:,} records, which were checked from {when} on; --restart does not")
            return done, records, last.total
        checkpoint.forget()  # the registry is another one now
    records = registry.records_to_verify()
    first = next(records, None)
    if first is None:
        return None, iter(()), None
    return None, chain([first], records), first.total
