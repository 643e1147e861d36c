"""A signature that is added to a record later is as good as one of its training; what does not verify gets none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.errors import IntegrityError, RegistryCorrupt
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.files.artifacts import digest_directory
from bike_traffic.registry.files.copying import copy
from bike_traffic.registry.files.fetching import copy_files, model_files
from bike_traffic.registry.files.late_signing import sign_records
from bike_traffic.registry.files.upkeep import verify, verify_record
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.signing import PublicKeys, SigningKey, Trust
from bike_traffic.workspace import Workspace
from tests.registry_backends.test_append_log import on_disk
from tests.test_aliases import ACTOR
from tests.test_registry import local_registry, make_record, register
from tests.test_signing import SUMMARY, delete, edit, found, new_keys

A, B, C = "aaaa1111", "bbbb2222", "cccc3333"
Keys = tuple[SigningKey, PublicKeys]


@pytest.fixture
def keys(clean_place: Path) -> Keys:
    return new_keys()


@pytest.fixture
def registry(keys: Keys) -> RegistryBackend:
    """Return a registry of three records without signatures, C the best."""
    registry = local_registry()
    for number, run_id in enumerate((A, B, C)):
        register(registry, make_record(run_id, metrics={"r2": 0.7 + number / 10}, extra={"note": "é"}))
    return registry


def sign(registry: RegistryBackend, key: SigningKey, *run_ids: str, **how: Any) -> dict[str, str]:
    """Sign records, all without names, and return what became of each."""
    records = [registry.get(run_id) for run_id in run_ids] or list(registry.records(EVERYTHING))
    done = sign_records(registry, records, key, actor=ACTOR, **how)
    return {
        one.record.run_id: one.refused.kind if one.refused else "signed" if one.event else "before" for one in done
    }


def test_a_signature_is_an_event_and_the_record_stays_as_it_was(registry: RegistryBackend, keys: Keys) -> None:
    before = on_disk()
    assert sign(registry, keys[0], A, reason="from before") == {A: "signed"}
    after = on_disk()
    assert {name: after[name] for name in before} == before
    (event,) = registry.events()
    assert (event.kind, event.run_id, event.actor, event.reason, event.alias) == ("sign", A, ACTOR, "from before", "")
    assert registry.signatures() == {A: [keys[0].signature_of(registry.get(A))]}
    assert json.loads(Path("models/aliases.json").read_text())[0]["signature"]["key"] == keys[0].key_id


def test_it_covers_what_a_signature_of_the_training_covers(registry: RegistryBackend, keys: Keys) -> None:
    record = registry.get(A)
    assert keys[0].signature_of(record) == keys[0].sign_record(record).signature


def test_all_are_signed_once_and_then_verify(registry: RegistryBackend, keys: Keys) -> None:
    unsigned = [("unsigned", one) for one in (A, B, C)]
    assert found(registry, keys[1]) == [("unsigned", "head.json"), *unsigned]
    assert sign(registry, keys[0]) == dict.fromkeys((A, B, C), "signed")
    registry.sign_head(keys[0])
    assert found(registry, keys[1]) == []
    assert list(verify_record(registry, registry.get(B), keys[1])) == []
    assert sign(registry, keys[0]) == dict.fromkeys((A, B, C), "before")
    assert len(registry.events()) == 3


def test_a_record_that_its_training_signed_needs_none(registry: RegistryBackend, keys: Keys) -> None:
    registry.append(keys[0].sign_record(make_record("dddd4444")))
    assert sign(registry, keys[0], "dddd4444") == {"dddd4444": "before"}
    assert registry.events() == []


def test_another_key_signs_beside_the_first(registry: RegistryBackend, keys: Keys) -> None:
    new = new_keys("new")
    registry.append(keys[0].sign_record(register(local_registry("other"), make_record("dddd4444"))))
    sign(registry, keys[0], A)
    registry.upload(
        Path("made-dddd4444"), model_type="rf", timestamp=registry.get("dddd4444").timestamp, run_id="dddd4444"
    )
    assert sign(registry, new[0], A, "dddd4444", trusted=keys[1]) == {A: "signed", "dddd4444": "signed"}
    for public in (keys[1], new[1]):
        later = registry.signatures()
        faults = [public.fault_of(registry.get(run_id), later.get(run_id, ())) for run_id in (A, "dddd4444")]
        assert faults == [None, None]


def test_with_a_public_key_signed_records_are_chosen_loaded_pulled_and_promoted(
    registry: RegistryBackend, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BT_PUBLIC_KEY", "signing.pub")
    trust = Trust(public_keys=keys[1])
    with pytest.raises(IntegrityError, match=f"^record {B}: it is not signed; nothing was loaded$"):
        copy_files(registry, registry.get(B), trust, Path("pulled"))
    sign(registry, keys[0], A, B)
    notes: list[str] = []
    assert Workspace.open(notify=notes.append).find(metric="r2").run_id == B
    assert notes == [f"left out: record {C}: it is not signed"]
    copy_files(registry, registry.get(B), trust, Path("pulled"))
    assert digest_directory(Path("pulled")) == registry.get(B).artifacts
    assert registry.promote(B, "champion", actor=ACTOR, trust=trust).run_id == B
    with pytest.raises(IntegrityError, match=f"^record {C}: it is not signed; nothing was changed$"):
        registry.promote(C, "champion", actor=ACTOR, trust=trust)
    with pytest.raises(IntegrityError), model_files(registry, registry.get(C), trust):
        pass


@pytest.mark.parametrize("changes", [{"r2": 0.99}, {"note": "e"}, {"timestamp": "2027-01-01T00:00:00+00:00"}])
def test_a_record_that_is_changed_afterwards_is_forged(
    registry: RegistryBackend, keys: Keys, changes: dict[str, Any]
) -> None:
    sign(registry, keys[0])
    registry.sign_head(keys[0])
    edit(B, **changes)
    assert ("forged", B) in found(registry, keys[1])
    assert Trust(public_keys=keys[1]).fault_finder(registry)(registry.get(B)) == (
        "its content differs from what was signed"
    )


def test_a_signature_of_one_run_is_none_of_another(registry: RegistryBackend, keys: Keys) -> None:
    sign(registry, keys[0], A)
    (event,) = registry.events()
    registry.append_event(attrs.evolve(event, run_id=B, change_id="moved"))
    assert found(registry, keys[1])[1:] == [("forged", B), ("unsigned", C)]


def test_a_foreign_signature_beside_a_right_one_does_no_harm(registry: RegistryBackend, keys: Keys) -> None:
    sign(registry, keys[0])
    registry.sign_head(keys[0])
    sign(registry, new_keys("eve")[0])
    assert found(registry, keys[1]) == []


def test_what_does_not_verify_is_refused_and_the_others_are_signed(registry: RegistryBackend, keys: Keys) -> None:
    Path(registry.get(A).model_uri, "model.bin").write_bytes(b"another")
    registry.append(make_record("dddd4444"))
    registry.append(make_record("eeee5555", artifacts=dict(registry.get(B).artifacts or {})))
    register(registry, make_record("ffff6666"))
    entries = json.loads(SUMMARY.read_text())
    entries[-1]["r2"] = 0.999  # in the summary alone
    SUMMARY.write_text(json.dumps([*entries, entries[2]]))
    assert sign(registry, keys[0]) == {
        A: "changed-files",
        B: "signed",
        C: "duplicate",
        "dddd4444": "unverified",
        "eeee5555": "missing-files",
        "ffff6666": "edited",
    }
    assert [event.run_id for event in registry.events()] == [B]


def test_a_record_that_differs_from_what_a_known_key_signed_is_refused(registry: RegistryBackend, keys: Keys) -> None:
    old = new_keys("old")
    record = register(local_registry("other"), make_record("dddd4444"))
    signed = old[0].sign_record(record)
    registry.append(attrs.evolve(signed, metrics={"r2": 0.99}))
    registry.upload(Path("made-dddd4444"), model_type="rf", timestamp=record.timestamp, run_id="dddd4444")
    assert sign(registry, keys[0], "dddd4444", trusted=old[1]) == {"dddd4444": "forged"}
    assert registry.events() == []


def test_a_copy_has_the_signatures_and_gets_those_that_came_later(registry: RegistryBackend, keys: Keys) -> None:
    target = local_registry("copies/summary.json")
    sign(registry, keys[0], A)
    list(copy(registry, target))
    assert target.signatures() == {A: [keys[0].signature_of(registry.get(A))]}
    target.withdraw(B, actor=ACTOR, reason="of the copy alone")
    sign(target, new_keys("copier")[0], C)
    sign(registry, keys[0])
    list(copy(registry, target))
    assert {kind for kind, run_id in found(target, keys[1]) if run_id != "head.json"} == set()
    assert len(target.signatures()[C]) == 2


def test_signatures_of_a_run_without_record_are_found(registry: RegistryBackend, keys: Keys) -> None:
    sign(registry, keys[0])
    delete(B)
    assert ("unknown-run", B) in [(one.kind, one.run_id) for one in verify(registry)]


@pytest.mark.parametrize("signature", [None, "text", {"key": 1}, []])
def test_a_signing_without_a_signature_is_no_event(signature: object) -> None:
    entry = RegistryEvent(
        run_id=A, kind="sign", timestamp="2026-01-01T00:00:00+00:00", actor=ACTOR, signature={"key": "k"}
    ).to_json()
    assert RegistryEvent.from_json(entry).signature == {"key": "k"}
    with pytest.raises(RegistryCorrupt, match=r"^not an event of a registry \(signature is .+\)$"):
        RegistryEvent.from_json(entry | {"signature": signature})
    with pytest.raises(RegistryCorrupt, match=r"^not an event of a registry \(signature is .+\)$"):
        RegistryEvent.from_json(entry | {"kind": "withdraw"})


def test_one_malformed_signing_is_left_out_and_the_others_count(registry: RegistryBackend, keys: Keys) -> None:
    sign(registry, keys[0], A, B)
    path = Path("models/aliases.json")
    entries = json.loads(path.read_text())
    entries[0]["signature"] = 7
    path.write_text(json.dumps(entries))
    with pytest.warns(match=r"models/aliases\.json: entry 1 was left out: not an event"):
        assert list(registry.signatures()) == [B]
