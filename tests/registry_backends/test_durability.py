"""What `append` returned from survives a power cut: a file is synced before it gets its name, its folder after."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from bike_traffic.registry_backends import append_log
from tests.test_registry import local_registry, make_record, register


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Record what is synced and what gets a new name, in order; a folder ends in ``/``."""
    made: list[tuple[str, str]] = []
    sync, replace, link = os.fsync, os.replace, os.link

    def named(descriptor: int) -> str:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        return f"{path}/" if path.is_dir() else str(path)

    def fsync(descriptor: int) -> None:
        made.append(("sync", named(descriptor)))
        sync(descriptor)

    def renamed(source: object, target: object, **more: object) -> None:
        made.append(("name", f"{Path(str(source)).absolute()} {Path(str(target)).absolute()}"))
        replace(str(source), str(target))

    def linked(source: object, target: object, **more: object) -> None:
        made.append(("name", f"{Path(str(source)).absolute()} {Path(str(target)).absolute()}"))
        link(str(source), str(target))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "rename", renamed)
    monkeypatch.setattr(os, "link", linked)
    return made


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks Linux for the names of open files")
def test_a_file_is_synced_before_it_gets_its_name_and_its_folder_after(calls: list[tuple[str, str]]) -> None:
    register(local_registry(), make_record())
    named = [(number, what.split()) for number, (kind, what) in enumerate(calls) if kind == "name"]
    targets = {Path(target).name for _, (_, target) in named}
    assert {"summary.json", "abcd1234.json"} <= targets
    for number, (source, target) in named:
        before, after = calls[:number], calls[number + 1 :]
        if not target.endswith(("summary.json", "abcd1234.json")):
            continue
        assert ("sync", source) in before, target
        assert ("sync", f"{Path(target).parent}/") in after, target


def test_two_writers_with_the_same_seed_wait_for_different_times() -> None:
    """A training seeds the generator of its process, with the same seed everywhere."""
    waits = []
    for _ in range(2):
        random.seed(0)
        waits.append([append_log._JITTER.uniform(0, 1) for _ in range(4)])
    assert waits[0] != waits[1]
