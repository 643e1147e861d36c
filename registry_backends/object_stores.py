"""The store on Google Cloud Storage and on S3: conditional writes of single objects, each in one request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from bike_traffic.errors import RegistryUnavailable
from bike_traffic.registry_backends.cloud_clients import (
    codes_of,
    explain,
    gcs_md5,
    is_precondition,
    require_whole,
    s3_md5,
)
from bike_traffic.registry_backends.store import VOUCHED, Parts, Store, StoreConflict, StoreMissing

_PROBE_PASSED = ".bt-store-probed"
_VOUCHED_BY, _OURSELVES = "vouched-by", "bike-traffic"
"""The metadata of an object that only this package wrote; other writers do not set it."""


class ObjectStore(Store):
    """The common part of both stores: bucket, prefix, fsspec file system, and the probe before the first write."""

    scheme: str

    def __init__(self, root: str, filesystem: Any) -> None:
        self.root = root
        self.bucket, _, prefix = root.removeprefix(f"{self.scheme}://").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self.filesystem = filesystem
        self._probed = False

    def create(self, path: str, data: bytes, *, vouch: bool = False) -> None:
        """Write a new object, once the store has proved that it honours conditions."""
        self._require_conditions()
        self._create(path, data, vouch)

    def replace(self, path: str, parts: Parts, version: str, *, vouch: bool = False) -> str:
        """Overwrite an object that is still at `version`, once the store has proved that it honours conditions."""
        self._require_conditions()
        return self._replace(path, parts, version.removesuffix(VOUCHED), vouch)

    def _create(self, path: str, data: bytes, vouch: bool = False) -> None:
        raise NotImplementedError

    def _replace(self, path: str, parts: Parts, version: str, vouch: bool = False) -> str:
        raise NotImplementedError

    def versions(self, *paths: str) -> Mapping[str, str]:
        """Return the version of each of these objects that exists; objects in folders are not listed with them."""
        versions = {}
        with self._talking(""):
            for path, version in self._beside(self.prefix):
                if path in paths:
                    versions[path] = version
                if len(versions) == len(paths) or path > max(paths):
                    break
        return versions

    def _beside(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the objects directly under a prefix with their versions, in the order of their names."""
        raise NotImplementedError

    def _require_conditions(self) -> None:
        """Probe the store once: nothing is written unless it refuses a second create and a stale replace.

        Some emulators and gateways ignore conditions, and would silently lose records.
        """
        if self._probed:
            return
        try:
            self.read(_PROBE_PASSED)
        except StoreMissing:
            path = f"{_PROBE_PASSED}-{uuid4().hex}"
            with suppress(StoreConflict):  # with our own write, if its answer was lost
                self._create(path, b"1")
            self._must_refuse(lambda: self._create(path, b"2"), "a second create")
            version = self.read(path)[1]
            with suppress(StoreConflict):
                self._replace(path, [b"3"], version)
            self._must_refuse(lambda: self._replace(path, [b"4"], version), "a stale replace")
            with suppress(StoreConflict):  # with another writer that probed at the same time
                self._create(_PROBE_PASSED, b"conditional writes are honoured\n")
        self._probed = True

    def _must_refuse(self, write: Any, what: str) -> None:
        try:
            write()
        except StoreConflict:
            return
        raise RegistryUnavailable(
            f"{self.root}: the store accepted {what}: it ignores conditions, and concurrent writers would lose "
            "records; nothing was registered",
            "store-ignores-conditions",
            root=self.root,
            what=what,
        )

    @contextmanager
    def _talking(self, path: str) -> Iterator[None]:
        """Turn the client's errors into those of `Store`, without secrets in their text."""
        where = f"{self.scheme}://{self.bucket}/{self.prefix}{path}"
        try:
            yield
        except (StoreConflict, StoreMissing, RegistryUnavailable):
            raise
        except FileExistsError:
            raise StoreConflict(f"{where} was written meanwhile") from None
        except FileNotFoundError as error:
            if "NoSuchBucket" in codes_of(error):
                raise RegistryUnavailable(
                    f"{self.scheme}://{self.bucket}: there is no such bucket",
                    "bucket-not-found",
                    scheme=self.scheme,
                    bucket=self.bucket,
                ) from None
            raise StoreMissing(f"{where} does not exist") from None
        except Exception as error:
            if is_precondition(error):
                raise StoreConflict(f"{where} was written meanwhile") from None
            raise RegistryUnavailable(
                f"{where}: {explain(error)}", "store-error", where=where, reason=explain(error)
            ) from None  # the text may contain the request


