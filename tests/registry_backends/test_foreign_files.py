"""Whoever writes a record without digests chooses where its files are: they are followed no further than allowed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bike_traffic.errors import IntegrityError
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.copying import copy
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.record_parts import PluginInfo
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.web import WebRegistry
from tests.conftest import Bt
from tests.servers import Cloud, published
from tests.test_registry import SEED_ENTRY, local_registry, make_record, register
from tests.test_upkeep import exactly

PRIVATE = b"my own key"


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Return a folder of the reader's own, outside of every registry."""
    folder = tmp_path / "home/.ssh"
    folder.mkdir(parents=True)
    (folder / "id_ed25519").write_bytes(PRIVATE)
    return folder


def forged(uri: str | Path) -> ModelRecord:
    return ModelRecord.from_json(SEED_ENTRY | {"run_id": "evil", "model_uri": str(uri)})


def elsewhere(uri: str | Path) -> str:
    return (
        f"record evil has no digests, and its files are not in its registry, but at {uri}; nothing was copied; "
        "--allow-unverified copies them all the same"
    )


def stolen(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file() and PRIVATE in path.read_bytes()]


def write(record: ModelRecord) -> None:
    Path("source").mkdir(exist_ok=True)
    Path("source/summary.json").write_text(json.dumps([record.to_json()]))


def refuse(source: RegistryBackend, uri: str | Path, clean_place: Path) -> None:
    """Copy and pull the forged record, which is refused and named."""
    (done,) = copy(source, local_registry("models"))
    assert (done.copied, str(done.refused)) == (False, elsewhere(uri))
    assert list(local_registry("models").records(EVERYTHING)) == []
    Path("pulled").mkdir(exist_ok=True)
    with pytest.raises(IntegrityError, match=exactly(elsewhere(uri))):
        source.download(source.get("evil"), Path("pulled"))
    assert stolen(clean_place) == []


@pytest.mark.parametrize(
    "shape", ["{}", "file://{}", "{}/../.ssh", "source/../../home/.ssh", "source/link", "source"]
)
def test_a_folder_outside_of_the_registry_is_not_copied(clean_place: Path, private: Path, shape: str) -> None:
    """Nor through a link inside, nor the registry itself."""
    uri = shape.format(private)
    write(forged(uri))
    Path("source/link").symlink_to(private)
    refuse(local_registry("source"), uri, clean_place)


def test_a_web_registry_names_no_folder_of_its_reader(clean_place: Path, private: Path) -> None:
    write(forged(private))
    with published(Path("source")) as url:
        refuse(WebRegistry(url), private, clean_place)


def test_a_bucket_names_no_folder_and_no_other_bucket(cloud: Cloud, clean_place: Path, private: Path) -> None:
    registry = cloud.open()
    registry.append(forged(private))
    refuse(registry, private, clean_place)


@pytest.mark.parametrize("place", ["models-private/secret/", "models/../models-private/secret/"])
def test_another_folder_of_the_same_bucket_is_not_copied(cloud: Cloud, clean_place: Path, place: str) -> None:
    registry = cloud.open()
    bucket = cloud.root.removesuffix("/models")
    registry.store.filesystem.pipe_file(f"{bucket}/models-private/secret/key", PRIVATE)
    registry.append(forged(f"{bucket}/{place}"))
    refuse(registry, f"{bucket}/{place}", clean_place)


def test_a_password_in_the_address_is_not_shown(clean_place: Path) -> None:
    write(forged("https://me:3xtrem3lyS3cret@example.org/private?sig=3xtrem3lyS3cret"))
    refuse(local_registry("source"), "https://example.org/private", clean_place)


