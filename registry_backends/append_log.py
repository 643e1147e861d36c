"""An append-only JSON array that loses nothing, on any store.

An entry is first written as an object of its own, created and never replaced: from there on it is durable.
Then it is merged into the array by compare-and-swap. Whoever merges brings along what others left pending,
so a writer that died between the two steps loses nothing.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from bike_traffic.errors import MergePending, RegistryConflict, RegistryCorrupt, RegistryError, RegistryUnavailable
from bike_traffic.registry_backends.store import Store, StoreConflict, StoreMissing
from bike_traffic.specs import NAME

# The process-wide generator may have been seeded, by a training for one, and the same in every process.
_JITTER = random.SystemRandom()
_BACKOFF_SECONDS = (0.02, 2.0)


class AppendLog:
    """The array at `path` of a store, and the durable entries under `entries_prefix`.

    Parameters
    ----------
    store : where both live.
    path : the array, e.g. ``summary.json``.
    entries_prefix : the folder of the durable entries, e.g. ``records/``.
    identity : the key whose value names an entry; a second entry of the same name is a no-op.
    deadline : seconds after which a merge gives up and leaves the entry pending.
    """

    def __init__(self, store: Store, path: str, entries_prefix: str, identity: str, deadline: float = 30.0) -> None:
        self._store = store
        self.path = path
        self.entries_prefix = entries_prefix
        self.identity = identity
        self._deadline = deadline

    def entries(self) -> list[dict[str, Any]]:
        """Return the array; raise `RegistryCorrupt` when the file is not one."""
        return self._parse(self._read()[0])

    def pick(self, keys: Sequence[str], choose: Callable[[list[dict[str, Any]]], int]) -> dict[str, Any]:
        """Return the one entry that `choose` names by its place, without reading more of the others than `keys`."""
        data, _ = self._read()
        rows = self._rows(data, keys)
        place = choose(rows)
        try:
            whole: dict[str, Any] = json.loads(bytes(msgspec.json.decode(data, type=list[msgspec.Raw])[place]))
        except msgspec.MsgspecError:
            return self._parse(data)[place]
        return whole

    def append(self, entry: Mapping[str, Any]) -> None:
        """Make an entry durable, then merge it.

        Raises
        ------
        RegistryConflict
            Another entry stands under the same name.
        MergePending
            The entry is durable, but the array could not be written before the deadline.
        RegistryCorrupt
            The array does not parse. It is left as it is, and nothing is written beside it.
        """
        name = str(entry[self.identity])
        if not NAME.fullmatch(name):
            raise RegistryError(f"'{name}' cannot be a run id")
        line = _line(entry)
        data, _ = self._read()
        standing: dict[str, Any] | None = None
        if name in self._names(data):
            standing = next(merged for merged in self._parse(data) if merged.get(self.identity) == name)
        else:
            path = f"{self.entries_prefix}{name}.json"
            try:
                self._store.create(path, line)
            except StoreConflict:  # by another writer, or by us, and the answer was lost
                standing = self._durable(path)
        if standing is not None and standing != json.loads(line):
            raise RegistryConflict(f"another record stands under the id {name}")
        self._merge(f"the record is durable under {self.entries_prefix}", patient=True)

    def durable_entries(self) -> list[dict[str, Any]]:
        """Return the entries as they were first written, one by one."""
        return [self._durable(path) for path in self._durable_paths()]

    def pending(self) -> list[str]:
        """Return the names of durable entries that are not in the array."""
        return self._pending_among(self._names(self._read()[0]))

    def reconcile(self) -> int:
        """Merge every pending entry into the array, and return how many there were."""
        return self._merge(f"what was pending is durable under {self.entries_prefix}", patient=False)

    def _merge(self, durable: str, *, patient: bool) -> int:
        """Try until the deadline; a writer whose entry is durable is `patient` with a store that does not answer."""
        end = time.monotonic() + self._deadline
        longest, limit = _BACKOFF_SECONDS
        while True:
            try:
                return self._merge_once()
            except (StoreConflict, RegistryUnavailable) as error:
                if isinstance(error, RegistryUnavailable) and not patient:
                    raise
                if time.monotonic() > end:
                    raise MergePending(
                        f"{durable}, but {self.path} was busy for {self._deadline:.0f} s; "
                        "run `bt registry reconcile` to merge it"
                    ) from error
                time.sleep(_JITTER.uniform(0, longest))  # full: writers that met once part ways
                longest = min(2 * longest, limit)

    def _merge_once(self) -> int:
        data, version = self._read()
        merged = self._names(data)
        pending = []
        for name in self._pending_among(merged):
            with contextlib.suppress(StoreMissing):  # removed since it was listed
                entry = self._durable(f"{self.entries_prefix}{name}.json")
                if entry.get(self.identity) == name:  # else somebody's copy under another name
                    pending.append(entry)
        if not pending:
            return 0
        pending.sort(key=lambda entry: str(entry.get("timestamp", "")))
        spliced = _splice(data, b",\n".join(_line(entry) for entry in pending), first=not merged)
        if version is None:
            self._store.create(self.path, spliced)
        else:
            self._store.replace(self.path, spliced, version)
        return len(pending)

    def _read(self) -> tuple[bytes, str | None]:
        """Return the array's bytes and version; an array that is not there is empty and has none."""
        try:
            return self._store.read(self.path)
        except StoreMissing:
            return b"[]", None

    def _durable_paths(self) -> list[str]:
        return [path for path in self._store.list(self.entries_prefix) if path.endswith(".json")]

    def _pending_among(self, merged: Sequence[str]) -> list[str]:
        known = set(merged)
        names = (path.removeprefix(self.entries_prefix).removesuffix(".json") for path in self._durable_paths())
        return [name for name in names if name not in known]

    def _names(self, data: bytes) -> list[str]:
        """Return the name of each entry of the array, whatever it is."""
        return [str(row.get(self.identity)) for row in self._rows(data, [self.identity])]

    def _rows(self, data: bytes, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return each entry with these keys alone: ten times faster than all of it, and as strict."""
        row = TypedDict("row", dict.fromkeys(keys, Any), total=False)  # type: ignore[misc]
        try:
            data.decode("utf-8")  # which skipped values are not checked for
            rows: list[dict[str, Any]] = msgspec.json.decode(data, type=list[row])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._parse(data)  # says what is wrong, or takes what is merely unusual
        return rows

    def _durable(self, path: str) -> dict[str, Any]:
        try:
            entry = json.loads(self._store.read(path)[0])
        except ValueError as error:
            raise RegistryCorrupt(f"{path} is not a record: {error}") from None
        if not isinstance(entry, dict):
            raise RegistryCorrupt(f"{path} is not a record: it holds a {type(entry).__name__}")
        return entry

    def _parse(self, data: bytes) -> list[dict[str, Any]]:
        try:
            entries = json.loads(data.decode("utf-8-sig"))
        except ValueError as error:
            raise self._corrupt(str(error)) from None
        if not isinstance(entries, list):
            raise self._corrupt(f"it holds a {type(entries).__name__}")
        for number, entry in enumerate(entries, start=1):
            if not isinstance(entry, dict):
                raise self._corrupt(f"entry {number} is not an object")
        return entries

    def _corrupt(self, reason: str) -> RegistryCorrupt:
        return RegistryCorrupt(
            f"{self.path} is not a JSON array of records: {reason}; it was left as it is: restore it, or move "
            f"it away, and what stands under {self.entries_prefix} is merged into a new one"
        )


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False).encode()


def _splice(array: bytes, addition: bytes, *, first: bool) -> bytes:
    """Add to a JSON array by its bytes, so that what stands there stays as it was."""
    head = array.rstrip()[:-1].rstrip()
    separator = b"\n" if first else b",\n"
    return head + separator + addition + b"\n]\n"
