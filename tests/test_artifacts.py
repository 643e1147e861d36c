"""The files of a model: digests, the manifest, and the one way they are loaded by."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import joblib
import pytest

from bike_traffic.errors import IntegrityError, NoRecord, PluginError, RegistryCorrupt
from bike_traffic.loading import load_model
from bike_traffic.registry.files.artifacts import (
    FileDigest,
    digest_directory,
    digest_file,
    model_folder,
    read_digests,
    verify,
    write_manifest,
)
from bike_traffic.registry.files.fetching import model_files
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import Trust
from tests.test_manager import built_in_host
from tests.test_registry import local_registry, make_record, register

FILES = {"model.joblib": b"trees", "sub/scaler.json": b"{}", "empty": b""}


def digest_of(content: bytes) -> FileDigest:
    return FileDigest(hashlib.sha256(content).hexdigest(), len(content))


DIGESTS = {name: digest_of(content) for name, content in FILES.items()}


@pytest.fixture
def folder(clean_place: Path) -> Path:
    """Return a folder with the three files."""
    folder = clean_place / "model"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_digest_is_the_sha256_and_the_size(folder: Path) -> None:
    assert digest_file(folder / "model.joblib") == digest_of(b"trees")
    assert digest_directory(folder) == DIGESTS


def test_the_manifest_lists_every_file_but_itself(folder: Path) -> None:
    assert write_manifest(folder, "rf") == DIGESTS
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest == {"model_type": "rf", "files": {name: attrs.asdict(DIGESTS[name]) for name in sorted(FILES)}}
    assert write_manifest(folder, "rf") == DIGESTS


def _remove(folder: Path) -> None:
    (folder / "sub/scaler.json").unlink()


def _change(folder: Path) -> None:
    (folder / "model.joblib").write_bytes(b"TREES")


def _lengthen(folder: Path) -> None:
    (folder / "empty").write_bytes(b"\0")


def _add(folder: Path) -> None:
    (folder / "sub/evil.py").write_bytes(b"")


def _replace_by_a_folder(folder: Path) -> None:
    (folder / "empty").unlink()
    (folder / "empty").mkdir()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (_remove, "sub/scaler.json is missing"),
        (_change, "model.joblib is not the file that was registered (its SHA-256 differs)"),
        (_lengthen, "empty is not the file that was registered (its SHA-256 differs)"),
        (_add, "sub/evil.py is not part of the registered model"),
        (_replace_by_a_folder, "empty is missing"),
    ],
)
def test_verify_names_the_file_that_is_missing_changed_or_extra(
    folder: Path, damage: Callable[[Path], None], found: str
) -> None:
    verify(folder, DIGESTS, "here")
    damage(folder)
    with pytest.raises(IntegrityError, match=f"^{re.escape(f'here: {found}; nothing was loaded')}$"):
        verify(folder, DIGESTS, "here")


@pytest.mark.parametrize("name", ["../model", "sub/../../model", "/etc/passwd", "..\\model", "..", "manifest.json"])
def test_a_name_that_would_leave_the_folder_is_refused(name: str) -> None:
    message = f"'{name}' cannot be the name of a model's file"
    with pytest.raises(RegistryCorrupt, match=f"^{re.escape(message)}$"):
        read_digests({name: {"sha256": "ab" * 32, "size": 1}})


def test_digests_are_read_as_they_were_written() -> None:
    assert read_digests({name: attrs.asdict(digest) for name, digest in DIGESTS.items()}) == DIGESTS


@pytest.mark.parametrize(
    ("timestamp", "name"),
    [
        ("2026-03-01T12:00:00.123456+00:00", "rf/20260301_120000-abcd1234"),
        ("2026-03-01T12:00:00+02:00", "rf/20260301_100000-abcd1234"),
        ("2025-06-18T22:59:26.111358", "rf/20250618_225926-abcd1234"),
    ],
)
def test_a_models_folder_is_named_after_its_type_its_time_in_utc_and_its_run(timestamp: str, name: str) -> None:
    assert model_folder("rf", timestamp, "abcd1234ef") == name


def cached(record: ModelRecord) -> Path:
    with model_files(local_registry(), record, Trust()) as folder:
        return folder


def test_fetch_caches_by_content(tmp_path: Path) -> None:
    registry = local_registry()
    one = register(registry, make_record("one"), FILES)
    same = register(registry, make_record("same"), FILES)
    other = register(registry, make_record("other"), FILES | {"empty": b"no more"})
    assert cached(one) == cached(same) != cached(other)
    assert cached(one).parent == tmp_path / "cache"
    assert digest_directory(cached(one)) == DIGESTS
    shutil.rmtree("models/rf")  # the cache alone is enough now
    assert digest_directory(cached(same)) == DIGESTS
    assert set((tmp_path / "cache").iterdir()) == {cached(one), cached(other)}


@pytest.mark.parametrize("damage", [_remove, _change, _add])
def test_a_damaged_copy_in_the_cache_is_fetched_again(damage: Callable[[Path], None]) -> None:
    record = register(local_registry(), make_record(), FILES)
    damage(cached(record))
    assert digest_directory(cached(record)) == DIGESTS


def test_a_record_without_digests_is_refused() -> None:
    record = attrs.evolve(register(local_registry(), make_record("seeds"), FILES), artifacts=None)
    message = (
        "record seeds has no digests (it was not written by bike-traffic): its files cannot be checked, "
        "and nothing was loaded; --allow-unverified loads them all the same"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(message)}$"):
        cached(record)


def test_files_that_are_gone_are_named() -> None:
    record = register(local_registry(), make_record())
    shutil.rmtree("models/rf")
    message = "the files of run abcd1234 are gone: models/rf/20260301_120000-abcd1234 does not exist"
    with pytest.raises(NoRecord, match=f"^{re.escape(message)}$"):
        cached(record)


def test_a_refused_fetch_leaves_nothing_in_the_cache(tmp_path: Path) -> None:
    record = register(local_registry(), make_record(), FILES)
    _change(Path(record.model_uri))
    with pytest.raises(IntegrityError):
        cached(record)
    assert list((tmp_path / "cache").iterdir()) == []


class Trap:
    """An object that writes `marker` when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "code-was-run"


