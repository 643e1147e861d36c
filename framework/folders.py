"""Folders of a user outside of the working directory, whether they can be written, and what is written for good."""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from bike_traffic.errors import SettingsError


def user_state() -> Path:
    """Return the folder of trained models that are not registered yet, in the user's state folder: no cache."""
    from platformdirs import user_state_path

    return user_state_path("bike-traffic") / "unfinished"


def temporary_state() -> Path:
    """Return the folder of trained models that are not registered yet where the home cannot be written."""
    return _temporary() / "unfinished"


def user_cache() -> Path:
    """Return the folder of fetched models in the user's cache folder."""
    from platformdirs import user_cache_path

    return user_cache_path("bike-traffic") / "models"


def temporary_cache() -> Path:
    """Return the folder of fetched models where the home cannot be written."""
    return _temporary() / "models"


def _temporary() -> Path:
    import tempfile

    return Path(tempfile.gettempdir()) / f"bike-traffic-{os.getuid()}"


def require_own(folder: Path) -> None:
    """Make a folder that this user alone can write; raise `SettingsError` if another one made it, or can write it."""
    import stat

    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise SettingsError(
            f"{folder} belongs to somebody else, or others can write it; set BT_CACHE and BT_STATE to folders of "
            "yours",
            "cache-not-own",
            path=str(folder),
        )


def can_be_made(folder: Path) -> bool:
    """Return whether a folder can be written, or be made where it is not there yet."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)


def cache_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of fetched models: ``BT_CACHE``, else the user's cache folder, else a temporary one."""
    return _given(environ, "BT_CACHE") or _writable(user_cache(), temporary_cache())


def state_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of models that are not registered yet: ``BT_STATE``, else as `cache_directory`."""
    return _given(environ, "BT_STATE") or _writable(user_state(), temporary_state())


def _given(environ: Mapping[str, str] | None, variable: str) -> Path | None:
    given = (os.environ if environ is None else environ).get(variable)
    return Path(given) if given else None


def _writable(folder: Path, otherwise: Path) -> Path:
    """Return a folder of the user if it can be written, or else a temporary one."""
    if can_be_made(folder):
        return folder
    require_own(otherwise.parent)
    return otherwise


LASTING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})
"""Errors of writing that waiting does not end: a full disk, a limit, a missing permission."""

_ABANDONED_SECONDS = 24 * 3600
"""Age from which what no process can still be writing is removed."""


def reason_of(error: OSError) -> str:
    """Return why a file could not be written or read, without its path; of what `shutil` collects, the first."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        return re.sub(r"^\[Errno \d+\] |: '.*", "", str(error.args[0][0][2]))
    return error.strerror or str(error)


def sweep(paths: Iterable[Path]) -> None:
    """Remove those files and folders of this user that killed processes left behind more than a day ago."""
    for path in paths:
        try:
            status = path.lstat()
        except OSError:
            continue  # removed by another process
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < _ABANDONED_SECONDS:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def key_path() -> Path:
    """Return the path of a user's keys without their endings: ``signing`` in the user's settings folder."""
    from platformdirs import user_config_path

    return user_config_path("bike-traffic") / "signing"


def sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