def test_the_other_records_and_their_events_are_copied_and_the_command_says_what_is_left_out(
    bt: Bt, private: Path
) -> None:
    source = local_registry("source")
    register(source, make_record("good"))
    source.append(forged(private))
    source.promote("good", "champion", actor="ana@desk")
    source.withdraw("evil", actor="ana@desk", reason="not ours")
    words = ("registry", "copy", "--from", "source", "--to", "models")
    done = bt(*words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"1 model copied, 0 were there already\nleft out: {elsewhere(private)}\n"
    target = local_registry("models")
    assert [record.run_id for record in target.records(EVERYTHING)] == ["good"]
    assert target.alias("champion").run_id == "good"
    assert target.withdrawn() == {}
    assert bt("registry", "verify").exit_code == 0
    again = bt(*words)
    assert (again.exit_code, again.stderr) == (
        1,
        f"0 models copied, 1 were there already\nleft out: {elsewhere(private)}\n",
    )


def test_who_wants_them_all_the_same_says_so(bt: Bt, private: Path) -> None:
    write(forged(private))
    words = ("registry", "pull", "evil", "pulled", "--registry", "source")
    refused = bt(*words)
    assert (refused.exit_code, refused.stderr) == (1, f"Error: {elsewhere(private)}\n")
    assert not Path("pulled").exists()
    assert bt(*words, "--allow-unverified").exit_code == 0
    assert Path("pulled/id_ed25519").read_bytes() == PRIVATE
    done = bt("registry", "copy", "--from", "source", "--to", "models", "--allow-unverified")
    assert (done.exit_code, done.stderr.partition("\n")[0]) == (0, "1 model copied, 0 were there already")


def test_what_lies_below_the_registry_is_copied_without_a_word(clean_place: Path) -> None:
    write(forged("source/nn/20250619_005924"))
    Path("source/nn/20250619_005924/nn").mkdir(parents=True)
    Path("source/nn/20250619_005924/nn/model.keras").write_bytes(b"net")
    (done,) = copy(local_registry("source"), local_registry("models"))
    assert (done.copied, done.refused) == (True, None)
    local_registry("models").download(local_registry("models").get("evil"), Path("pulled"))
    assert Path("pulled/nn/model.keras").read_bytes() == b"net"


TRAPS: dict[str, Callable[[Path, Path], None]] = {
    "a link to a file": lambda path, private: path.symlink_to(private / "id_ed25519"),
    "a link to a folder": lambda path, private: path.symlink_to(private),
    "a pipe": lambda path, _: os.mkfifo(path),
}


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("digests", [True, False])
def test_nothing_but_files_and_folders_is_copied_or_found_right(
    bt: Bt, tmp_path: Path, private: Path, trap: str, digests: bool
) -> None:
    """`verify` reports it, and no command copies what a link points to, or waits for a pipe."""
    source = local_registry("source")
    record = register(source, make_record("aaaa1111"))
    folder = Path(record.model_uri)
    TRAPS[trap](folder / "trap", private)
    message = f"{folder}: trap is neither a file nor a folder; nothing was loaded"
    if not digests:
        Path("source/summary.json").write_text(json.dumps([forged(folder).to_json()]))
        Path("source/records/aaaa1111.json").unlink()
    else:
        verified = bt("registry", "verify", "--registry", "source", "--format", "json")
        (finding,) = json.loads(verified.stdout)["findings"]
        assert (verified.exit_code, finding["id"], finding["detail"]) == (1, "changed-files", message)
    refused = bt("registry", "pull", "aaaa1111" if digests else "evil", "pulled", "--registry", "source")
    assert (refused.exit_code, refused.stderr) == (1, f"Error: {message}\n")
    copied = bt("registry", "copy", "--from", "source", "--to", "models")
    assert (copied.exit_code, copied.stderr) == (1, f"Error: {message}\n")
    assert [path for path in stolen(tmp_path) if path.parent != private and not path.is_symlink()] == []


def replaced(old: str, new: str) -> Callable[[Path], object]:
    """Return what replaces a text of a manifest that has it."""

    def act(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return act


_CHANGED = "manifest.json is not the one that was registered"
MANIFESTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "missing": (Path.unlink, "missing-files", "manifest.json is missing"),
    "other size": (replaced('"size": 8', '"size": 9'), "changed-files", _CHANGED),
    "other model": (replaced('"rf"', '"nn"'), "changed-files", _CHANGED),
    "other package": (replaced('"distribution": "', '"distribution": "x'), "changed-files", _CHANGED),
    "other version": (replaced('"version": "', '"version": "9.'), "changed-files", _CHANGED),
    "more in it": (replaced('"files"', '"more": 1, "files"'), "changed-files", _CHANGED),
    "no manifest": (lambda path: path.write_text("[" * 100_000), "changed-files", _CHANGED),
}


def test_a_manifest_of_an_earlier_version_is_that_of_the_record_without_its_package(bt: Bt) -> None:
    record = register(local_registry(), make_record("aaaa1111", plugin=PluginInfo(distribution="bike-traffic")))
    path = Path(record.model_uri, "manifest.json")
    manifest = json.loads(path.read_text())
    del manifest["plugin"]
    path.write_text(json.dumps(manifest))
    assert bt("registry", "verify").exit_code == 0


@pytest.mark.parametrize("damage", MANIFESTS)
def test_a_manifest_that_is_not_that_of_the_record_is_found(bt: Bt, damage: str) -> None:
    """Plain MLflow checks the files against it, and loads them by it."""
    act, kind, detail = MANIFESTS[damage]
    record = register(
        local_registry(), make_record("aaaa1111", plugin=PluginInfo(distribution="bike-traffic", version="0.1.0"))
    )
    folder = Path(record.model_uri)
    act(folder / "manifest.json")
    done = bt("registry", "verify", "--format", "json")
    (finding,) = json.loads(done.stdout)["findings"]
    assert (done.exit_code, finding["id"], finding["detail"]) == (1, kind, f"{folder}: {detail}")
