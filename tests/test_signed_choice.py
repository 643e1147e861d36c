"""With a public key nothing of an unsigned record is used: it is neither the best, nor an alias, nor a hint."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import IntegrityError, NoRecord, PluginError
from bike_traffic.loading import declaration_of
from bike_traffic.manager import PluginHost
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.record_parts import PluginInfo
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import PublicKeys, SigningKey, Trust
from bike_traffic.workspace import Workspace
from tests.conftest import HERE, Bt
from tests.test_registry import local_registry, make_record, register
from tests.test_signing import SUMMARY, TINY, new_keys

GOOD, BETTER, FORGED = "aaaa1111", "bbbb2222", "ffff6666"


@pytest.fixture
def keys(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SigningKey, PublicKeys]:
    made = new_keys()
    monkeypatch.setenv("BT_PUBLIC_KEY", "signing.pub")
    return made


@pytest.fixture
def registry(keys: tuple[SigningKey, PublicKeys]) -> RegistryBackend:
    """Return a registry of two signed records, and of a better one that nobody signed."""
    registry = local_registry()
    for run_id, r2 in ((GOOD, 0.7), (BETTER, 0.8)):
        record = register(local_registry("unsigned/summary.json"), make_record(run_id, metrics={"r2": r2}))
        where = {"model_type": record.model_type, "timestamp": record.timestamp, "run_id": run_id}
        uri = registry.upload(Path(f"made-{run_id}"), **where)
        registry.append(keys[0].sign_record(attrs.evolve(record, model_uri=uri)))
    register(registry, make_record(FORGED, metrics={"r2": 0.99}))
    return registry


def best() -> tuple[ModelRecord, list[str]]:
    notes: list[str] = []
    return Workspace.open(notify=notes.append).find(metric="r2"), notes


@pytest.mark.usefixtures("registry")
def test_the_best_signed_record_is_taken_and_the_forged_one_named(bt: Bt) -> None:
    record, notes = best()
    assert (record.run_id, notes) == (BETTER, [f"left out: record {FORGED}: it is not signed"])
    done = bt("registry", "best", "--metric", "r2", "--format", "json")
    assert json.loads(done.stdout)["run_id"] == BETTER
    assert done.stderr == f"left out: record {FORGED}: it is not signed\n"


@pytest.mark.usefixtures("registry")
def test_without_a_key_signatures_choose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BT_PUBLIC_KEY")
    assert best()[0].run_id == FORGED


@pytest.mark.usefixtures("registry")
def test_a_forger_who_takes_the_id_of_a_signed_record_does_not_hide_it() -> None:
    entries = json.loads(SUMMARY.read_text())
    forged = {**next(one for one in entries if one["run_id"] == BETTER), "r2": 0.999}
    SUMMARY.write_text(json.dumps([forged, *entries]))
    record, notes = best()
    assert (record.run_id, record.metrics) == (BETTER, {"r2": 0.8})
    assert notes[0] == f"left out: record {BETTER}: its content differs from what was signed"


@pytest.mark.usefixtures("registry")
def test_of_many_forged_records_the_first_are_named_and_the_others_counted() -> None:
    entries = json.loads(SUMMARY.read_text())
    forged = [{**entries[-1], "run_id": f"fake{number}", "r2": 0.9 + number / 1000} for number in range(30)]
    SUMMARY.write_text(json.dumps([*entries, *forged]))
    record, notes = best()
    assert record.run_id == BETTER
    assert len(notes) == 6
    assert notes[-1] == "left out: 26 other records whose signatures are not right"


def test_without_any_signed_record_there_is_no_best(keys: tuple[SigningKey, PublicKeys]) -> None:
    del keys
    register(local_registry(), make_record(FORGED))
    with pytest.raises(NoRecord, match=r"^no record with r2 for any model is signed as the public key asks \[.+\]$"):
        best()


def test_neither_promote_nor_rollback_takes_an_unsigned_run(bt: Bt, registry: RegistryBackend) -> None:
    refusal = f"Error: record {FORGED}: it is not signed; nothing was changed\n"
    done = bt("registry", "promote", FORGED, "champion")
    assert (done.exit_code, done.stderr) == (1, refusal)
    assert bt("registry", "promote", BETTER, "champion").exit_code == 0
    for run_id in (FORGED, GOOD):  # as by someone who has no key, and needs none
        registry.promote(run_id, "champion", actor="eve@desk")
    before = registry.events()
    done = bt("registry", "rollback", "champion")
    assert (done.exit_code, done.stderr) == (1, refusal)
    assert registry.events() == before


@pytest.mark.usefixtures("keys")
def test_no_package_is_named_to_install_before_the_signature_was_looked_at(bt: Bt, small_file: Path) -> None:
    plugin = PluginInfo(distribution="evil-package", version="1.0")
    register(local_registry(), make_record(FORGED, model_type="strange", plugin=plugin))
    done = bt("predict", "--run-id", FORGED, small_file, "-o", "out.csv")
    assert (done.exit_code, done.stderr) == (1, f"Error: record {FORGED}: it is not signed; nothing was loaded\n")
    done = bt("predict", "-m", "strange", small_file, "-o", "out.csv")
    assert done.exit_code == 1
    assert "evil-package" not in done.stderr
    assert "install" not in done.stderr


@pytest.mark.parametrize(
    "name", ["--index-url=http://evil", "a b", "x; rm -rf ~", "-e .", "git+https://h/x", "é", ""]
)
def test_what_is_no_name_of_a_package_is_never_named_to_install(name: str) -> None:
    with pytest.raises(PluginError) as caught:
        declaration_of("rf", PluginInfo(distribution=name, version="1"), "run abcd1234", PluginHost(only=()))
    assert "pip install" not in str(caught.value)
    assert str(caught.value).endswith(", which is not loaded: its record names no valid package")


def test_only_a_valid_version_is_named_to_install(recwarn: pytest.WarningsRecorder) -> None:
    for version in ("99.0", "99.0; rm -rf ~"):
        declaration_of("rf", PluginInfo(distribution="bike-traffic", version=version), "it", PluginHost(only=()))
    texts = [str(one.message) for one in recwarn]
    assert texts[0].endswith("; train it again, or pip install 'bike-traffic==99.0'")
    assert texts[1].endswith("; train it again")


@pytest.mark.usefixtures("keys")
def test_the_newest_signed_record_of_a_model_is_ranked(
    bt: Bt, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = ("train", "-m", "rf", *TINY, "--data", small_file, "--no-interval", "--format", "json")
    monkeypatch.setenv("BT_SIGNING_KEY", "signing.key")
    (signed,) = json.loads(bt(*train).stdout)
    monkeypatch.delenv("BT_SIGNING_KEY")
    (unsigned,) = json.loads(bt(*train, "--seed", "1").stdout)
    ranked = bt("registry", "best", "--on", small_file, "--metric", "rmse", "--format", "json")
    document = json.loads(ranked.stdout)
    assert [one["run_id"] for one in document["models"]] == [signed["run_id"]]
    assert [(one["run_id"], one["reason"]) for one in document["left_out"]] == [
        (unsigned["run_id"], "it is not signed")
    ]
    assert HERE not in ranked.stderr


def test_a_key_that_admits_any_record_without_one_asks_for_nothing() -> None:
    assert Trust().fault_finder(local_registry())(make_record()) is None
    with pytest.raises(IntegrityError, match=r"; nothing was changed$"):
        Trust(public_keys=PublicKeys({})).require_signature(local_registry(), make_record(), "nothing was changed")
