"""The file with the JSON array of a log: read, decoded, and read again while another program rewrites it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import SEEK_END, BytesIO
from itertools import groupby
from typing import Any, BinaryIO, TypedDict, TypeVar

import msgspec

from bike_traffic.errors import RegistryCorrupt, RegistryUnavailable
from bike_traffic.registry_backends.store import VOUCHED, Store, StoreMissing

_SETTLED_SECONDS = 1.0
"""How long a file that does not parse must stay the same to be called corrupt."""
_REWRITTEN_SECONDS = 10.0
"""How long one that keeps changing is read again."""
_HELD, _LONGEST_LINE = 32 << 20, 16 << 20
"""Most bytes of an array that is held in memory while it is read, and of an entry of one that is not."""

DecodedT = TypeVar("DecodedT")


class _Object(msgspec.Struct, gc=False):
    """Any JSON object: decoding to it checks an entry and keeps nothing."""


def row_type(keys: Sequence[str]) -> Any:
    """Return the type of an entry of which only these keys are decoded; ``"split.kind"`` is a key of its part."""
    fields: dict[str, Any] = {}
    for name, of_part in groupby(sorted(keys), lambda key: key.partition(".")[0]):
        inside = [key.partition(".")[2] for key in of_part]
        fields[name] = row_type(inside) | None if all(inside) else Any
    return TypedDict("row", fields, total=False)  # type: ignore[operator]


class ArrayFile:
    """The array at `path` of a store, whose durable entries are under `entries_prefix`."""

    def __init__(self, store: Store, path: str, entries_prefix: str) -> None:
        self._store = store
        self._path = path
        self._entries_prefix = entries_prefix
        self._by_line: tuple[str, int, bool] | None = None
        """Version and number of entries of the last array that was found to have each entry on its line, and whether
        these were checked."""

    def read(self) -> tuple[bytes, str | None]:
        """Return the array's bytes and version; a missing array is empty and has no version."""
        try:
            return self._store.read(self._path)
        except StoreMissing:
            return b"[]", None

    def decoded(
        self, decode: Callable[[bytes], DecodedT], *, unless: Callable[[str | None], bool] = lambda _: False
    ) -> tuple[DecodedT | None, bytes, str | None]:
        """Read the array and decode it; return also its bytes and version.

        Other programs rewrite a file in place, and for a moment it is not JSON: it is corrupt only if it stays so.

        Parameters
        ----------
        unless : versions that are not decoded, for which the first value is ``None``.
        """
        end = time.monotonic() + _REWRITTEN_SECONDS
        last, since, pause = None, 0.0, 0.02
        while True:
            data, version = self.read()
            try:
                return None if unless(version) else decode(data), data, version
            except RegistryCorrupt:
                now = time.monotonic()
                if data != last:
                    last, since = data, now
                if now - since > _SETTLED_SECONDS or now > end:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 0.2)

    @contextmanager
    def entries(self, *, check: bool = True) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open the array, and return the number of its entries and their bytes, which must be used before it closes.

        An array of any length is read line by line if each entry has its line, as this package writes them, and the
        store has it as a file; any other is held in memory.

        Parameters
        ----------
        check : whether each entry must be a JSON object before the first is returned; a caller that decodes them all
            before it uses any, and asks again with the check if one is none, does without.

        Raises
        ------
        RegistryCorrupt
            The file is not an array of objects.
        RegistryUnavailable
            Another program rewrote a long array in place while it was read.
        """
        try:
            file, version = self._store.open(self._path)
        except StoreMissing:
            yield 0, iter(())
            return
        with file:
            is_long = file.seek(0, SEEK_END) > _HELD
            file.seek(0)
            held: BinaryIO = file if is_long else BytesIO(file.read())
            number = self._number_by_line(held, version, check=check)
            if number is not None:
                yield number, self._read_by_line(held)
                return
        raws = self.decoded(self.raw)[0] or []
        yield len(raws), iter(raws)

    def _number_by_line(self, file: BinaryIO, version: str, *, check: bool) -> int | None:
        """Return the number of entries of an array with one on each line; ``None`` for any other."""
        check = check and not version.endswith(VOUCHED)
        if self._by_line is not None and self._by_line[0] == version and self._by_line[2] >= check:
            return self._by_line[1]
        number = _lines_of(file, check=check)
        self._by_line = None if number is None else (version, number, check)
        return number

    def _read_by_line(self, file: BinaryIO) -> Iterator[bytes]:
        try:
            yield from _by_line(file, check=False)
        except ValueError:
            raise RegistryUnavailable(
                f"{self._path}: another program rewrote it while it was read; run the command again",
                "summary-rewritten",
                path=self._path,
            ) from None

    def require_objects(self, data: bytes) -> bool:
        """Raise `RegistryCorrupt` if this is not an array of objects."""
        if _lines_of(BytesIO(data)) is None:
            self._require_objects(data)
        return True

    def _require_objects(self, data: bytes) -> None:
        try:
            if not data.isascii():
                data.decode("utf-8")  # skipped values are not checked for it
            msgspec.json.decode(data, type=list[_Object])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.parse(data)  # raises for what is invalid, and accepts unusual JSON

    def raw(self, data: bytes) -> list[bytes]:
        """Return the bytes of each entry; raise `RegistryCorrupt` if the file is not an array of objects."""
        with suppress(ValueError):
            return list(_by_line(BytesIO(data), check=True))
        self._require_objects(data)
        try:
            return [bytes(raw) for raw in msgspec.json.decode(data, type=list[msgspec.Raw])]
        except (msgspec.MsgspecError, RecursionError):  # unusual JSON
            return [self._again(entry) for entry in self.parse(data)]

    def _again(self, entry: dict[str, Any]) -> bytes:
        try:
            return json.dumps(entry).encode()
        except (ValueError, RecursionError) as error:
            raise self._corrupt(str(error)) from None

    def parse(self, data: bytes) -> list[dict[str, Any]]:
        """Return all entries; raise `RegistryCorrupt` if the file is not an array of objects."""
        try:
            entries = json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise self._corrupt(str(error)) from None
        if not isinstance(entries, list):
            raise self._corrupt(f"it holds a {type(entries).__name__}")
        for number, entry in enumerate(entries, start=1):
            if not isinstance(entry, dict):
                raise self._corrupt(f"entry {number} is not an object")
        return entries

    def _corrupt(self, reason: str) -> RegistryCorrupt:
        return RegistryCorrupt(
            f"{self._path} is not a JSON array of records: {reason}; it was left as it is: restore it, or move "
            f"it away, and what is under {self._entries_prefix} is merged into a new one",
            "summary-malformed",
            path=self._path,
            reason=reason,
            entries_prefix=self._entries_prefix,
        )


def _lines_of(file: BinaryIO, *, check: bool = True) -> int | None:
    """Return the number of entries of an array with one on each line; ``None`` for any other."""
    try:
        return sum(1 for _ in _by_line(file, check=check))
    except ValueError:
        return None


def _by_line(file: BinaryIO, *, check: bool) -> Iterator[bytes]:
    """Yield the entries of an array with one on each line; raise `ValueError` for any other.

    Parameters
    ----------
    check : whether each entry must be a JSON object.
    """
    file.seek(0)
    if file.readline(_LONGEST_LINE) != b"[\n":
        raise ValueError("the first line is another")
    while (line := file.readline(_LONGEST_LINE)).endswith(b",\n"):
        yield _entry(line[:-2], check)
    if not line.endswith(b"\n"):
        raise ValueError("an entry ends elsewhere than its line")
    yield _entry(line[:-1], check)
    if file.readline(_LONGEST_LINE).rstrip() != b"]" or file.read(1):
        raise ValueError("the last line is another")


def _entry(line: bytes, check: bool) -> bytes:
    if not line.startswith(b"{"):
        raise ValueError("a line is no entry")
    if not line.isascii():
        line.decode("utf-8")  # values that are skipped are not checked for it
    if check:
        _require_object(line)
    return line


_OBJECT = msgspec.json.Decoder(_Object)


def _require_object(entry: bytes) -> None:
    """Raise `ValueError` if this is not one JSON object.

    What `json` takes beyond the standard is taken, and so is what Python cannot hold: an entry nested too deep, or
    with an integer too long, is no reason to call the others corrupt.
    """
    try:
        _OBJECT.decode(entry)
    except (msgspec.MsgspecError, RecursionError):
        try:
            json.loads(entry)  # an object, since it begins with a brace
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError):
            if not entry.endswith(b"}"):
                raise ValueError("an entry does not end in its line") from None
