"""Signatures: what is signed is loaded, what is not or was altered is refused, and a deletion shows."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.errors import IntegrityError, SettingsError, WriteError
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.copying import copy
from bike_traffic.registry.files.fetching import model_files
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import PublicKeys, SigningKey, Trust, generate_keys
from tests.conftest import Bt
from tests.test_registry import local_registry, make_record, register

SUMMARY = Path("models/summary.json")
HEAD = Path("models/head.json")
TINY = ("--set", "n_estimators=2")


def new_keys(name: str = "signing") -> tuple[SigningKey, PublicKeys]:
    private, public = Path(f"{name}.key"), Path(f"{name}.pub")
    generate_keys(private, public)
    return SigningKey.read(private), PublicKeys.read(public)


@pytest.fixture
def keys(clean_place: Path) -> tuple[SigningKey, PublicKeys]:
    return new_keys()


def register_signed(registry: RegistryBackend, key: SigningKey, run_id: str) -> None:
    """Register a model with its signature, as a training does."""
    record = register(local_registry("unsigned/summary.json"), make_record(run_id, extra={"note": "é"}))
    files, timestamp = Path(f"made-{run_id}"), record.timestamp
    uri = registry.upload(files, model_type=record.model_type, timestamp=timestamp, run_id=run_id)
    registry.append(key.sign_record(attrs.evolve(record, model_uri=uri)))


@pytest.fixture
def registry(keys: tuple[SigningKey, PublicKeys]) -> RegistryBackend:
    """Return a registry of three signed records with a signed head."""
    registry = local_registry()
    for run_id in ("aaaa1111", "bbbb2222", "cccc3333"):
        register_signed(registry, keys[0], run_id)
    registry.sign_head(keys[0])
    return registry


def found(registry: RegistryBackend, keys: PublicKeys) -> list[tuple[str, str]]:
    return [(finding.kind, finding.run_id) for finding in verify(registry, keys)]


def edit(run_id: str, **changes: Any) -> None:
    """Change a record in both places, as someone would who can write there."""
    for path in (SUMMARY, Path(f"models/records/{run_id}.json")):
        content = json.loads(path.read_text())
        for entry in content if isinstance(content, list) else [content]:
            if entry["run_id"] == run_id:
                entry |= changes
        path.write_text(json.dumps(content))


def delete(run_id: str) -> None:
    """Delete a record from both places, and leave no other trace."""
    SUMMARY.write_text(json.dumps([one for one in json.loads(SUMMARY.read_text()) if one["run_id"] != run_id]))
    Path(f"models/records/{run_id}.json").unlink()


def test_a_private_key_is_its_owners_alone_and_no_key_is_overwritten(clean_place: Path) -> None:
    generate_keys(Path("a.key"), Path("a.pub"))
    assert stat.S_IMODE(Path("a.key").stat().st_mode) == 0o600
    before = Path("a.key").read_bytes()
    message = "a.key exists already; a key is never overwritten, give another --output"
    with pytest.raises(WriteError, match=f"^{re.escape(message)}$"):
        generate_keys(Path("a.key"), Path("other.pub"))
    assert Path("a.key").read_bytes() == before
    assert not Path("other.pub").exists()


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_is_no_key_is_named(clean_place: Path, content: bytes) -> None:
    Path("bad").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^bad is not an Ed25519 private key; `bt registry keygen` makes one$"):
        SigningKey.read(Path("bad"))
    with pytest.raises(SettingsError, match=r"^bad is not a file of Ed25519 public keys; .+"):
        PublicKeys.read(Path("bad"))
    with pytest.raises(SettingsError, match=r"^gone: No such file or directory; `bt registry keygen` makes keys$"):
        PublicKeys.read(Path("gone"))


def test_what_was_signed_is_found_right_after_its_way_through_json(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys]
) -> None:
    assert found(registry, keys[1]) == []
    assert [keys[1].fault_of(record) for record in registry.records(EVERYTHING)] == [None] * 3


def test_whole_numbers_among_the_metrics_keep_their_signature(keys: tuple[SigningKey, PublicKeys]) -> None:
    record = keys[0].sign_record(make_record(metrics={"r2": 1, "rmse": 40}))
    assert keys[1].fault_of(ModelRecord.from_json(json.loads(json.dumps(record.to_json())))) is None


def test_a_file_of_several_public_keys_admits_what_any_of_them_signed(clean_place: Path) -> None:
    old, new = new_keys("old"), new_keys("new")
    Path("both.pub").write_bytes(Path("old.pub").read_bytes() + Path("new.pub").read_bytes())
    both = PublicKeys.read(Path("both.pub"))
    for key, _ in (old, new):
        assert both.fault_of(key.sign_record(make_record())) is None
    assert new[1].fault_of(old[0].sign_record(make_record())) == (
        f"it is signed with a key that is not trusted here ({old[0].key_id})"
    )


ALTERATIONS: dict[str, dict[str, Any]] = {
    "metric": {"r2": 0.99},
    "env": {"env": "prod"},
    "digest": {"artifacts": {"model.bin": {"sha256": "0" * 64, "size": 5}}},
    "our own key": {"note": "e"},
    "another key": {"comment": "trust me"},
}


@pytest.mark.parametrize("changes", ALTERATIONS.values(), ids=ALTERATIONS)
def test_a_record_that_was_altered_everywhere_is_forged_and_never_loaded(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys], changes: dict[str, Any]
) -> None:
    edit("bbbb2222", **changes)
    assert ("forged", "bbbb2222") in found(registry, keys[1])
    message = "record bbbb2222: its content differs from what was signed; nothing was loaded"
    with (
        pytest.raises(IntegrityError, match=f"^{re.escape(message)}$"),
        model_files(registry, registry.get("bbbb2222"), Trust(public_keys=keys[1], unverified=True)),
    ):
        pass


def test_the_same_files_at_another_address_are_as_they_were_signed(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys]
) -> None:
    target = local_registry("elsewhere/summary.json")
    list(copy(registry, target))
    assert [trouble for trouble, _ in found(target, keys[1])] == ["unsigned"]  # the head, which nobody signed there
    target.sign_head(keys[0])
    assert found(target, keys[1]) == []


def test_a_record_without_signature_is_unsigned_and_never_loaded(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys]
) -> None:
    record = register(registry, make_record("dddd4444"))
    assert found(registry, keys[1]) == [("unsigned", "dddd4444")]
    with (
        pytest.raises(IntegrityError, match=r"^record dddd4444: it is not signed; nothing was loaded$"),
        model_files(registry, record, Trust(public_keys=keys[1])),
    ):
        pass
    with model_files(registry, record, Trust()) as folder:  # where nobody asks for signatures
        assert (folder / "model.bin").exists()


SIGNATURES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "not base64": lambda signature: signature | {"value": "é"},
    "too short": lambda signature: signature | {"value": "AAAA"},
    "no value": lambda signature: {"key": signature["key"]},
}


@pytest.mark.parametrize("damage", SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature_that_is_none_is_a_forgery(
    keys: tuple[SigningKey, PublicKeys], damage: Callable[[dict[str, Any]], Any]
) -> None:
    record = keys[0].sign_record(make_record())
    damaged = attrs.evolve(record, signature=damage(dict(record.signature or {})))
    assert keys[1].fault_of(damaged) == "its content differs from what was signed"


@pytest.mark.parametrize("run_id", ["aaaa1111", "bbbb2222", "cccc3333"])
def test_a_record_deleted_from_both_places_is_missed(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys], run_id: str
) -> None:
    delete(run_id)
    assert list(verify(registry)) == []  # without the head nobody would know
    detail = "it was signed over 3 records, and there are 2"
    assert list(verify(registry, keys[1])) == [Finding("deleted", "head.json", detail)]


def test_a_deletion_that_was_filled_up_is_missed_and_no_new_head_hides_it(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys]
) -> None:
    delete("aaaa1111")
    register_signed(registry, keys[0], "dddd4444")
    detail = "the first 3 records are not those that it was signed over"
    assert list(verify(registry, keys[1])) == [Finding("deleted", "head.json", detail)]
    before = HEAD.read_bytes()
    message = (
        f"head.json was not signed again, because that would hide a deletion: {detail}; restore them, or move "
        "head.json away if the deletion was intended"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(message)}$"):
        registry.sign_head(keys[0])
    assert HEAD.read_bytes() == before


def test_records_that_came_behind_the_head_are_no_deletion(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys]
) -> None:
    register_signed(registry, keys[0], "dddd4444")
    assert found(registry, keys[1]) == []
    registry.sign_head(keys[0])
    assert json.loads(HEAD.read_text())["count"] == 4
    assert found(registry, keys[1]) == []


ANOTHERS = '{"count": 2, "ids_sha256": "", "signature": {"key": "x"}}'


@pytest.mark.parametrize("head", ["", "[]", '{"count": 1}', ANOTHERS])
def test_a_head_that_is_none_or_not_ours_is_a_forgery(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys], head: str
) -> None:
    HEAD.write_text(head)
    assert found(registry, keys[1]) == [("forged", "head.json")]


def test_a_head_that_was_signed_over_less_and_raised_is_a_forgery(
    registry: RegistryBackend, keys: tuple[SigningKey, PublicKeys]
) -> None:
    head = json.loads(HEAD.read_text())
    HEAD.write_text(json.dumps(head | {"count": 2}))
    assert list(verify(registry, keys[1])) == [
        Finding("forged", "head.json", "its content differs from what was signed")
    ]


def test_the_commands_sign_verify_and_refuse(
    bt: Bt, small_file: Path, clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bt("registry", "keygen", "--output", "keys/team")
    assert made.exit_code == 0
    assert "export BT_SIGNING_KEY=keys/team.key" in made.stderr
    again = bt("registry", "keygen", "--output", "keys/team")
    assert (again.exit_code, again.stderr) == (
        1,
        "Error: keys/team.key exists already; a key is never overwritten, give another --output\n",
    )
    monkeypatch.setenv("BT_SIGNING_KEY", "keys/team.key")
    trained = bt("train", "-m", "rf", *TINY, "--data", small_file, "--format", "json")
    (entry,) = json.loads(trained.stdout)
    assert entry["signature"]["algorithm"] == "ed25519"
    checked = bt("registry", "verify", "--public-key", "keys/team.pub")
    assert (checked.exit_code, checked.stdout) == (0, "every record and every file is as it was signed\n")

    monkeypatch.delenv("BT_SIGNING_KEY")
    assert bt("train", "-m", "rf", *TINY, "--data", small_file, "--seed", "1").exit_code == 0
    monkeypatch.setenv("BT_PUBLIC_KEY", "keys/team.pub")
    unsigned = next(one for one in json.loads(SUMMARY.read_text()) if one["run_id"] != entry["run_id"])["run_id"]
    predict, pull = (
        ("predict", "--run-id", unsigned, small_file, "-o", "out.csv"),
        ("registry", "pull", unsigned, "out"),
    )
    for words in (predict, pull):
        refused = bt(*words)
        assert (refused.exit_code, refused.stderr) == (
            1,
            f"Error: record {unsigned}: it is not signed; nothing was loaded\n",
        )
    assert bt("predict", "--run-id", entry["run_id"], small_file, "-o", "out.csv").exit_code == 0
    assert bt("registry", "verify").exit_code == 1


def test_a_key_that_cannot_be_read_is_said_before_anything_is_trained(
    bt: Bt, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BT_SIGNING_KEY", "gone.key")
    done = bt("train", "-m", "rf", *TINY, "--data", small_file)
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: gone.key: No such file or directory; `bt registry keygen` makes keys\n",
    )
    assert not SUMMARY.exists()
