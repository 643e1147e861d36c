"""Temporary folders are removed with what they belong to, at the end of the process, and by age."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from bike_traffic.app.temporary import KEPT_SECONDS, PREFIX, TemporaryFolder, sweep


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the temporary files of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def test_nobody_else_can_read_a_folder() -> None:
    folder = TemporaryFolder()
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_a_folder_is_removed_when_it_is_asked_for_and_a_second_time_does_nothing() -> None:
    folder = TemporaryFolder()
    (folder.path / "a").write_text("a")
    folder.remove()
    folder.remove()
    assert not folder.path.exists()


def test_a_folder_that_nothing_refers_to_is_removed() -> None:
    path = TemporaryFolder().path
    assert not path.exists()


def test_a_folder_is_removed_at_the_end_of_the_process(temporary: Path) -> None:
    code = "from bike_traffic.app.temporary import TemporaryFolder; kept = TemporaryFolder(); print(kept.path)"
    environ = {**os.environ, "TMPDIR": str(temporary)}
    made = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, timeout=120
    )
    path = Path(made.stdout.strip())
    assert path.parent == temporary
    assert not path.exists()


def test_old_folders_are_removed_when_a_new_one_is_made(temporary: Path) -> None:
    """Also those of a process that was killed; nothing else, and not what a link of such a name leads to."""
    old, young, other, aim = (temporary / name for name in (f"{PREFIX}a", f"{PREFIX}b", "other", "aim"))
    for folder in (old, young, other, aim):
        folder.mkdir()
        (folder / "file").write_text("a")
    link = temporary / f"{PREFIX}link"
    link.symlink_to(aim)
    for path in (old, other, aim, link):
        age(path, KEPT_SECONDS + 60)
    made = TemporaryFolder()
    assert sorted(temporary.iterdir()) == sorted([young, other, aim, link, made.path])
    assert (aim / "file").exists()


def test_a_sweep_of_any_age_removes_all(temporary: Path) -> None:
    kept = TemporaryFolder()
    sweep(-60)
    assert list(temporary.iterdir()) == []
    assert not kept.path.exists()
