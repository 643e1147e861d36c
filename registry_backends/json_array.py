"""A JSON array as bytes; adding entries leaves the existing ones unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bike_traffic.errors import RegistryCorrupt
from bike_traffic.registry_backends.store import Parts


def json_line(entry: Mapping[str, Any]) -> bytes:
    """Return an entry as one line of JSON in UTF-8, without NaN; raise `RegistryCorrupt` if nobody could read it."""
    try:
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False).encode()
        json.loads(line)
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error).partition(";")[0]
        raise RegistryCorrupt(
            f"an entry cannot be written as JSON that every program reads: {reason}", "entry-not-json", reason=reason
        ) from None
    return line


def spliced(array: bytes, addition: bytes) -> Parts:
    """Return a JSON array with `addition` at its end; the existing entries keep their bytes."""
    end = _without_spaces(array, _without_spaces(array, len(array)) - 1)
    separator = b"\n" if array[end - 1 : end] == b"[" else b",\n"
    return [memoryview(array)[:end], separator, addition, b"\n]\n"]


def _without_spaces(array: bytes, end: int) -> int:
    while array[end - 1 : end].isspace():
        end -= 1
    return end
