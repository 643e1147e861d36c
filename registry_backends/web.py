"""A read-only registry that a web server publishes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, NoReturn
from urllib.parse import quote

from bike_traffic.addresses import shown
from bike_traffic.errors import NoRegistry, RegistryError, RegistryUnavailable, SettingsError
from bike_traffic.progress import progress
from bike_traffic.registry.files.artifacts import MANIFEST, FileDigest, verify
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.file_errors import files_gone
from bike_traffic.registry_backends.foreign_files import require_below
from bike_traffic.registry_backends.store import Store, StoreMissing
from bike_traffic.registry_backends.summary import SummaryRegistry
from bike_traffic.registry_backends.web_requests import blocks, validator

_LONGEST, _LONGEST_MANIFEST = 2 << 30, 16 << 20
"""Bytes of a ``summary.json``, and of a manifest."""


class WebStore(Store):
    """Files under a URL; a web server does not list them."""

    def __init__(self, root: str, summary: str, query: str) -> None:
        self.root = root
        self._summary = summary
        self._query = query

    def url(self, path: str) -> str:
        """Return the address of a file, with the query of the registry's, which may be a signature."""
        return f"{self.root}/{quote(path)}{self._query}"

    def read(self, path: str) -> tuple[bytes, str]:
        """Return a file; its version is its path, because nothing is ever replaced.

        Without a ``summary.json`` there is no registry: none will be made here.
        """
        try:
            return b"".join(blocks(self.url(path), _LONGEST)), path
        except StoreMissing:
            if path == self._summary:
                raise NoRegistry(
                    f"there is no registry at {self.root}/{path}; check --registry",
                    "no-registry-on-web",
                    uri=f"{self.root}/{path}",
                ) from None
            raise

    def versions(self, *paths: str) -> Mapping[str, str]:
        """Return what the server says of each of these files that exists, from one request for each.

        Where it says nothing, the file is read, and its digest is the version.
        """
        versions = {}
        for path in paths:
            with suppress(StoreMissing):
                said = None
                with suppress(RegistryUnavailable):  # some addresses are signed for reading alone
                    said = validator(self.url(path))
                versions[path] = said or hashlib.sha256(self.read(path)[0]).hexdigest()
        return versions

    def _only_read(self, *_: object, **__: object) -> NoReturn:
        raise RegistryError(
            f"{self.root}: a registry is only read over http; write to the folder or bucket that it publishes",
            "web-read-only",
            root=self.root,
        )

    def _not_listed(self, *_: object, **__: object) -> NoReturn:
        raise RegistryError(
            f"{self.root}: a web server does not list its files; do this on the folder or bucket that it publishes",
            "web-not-listed",
            root=self.root,
        )

    create = replace = discard = _only_read
    list = _not_listed


class WebRegistry(SummaryRegistry):
    """A ``summary.json`` and its models at ``http://`` or ``https://``."""

    name: ClassVar[str] = "web"

    def __init__(self, uri: str) -> None:
        address, mark, query = uri.partition("?")
        self._query = mark + query
        super().__init__(address)

    def _open_store(self) -> Store:
        if not self.root.startswith(("http://", "https://")):
            raise SettingsError(
                f"backend 'web' reads a registry at http(s)://…, not at {self.root}",
                "registry-uri-not-http",
                uri=self.root,
            )
        self._web = WebStore(self.root, self.registry_id.rpartition("/")[2], self._query)
        return self._web

    def exists(self) -> bool:
        """Return true, or raise `NoRegistry`: none will be made here."""
        self._web.read(self.log.path)
        return True

    def require_writable(self) -> None:
        """Raise `RegistryError`."""
        self._web.create()

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:  # noqa: ARG002
        """Raise `RegistryError`."""
        self._web.create()

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Download the files that the record lists, and check each against its digest."""
        if record.artifacts is None:
            require_below(record, self.root)
            self._fetch_foreign(record, directory)
            return
        source = f"{self.root}/{record.folder}"
        total = sum(digest.size for digest in record.artifacts.values())
        with progress(f"web: downloading {shown(source)}", total) as advance:
            digests = {**record.artifacts, MANIFEST: FileDigest("", _LONGEST_MANIFEST)}
            for name, digest in digests.items():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                try:
                    with (directory / name).open("wb") as file:
                        file.writelines(blocks(self._web.url(f"{record.folder}/{name}"), digest.size))
                except StoreMissing:
                    (directory / name).unlink()
                    if name != MANIFEST:  # whoever needs it misses it
                        raise files_gone(record.run_id, f"{source}/{name}") from None
                advance(0 if name == MANIFEST else digest.size)
        verify(directory, record.artifacts, source)
