"""Temporary folders: removed with what they belong to, at the end of the process, and by age."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
import weakref
from pathlib import Path

PREFIX = "bt-app-"
KEPT_SECONDS = 4 * 3600.0
"""An older folder is removed whoever needs it: of a page that was left open, or of a process that was killed."""


class TemporaryFolder:
    """An empty folder that nobody else can read, until `remove`, or until nothing refers to this object any more."""

    def __init__(self) -> None:
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def sweep(older_than: float = KEPT_SECONDS) -> None:
    """Remove the folders of this user whose content is older than so many seconds."""
    oldest = time.time() - older_than
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            status = path.lstat()
        except FileNotFoundError:  # another process swept it
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and status.st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
