"""What a command asks of its paths before it imports anything heavy: that inputs are there, and outputs can be."""

from __future__ import annotations

import os
from pathlib import Path

from bike_traffic.addresses import shown
from bike_traffic.config import SAMPLE
from bike_traffic.errors import ReadError, WriteError
from bike_traffic.folders import can_be_made

_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
_PICTURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp", ".eps")


def require_inputs(*sources: str | None) -> None:
    """Raise `ReadError` if a file that is to be read is not there, or is a workbook by its name.

    ``None``, the sample, standard input, patterns and what has a scheme are not looked at.
    """
    for source in sources:
        if source is None or source in ("-", SAMPLE):
            continue
        if source.lower().endswith(_WORKBOOKS):
            raise ReadError(
                f"{shown(source)}: a workbook, which is not read; save it as 'CSV UTF-8' and give that file",
                "file-is-workbook",
                uri=shown(source),
            )
        if "://" in source:
            continue
        if not Path(source).exists() and not set("*?[") & set(source):
            raise ReadError(f"{source}: no such file", "file-not-found", uri=source)


def require_outputs(*targets: str | None, pictures: bool = False) -> None:
    """Raise `WriteError` if a file cannot be written where it is to go, or a workbook is asked for by its name."""
    for target in targets:
        if target is None or target == "-":
            continue
        ending = Path(target).suffix.lower()
        if ending in _WORKBOOKS:
            raise WriteError(
                f"{shown(target)}: workbooks are not written; end the name in .csv, .csv.gz or .parquet, and open "
                "the CSV in the spreadsheet",
                "output-is-workbook",
                target=shown(target),
            )
        if pictures and ending not in _PICTURES:
            raise WriteError(
                f"{shown(target)}: a picture ends in {', '.join(_PICTURES[:3])}",
                "picture-format",
                target=shown(target),
            )
        if "://" not in target:
            _require_place(Path(target))


def require_folder(folder: Path, what: str) -> None:
    """Raise `WriteError` if a folder can neither be written nor made."""
    if not can_be_made(folder):
        raise WriteError(
            f"{folder}: {what} cannot be written there; change its permissions, or name another folder",
            "place-not-writable",
            path=str(folder),
        )


def _require_place(target: Path) -> None:
    reason = None
    if target.is_dir():
        reason = "Is a directory"
    elif not target.parent.is_dir():
        reason = "No such file or directory"
    elif not os.access(target.parent, os.W_OK) and not (target.exists() and os.access(target, os.W_OK)):
        reason = "Permission denied"
    if reason is not None:
        raise WriteError(
            f"{target}: cannot be written: {reason}", "file-not-writable", target=str(target), reason=reason
        )
