"""Points as exports write them, and as the City's text ``latitude,longitude``.

Well-known binary is a byte that says the order of the bytes, a number for the type, and the coordinates. Its variants
add a reference system or further coordinates: https://libgeos.org/specifications/wkb/
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

LATITUDE_NAME, LONGITUDE_NAME = "lat", "lon"

_ORDERS = {0: ">", 1: "<"}
_HAS_SYSTEM = 0x20000000
_FLAGS = 0xE0000000
_POINT = 1
_VARIANTS = 1000
"""ISO adds thousands to the type for a height and a measure."""


def is_well_known_binary(value: bytes) -> bool:
    """Return whether a value begins as well-known binary does, and no text."""
    return value[:1] in (b"\x00", b"\x01")


def point_text(value: bytes) -> str | None:
    """Return a point in well-known binary as text; ``None`` if it is empty, broken off, or no point."""
    try:
        order = _ORDERS[value[0]]
        (kind,) = struct.unpack_from(f"{order}I", value, 1)
        if (kind & ~_FLAGS) % _VARIANTS != _POINT:
            return None
        longitude, latitude = struct.unpack_from(f"{order}dd", value, 9 if kind & _HAS_SYSTEM else 5)
    except (struct.error, KeyError, IndexError):
        return None
    return None if math.isnan(longitude) or math.isnan(latitude) else f"{latitude!r},{longitude!r}"


def object_text(value: Mapping[str, Any]) -> str | None:
    """Return an object with ``lat`` and ``lon``, or a point of GeoJSON, as text; ``None`` if it is neither.

    Parameters
    ----------
    value : numbers in it are texts.
    """
    latitude, longitude = value.get(LATITUDE_NAME), value.get(LONGITUDE_NAME)
    pair = value.get("coordinates")
    if value.get("type") == "Point" and isinstance(pair, Sequence) and len(pair) > 1:
        longitude, latitude = pair[:2]
    if isinstance(latitude, str) and isinstance(longitude, str):
        return f"{latitude},{longitude}"
    return None
