"""What tells that a file is still the one it was, without reading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bike_traffic.addresses import is_web
from bike_traffic.data.files.folders.filesystem import filesystem_of

_TAGS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "mtime", "created")
"""What storages call that which changes with a file, the surest first."""


def identity_of(source: str) -> str | None:
    """Return what changes when a file changes: its size, and its time or the tag of its storage.

    ``None`` where nothing tells it: a file of a web server, or of a storage that gives neither.

    Raises
    ------
    OSError, ValueError, ImportError
        The file, or its storage, is not there. Clients of clouds raise their own errors as well.
    """
    if is_web(source):
        return None
    if "://" not in source.removeprefix("file://"):
        status = Path(source.removeprefix("file://")).stat()
        return f"{status.st_size} {status.st_mtime_ns}"
    filesystem, path = filesystem_of(source)
    found: dict[str, Any] = filesystem.info(path)
    tag = next((str(found[name]) for name in _TAGS if found.get(name)), None)
    return None if tag is None else f"{found.get('size')} {tag}"
