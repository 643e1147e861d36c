"""``summary.json`` and model folders in a bucket: Google Cloud Storage and S3."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from bike_traffic.errors import (
    IntegrityError,
    NoRecord,
    RegistryError,
    RegistryUnavailable,
    SettingsError,
)
from bike_traffic.progress import progress
from bike_traffic.registry.backend import parameter_names
from bike_traffic.registry.files.artifacts import (
    MANIFEST,
    FileDigest,
    all_digests,
    digest_directory,
    model_folder,
    read_digests,
    verify,
)
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.cloud_clients import (
    explain,
    gcs_class,
    gcs_credentials,
    gcs_filesystem,
    s3_class,
    s3_credentials,
    s3_filesystem,
)
from bike_traffic.registry_backends.file_errors import files_conflict, files_gone, read_back_differs
from bike_traffic.registry_backends.foreign_files import fetch_foreign_files, require_below
from bike_traffic.registry_backends.object_stores import GcsStore, ObjectStore, S3Store
from bike_traffic.registry_backends.store import StoreConflict, StoreMissing
from bike_traffic.registry_backends.summary import SummaryRegistry

_PARALLEL_TRANSFERS = 4
_BLOCK = 1 << 20


class CloudRegistry(SummaryRegistry):
    """A registry in a bucket; files are transferred in parallel, and read back before their model is registered."""

    scheme: ClassVar[str]
    store: ObjectStore

    def __init__(self, uri: str, credentials: Mapping[str, Any] | None = None, **options: Any) -> None:
        self._options = options | ({} if credentials is None else self._options_of(credentials))
        super().__init__(uri)

    @classmethod
    def option_names(cls) -> list[str]:
        """Return the parameters of the bucket's file system, such as ``endpoint_url``."""
        return parameter_names(cls._filesystem_class().__init__)

    @classmethod
    @abstractmethod
    def _options_of(cls, credentials: Mapping[str, Any]) -> dict[str, Any]:
        """Return the file system's options for these credentials; raise `SettingsError` if they lack something."""

    @classmethod
    @abstractmethod
    def _filesystem_class(cls) -> type[Any]:
        """Import the class of the file system."""

    def _open_store(self) -> ObjectStore:
        if not self.root.startswith(f"{self.scheme}://"):
            raise SettingsError(
                f"backend '{self.name}' keeps a registry at {self.scheme}://…, not at {self.root}",
                "registry-uri-not-of-bucket",
                backend=self.name,
                scheme=self.scheme,
                uri=self.root,
            )
        self.store = self._connect()
        return self.store

    @abstractmethod
    def _connect(self) -> ObjectStore:
        """Return the store; no request is sent yet."""

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        """Upload the files that are not stored yet with the right content, and read them all back.

        A second call continues where the first one stopped. Files of a registered run can be restored, but never
        replaced by others.
        """
        folder = model_folder(model_type, timestamp, run_id)
        target = f"{self.root}/{folder}"
        self.store.list(f"{folder}/")  # raises in one line if there is no such bucket, or no access
        digests = all_digests(directory)
        registered = self._registered_digests(run_id)
        if registered is not None and registered != digest_directory(directory):
            raise files_conflict(run_id, target)

        def store(name: str) -> int:
            remote = f"{target}/{name}"
            if self._digest(remote) != digests[name]:
                self.store.filesystem.put_file(str(directory / name), remote)
                if self._digest(remote) != digests[name]:
                    raise read_back_differs(remote)
            return digests[name].size

        if registered is None:  # else it was claimed, and what is damaged is restored
            self._claim(directory, target, run_id)
        self._each(store, digests, "uploading", target)
        return f"{target}/"

    def _claim(self, directory: Path, target: str, run_id: str) -> None:
        """Create the manifest before any other file: the folder is that of the model whose manifest is there.

        The folder's name has only the first letters of the run id, and uploads of files replace what is there.
        """
        path, content = f"{target}/{MANIFEST}".removeprefix(f"{self.root}/"), (directory / MANIFEST).read_bytes()
        for _ in range(2):
            with suppress(StoreMissing):
                if self.store.read(path)[0] != content:
                    raise files_conflict(run_id, target)
                return
            with suppress(StoreConflict):  # with our own write, if its answer was lost, or with another run
                self.store.create(path, content)

    def _registered_digests(self, run_id: str) -> Mapping[str, FileDigest] | None:
        """Return the digests of a run's files, ``None`` if it is not registered or has none."""
        try:
            entry = json.loads(self.store.read(f"{self.log.entries_prefix}{run_id}.json")[0])
        except StoreMissing:
            return None
        return ModelRecord.from_json(entry).artifacts

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Download the files of `record`, each checked against its digest."""
        folder = record.folder
        source = f"{self.root}/{folder}"
        names = [path.removeprefix(f"{folder}/") for path in self.store.list(f"{folder}/")]
        if not names and record.artifacts is None:
            require_below(record, self.root)
            self._fetch_foreign(record, directory)
            return
        if not names:
            raise files_gone(record.run_id, source)
        digests = read_digests({name: {"sha256": "", "size": 0} for name in names if name != MANIFEST})  # safe names?
        digests |= record.artifacts or {}
        if record.artifacts is not None and (foreign := set(names) - {*record.artifacts, MANIFEST}):
            raise IntegrityError(
                f"{source}: {min(foreign)} is not part of the registered model; nothing was loaded",
                "file-foreign",
                where=source,
                name=min(foreign),
            )
        files = {name: digests.get(name, FileDigest("", 0)) for name in names}

        def fetch(name: str) -> int:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            self.store.filesystem.get_file(f"{source}/{name}", str(directory / name))
            return files[name].size

        self._each(fetch, files, "downloading", source)
        if record.artifacts is not None:
            verify(directory, record.artifacts, source)

    def _stores(self, record: ModelRecord) -> bool:
        return bool(self.store.list(f"{record.folder}/"))

    def _fetch_foreign(self, record: ModelRecord, directory: Path) -> None:
        own = record.model_uri.startswith(f"{self.scheme}://")
        fetch_foreign_files(record, directory, self.store.filesystem if own else None)

    def _each(self, move: Callable[[str], int], files: Mapping[str, FileDigest], doing: str, where: str) -> None:
        """Move files in parallel under one progress bar of bytes."""
        total = sum(digest.size for digest in files.values())
        with (
            self._talking(where),
            progress(f"{self.name}: {doing} {where}", total) as advance,
            ThreadPoolExecutor(_PARALLEL_TRANSFERS) as pool,
        ):
            for size in pool.map(move, files):
                advance(size)

    def _digest(self, remote: str) -> FileDigest | None:
        """Read an object and return its digest; ``None`` if there is no object."""
        sha256, size = hashlib.sha256(), 0
        try:
            with self.store.filesystem.open(remote, "rb", cache_type="none", block_size=_BLOCK) as file:
                while block := file.read(_BLOCK):
                    sha256.update(block)
                    size += len(block)
        except FileNotFoundError:
            return None
        return FileDigest(sha256.hexdigest(), size)

    @contextmanager
    def _talking(self, where: str) -> Iterator[None]:
        try:
            yield
        except RegistryError:
            raise
        except FileNotFoundError:
            raise NoRecord(f"{where} does not exist", "object-not-found", where=where) from None
        except Exception as error:
            raise RegistryUnavailable(
                f"{where}: {explain(error)}", "store-error", where=where, reason=explain(error)
            ) from None  # the text may contain the request


class GcsRegistry(CloudRegistry):
    """A registry on Google Cloud Storage."""

    name: ClassVar[str] = "gcs"
    scheme: ClassVar[str] = "gs"

    @classmethod
    def _options_of(cls, credentials: Mapping[str, Any]) -> dict[str, Any]:
        return gcs_credentials(credentials)

    @classmethod
    def _filesystem_class(cls) -> type[Any]:
        return gcs_class()

    def _connect(self) -> ObjectStore:
        return GcsStore(self.root, gcs_filesystem(self._options))


class S3Registry(CloudRegistry):
    """A registry on S3, or on a service with the same API."""

    name: ClassVar[str] = "s3"
    scheme: ClassVar[str] = "s3"

    @classmethod
    def _options_of(cls, credentials: Mapping[str, Any]) -> dict[str, Any]:
        return s3_credentials(credentials)

    @classmethod
    def _filesystem_class(cls) -> type[Any]:
        return s3_class()

    def _connect(self) -> ObjectStore:
        return S3Store(self.root, s3_filesystem(self._options))
