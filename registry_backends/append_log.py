"""An append-only JSON array on any store, which loses no entry.

An entry is first written as an object of its own, which is created and never replaced: from then on it is durable.
Then it is merged into the array by compare-and-swap. A merge includes the pending entries of other writers, so a
writer that dies between the two steps loses nothing.

Marks name the pending entries. A mark is created before the durable entry and removed after the merge, so an append
reads the marks of active writers instead of listing all entries. A lost mark only delays a merge, because
`AppendLog.reconcile` and `AppendLog.pending` compare all entries.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from bike_traffic.errors import MergePending, RegistryConflict, RegistryCorrupt, RegistryError, RegistryUnavailable
from bike_traffic.names import NAME
from bike_traffic.registry_backends.array_file import ArrayFile, row_type
from bike_traffic.registry_backends.json_array import json_line, spliced
from bike_traffic.registry_backends.store import VOUCHED, Store, StoreConflict, StoreMissing, is_lasting

# A training may seed the process-wide generator, with the same seed in every process.
_JITTER = random.SystemRandom()
_BACKOFF_SECONDS = (0.02, 2.0)
_MARKS = "pending/"
_FEW = 16
Row = dict[str, Any] | RegistryCorrupt


class AppendLog:
    """The array at `path` of a store, and the durable entries under `entries_prefix`.

    Parameters
    ----------
    store : holds both.
    path : the array, e.g. ``summary.json``.
    entries_prefix : the folder of the durable entries, e.g. ``records/``.
    identity : the key whose value is the name of an entry; the same entry twice is a no-op.
    deadline : seconds after which a merge gives up and leaves the entry pending.
    """

    def __init__(self, store: Store, path: str, entries_prefix: str, identity: str, deadline: float = 30.0) -> None:
        self._store = store
        self.path = path
        self.entries_prefix = entries_prefix
        self.identity = identity
        self._marks_prefix = f"{_MARKS}{entries_prefix}"
        self._deadline = deadline
        self._array = ArrayFile(store, path, entries_prefix)
        self._identity = msgspec.json.Decoder(row_type([identity]))

    def entries(self) -> list[dict[str, Any]]:
        """Return the array; raise `RegistryCorrupt` if the file is not one."""
        return self._array.decoded(self._array.parse)[0] or []

    def rows(self, keys: Sequence[str], *, check: bool = True) -> Iterator[tuple[Row, bytes]]:
        """Yield each entry with `keys` alone, or the error if Python cannot decode it, and the entry as it is."""
        decoder = msgspec.json.Decoder(row_type(keys))
        with self._array.entries(check=check) as (_, raws):
            for raw in raws:
                try:
                    yield decoder.decode(raw), raw
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # unusual JSON, such as NaN
                    try:
                        entry: Row = self.whole(raw)
                    except RegistryCorrupt as error:
                        entry = error
                    yield entry, raw

    def whole(self, raw: bytes) -> dict[str, Any]:
        """Return all of an entry; raise `RegistryCorrupt` if it is not JSON after all."""
        try:
            entry: dict[str, Any] = json.loads(raw)
        except (ValueError, RecursionError) as error:
            reason = str(error).partition(";")[0]  # after it stands what a Python program could do
            raise RegistryCorrupt(
                f"an entry is not JSON: {reason}", "entry-malformed", path=self.path, reason=reason
            ) from None
        return entry

    def names(self) -> list[str]:
        """Return the name of each entry, in the order of the array."""
        with self.raw() as (_, raws):
            return [self.name_of(raw) for raw in raws]

    def append(self, entry: Mapping[str, Any]) -> None:
        """Make an entry durable, then merge it.

        Raises
        ------
        RegistryConflict
            Another entry has the same name.
        MergePending
            The entry is durable, but the array could not be written before the deadline.
        RegistryCorrupt
            The array does not parse. It is left as it is, and nothing is written.
        """
        name = str(entry[self.identity])
        if not NAME.fullmatch(name):
            raise RegistryError(f"'{name}' cannot be a run id", "run-id-malformed", name=name)
        line = json_line(entry)
        data, version = self._read_sound()
        existing: dict[str, Any] | None = None
        if not _is_ours(version) and self._present(data, [name]):
            existing = next(one for one in self._array.parse(data) if str(one.get(self.identity)) == name)
        else:
            existing = self._make_durable(name, line)
        if existing is not None and existing != json.loads(line):
            raise RegistryConflict(f"another record has the id {name}", "record-conflict", name=name)
        known = (data, version, name) if existing is None else None
        durable = f"the record is durable under {self.entries_prefix}"
        self._merge(lambda _: self._marked(), durable, patient=True, known=known)

    def _make_durable(self, name: str, line: bytes) -> dict[str, Any] | None:
        """Mark and write an entry; return the existing one if another writer, or an earlier attempt, wrote it."""
        marked = True
        try:
            self._store.create(f"{self._marks_prefix}{name}", b"")
        except StoreConflict:
            marked = False
        try:
            self._store.create(self._durable_path(name), line)
        except StoreConflict:  # or the answer to our own request was lost
            existing = self.durable(name)
            if marked and existing != json.loads(line):
                self._unmark([name])
            return existing
        return None

    def raw(self) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open the array: the number of its entries, and their bytes; see `ArrayFile.entries`."""
        return self._array.entries()

    def name_of(self, raw: bytes) -> str:
        """Return the name of an entry; a text of its bytes if Python cannot decode it."""
        try:
            return str(self._identity.decode(raw).get(self.identity))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            with contextlib.suppress(RegistryCorrupt):
                return str(self.whole(raw).get(self.identity))
        return raw[:40].decode("utf-8", "replace")

    def durable_names(self) -> list[str]:
        """Return the names of the entries as they were first written."""
        return [path.removeprefix(self.entries_prefix).removesuffix(".json") for path in self._durable_paths()]

    def durable(self, name: str) -> dict[str, Any]:
        """Return an entry as it was first written; raise `StoreMissing`, or `RegistryCorrupt` if it is not one."""
        path = self._durable_path(name)
        try:
            entry = json.loads(self._store.read(path)[0])
        except (ValueError, RecursionError) as error:
            raise RegistryCorrupt(
                f"{path} is not a record: {error}", "entry-malformed", path=str(path), reason=str(error)
            ) from None
        if not isinstance(entry, dict):
            raise RegistryCorrupt(
                f"{path} is not a record: it holds a {type(entry).__name__}", "entry-type", path=str(path)
            )
        return entry

    def pending(self) -> list[str]:
        """Return the names of durable entries that are not in the array."""
        return self._array.decoded(self._unmerged)[0] or []

    def reconcile(self) -> int:
        """Merge every pending entry into the array, marked or not, and return their number."""
        durable = f"what was pending is durable under {self.entries_prefix}"
        merged = self._merge(self._unmerged, durable, patient=False)
        self._unmark(self._marked())
        return merged

    def _merge(
        self,
        pending_in: Callable[[bytes], list[str]],
        durable: str,
        *,
        patient: bool,
        known: tuple[bytes, str | None, str] | None = None,
    ) -> int:
        """Try until the deadline; if `patient`, with a durable entry, also when the store does not answer.

        `known` is the array and its version, if they were just read, and a name that is not in it.
        """
        end = time.monotonic() + self._deadline
        longest, limit = _BACKOFF_SECONDS
        while True:
            try:
                return self._merge_once(pending_in, *(known or (*self._read_sound(), None)))
            except RegistryCorrupt as error:
                if not patient:
                    raise
                raise MergePending(
                    f"{durable}, but {error}; then `bt registry reconcile` merges it",
                    "summary-corrupt-meanwhile",
                    durable=durable,
                    path=str(self.path),
                    reason=str(error),
                ) from error
            except (StoreConflict, RegistryUnavailable) as error:
                if isinstance(error, RegistryUnavailable) and not patient:
                    raise
                if time.monotonic() > end or is_lasting(error):
                    raise self._pending(durable, error) from error
                time.sleep(_JITTER.uniform(0, longest))  # full jitter, so that two writers do not collide again
                longest = min(2 * longest, limit)
                known = None

    def _pending(self, durable: str, error: StoreConflict | RegistryUnavailable) -> MergePending:
        """Return the error for what is durable and could not be merged, with the last reason."""
        if isinstance(error, RegistryUnavailable):
            return MergePending(
                f"{durable}, but {self.path} cannot be written: {error}; then `bt registry reconcile` merges it",
                "summary-not-written",
                durable=durable,
                path=str(self.path),
                reason=str(error),
            )
        return MergePending(
            f"{durable}, but {self.path} was busy for {self._deadline:.0f} s; "
            "run `bt registry reconcile` to merge it",
            "summary-busy",
            durable=durable,
            path=str(self.path),
            seconds=self._deadline,
        )

    def _merge_once(
        self, pending_in: Callable[[bytes], list[str]], data: bytes, version: str | None, absent: str | None
    ) -> int:
        names = pending_in(data) if version else self._unmerged(data)  # an array that was moved away is created again
        present = self._present(data, [name for name in names if name != absent])
        lines = []
        for name in [name for name in names if name not in present]:
            # Missing: marked but not durable yet, or removed meanwhile. Malformed: `verify` reports it.
            with contextlib.suppress(StoreMissing, RegistryCorrupt):
                entry = self.durable(name)
                if entry.get(self.identity) == name:  # with another identity it is a copy under another name
                    lines.append((str(entry.get("timestamp", "")), name, json_line(entry)))
        if lines:
            lines.sort(key=lambda line: line[0])
            parts = spliced(data, b",\n".join(line for _, _, line in lines))
            if version is None:
                self._store.create(self.path, b"".join(parts), vouch=True)
            else:
                self._store.replace(self.path, parts, version, vouch=_is_ours(version))
        self._unmark([*present, *(name for _, name, _ in lines)])
        return len(lines)

    def _unmark(self, names: Iterable[str]) -> None:
        """Remove marks; the next writer checks again those that cannot be removed."""
        with contextlib.suppress(RegistryUnavailable):
            for name in names:
                self._store.discard(f"{self._marks_prefix}{name}")

    def _read_sound(self) -> tuple[bytes, str | None]:
        """Read the array, and raise `RegistryCorrupt` if it is not one."""
        return self._array.decoded(self._array.require_objects, unless=_is_ours)[1:]

    def _durable_path(self, name: str) -> str:
        return f"{self.entries_prefix}{name}.json"

    def _durable_paths(self) -> list[str]:
        return [path for path in self._store.list(self.entries_prefix) if path.endswith(".json")]

    def _marked(self) -> list[str]:
        """Return the names of the entries that active or dead writers have marked."""
        marks = (path.removeprefix(self._marks_prefix) for path in self._store.list(self._marks_prefix))
        return [name for name in marks if NAME.fullmatch(name)]

    def _unmerged(self, data: bytes) -> list[str]:
        """Return the names of the durable entries that are not in the array, by comparing all with all."""
        known = set(self._names(data))
        return [name for name in self.durable_names() if name not in known]

    def _present(self, data: bytes, names: Sequence[str]) -> set[str]:
        """Return which of the names are in the array. For few names a search of the bytes usually rules them out."""
        if len(names) <= _FEW and b"\\" not in data and not any(f'"{name}"'.encode() in data for name in names):
            return set()
        return set(self._names(data)).intersection(names)

    def _names(self, data: bytes) -> list[str]:
        """Return the name of each entry of the array."""
        return [self.name_of(raw) for raw in self._array.raw(data)]


def _is_ours(version: str | None) -> bool:
    """Return whether an array needs no check: it is complete and holds only durable entries.

    This is true of a new array, and as long as only this package writes it; the store keeps this with the version.
    """
    return version is None or version.endswith(VOUCHED)
