"""The port that a registry reads and writes through, on a local folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bike_traffic.errors import RegistryUnavailable
from bike_traffic.registry_backends.store import LocalStore, StoreConflict, StoreMissing


@pytest.fixture
def store(clean_place: Path) -> LocalStore:
    return LocalStore(clean_place / "models")


def files(store: LocalStore) -> list[str]:
    """Return every file of the store, the lock apart."""
    found = (path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file())
    return sorted(path for path in found if path != ".lock")


def test_what_was_created_is_read_with_a_version_that_every_write_changes(store: LocalStore) -> None:
    store.create("a.json", b"one")
    data, version = store.read("a.json")
    assert (data, store.read("a.json")) == (b"one", (b"one", version))
    second = store.replace("a.json", [b"o", memoryview(b"ne")], version)
    assert store.read("a.json") == (b"one", second)
    assert second != version


def test_an_edit_in_place_changes_the_version_even_where_size_and_time_stay(store: LocalStore) -> None:
    store.create("a.json", b"one")
    version, path = store.read("a.json")[1], store.root / "a.json"
    times = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(StoreConflict, match=r"a\.json was changed meanwhile$"):
        store.replace("a.json", [b"three"], version)


def test_what_is_discarded_is_gone_be_it_there_or_not(store: LocalStore) -> None:
    store.create("a.json", b"one")
    for _ in range(2):
        store.discard("a.json")
        assert files(store) == []


def test_nothing_is_created_before_the_first_write(store: LocalStore) -> None:
    with pytest.raises(StoreMissing, match=f"^{re.escape(f'{store.root}/a.json does not exist')}$"):
        store.read("a.json")
    assert store.list("records/") == []
    assert not store.root.exists()


def test_a_second_create_is_refused_and_changes_nothing(store: LocalStore) -> None:
    store.create("a.json", b"one")
    with pytest.raises(StoreConflict, match=f"^{re.escape(f'{store.root}/a.json exists already')}$"):
        store.create("a.json", b"two")
    assert store.read("a.json")[0] == b"one"


def test_a_replace_needs_the_version_that_stands_there(store: LocalStore) -> None:
    store.create("a.json", b"one")
    version = store.read("a.json")[1]
    store.replace("a.json", [b"two"], version)
    with pytest.raises(StoreConflict, match=f"^{re.escape(f'{store.root}/a.json was changed meanwhile')}$"):
        store.replace("a.json", [b"three"], version)
    assert store.read("a.json")[0] == b"two"


def test_a_replace_of_what_was_removed_is_refused(store: LocalStore) -> None:
    with pytest.raises(StoreConflict, match=f"^{re.escape(f'{store.root}/a.json was removed meanwhile')}$"):
        store.replace("a.json", [b"two"], "any version")
    assert files(store) == []


def test_a_list_gives_the_paths_that_begin_with_the_prefix_sorted(store: LocalStore) -> None:
    for path in ("records/b.json", "records/a.json", "records/deep/c.json", "other.json", "records-not/d.json"):
        store.create(path, b"")
    assert store.list("records/") == ["records/a.json", "records/b.json", "records/deep/c.json"]
    assert store.list("records/a") == ["records/a.json"]
    assert store.list("none/") == []


def test_writing_leaves_no_temporary_file_whether_it_succeeds_or_not(store: LocalStore) -> None:
    store.create("a.json", b"one")
    store.replace("a.json", [b"two"], store.read("a.json")[1])
    with pytest.raises(StoreConflict):
        store.create("a.json", b"x")
    with pytest.raises(StoreConflict):
        store.replace("a.json", [b"x"], "stale")
    assert files(store) == ["a.json"]


def test_what_a_killed_writer_left_behind_is_never_listed_and_is_swept(store: LocalStore) -> None:
    store.create("records/a.json", b"one")
    (store.root / ".bt-tmp-dead").write_bytes(b"half a rec")
    assert store.list("") == [".lock", "records/a.json"]
    LocalStore(store.root).create("records/b.json", b"two")
    assert files(store) == ["records/a.json", "records/b.json"]


def test_a_place_that_cannot_be_written_is_unavailable(clean_place: Path) -> None:
    (clean_place / "file.txt").write_text("not a folder")
    store = LocalStore(Path("file.txt/models"))
    with pytest.raises(RegistryUnavailable, match=r"^file\.txt/models/a\.json: Not a directory$"):
        store.create("a.json", b"one")
    with pytest.raises(RegistryUnavailable, match=r"^file\.txt/models/a\.json: Not a directory$"):
        store.replace("a.json", [b"one"], "any version")


def test_a_folder_in_the_place_of_a_file_is_unavailable(store: LocalStore) -> None:
    (store.root / "a.json").mkdir(parents=True)
    message = f"^{re.escape(f'{store.root}/a.json: Is a directory')}$"
    with pytest.raises(RegistryUnavailable, match=message):
        store.read("a.json")
    with pytest.raises(RegistryUnavailable, match=message):
        store.replace("a.json", [b"one"], "any version")
