"""The files of a model: their digests, their manifest, and the cache they are loaded from.

Whoever can change a pickle can run code in the process that loads it. Hence the one way to a model's files
is `model_files`: the record must show what `Trust` asks for, the files are copied out of the registry, each checked
against its digest in the record, and only a copy that passed is handed to a loader.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.config import cache_directory
from bike_traffic.errors import IntegrityError, RegistryCorrupt
from bike_traffic.specs import NAME

if TYPE_CHECKING:
    from bike_traffic.registry import ModelRecord, RegistryBackend
    from bike_traffic.signing import Trust

MANIFEST = "manifest.json"
_BLOCK = 1 << 20


@attrs.frozen
class FileDigest:
    """The SHA-256 of a file, in hexadecimal, and its size in bytes."""

    sha256: str
    size: int


def read_digests(entry: Mapping[str, Mapping[str, Any]]) -> dict[str, FileDigest]:
    """Read the digests of a record; raise `RegistryCorrupt` for a name that would leave the folder."""
    for name in entry:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or name == MANIFEST:
            raise RegistryCorrupt(f"'{name}' cannot be the name of a model's file")
    return {name: FileDigest(**digest) for name, digest in entry.items()}


def model_folder(model_type: str, timestamp: str, run_id: str) -> str:
    """Return ``{model_type}/{timestamp}-{short id}``, the place of a model below its registry's root.

    Raises `RegistryCorrupt` for names that would lead elsewhere.
    """
    for part in (model_type, run_id):
        if not NAME.fullmatch(part):
            raise RegistryCorrupt(f"'{part}' cannot be part of the name of a model's folder")
    time = datetime.fromisoformat(timestamp)
    stamp = (time.astimezone(UTC) if time.tzinfo else time).strftime("%Y%m%d_%H%M%S")
    return f"{model_type}/{stamp}-{run_id[:8]}"


def digest_file(path: Path) -> FileDigest:
    """Return the digest of a file."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return FileDigest(sha256, path.stat().st_size)


def digest_directory(directory: Path) -> dict[str, FileDigest]:
    """Return the digest of every file below `directory` but the manifest, by its relative path."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    names = {path.relative_to(directory).as_posix(): path for path in files}
    return {name: digest_file(path) for name, path in names.items() if name != MANIFEST}


def all_digests(directory: Path) -> dict[str, FileDigest]:
    """Return the digest of every file below `directory`, that of the manifest among them."""
    return digest_directory(directory) | {MANIFEST: digest_file(directory / MANIFEST)}


def write_manifest(directory: Path, model_type: str) -> dict[str, FileDigest]:
    """Write the manifest beside the files it lists, and return what it lists."""
    digests = digest_directory(directory)
    manifest = {
        "model_type": model_type,
        "files": {name: attrs.asdict(digest) for name, digest in digests.items()},
    }
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return digests


def verify(directory: Path, digests: Mapping[str, FileDigest], where: str) -> None:
    """Compare every file of `directory` with its digest; raise `IntegrityError` at the first difference."""
    for name, expected in digests.items():
        path = directory / name
        if not path.is_file():
            raise IntegrityError(f"{where}: {name} is missing; nothing was loaded")
        if digest_file(path) != expected:
            raise IntegrityError(
                f"{where}: {name} is not the file that was registered (its SHA-256 differs); nothing was loaded"
            )
    foreign = set(digest_directory(directory)) - set(digests)
    if foreign:
        raise IntegrityError(f"{where}: {min(foreign)} is not part of the registered model; nothing was loaded")


@contextmanager
def model_files(registry: RegistryBackend, record: ModelRecord, trust: Trust) -> Iterator[Path]:
    """Give a folder with the files of `record`, verified; for the block alone where they cannot be and need not.

    Raises
    ------
    IntegrityError
        A file differs from its digest, or the record does not show what `trust` asks for.
    """
    trust.require(record)
    if record.artifacts:
        yield _fetch(registry, record, record.artifacts)
        return
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        registry.download(record, Path(folder))
        inner = Path(folder, record.model_type)  # where the original project put some models
        yield inner if inner.is_dir() else Path(folder)


def _fetch(registry: RegistryBackend, record: ModelRecord, digests: Mapping[str, FileDigest]) -> Path:
    """Return the folder of the cache with these verified files, bringing them where they are not there yet.

    The cache is keyed by content, below ``BT_CACHE`` or the user's cache folder, and checked on each use.
    """
    folder = cache_directory() / _content_key(digests)
    if folder.is_dir():
        try:
            verify(folder, digests, str(folder))
            return folder
        except IntegrityError:
            shutil.rmtree(folder)  # a damaged copy: the registry's own is asked again
    folder.parent.mkdir(parents=True, exist_ok=True)
    incoming = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".incoming-"))
    try:
        registry.download(record, incoming)
        verify(incoming, digests, record.model_uri)
        try:
            incoming.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process brought the same content first
                raise
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return folder


def _content_key(digests: Mapping[str, FileDigest]) -> str:
    lines = "".join(f"{name}\0{digests[name].sha256}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()
