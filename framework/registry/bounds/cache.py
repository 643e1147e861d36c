"""The cache of fetched models: what it holds, and its pruning. `fetching` fills it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import attrs

_MODEL = re.compile("[0-9a-f]{64}")
_IN_USE_SECONDS = 600.0
"""A model that was used so recently may be loading."""


@attrs.frozen
class CachedModel:
    """A fetched model: its folder, its bytes, and when it was last used, in seconds since 1970."""

    folder: Path
    size: int
    used: float


def cached_models(cache: Path) -> list[CachedModel]:
    """Return the models in a cache, the one whose last use is longest ago first."""
    models = []
    for folder in cache.iterdir() if cache.is_dir() else ():
        if _MODEL.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            try:
                size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
                models.append(CachedModel(folder, size, folder.stat().st_mtime))
            except FileNotFoundError:
                continue  # removed by another process
    return sorted(models, key=lambda model: model.used)


def prune(
    models: Sequence[CachedModel], *, most_bytes: int | None = None, older_than: timedelta | None = None
) -> Iterator[CachedModel]:
    """Remove models, the least recently used first, and yield each that was removed.

    A model that was used in the last ten minutes stays: a process may be loading it.

    Parameters
    ----------
    models : as `cached_models` returns them.
    most_bytes : remove until the others have no more.
    older_than : remove those that were not used for so long.
    """
    now, left = time.time(), sum(model.size for model in models)
    for model in models:
        unused = now - model.used
        too_much = most_bytes is not None and left > most_bytes
        too_old = older_than is not None and unused > older_than.total_seconds()
        if unused < _IN_USE_SECONDS or not (too_much or too_old):
            continue
        away = model.folder.with_name(f".incoming-{uuid4().hex}")  # what is left of it is swept by a later fetch
        try:
            model.folder.rename(away)
        except FileNotFoundError:
            continue  # removed by another process
        shutil.rmtree(away, ignore_errors=True)
        left -= model.size
        yield model
