"""Where no cache can be written, it is in a temporary folder of one's own; what cannot be kept is said early."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bike_traffic.config import load_settings
from bike_traffic.errors import SettingsError
from bike_traffic.folders import cache_directory, can_be_made, state_directory
from tests.conftest import Bt


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the home be in a place where no folder can be made, for root too; return the folder for temporary files."""
    (tmp_path / "file").touch()
    for variable in ("BT_CACHE", "BT_STATE", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return temporary


def test_a_home_that_cannot_be_written_has_its_cache_in_a_temporary_folder(no_home: Path, bt: Bt) -> None:
    folder = no_home / f"bike-traffic-{os.getuid()}"
    assert cache_directory() == folder / "models"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert load_settings().sources["cache"].startswith("a temporary folder, since ")
    done = bt("config")
    assert state_directory() == folder / "unfinished"
    assert load_settings().sources["state"].startswith("a temporary folder, since ")
    assert done.stderr.startswith(f"fetched models are kept in {folder}/models, a temporary folder, since ")


@pytest.mark.parametrize("kind", ["writable by others", "a link", "a file"])
def test_a_temporary_folder_that_another_one_may_have_made_is_not_used(no_home: Path, kind: str) -> None:
    folder = no_home / f"bike-traffic-{os.getuid()}"
    if kind == "a link":
        (no_home / "theirs").mkdir()
        folder.symlink_to(no_home / "theirs")
    elif kind == "a file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises((SettingsError, FileExistsError)):
        cache_directory()


def test_a_folder_that_can_neither_be_written_nor_made_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert can_be_made(tmp_path / "a/b/c")
    assert not can_be_made(tmp_path / "file/a/b")


@pytest.mark.parametrize(
    ("what", "message"), [("state", "a model whose upload breaks off"), ("models", "the registry")]
)
def test_a_training_asks_first_whether_it_can_be_kept(
    bt: Bt, small_file: Path, monkeypatch: pytest.MonkeyPatch, what: str, message: str
) -> None:
    Path("file").touch()
    if what == "state":
        monkeypatch.setenv("BT_STATE", "file/state")
    done = bt("train", "-m", "rf", "--data", small_file, *(["--registry", "file/models"] if what == "models" else []))
    assert done.exit_code == 1
    assert f"{message}" in done.stderr
    assert "cannot be written there" in done.stderr
    assert "fitted" not in done.stderr
