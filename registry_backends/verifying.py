"""The entries of an array beside their durable copies, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bike_traffic.errors import RegistryCorrupt
from bike_traffic.registry.files.findings import Finding, Verifiable
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import StoreMissing

_UNRECORDED = -1


def verifiable(log: AppendLog, read: Callable[[Mapping[str, Any]], Any], after: int = 0) -> Iterator[Verifiable]:
    """Yield each entry with what is wrong with its copies, then those that are durable alone.

    An entry is read when it is its turn, so that memory holds the names alone.

    Parameters
    ----------
    read : makes a record of an entry, or raises `RegistryCorrupt`.
    after : the number of entries that are passed over.
    """
    with log.raw() as (length, raws):
        numbers = dict.fromkeys(log.durable_names(), 0)
        total = max(length, len(numbers))
        for number, raw in enumerate(raws, start=1):
            name = log.name_of(raw)
            state = numbers.get(name, _UNRECORDED)
            if state == 0 or name not in numbers:
                numbers[name] = number if state == 0 else -number
            if number <= after:
                continue
            if name in numbers and abs(numbers[name]) != number:
                detail = f"entries {abs(numbers[name])} and {number} of {log.path} have the same id"
                yield Verifiable(name, None, [Finding("duplicate", name, detail, {"where": log.path})], total)
            else:
                yield _compared(log, read, name, number, raw, is_durable=state == 0, total=total)
    pending = sorted(name for name, number in numbers.items() if number == 0)
    for name in pending[max(0, after - length) :]:
        yield _pending(log, read, name, total)


def _pending(log: AppendLog, read: Callable[[Mapping[str, Any]], Any], name: str, total: int) -> Verifiable:
    """Read a durable entry that is not in the array."""
    record: Any = None
    findings: list[Finding] = []
    try:
        entry = log.durable(name)
        if entry.get(log.identity) == name:  # else a copy under another name
            detail = f"it is under {log.entries_prefix}, but not in {log.path}"
            findings = [Finding("pending", name, detail, {"where": log.entries_prefix})]
            record = _read(read, entry)
    except StoreMissing:
        pass  # removed meanwhile
    except RegistryCorrupt as error:
        findings = [_malformed(error, name)]
    return Verifiable(name, record, findings, total)


def _compared(
    log: AppendLog,
    read: Callable[[Mapping[str, Any]], Any],
    name: str,
    number: int,
    raw: bytes,
    *,
    is_durable: bool,
    total: int,
) -> Verifiable:
    """Compare an entry with its durable copy; the record is that of the copy, if it can be read."""
    findings: list[Finding] = []
    first: dict[str, Any] | None = None
    try:
        entry = log.whole(raw)
    except RegistryCorrupt as error:
        detail = f"entry {number} of {log.path} is not JSON: {error.parts['reason']}"
        parts = {"where": log.path, "reason": error.parts["reason"]}
        return Verifiable(name, None, [Finding("malformed", name, detail, parts)], total)
    try:
        first = log.durable(name) if is_durable else None
    except StoreMissing:
        is_durable = False
    except RegistryCorrupt as error:
        findings.append(_malformed(error, name))
    record = _read(read, entry)
    if record is None and first in (None, entry):  # else it was edited, which says more
        reason = _reason(read, entry)
        detail = f"entry {number} of {log.path} is {reason}"
        findings.append(Finding("malformed", name, detail, {"where": log.path, "reason": reason}))
    elif first is None:
        if log.identity != "run_id" or "artifacts" in entry:  # else another program wrote it, without digests
            detail = f"it is in {log.path}, but not under {log.entries_prefix}"
            findings.append(Finding("unrecorded", name, detail, {"where": log.path}))
    elif first != entry:
        keys = sorted(key for key in entry.keys() | first.keys() if entry.get(key, ...) != first.get(key, ...))
        detail = f"{', '.join(keys)} in {log.path} and under {log.entries_prefix} differ"
        findings.append(Finding("edited", name, detail, {"keys": keys, "where": log.path}))
        record = _read(read, first) or record
    return Verifiable(name, record, findings, total)


def _malformed(error: RegistryCorrupt, name: str) -> Finding:
    return Finding("malformed", name, str(error), {"where": str(error.parts["path"]), "reason": str(error)})


def _read(read: Callable[[Mapping[str, Any]], Any], entry: Mapping[str, Any]) -> Any:
    try:
        return read(entry)
    except RegistryCorrupt:
        return None


def _reason(read: Callable[[Mapping[str, Any]], Any], entry: Mapping[str, Any]) -> str:
    try:
        read(entry)
    except RegistryCorrupt as error:
        return str(error)
    return ""
