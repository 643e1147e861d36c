"""The database: its tables, opening it, and turning its errors into those of a registry."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bike_traffic.errors import RegistryCorrupt, RegistryUnavailable

SCHEMA_VERSION = 1
LOCK_SECONDS = 30.0
_CORRUPT = ("file is not a database", "database disk image is malformed")

# `position` is the order of appending; an entry is the JSON of `ModelRecord.to_json` or `RegistryEvent.to_json`.
# The table of events has the name that it had when all events were changes of aliases.
_TABLES = """
CREATE TABLE records (position INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT UNIQUE NOT NULL, entry TEXT NOT NULL);
CREATE TABLE alias_changes (
    position INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT UNIQUE NOT NULL, entry TEXT NOT NULL
);
CREATE TABLE files (
    id INTEGER PRIMARY KEY, folder TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, UNIQUE (folder, name)
);
"""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open a database for reading; ``None`` if there is none yet."""
    if not path.exists():
        yield None
        return
    with _registry_errors(path), closing(_connect(path, "rw")) as database:
        yield database if _has_tables(database, path) else None


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for one transaction: committed at the end of the block, rolled back if the block raises.

    It waits until other writers are done.
    """
    with _registry_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect(path, "rwc")) as database:
            with contextlib.suppress(sqlite3.OperationalError):  # another process is setting it, which is enough
                database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("BEGIN IMMEDIATE")
            try:
                if not _has_tables(database, path):
                    for statement in _TABLES.split(";\n"):
                        database.execute(statement)
                    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=LOCK_SECONDS, isolation_level=None
    )


def _has_tables(database: sqlite3.Connection, path: Path) -> bool:
    """Return whether the tables exist; raise `RegistryCorrupt` for a database of another program."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version > SCHEMA_VERSION:
        raise RegistryCorrupt(f"{path} was written by a newer bt-sqlite: pip install --upgrade bt-sqlite")
    if version == 0 and tables:
        raise RegistryCorrupt(f"{path} is another program's database; nothing was changed")
    return bool(version)


@contextmanager
def _registry_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if str(error) in _CORRUPT:
            raise RegistryCorrupt(f"{path}: {error}") from error
        raise RegistryUnavailable(f"{path}: {error}") from error
    except OSError as error:
        if isinstance(error, RegistryUnavailable):
            raise
        raise RegistryUnavailable(f"{path}: {error.strerror or error}") from error
