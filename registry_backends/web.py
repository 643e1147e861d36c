"""A read-only registry that a web server publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote

from bike_traffic.errors import RegistryError, RegistryUnavailable, SettingsError
from bike_traffic.progress import progress
from bike_traffic.registry.files.artifacts import verify
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.file_errors import files_gone
from bike_traffic.registry_backends.foreign_files import fetch_foreign_files
from bike_traffic.registry_backends.store import Store, StoreMissing
from bike_traffic.registry_backends.summary import SummaryRegistry


class WebStore(Store):
    """Files under a URL; a web server does not list them."""

    def __init__(self, root: str) -> None:
        self.root = root

    def read(self, path: str) -> tuple[bytes, str]:
        """Return a file; its version is its URL, because nothing is ever replaced."""
        where = f"{self.root}/{quote(path)}"
        try:
            data: bytes = _http().cat_file(where)
        except FileNotFoundError:
            raise StoreMissing(f"{where} does not exist") from None
        except Exception as error:  # aiohttp's errors have no common base class that fsspec documents
            raise RegistryUnavailable(
                f"{where}: {_explain(error)}", "web-error", where=where, reason=_explain(error)
            ) from None
        return data, where

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

    def _open_store(self) -> Store:
        if not self.root.startswith(("http://", "https://")):
            raise SettingsError(
                f"backend 'web' reads a registry at http(s)://…, not at {self.root}",
                "registry-uri-not-http",
                uri=self.root,
            )
        self._web = WebStore(self.root)
        return self._web

    def require_writable(self) -> None:
        """Raise `RegistryError`."""
        self._web.create()

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:  # noqa: ARG002
        """Raise `RegistryError`."""
        self._web.create()

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Download the files that the record lists, and check each against its digest."""
        if record.artifacts is None:
            fetch_foreign_files(record, directory)
            return
        source = f"{self.root}/{record.folder}"
        total = sum(digest.size for digest in record.artifacts.values())
        with progress(f"web: downloading {source}", total) as advance:
            for name, digest in record.artifacts.items():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                try:
                    _http().get_file(f"{source}/{quote(name)}", str(directory / name))
                except FileNotFoundError:
                    raise files_gone(record.run_id, f"{source}/{name}") from None
                except Exception as error:
                    raise RegistryUnavailable(
                        f"{source}/{name}: {_explain(error)}",
                        "web-error",
                        where=f"{source}/{name}",
                        reason=_explain(error),
                    ) from None
                advance(digest.size)
        verify(directory, record.artifacts, source)


def _http() -> Any:
    import fsspec

    return fsspec.filesystem("http")


def _explain(error: Exception) -> str:
    status = getattr(error, "status", None)
    if status in (401, 403):
        return "the server refuses to show it"
    return f"the server answers {status}" if status else "no server answers"
