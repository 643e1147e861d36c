"""The file with the JSON array of a log: read, decoded, and read again while another program rewrites it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypedDict, TypeVar

import msgspec

from bike_traffic.errors import RegistryCorrupt
from bike_traffic.registry_backends.store import Store, StoreMissing

_SETTLED_SECONDS = 1.0
"""How long a file that does not parse must stay the same to be called corrupt."""
_REWRITTEN_SECONDS = 10.0
"""How long one that keeps changing is read again."""

DecodedT = TypeVar("DecodedT")


class _Object(msgspec.Struct, gc=False):
    """Any JSON object: decoding to it checks an entry and keeps nothing."""


def row_type(keys: Sequence[str]) -> Any:
    """Return the type of an entry of which only these keys are decoded."""
    return TypedDict("row", dict.fromkeys(keys, Any), total=False)  # type: ignore[operator]


class ArrayFile:
    """The array at `path` of a store, whose durable entries are under `entries_prefix`."""

    def __init__(self, store: Store, path: str, entries_prefix: str) -> None:
        self._store = store
        self._path = path
        self._entries_prefix = entries_prefix

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

    def require_objects(self, data: bytes) -> bool:
        """Raise `RegistryCorrupt` if this is not an array of objects."""
        self._decode(data, _Object)
        return True

    def rows(self, data: bytes, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return each entry with only these keys: ten times faster than whole entries, and as strict."""
        return self._decode(data, row_type(keys))

    def raw(self, data: bytes) -> list[msgspec.Raw]:
        """Return the bytes of each entry; raise `RegistryCorrupt` if the file is not an array of objects."""
        self.require_objects(data)
        try:
            return msgspec.json.decode(data, type=list[msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError):  # unusual JSON
            return [msgspec.Raw(self._again(entry)) for entry in self.parse(data)]

    def _again(self, entry: dict[str, Any]) -> bytes:
        try:
            return json.dumps(entry).encode()
        except (ValueError, RecursionError) as error:
            raise self._corrupt(str(error)) from None

    def _decode(self, data: bytes, kind: Any) -> list[Any]:
        """Return each entry decoded as `kind`."""
        try:
            if not data.isascii():
                data.decode("utf-8")  # skipped values are not checked for it
            rows: list[Any] = msgspec.json.decode(data, type=list[kind])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self.parse(data)  # raises for what is invalid, and accepts unusual JSON
        return rows

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
