"""The promises of every registry backend, one test for each, and those of a database."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic import ModelRecord, Query, RegistryBackend, digest_directory, open_registry
from bike_traffic.errors import RegistryCorrupt, RegistryUnavailable, SettingsError
from bike_traffic.testing import BackendChecks
from bt_sqlite.registry import SqliteRegistry


class TestPromises(BackendChecks):
    @pytest.fixture
    def open_backend(self, tmp_path: Path) -> Callable[[], RegistryBackend]:
        return lambda: SqliteRegistry(f"sqlite://{tmp_path}/models.sqlite")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models.sqlite"


def record(run_id: str) -> ModelRecord:
    return ModelRecord(
        timestamp="2026-03-01T12:00:00+00:00",
        model_type="rf",
        env="dev",
        test_mode=False,
        run_id=run_id,
        metrics={"rmse": 40.0},
        model_uri="",
    )


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement as any other program would, and return its rows."""
    with closing(sqlite3.connect(path)) as database, database:
        return database.execute(statement).fetchall()


def test_the_scheme_of_a_uri_names_the_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_registry("sqlite://folder/models.sqlite").append(record("a"))
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["models.sqlite"]


def test_asking_a_registry_that_is_not_there_creates_nothing(path: Path) -> None:
    registry = SqliteRegistry(f"sqlite://{path}")
    assert (list(registry.records(Query())), registry.events()) == ([], [])
    assert not path.exists()


def test_an_option_that_it_does_not_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bt.toml").write_text('[backends.sqlite]\ncolour = "red"\n')
    with pytest.raises(SettingsError) as caught:
        open_registry("sqlite://models.sqlite")
    message = "no option of backend 'sqlite' 'colour'; there are none"
    assert str(caught.value) == f"[backends.sqlite] in bt.toml: {message}"


def test_another_programs_database_is_left_as_it_is(path: Path) -> None:
    ask(path, "CREATE TABLE recipes (name TEXT)")
    message = f"{path} is another program's database; nothing was changed"
    for act in (lambda registry: registry.append(record("a")), lambda registry: list(registry.records(Query()))):
        with pytest.raises(RegistryCorrupt, match=f"^{re.escape(message)}$"):
            act(SqliteRegistry(f"sqlite://{path}"))
    assert ask(path, "SELECT name FROM sqlite_master") == [("recipes",)]


def test_a_newer_schema_is_reported_in_one_line(path: Path) -> None:
    registry = SqliteRegistry(f"sqlite://{path}")
    registry.append(record("a"))
    ask(path, "PRAGMA user_version = 2")
    message = f"{path} was written by a newer bt-sqlite: pip install --upgrade bt-sqlite"
    with pytest.raises(RegistryCorrupt, match=f"^{re.escape(message)}$"):
        list(registry.records(Query()))


def test_a_file_that_is_no_database_is_reported_in_one_line_and_left_as_it_is(path: Path) -> None:
    path.write_text("recipes, " * 1000)
    with pytest.raises(RegistryCorrupt, match=f"^{re.escape(f'{path}: file is not a database')}$"):
        SqliteRegistry(f"sqlite://{path}").append(record("a"))
    assert path.read_text() == "recipes, " * 1000


def test_a_path_that_cannot_be_opened_is_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable, match=f"^{re.escape(f'{tmp_path}: unable to open database file')}$"):
        SqliteRegistry(f"sqlite://{tmp_path}").append(record("a"))


WRITER = """
import sys
from bt_sqlite.registry import SqliteRegistry
from test_bt_sqlite import record
for number in range(25):
    SqliteRegistry(sys.argv[1]).append(record(f"{sys.argv[2]}-{number}"))
"""


def test_processes_that_write_at_once_lose_nothing_and_keep_their_own_order(path: Path) -> None:
    """The first of them creates the tables, whichever that is."""
    uri = f"sqlite://{path}"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, uri, name], cwd=Path(__file__).parent) for name in "abcd"
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]
    run_ids = [entry.run_id for entry in SqliteRegistry(uri).records(Query())]
    for name in "abcd":
        assert [run_id for run_id in run_ids if run_id[0] == name] == [f"{name}-{number}" for number in range(25)]


REGISTERS = """
import sys
from pathlib import Path
import attrs
from bike_traffic import digest_directory
from bt_sqlite.registry import SqliteRegistry
from test_bt_sqlite import record
registry, files = SqliteRegistry(sys.argv[1]), Path(sys.argv[2])
for number in range(1000):
    made = attrs.evolve(record(f"{number:08}"), artifacts=digest_directory(files))
    registry.upload(files, model_type=made.model_type, timestamp=made.timestamp, run_id=made.run_id)
    registry.append(made)
    print(made.run_id, flush=True)
"""


def test_a_writer_that_is_killed_leaves_whole_models_and_a_registry_to_write_to(tmp_path: Path) -> None:
    """It is killed while it stores the next model, three times at different moments."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "trees.bin").write_bytes(b"trees" * 400_000)
    listed = {name: attrs.asdict(digest) for name, digest in digest_directory(files).items()}
    (files / "manifest.json").write_text(json.dumps({"model_type": "rf", "files": listed}))
    for number in (1, 2, 3):
        registry = SqliteRegistry(f"sqlite://{tmp_path}/{number}.sqlite")
        words = [sys.executable, "-c", REGISTERS, f"sqlite://{registry.path}", str(files)]
        with subprocess.Popen(words, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            appended = [writer.stdout.readline().strip() for _ in range(number)]
            time.sleep(0.01 * number)
            writer.kill()
        records = list(registry.records(Query()))
        assert [record.run_id for record in records][:number] == appended
        for one in records:
            registry.verify_files(one)
        registry.append(record("after"))
        assert registry.get("after") == record("after")


def test_a_record_is_json_that_sqlite_itself_can_ask(path: Path) -> None:
    SqliteRegistry(f"sqlite://{path}").append(record("a"))
    rows = ask(path, "SELECT json_extract(entry, '$.rmse'), entry FROM records")
    assert [(rmse, json.loads(entry)) for rmse, entry in rows] == [(40.0, record("a").to_json())]
