"""The files of a model: their digests and their manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from bike_traffic.errors import IntegrityError, MissingFile, RegistryCorrupt, RegistryUnavailable
from bike_traffic.folders import reason_of
from bike_traffic.names import NAME
from bike_traffic.registry.record_parts import PluginInfo

MANIFEST = "manifest.json"
_BLOCK = 1 << 20
_LARGEST = 1 << 62
"""Bytes of a file; a larger number is no size."""


@attrs.frozen
class FileDigest:
    """The SHA-256 of a file, in hexadecimal, and its size in bytes."""

    sha256: str
    size: int


def read_digests(entry: Mapping[str, Mapping[str, Any]]) -> dict[str, FileDigest]:
    """Read the digests of a record; raise `RegistryCorrupt` for a name that leads out of the folder."""
    for name in entry:
        path = PurePosixPath(name)
        is_name = bool(name) and "\0" not in name and is_utf8(name)
        if not is_name or path.is_absolute() or ".." in path.parts or "\\" in name or name == MANIFEST:
            raise RegistryCorrupt(f"'{name}' cannot be the name of a model's file", "file-name-malformed", name=name)
    for name, digest in entry.items():
        if not are_digest(digest):
            raise RegistryCorrupt(f"the digest of '{name}' is malformed", "file-digest-malformed", name=name)
    return {name: FileDigest(**digest) for name, digest in entry.items()}


def are_digest(value: Mapping[str, Any]) -> bool:
    """Return whether the values of a digest, given as JSON, are a text and a size."""
    sha256, size = value.get("sha256"), value.get("size")
    return isinstance(sha256, str) and is_utf8(sha256) and type(size) is int and 0 <= size <= _LARGEST


def is_utf8(text: str) -> bool:
    """Return whether a text has no lone surrogates, which JSON can write and UTF-8 cannot."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def model_folder(model_type: str, timestamp: str, run_id: str) -> str:
    """Return ``{model_type}/{timestamp}-{short id}``, the folder of a model, relative to its registry's root.

    Raises `RegistryCorrupt` for names that would lead elsewhere.
    """
    for part in (model_type, run_id):
        if not NAME.fullmatch(part):
            raise RegistryCorrupt(
                f"'{part}' cannot be part of the name of a model's folder", "folder-name-malformed", part=part
            )
    time = datetime.fromisoformat(timestamp)
    stamp = (time.astimezone(UTC) if time.tzinfo else time).strftime("%Y%m%d_%H%M%S")
    return f"{model_type}/{stamp}-{run_id[:8]}"


def digest_file(path: Path) -> FileDigest:
    """Return the digest of a file."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return FileDigest(sha256, path.stat().st_size)


def digest_directory(directory: Path) -> dict[str, FileDigest]:
    """Return the digest of every file in `directory` except the manifest, by its relative path."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    names = {path.relative_to(directory).as_posix(): path for path in files}
    return {name: digest_file(path) for name, path in names.items() if name != MANIFEST}


def all_digests(directory: Path) -> dict[str, FileDigest]:
    """Return the digest of every file in `directory`, including the manifest."""
    return digest_directory(directory) | {MANIFEST: digest_file(directory / MANIFEST)}


def write_manifest(directory: Path, model_type: str, plugin: PluginInfo | None = None) -> dict[str, FileDigest]:
    """Write the manifest beside the files it lists, and return what it lists.

    Parameters
    ----------
    plugin : the package that trained the model; with it the files alone tell which pipeline loads them.
    """
    digests = digest_directory(directory)
    manifest = json.dumps(_manifest(model_type, plugin, digests), indent=2)
    (directory / MANIFEST).write_text(f"{manifest}\n", encoding="utf-8")
    return digests


def _manifest(model_type: str, plugin: PluginInfo | None, digests: Mapping[str, FileDigest]) -> dict[str, Any]:
    files = {name: attrs.asdict(digest) for name, digest in digests.items()}
    return {"model_type": model_type, **({} if plugin is None else {"plugin": plugin.to_json()}), "files": files}


def require_regular(directory: Path, where: str) -> None:
    """Raise `IntegrityError` if something in a folder is neither a file nor a folder: a link, a pipe, a device."""
    folders = [directory]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    name = Path(entry.path).relative_to(directory).as_posix()
                    raise IntegrityError(
                        f"{where}: {name} is neither a file nor a folder; nothing was loaded",
                        "file-not-regular",
                        where=where,
                        name=name,
                    )


def copy_tree(source: Path, directory: Path) -> None:
    """Copy the files of a folder into `directory`; a link or a device is refused before anything is copied.

    Raises
    ------
    IntegrityError, RegistryUnavailable
    """
    try:
        require_regular(source, str(source))
        shutil.copytree(source, directory, symlinks=True, dirs_exist_ok=True)
    except OSError as error:
        reason = reason_of(error)
        raise RegistryUnavailable(
            f"{source} cannot be copied to {directory}: {reason}",
            "copy-failed",
            source=str(source),
            target=str(directory),
            reason=reason,
        ) from error


def verify_manifest(
    directory: Path, model_type: str, plugin: PluginInfo | None, digests: Mapping[str, FileDigest], where: str
) -> None:
    """Raise `IntegrityError` if the manifest is not that of the record: plain MLflow goes by the manifest alone."""
    try:
        manifest = json.loads((directory / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise MissingFile(f"{where}: {MANIFEST} is missing", "file-missing", where=where, name=MANIFEST) from None
    except (ValueError, RecursionError):
        manifest = None
    # Earlier versions named no package.
    if manifest not in [_manifest(model_type, package, digests) for package in (plugin, None)]:
        raise IntegrityError(
            f"{where}: {MANIFEST} is not the one that was registered", "manifest-changed", where=where, name=MANIFEST
        )


def verify(directory: Path, digests: Mapping[str, FileDigest], where: str) -> None:
    """Compare every file of `directory` with its digest; raise `IntegrityError` at the first difference.

    Nothing but files and folders may be there, and nothing is read through a link.
    """
    require_regular(directory, where)
    for name, expected in digests.items():
        path = directory / name
        if not path.is_file():
            raise MissingFile(
                f"{where}: {name} is missing; nothing was loaded", "file-missing", where=where, name=name
            )
        if digest_file(path) != expected:
            raise IntegrityError(
                f"{where}: {name} is not the file that was registered (its SHA-256 differs); nothing was loaded",
                "file-changed",
                where=where,
                name=name,
            )
    foreign = set(digest_directory(directory)) - set(digests)
    if foreign:
        raise IntegrityError(
            f"{where}: {min(foreign)} is not part of the registered model; nothing was loaded",
            "file-foreign",
            where=where,
            name=min(foreign),
        )
