"""The files that a folder or a pattern stands for, in the order of their names.

The files of a store are ``month=2026-03.parquet``: of them only the months that are wanted are read.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pandas as pd

from bike_traffic.addresses import is_web, shown
from bike_traffic.data.files.folders.filesystem import filesystem_of, reason_of
from bike_traffic.data.window import EVERYTHING, Window
from bike_traffic.errors import ReadError

_STARTS_WITH_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PATTERN = re.compile(r"[*?\[]")
_TABLE = re.compile(r"\.(csv|parquet|pq|geoparquet)(\.(gz|bz2|xz|zip))?$|\.csv\.zst$", re.IGNORECASE)
_MONTH = re.compile(r"month=(\d{4}-(?:0[1-9]|1[0-2]))\.parquet$")


def files_of(source: str, window: Window = EVERYTHING) -> list[str] | None:
    """Return the files of a folder, or of a pattern with ``*``, ``?`` or ``[…]``; ``None`` for a single file.

    A folder stands for the CSV and Parquet files directly in it; a file with a dot or ``_`` before its name is left
    out. A path that exists is no pattern, and a web server has no folders.

    Parameters
    ----------
    window : of files that are months, only those with hours of it are returned.

    Raises
    ------
    ReadError
        The folder cannot be listed, or holds no table; nothing answers to the pattern.
    """
    found = _listed(source)
    if found is None:
        return None
    months = {name: month for name in found if (month := month_of_file(name)) is not None}
    wanted = [name for name in found if name not in months or window.has_part_of(months[name])]
    if not wanted:
        first, last = min(months.values()), max(months.values())
        raise ReadError(
            f"{shown(source)}: it has the months {first} to {last}, and none of the hours that are wanted",
            "store-without-months",
            uri=shown(source),
            first=str(first),
            last=str(last),
        )
    return wanted


def month_of_file(name: str) -> pd.Period | None:
    """Return the month that a file of a store holds, by its name; ``None`` if it is no such file."""
    match = _MONTH.search(name)
    return pd.Period(match[1], "M") if match else None


def version_of(source: str) -> str:
    """Return what changes with the local files of a source, ``"missing"`` if there is none; no file is read."""
    try:
        found = [(Path(name), Path(name).stat()) for name in files_of(source) or [source]]
    except OSError:
        return "missing"
    return " ".join(f"{path.name} {status.st_mtime_ns}-{status.st_size}" for path, status in found)


def _listed(source: str) -> list[str] | None:
    if source == "-" or is_web(source):
        return None
    with _asking(source):
        listed = _listed_remote if _STARTS_WITH_SCHEME.match(source) else _listed_local
        found = listed(source)
    if found is None:
        return None
    found = sorted(name for name in found if not PurePosixPath(name).name.startswith((".", "_")))
    if not found:
        raise _nothing_in(source)
    return found


def _listed_local(source: str) -> list[str] | None:
    path = Path(source)
    if path.is_dir():
        return [str(one) for one in path.iterdir() if _TABLE.search(one.name) and one.is_file()]
    if _PATTERN.search(source) and not path.exists():
        return [name for name in glob.glob(source) if Path(name).is_file()]  # noqa: PTH207  # absolute ones, too
    return None


def _listed_remote(source: str) -> list[str] | None:
    is_pattern = bool(_PATTERN.search(source))
    if not is_pattern and not source.endswith("/") and _TABLE.search(source):
        return None  # saves a request for what is hardly a folder
    filesystem, path = filesystem_of(source)
    if is_pattern:
        found = filesystem.glob(path, detail=True).values()
    elif not source.endswith("/") and filesystem.isfile(path):
        return None
    else:
        found = [one for one in filesystem.ls(path, detail=True) if _TABLE.search(one["name"])]
    return [str(filesystem.unstrip_protocol(one["name"])) for one in found if one["type"] == "file"]


def _nothing_in(source: str) -> ReadError:
    where = shown(source)
    if _PATTERN.search(source):
        return ReadError(f"{where}: no file answers to the pattern", "pattern-without-files", uri=where)
    return ReadError(f"{where}: a folder without CSV or Parquet files", "folder-without-tables", uri=where)


@contextmanager
def _asking(source: str) -> Iterator[None]:
    where = shown(source)
    try:
        yield
    except ReadError:
        raise
    except FileNotFoundError:
        raise ReadError(f"{where}: no such file", "file-not-found", uri=where) from None
    except Exception as error:  # each kind of storage has its own errors
        reason = reason_of(error)
        raise ReadError(f"{where}: cannot be opened: {reason}", "file-not-opened", uri=where, reason=reason) from None
