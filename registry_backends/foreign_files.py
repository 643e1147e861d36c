"""The files of records that other programs wrote: without digests or our layout, only with a `model_uri`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bike_traffic.errors import IntegrityError, MissingExtra, NoRecord, RegistryUnavailable
from bike_traffic.extras import pip_words
from bike_traffic.registry.files.artifacts import MANIFEST, copy_tree, read_digests
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.file_errors import files_gone

_CLOUDS = {"gs": "gcs", "s3": "s3"}


def require_below(record: ModelRecord, root: str) -> None:
    """Raise `IntegrityError` if a record's `model_uri` is not below `root`, its registry.

    Whoever wrote the record may have named any folder that the reader of the registry can read.
    """
    if not _is_below(record.model_uri, root):
        raise IntegrityError(
            f"record {record.run_id} has no digests, and its files are not in its registry, but at "
            f"{record.model_uri}; nothing was copied; --allow-unverified copies them all the same",
            "files-elsewhere",
            run_id=record.run_id,
            uri=record.model_uri,
        )


def _is_below(uri: str, root: str) -> bool:
    if "://" in root:
        return uri.startswith(f"{root.rstrip('/')}/") and ".." not in uri.split("/")
    if "://" in uri and not uri.startswith("file://"):
        return False
    folder, place = Path(root).resolve(), Path(uri.removeprefix("file://")).resolve()
    return folder in place.parents


def fetch_foreign_files(record: ModelRecord, directory: Path, filesystem: Any = None) -> None:
    """Copy what is at a record's `model_uri`, on this machine or in a bucket, into `directory`.

    Parameters
    ----------
    filesystem : an open one; by default one with the credentials that the cloud's libraries find.

    Raises
    ------
    NoRecord
        There are no files, or the server cannot list them.
    """
    uri = record.model_uri
    scheme = uri.partition("://")[0] if "://" in uri else "file"
    if scheme == "file":
        source = Path(uri.removeprefix("file://"))
        if not source.is_dir():
            raise files_gone(record.run_id, uri)
        copy_tree(source, directory)
    elif scheme in _CLOUDS:
        _fetch_objects(record, directory, filesystem or _open(scheme))
    else:
        raise NoRecord(
            f"the files of run {record.run_id} are at {uri}, and a server of {scheme}:// does not list them",
            "files-not-listed",
            run_id=record.run_id,
            uri=uri,
            scheme=scheme,
        )


def _open(scheme: str) -> Any:
    from bike_traffic.registry_backends.cloud_clients import gcs_filesystem, s3_filesystem

    try:
        return {"gs": gcs_filesystem, "s3": s3_filesystem}[scheme]({})
    except ImportError as error:
        raise MissingExtra(
            f"{scheme}:// needs {error.name}: pip install {pip_words(f'bike-traffic[{_CLOUDS[scheme]}]')}",
            "scheme-extra-missing",
            scheme=scheme,
            name=str(error.name),
        ) from None


def _fetch_objects(record: ModelRecord, directory: Path, filesystem: Any) -> None:
    from bike_traffic.registry_backends.cloud_clients import explain

    source = record.model_uri.rstrip("/")
    try:
        path = filesystem._strip_protocol(source)
        names = [name.removeprefix(f"{path}/") for name in filesystem.find(path)]
        read_digests({name: {"sha256": "", "size": 0} for name in names if name != MANIFEST})  # safe names?
        for name in names:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(f"{source}/{name}", str(directory / name))
    except FileNotFoundError:
        names = []
    except (RegistryUnavailable, NoRecord):
        raise
    except OSError as error:
        raise RegistryUnavailable(
            f"{source}: {explain(error)}", "store-error", where=str(source), reason=explain(error)
        ) from None  # the text may contain the request
    if not names:
        raise files_gone(record.run_id, record.model_uri)
