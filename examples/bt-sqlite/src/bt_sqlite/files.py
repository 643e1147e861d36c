"""Files of models in the database, one blob each, copied in blocks so that memory use does not grow with them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_BLOCK = 1 << 20


def names(database: sqlite3.Connection, folder: str) -> list[str]:
    """Return the names of a folder's files."""
    rows = database.execute("SELECT name FROM files WHERE folder = ? ORDER BY name", (folder,))
    return [name for (name,) in rows]


def store(database: sqlite3.Connection, folder: str, directory: Path) -> None:
    """Store every file in `directory` and its subfolders."""
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        row = database.execute(
            "INSERT INTO files (folder, name, content) VALUES (?, ?, zeroblob(?))",
            (folder, path.relative_to(directory).as_posix(), path.stat().st_size),
        ).lastrowid
        assert row is not None
        with path.open("rb") as file, database.blobopen("files", "content", row) as blob:
            while block := file.read(_BLOCK):
                blob.write(block)


def copy_out(database: sqlite3.Connection, folder: str, directory: Path) -> None:
    """Write a folder's files into `directory`."""
    for name in names(database, folder):
        (row,) = database.execute("SELECT id FROM files WHERE folder = ? AND name = ?", (folder, name)).fetchone()
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file, database.blobopen("files", "content", row, readonly=True) as blob:
            while block := blob.read(_BLOCK):
                file.write(block)
