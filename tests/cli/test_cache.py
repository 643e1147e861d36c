"""`bt cache` shows the fetched models, and `bt cache prune` removes those that were not used for long."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from bike_traffic.registry.files.fetching import model_files
from bike_traffic.registry.signing import Trust
from tests.conftest import Bt
from tests.test_registry import local_registry, make_record, register

DAY = 86400.0


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Fetch three models of 1,000 bytes, not used for 40 days, 20 days and an hour; return their folders."""
    folders = []
    for number, age in enumerate([40 * DAY, 20 * DAY, 3600.0]):
        record = register(local_registry(), make_record(f"{number}aaa1111"), {"model.bin": bytes([number]) * 1000})
        with model_files(local_registry(), record, Trust()) as folder:
            (folder / "manifest.json").unlink()
            os.utime(folder, (time.time() - age,) * 2)
            folders.append(folder)
    (tmp_path / "cache/unfinished/registry/run").mkdir(parents=True)
    return folders


def test_it_shows_size_number_and_age(bt: Bt, folders: list[Path], tmp_path: Path) -> None:
    shown = bt("cache").stdout
    assert shown.startswith(f"{tmp_path / 'cache'}: 3 models, 0.0 MB, the oldest last used on 20")
    document = json.loads(bt("cache", "--format", "json").stdout)
    assert (document["folder"], document["models"], document["bytes"]) == (str(tmp_path / "cache"), 3, 3000)


def test_an_empty_cache_is_shown(bt: Bt, tmp_path: Path) -> None:
    assert bt("cache").stdout == f"{tmp_path / 'cache'}: 0 models, 0.0 MB\n"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("--older-than 30d", [1, 2]),
        ("--older-than 10d", [2]),
        ("--max-size 2.5kB", [1, 2]),
        ("--max-size 0", []),
        ("--max-size 1MB", [0, 1, 2]),
        ("--max-size 2000B --older-than 50d", [1, 2]),
    ],
)
def test_the_least_recently_used_are_removed_first(
    bt: Bt, folders: list[Path], tmp_path: Path, words: str, kept: list[int]
) -> None:
    done = bt("cache", "prune", *words.split())
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith(f"removed {3 - len(kept)} model")
    assert [number for number, folder in enumerate(folders) if folder.is_dir()] == kept
    assert (tmp_path / "cache/unfinished/registry/run").is_dir()


def test_a_model_that_is_used_stays_and_a_removed_one_is_fetched_again(bt: Bt, folders: list[Path]) -> None:
    registry = local_registry()
    with model_files(registry, registry.get("0aaa1111"), Trust()):
        assert bt("cache", "prune", "--max-size", "0").exit_code == 0
        assert [folder.is_dir() for folder in folders] == [True, False, False]
    with model_files(registry, registry.get("1aaa1111"), Trust()) as folder:
        assert (folder / "model.bin").read_bytes() == b"\1" * 1000


@pytest.mark.parametrize("words", ["", "--max-size many", "--older-than 3", "--max-size -1"])
def test_a_bound_is_a_size_or_a_number_of_days(bt: Bt, words: str) -> None:
    assert bt("cache", "prune", *words.split()).exit_code == 2
