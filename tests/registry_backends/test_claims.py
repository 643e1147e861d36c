"""Two runs whose folders have the same name: neither replaces the files of the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bike_traffic.errors import RegistryConflict
from bike_traffic.registry.files.artifacts import write_manifest
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.testing.backends.records import at_once, make_record, pulled_files, register
from tests.registry_backends.conftest import NewCloud
from tests.servers import CLOUDS, Cloud

SAME = ("exp-2026-a", "exp-2026-b")


def test_the_second_run_is_refused_and_the_first_keeps_its_files(cloud: Cloud, tmp_path: Path) -> None:
    first = register(cloud.open(), make_record(SAME[0]), tmp_path / "first", {"model.bin": b"first"})
    target = re.escape(first.model_uri.rstrip("/"))
    message = f"^{target} holds other files than those of run exp-2026-b$"
    for _ in range(2):
        with pytest.raises(RegistryConflict, match=message):
            register(cloud.open(), make_record(SAME[1]), tmp_path / "second", {"model.bin": b"other"})
    assert pulled_files(cloud.open(), first, tmp_path / "pulled")["model.bin"] == b"first"
    assert list(verify(cloud.open())) == []


@pytest.mark.parametrize("backend", CLOUDS)
def test_of_two_that_upload_at_once_one_is_refused(new_cloud: NewCloud, tmp_path: Path, backend: str) -> None:
    cloud = new_cloud(backend)

    def upload(run_id: str) -> str | None:
        record = make_record(run_id)
        try:
            return register(cloud.open(), record, tmp_path / run_id, {"model.bin": run_id.encode()}).run_id
        except RegistryConflict:
            return None

    (kept,) = [run_id for run_id in at_once(upload, list(SAME)) if run_id]
    record = cloud.open().get(kept)
    assert pulled_files(cloud.open(), record, tmp_path / "pulled")["model.bin"] == kept.encode()


def test_an_upload_that_broke_off_goes_on(cloud: Cloud, tmp_path: Path) -> None:
    """Its manifest is there, and some files may be too."""
    (tmp_path / "made").mkdir()
    (tmp_path / "made/model.bin").write_bytes(b"trees")
    write_manifest(tmp_path / "made", "rf")
    folder = make_record(SAME[0]).folder
    cloud.open().store.create(f"{folder}/manifest.json", (tmp_path / "made/manifest.json").read_bytes())
    record = register(cloud.open(), make_record(SAME[0]), tmp_path / "made", {"model.bin": b"trees"})
    assert pulled_files(cloud.open(), record, tmp_path / "pulled")["model.bin"] == b"trees"
