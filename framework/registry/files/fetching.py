"""Verified files of a registered model, through a cache on this machine.

Whoever can change a pickle can run code in the process that loads it. So `model_files` is the only way to the files
of a model: the record must satisfy `Trust`, the files are copied from the registry, each is checked against its
digest in the record, and only a copy that passed is handed to a loader.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from bike_traffic.errors import IntegrityError, WriteError
from bike_traffic.folders import cache_directory, sweep
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import FileDigest, copy_tree, verify
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import Trust


@contextmanager
def model_files(
    registry: RegistryBackend, record: ModelRecord, trust: Trust, *, anywhere: bool = True
) -> Iterator[Path]:
    """Yield a folder with the verified files of `record`; unverified ones exist only inside the block.

    Parameters
    ----------
    anywhere : whether files that `trust` admits without digests may lie outside of the registry.

    Raises
    ------
    IntegrityError
        A file differs from its digest, or the record does not meet `trust`.
    """
    trust.require(registry, record)
    if record.artifacts:
        yield _fetch(registry, record, record.artifacts)
        return
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        (registry.download_anywhere if anywhere else registry.download)(record, Path(folder))
        inner = Path(folder, record.model_type)  # the original project stored some models there
        yield inner if inner.is_dir() else Path(folder)


def _fetch(registry: RegistryBackend, record: ModelRecord, digests: Mapping[str, FileDigest]) -> Path:
    """Return the folder of the cache with these verified files; fetch them if they are not there.

    The cache is keyed by content, below ``BT_CACHE`` or the user's cache folder, and checked on each use.
    """
    folder = cache_directory() / _content_key(digests)
    if folder.is_dir():
        try:
            verify(folder, digests, str(folder))
            with suppress(OSError):  # a cache of somebody else can be read alone
                os.utime(folder)  # used now; see `cache`
            return folder
        except IntegrityError:
            shutil.rmtree(folder)  # a damaged copy: fetch it again
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent.glob(".incoming-*"))
    incoming = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".incoming-"))
    try:
        registry.download(record, incoming)
        verify(incoming, digests, record.model_uri)
        try:
            incoming.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process may have fetched the same content first
                raise
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return folder


def _content_key(digests: Mapping[str, FileDigest]) -> str:
    lines = "".join(f"{name}\0{digests[name].sha256}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def copy_files(registry: RegistryBackend, record: ModelRecord, trust: Trust, directory: Path) -> None:
    """Copy the files of a model into a new or empty folder: all of them, or none.

    Files of a record without digests are copied as they are; from outside of the registry only if `trust` admits
    unverified ones.

    Raises
    ------
    WriteError
        The folder is not empty, or cannot be written.
    IntegrityError, NoRecord, RegistryUnavailable
    """
    if directory.exists() and any(directory.iterdir()):
        raise WriteError(f"{directory} is not empty; name a new folder", "folder-not-empty", directory=str(directory))
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bt-tmp-", dir=directory.parent) as incoming:
        files = Path(incoming, "files")
        unverified = attrs.evolve(trust, unverified=True)
        with model_files(registry, record, unverified, anywhere=trust.unverified) as source:
            copy_tree(source, files)
        files.replace(directory)
