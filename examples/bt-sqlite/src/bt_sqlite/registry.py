"""A registry in one SQLite database."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from bike_traffic import (
    ModelRecord,
    Query,
    RegistryBackend,
    RegistryEvent,
    digest_directory,
    model_folder,
    verify_digests,
)
from bike_traffic.errors import NoRecord, RegistryConflict, RegistryCorrupt
from bt_sqlite import files
from bt_sqlite.database import reading, writing

SCHEME = "sqlite://"
Table = Literal["records", "alias_changes"]


class SqliteRegistry(RegistryBackend):
    """Records, events, and the files of models as blobs, all in one file.

    ``sqlite://models.sqlite`` is a file in the working directory, ``sqlite:///srv/models.sqlite`` an absolute path.
    Every write is one transaction, and writers wait for one another.
    """

    name = "sqlite"

    def __init__(self, uri: str) -> None:
        self.path = Path(uri.removeprefix(SCHEME))

    def append(self, record: ModelRecord) -> None:
        """Add a record; raise `RegistryConflict` if another one has its `run_id`."""
        self._append("records", record.run_id, record.to_json())

    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Yield the records that `query` admits, in the order in which they were appended."""
        for entry in self._entries("records"):
            if query.admits(entry):
                yield ModelRecord.from_json(entry)

    def append_event(self, event: RegistryEvent) -> None:
        """Add a change of an alias, a withdrawal or a signature; the same `change_id` twice is a no-op."""
        self._append("alias_changes", event.change_id, event.to_json())

    def events(self) -> list[RegistryEvent]:
        """Return every event, in the order in which they were appended."""
        return [RegistryEvent.from_json(entry) for entry in self._entries("alias_changes")]

    def version(self) -> str:
        """Return the number and the last position of records and of events: nothing that was appended is changed."""
        with reading(self.path) as database:
            return " ".join(
                str(value)
                for table in ("records", "alias_changes")
                for value in (
                    database.execute(f"SELECT count(*), max(position) FROM {table}").fetchone()
                    if database
                    else (0, None)
                )
            )

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        """Store the files, and read them back to compare before the transaction is committed."""
        folder = model_folder(model_type, timestamp, run_id)
        with writing(self.path) as database, tempfile.TemporaryDirectory(prefix="bt-sqlite-") as read_back:
            if not files.names(database, folder):
                files.store(database, folder, directory)
            files.copy_out(database, folder, Path(read_back))
            if digest_directory(Path(read_back)) != digest_directory(directory):
                raise RegistryConflict(f"{self.path}#{folder} has other files than run {run_id}")
        return f"{SCHEME}{self.path}#{folder}/"

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Copy a model's files into `directory`, checking each against the record's digests."""
        folder = record.folder
        with reading(self.path) as database:
            if database is None or not files.names(database, folder):
                raise NoRecord(f"the files of run {record.run_id} are missing: {self.path} has no {folder}")
            files.copy_out(database, folder, directory)
        if record.artifacts is not None:
            verify_digests(directory, record.artifacts, f"{self.path}#{folder}")

    def _append(self, table: Table, identity: str, entry: Mapping[str, Any]) -> None:
        with writing(self.path) as database:
            existing = database.execute(f"SELECT entry FROM {table} WHERE identity = ?", (identity,)).fetchone()
            if existing is None:
                text = json.dumps(entry, ensure_ascii=False)
                database.execute(f"INSERT INTO {table} (identity, entry) VALUES (?, ?)", (identity, text))
            elif json.loads(existing[0]) != entry:
                raise RegistryConflict(f"another entry has the id {identity}")

    def _entries(self, table: Table) -> Iterator[dict[str, Any]]:
        with reading(self.path) as database:
            selected = database.execute(f"SELECT identity, entry FROM {table} ORDER BY position") if database else ()
            rows = list(selected)
        for identity, text in rows:
            try:
                yield dict(json.loads(text))
            except ValueError as error:
                raise RegistryCorrupt(f"{self.path}, {identity} of {table}: {error}") from error
