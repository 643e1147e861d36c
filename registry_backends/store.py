"""The interface through which a registry reads and writes, and its implementation on a local file system.

A path is relative to the store's root and uses ``/``. `create` and `replace` are atomic: a reader sees the old bytes
or the new ones, also after a ``kill -9``.
"""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from bike_traffic.errors import BikeTrafficError, RegistryUnavailable
from bike_traffic.folders import LASTING, reason_of, sync

_TEMPORARY = ".bt-tmp-"
_VOUCHER = ".bt-vouched-"
_LOCK_SECONDS = 30.0


class StoreConflict(BikeTrafficError):
    """The path exists already, or holds another version than the one expected."""


def is_lasting(error: BaseException) -> bool:
    """Return whether waiting does not help: the disk is full, or a permission is missing."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in LASTING


class StoreMissing(BikeTrafficError):
    """There is nothing at the path."""


Parts = Sequence[bytes | memoryview]
"""The content of an object in parts, so that adding a line to a long array does not copy the array."""

VOUCHED = " vouched"
"""Suffix of a version: only this package wrote these bytes, so they need no check."""


class Store(ABC):
    """Small objects by path, with the guarantee that a log needs: no write is lost without an error.

    `vouch` marks a version with `VOUCHED`. `discard` only cleans up; no other method depends on it.
    """

    @abstractmethod
    def read(self, path: str) -> tuple[bytes, str]:
        """Return an object and its version; raise `StoreMissing`."""

    def open(self, path: str) -> tuple[BinaryIO, str]:
        """Return an object as a file, which the caller closes, and its version; raise `StoreMissing`."""
        data, version = self.read(path)
        return BytesIO(data), version

    @abstractmethod
    def create(self, path: str, data: bytes, *, vouch: bool = False) -> None:
        """Write a new object; raise `StoreConflict` if the path exists."""

    @abstractmethod
    def replace(self, path: str, parts: Parts, version: str, *, vouch: bool = False) -> str:
        """Overwrite an object that is still at `version`, and return its new one; raise `StoreConflict`.

        A store that cannot keep `vouch` together with exactly this version ignores it.
        """

    @abstractmethod
    def versions(self, *paths: str) -> Mapping[str, str]:
        """Return the version of each of these objects that exists, without reading any.

        It changes with every `create` and `replace`, and need not be the version that `read` returns.
        """

    @abstractmethod
    def list(self, prefix: str) -> list[str]:
        """Return the paths that begin with `prefix`, sorted."""

    @abstractmethod
    def discard(self, path: str) -> None:
        """Remove an object, whether it exists or not."""


class LocalStore(Store):
    """A folder. One lock file serialises its writers; every write is a synced temporary file, renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._swept = False

    def read(self, path: str) -> tuple[bytes, str]:
        """Return a file and its version, which differs from the version of every earlier file at the path."""
        file, version = self.open(path)
        try:
            with file:
                return file.read(), version
        except OSError as error:
            raise _unavailable(self.root / path, error) from error

    def open(self, path: str) -> tuple[BinaryIO, str]:
        """Open a file; a version from before it is read is that of no later edit in place."""
        try:
            file = (self.root / path).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise StoreMissing(f"{self.root / path} does not exist") from None
        except OSError as error:
            raise _unavailable(self.root / path, error) from error
        version = _version(os.fstat(file.fileno()))
        with contextlib.suppress(OSError):
            if self._voucher(path).read_text(encoding="ascii") == version:
                version += VOUCHED
        return file, version

    def create(self, path: str, data: bytes, *, vouch: bool = False) -> None:
        """Write a new file."""
        target = self.root / path
        with self._writing(target) as temporary:
            if target.exists():
                raise StoreConflict(f"{target} exists already")
            _write_synced(temporary, [data])
            temporary.replace(target)
            self._new_version(path, vouch=vouch)

    def replace(self, path: str, parts: Parts, version: str, *, vouch: bool = False) -> str:
        """Overwrite a file that is still at `version`, and return its new one."""
        target = self.root / path
        with self._writing(target) as temporary:
            try:
                with target.open("rb") as file:
                    if _version(os.fstat(file.fileno())) != version.removesuffix(VOUCHED):
                        raise StoreConflict(f"{target} was changed meanwhile")
            except FileNotFoundError as error:
                raise StoreConflict(f"{target} was removed meanwhile") from error
            _write_synced(temporary, parts)
            temporary.replace(target)
            return self._new_version(path, vouch=vouch)

    def versions(self, *paths: str) -> Mapping[str, str]:
        """Return the version of each of these files that exists, from its size, times and inode."""
        versions = {}
        for path in paths:
            try:
                versions[path] = _version((self.root / path).stat())
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _unavailable(self.root / path, error) from error
        return versions

    def list(self, prefix: str) -> list[str]:
        """Return the files below the folder part of `prefix` that begin with it."""
        paths: list[str] = []
        folders = [prefix.rpartition("/")[0]]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(self.root / folder) as entries:  # tells files from folders without a request for each
                    for entry in entries:
                        path = f"{folder}/{entry.name}" if folder else entry.name
                        if entry.is_dir():
                            folders.append(path)
                        elif path.startswith(prefix) and not entry.name.startswith((_TEMPORARY, _VOUCHER)):
                            paths.append(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _unavailable(self.root / folder, error) from error
        return sorted(paths)

    def discard(self, path: str) -> None:
        """Remove a file."""
        try:
            (self.root / path).unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable(self.root / path, error) from error

    def _voucher(self, path: str) -> Path:
        return self.root / f"{_VOUCHER}{path}"

    def _new_version(self, path: str, *, vouch: bool) -> str:
        """Return the version of the new file, and record it if the writer vouches for it; the lock is held."""
        version = _version((self.root / path).stat())
        if not vouch:
            return version
        try:
            self._voucher(path).write_text(version, encoding="ascii")
        except OSError:  # the file is written; a voucher that is lost or incomplete matches no version
            return version
        return version + VOUCHED

    @contextlib.contextmanager
    def _writing(self, target: Path) -> Iterator[Path]:
        """Hold the lock, yield a temporary path on the same file system, and make the rename durable."""
        from filelock import FileLock  # readers need none

        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / ".lock", timeout=_LOCK_SECONDS):
                self._sweep()
                temporary = self.root / f"{_TEMPORARY}{uuid4().hex}"
                try:
                    yield temporary
                    sync(target.parent)
                finally:
                    temporary.unlink(missing_ok=True)
        except RegistryUnavailable:
            raise
        except OSError as error:
            raise _unavailable(target, error) from error

    def _sweep(self) -> None:
        """Remove temporary files of killed writers; the lock is held, so that no writer uses them."""
        if not self._swept:
            self._swept = True
            for path in self.root.glob(f"{_TEMPORARY}*"):
                path.unlink(missing_ok=True)


def _version(status: os.stat_result) -> str:
    """Return a version that distinguishes the states of a file without reading it.

    Every write of ours makes a new file, with an inode and times of its own; an edit in place changes the times.
    """
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"


def _write_synced(path: Path, parts: Parts) -> None:
    with path.open("xb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def _unavailable(path: Path, error: OSError) -> RegistryUnavailable:
    reason = reason_of(error)
    return RegistryUnavailable(f"{path}: {reason}", "folder-error", path=str(path), reason=reason)
