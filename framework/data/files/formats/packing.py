"""How a file is packed, by its first bytes; its name decides nothing."""

from __future__ import annotations

START_BYTES = 1 << 16
"""How much of a file is looked at."""

_PACKINGS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # an archive of nothing
    b"\x28\xb5\x2f\xfd": "zstd",
}


def packing_of(start: bytes) -> str | None:
    """Return how a file is packed, by its first bytes."""
    return next((packing for magic, packing in _PACKINGS.items() if start.startswith(magic)), None)
