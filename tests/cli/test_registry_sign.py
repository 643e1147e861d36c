"""`bt registry sign`, and signatures that were added later in the other commands: what a user sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.signing import SigningKey
from tests.cli.test_registry import document, ok, refused, table
from tests.cli.test_registry_aliases import A, B, noted
from tests.cli.test_registry_withdrawals import ACTOR
from tests.conftest import HERE, Bt
from tests.test_registry import local_registry, make_record, register
from tests.test_signing import SUMMARY, new_keys


@pytest.fixture
def key(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> SigningKey:
    made = new_keys()[0]
    monkeypatch.setenv("BT_SIGNING_KEY", "signing.key")
    return made


@pytest.fixture
def registry(key: SigningKey) -> RegistryBackend:
    """Fill ``models/`` with two runs that nobody signed, the second the better one."""
    registry = local_registry()
    register(registry, make_record(A))
    register(registry, make_record(B, metrics={"r2": 0.9, "rmse": 30.0}))
    return registry


def test_a_run_is_signed_and_then_chosen(
    bt: Bt, registry: RegistryBackend, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = SUMMARY.read_bytes()
    assert noted(bt, "sign", "aaaa", "--reason", "seen") == f"rf of run aaaa1111: signed with key {key.key_id}\n"
    assert noted(bt, "sign", A) == f"rf of run aaaa1111 is signed with key {key.key_id} already\n"
    assert SUMMARY.read_bytes() == before
    (event,) = registry.events()
    assert (event.kind, event.run_id, event.actor, event.reason) == ("sign", A, ACTOR, "seen")
    monkeypatch.setenv("BT_PUBLIC_KEY", "signing.pub")
    done = bt("registry", "best", "--metric", "rmse", "--format", "json")
    assert (json.loads(done.stdout)["run_id"], done.stderr) == (A, f"left out: record {B}: it is not signed\n")
    assert noted(bt, "promote", A, "champion") == "champion is now run aaaa1111\n"
    assert refused(bt, "promote", B, "champion") == f"record {B}: it is not signed; nothing was changed"
    assert noted(bt, "pull", A, "pulled") == "rf of run aaaa1111: files in pulled\n"
    assert refused(bt, "pull", B, "other") == f"record {B}: it is not signed; nothing was loaded"


def test_all_are_signed_and_verify(bt: Bt, registry: RegistryBackend, key: SigningKey) -> None:
    assert noted(bt, "sign", "--all") == f"2 records signed with key {key.key_id}\n"
    assert ok(bt, "verify", "--public-key", "signing.pub") == "every record and every file is as it was signed\n"
    register(registry, make_record("cccc3333"))
    assert noted(bt, "sign", "--all") == (f"1 record signed with key {key.key_id}, 2 had its signature already\n")
    assert ok(bt, "verify", "--public-key", "signing.pub") == "every record and every file is as it was signed\n"


def test_what_does_not_verify_is_one_line_each_and_the_others_are_signed(
    bt: Bt, registry: RegistryBackend, key: SigningKey
) -> None:
    folder = Path(registry.get(A).model_uri)
    (folder / "model.bin").write_bytes(b"other")
    refusal = (
        f"not signed: rf of run aaaa1111: {folder}: model.bin is not the file that was registered (its SHA-256 "
        "differs); nothing was loaded\n"
    )
    done = bt("registry", "sign", "--all")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"{refusal}1 record signed with key {key.key_id}\n"
    done = bt("registry", "sign", A, B)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"{refusal}rf of run bbbb2222 is signed with key {key.key_id} already\n"
    assert list(registry.signatures()) == [B]


def test_list_and_show_have_the_signature(
    bt: Bt, registry: RegistryBackend, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(bt, "sign", A, "--reason", "seen")
    (event,) = registry.events()
    added = {"timestamp": event.timestamp, "actor": ACTOR, "reason": "seen", "signature": event.signature}
    whole = registry.get(A).to_json() | {"signed": added}
    assert document(bt, "list") == [whole, registry.get(B).to_json()]
    assert document(bt, "show", "aaaa") == whole
    rows = {row[0]: row[-1] for row in table(ok(bt, "show", "aaaa"))}
    assert (rows["signed.actor"], rows["signed.reason"]) == (ACTOR, "seen")
    assert "unsigned" not in ok(bt, "list")
    monkeypatch.setenv("BT_PUBLIC_KEY", "signing.pub")
    marks = {row[0]: row[3] for row in table(ok(bt, "list"))[1:]}
    assert marks == {A[:8]: "2026-03-01T12:00", B[:8]: "unsigned"}
    entries = json.loads(SUMMARY.read_text())
    entries[0]["r2"] = 0.99
    SUMMARY.write_text(json.dumps(entries))
    assert {row[0]: row[3] for row in table(ok(bt, "list"))[1:]} == {A[:8]: "forged", B[:8]: "unsigned"}


@pytest.mark.parametrize("words", [(), ("aaaa", "--all")])
def test_runs_or_all_but_not_both_or_neither(bt: Bt, words: tuple[str, ...]) -> None:
    done = bt("registry", "sign", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith("Error: Name the runs to sign, or give --all.\n")


def test_without_a_key_or_a_run_it_is_one_line(
    bt: Bt, registry: RegistryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(bt, "sign", "zz") == (
        f"no record with run id 'zz'; `bt registry list` shows those there are {HERE}"
    )
    monkeypatch.delenv("BT_SIGNING_KEY")
    assert refused(bt, "sign", A) == (
        "there is no key to sign with; `bt registry keygen` makes one, and signing_key in bt.toml or BT_SIGNING_KEY "
        "names it"
    )
    assert registry.events() == []