@pytest.fixture
def evil(marker: Path) -> bytes:
    """Return a pickle that makes `marker` when it is loaded; that it does is tried here."""
    pickled = pickle.dumps(Trap(marker))
    Path("trap.joblib").write_bytes(pickled)
    joblib.load("trap.joblib")
    marker.rmdir()
    return pickled


def refuse_to_load(record: ModelRecord, marker: Path) -> None:
    with pytest.raises(IntegrityError, match=r"nothing was loaded(; --allow-unverified loads them all the same)?$"):
        load_model(local_registry(), record, built_in_host(), Trust())
    assert not marker.exists()


@pytest.mark.parametrize("model_type", ["rf", "rf_class"])
def test_a_pickle_that_differs_from_its_digest_is_never_unpickled(evil: bytes, marker: Path, model_type: str) -> None:
    record = register(local_registry(), make_record(model_type=model_type), {"model.joblib": b"honest"})
    Path(record.model_uri, "model.joblib").write_bytes(evil)
    refuse_to_load(record, marker)


def test_a_pickle_that_a_forged_manifest_lists_is_never_unpickled(evil: bytes, marker: Path) -> None:
    record = register(local_registry(), make_record(), {"model.joblib": b"honest"})
    Path(record.model_uri, "model.joblib").write_bytes(evil)
    write_manifest(Path(record.model_uri), "rf")
    refuse_to_load(record, marker)


def test_a_pickle_of_a_record_without_digests_is_never_unpickled(evil: bytes, marker: Path) -> None:
    record = register(local_registry(), make_record(), {"model.joblib": evil})
    refuse_to_load(attrs.evolve(record, artifacts=None), marker)


def test_a_pickle_that_was_put_into_the_cache_is_never_unpickled(evil: bytes, marker: Path) -> None:
    joblib.dump({}, "honest.joblib")
    record = register(local_registry(), make_record(), {"model.joblib": Path("honest.joblib").read_bytes()})
    (cached(record) / "model.joblib").write_bytes(evil)
    # What the honest file lacks, since it was fetched again:
    with pytest.raises(PluginError, match=r"^'rf' cannot load run abcd1234: KeyError: 'parameters'$"):
        load_model(local_registry(), record, built_in_host(), Trust())
    assert not marker.exists()