class GcsStore(ObjectStore):
    """A bucket of Google Cloud Storage; versions are its generations."""

    scheme = "gs"

    def read(self, path: str) -> tuple[bytes, str]:
        """Return an object and its generation, from one request."""
        with self._talking(path):
            url = self.filesystem.url(f"{self.bucket}/{self.prefix}{path}")
            try:
                headers, data = self.filesystem.call("GET", url)
            except FileNotFoundError:
                self._require_bucket()
                raise
            require_whole(bytes(data), gcs_md5(headers), f"{self.root}/{path}")
            vouched = headers.get(f"X-Goog-Meta-{_VOUCHED_BY}") == _OURSELVES
            return bytes(data), str(headers["X-Goog-Generation"]) + (VOUCHED if vouched else "")

    def _require_bucket(self) -> None:
        """Tell a missing bucket from a missing object; both are a 404."""
        self._page("", maxResults="1")

    def _page(self, prefix: str, **words: str) -> Any:
        fields = "items(name,generation),nextPageToken"
        try:
            return self.filesystem.call(
                "GET", "b/{}/o", self.bucket, prefix=prefix, fields=fields, json_out=True, **words
            )
        except FileNotFoundError:
            raise RegistryUnavailable(
                f"gs://{self.bucket}: there is no such bucket", "bucket-not-found", scheme="gs", bucket=self.bucket
            ) from None

    def _create(self, path: str, data: bytes, vouch: bool = False) -> None:
        self._upload(path, [data], "0", vouch)

    def _replace(self, path: str, parts: Parts, version: str, vouch: bool = False) -> str:
        return self._upload(path, parts, version, vouch)

    def _upload(self, path: str, parts: Parts, generation: str, vouch: bool) -> str:
        """Upload in one multipart request: the only kind whose condition every server checks."""
        import json

        boundary = uuid4().hex
        resource = {"name": f"{self.prefix}{path}", "contentType": "application/json"}
        name = json.dumps(resource | ({"metadata": {_VOUCHED_BY: _OURSELVES}} if vouch else {}))
        head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{name}\r\n"
            f"--{boundary}\r\nContent-Type: application/json\r\n\r\n"
        )
        body = b"".join([head.encode(), *parts, f"\r\n--{boundary}--".encode()])
        with self._talking(path):
            try:
                answer = self.filesystem.call(
                    "POST",
                    f"{self.filesystem._location}/upload/storage/v1/b/{self.bucket}/o",
                    uploadType="multipart",
                    ifGenerationMatch=generation,
                    headers={"Content-Type": f"multipart/related; boundary={boundary}"},
                    data=body,
                    json_out=True,
                )
            except FileNotFoundError:
                self._require_bucket()
                raise
        return str(answer["generation"]) + (VOUCHED if vouch else "")

    def list(self, prefix: str) -> list[str]:
        """Return the paths that begin with `prefix`, page by page."""
        paths: list[str] = []
        page: dict[str, str] = {}
        with self._talking(prefix):
            while True:
                answer = self._page(f"{self.prefix}{prefix}", **page)
                paths += [item["name"].removeprefix(self.prefix) for item in answer.get("items", [])]
                if "nextPageToken" not in answer:
                    return sorted(paths)
                page = {"pageToken": answer["nextPageToken"]}

    def _beside(self, prefix: str) -> Iterator[tuple[str, str]]:
        page: dict[str, str] = {}
        while True:
            answer = self._page(prefix, delimiter="/", **page)
            for item in answer.get("items", []):
                yield item["name"].removeprefix(prefix), str(item["generation"])
            if "nextPageToken" not in answer:
                return
            page = {"pageToken": answer["nextPageToken"]}

    def discard(self, path: str) -> None:
        """Remove an object."""
        with suppress(StoreMissing), self._talking(path):
            self.filesystem.call("DELETE", "b/{}/o/{}", self.bucket, f"{self.prefix}{path}")


class S3Store(ObjectStore):
    """A bucket of S3, or of a service with the same API; versions are entity tags."""

    scheme = "s3"

    def read(self, path: str) -> tuple[bytes, str]:
        """Return an object and its entity tag, from one request."""
        with self._talking(path):
            answer = self._call("get_object", Key=f"{self.prefix}{path}")
            vouched = answer.get("Metadata", {}).get(_VOUCHED_BY) == _OURSELVES
            data = self._body(answer)
            require_whole(data, s3_md5(answer), f"{self.root}/{path}")
            return data, str(answer["ETag"]) + (VOUCHED if vouched else "")

    def _body(self, answer: Any) -> bytes:
        from fsspec.asyn import sync

        async def read() -> bytes:
            async with answer["Body"] as body:
                data: bytes = await body.read()
            return data

        data: bytes = sync(self.filesystem.loop, read)
        return data

    def _create(self, path: str, data: bytes, vouch: bool = False) -> None:
        with self._talking(path):
            self._put(path, data, vouch, IfNoneMatch="*")

    def _replace(self, path: str, parts: Parts, version: str, vouch: bool = False) -> str:
        try:
            with self._talking(path):
                return self._put(path, b"".join(parts), vouch, IfMatch=version)
        except StoreMissing as error:
            raise StoreConflict(f"s3://{self.bucket}/{self.prefix}{path} was written meanwhile") from error

    def _put(self, path: str, data: bytes, vouch: bool, **condition: str) -> str:
        metadata = {_VOUCHED_BY: _OURSELVES} if vouch else {}
        answer = self._call("put_object", Key=f"{self.prefix}{path}", Body=data, Metadata=metadata, **condition)
        return str(answer["ETag"]) + (VOUCHED if vouch else "")

    def list(self, prefix: str) -> list[str]:
        """Return the paths that begin with `prefix`, page by page."""
        paths: list[str] = []
        page: dict[str, str] = {}
        with self._talking(prefix):
            while True:
                answer = self._call("list_objects_v2", Prefix=f"{self.prefix}{prefix}", **page)
                paths += [item["Key"].removeprefix(self.prefix) for item in answer.get("Contents", [])]
                if not answer.get("IsTruncated"):
                    return sorted(paths)
                page = {"ContinuationToken": answer["NextContinuationToken"]}

    def _beside(self, prefix: str) -> Iterator[tuple[str, str]]:
        page: dict[str, str] = {}
        while True:
            answer = self._call("list_objects_v2", Prefix=prefix, Delimiter="/", **page)
            for item in answer.get("Contents", []):
                yield item["Key"].removeprefix(prefix), f"{item['ETag']} {item['LastModified'].isoformat()}"
            if not answer.get("IsTruncated"):
                return
            page = {"ContinuationToken": answer["NextContinuationToken"]}

    def discard(self, path: str) -> None:
        """Remove an object."""
        with self._talking(path):
            self._call("delete_object", Key=f"{self.prefix}{path}")

    def _call(self, operation: str, **words: Any) -> Any:
        return self.filesystem.call_s3(operation, Bucket=self.bucket, **words)
