"""The table in a zip archive, among folders, notes, and what systems put beside it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import IO

from bike_traffic.errors import ReadError

_UNPACKABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_TABLE = re.compile(r"\.(csv|parquet|pq|geoparquet|json|jsonl|ndjson|geojson)$", re.IGNORECASE)
_NOTE = re.compile(
    r"^(lisez|lire|read|licen[cs]|copying|notice|manifest)|\.(pdf|docx?|odt|rtf|md|html?|xml|xlsx?|png|jpe?g)$",
    re.IGNORECASE,
)
_WORKBOOK = ("xl/", "content.xml")
_NAMED = 3


def open_table(file: IO[bytes], shown: str, closing: ExitStack) -> IO[bytes]:
    """Open the first member of an archive that is a table by its ending, or else the first that is no note.

    Python unpacks a piece of a member at once, however long it becomes, unless the member is deflated or stored.

    Raises
    ------
    ReadError
        There is no table in the archive.
    ValueError, OSError, RuntimeError
        The archive, or the member, cannot be opened.
    """
    archive = closing.enter_context(zipfile.ZipFile(file))
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_hidden(member.filename)]
    names = [member.filename for member in members]
    if any(name.startswith(_WORKBOOK) for name in names):
        raise ReadError(f"{shown}: a workbook of a spreadsheet; save its table as CSV", "file-is-workbook", uri=shown)
    if not members:
        raise ValueError("the archive holds no file")
    tables = [member for member in members if _TABLE.search(member.filename)]
    rest = [member for member in members if not _NOTE.search(PurePosixPath(member.filename).name)]
    if not (tables or rest):
        raise ReadError(
            f"{shown}: no table in the archive; it holds {_listed(names)}",
            "archive-without-table",
            uri=shown,
            names=names[:_NAMED],
        )
    member = (tables or rest)[0]
    if member.compress_type not in _UNPACKABLE:
        raise ValueError("the archive is neither deflated nor stored; pack it again without special options")
    return archive.open(member)


def _is_hidden(name: str) -> bool:
    """Return whether a member is what a system keeps for itself, such as ``__MACOSX/._counts.csv``."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith(".")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(name[:60] for name in names[:_NAMED]) + more
