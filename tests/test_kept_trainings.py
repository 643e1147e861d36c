"""No error of a registry costs a training: the model is kept, the message says so, and `reconcile` goes on."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest
from filelock import FileLock

from bike_traffic.data.cleaning import clean
from bike_traffic.errors import (
    IntegrityError,
    MergePending,
    RegistryConflict,
    RegistryCorrupt,
    RegistryError,
    RegistryUnavailable,
)
from bike_traffic.folders import state_directory
from bike_traffic.manager import PluginHost
from bike_traffic.registry.files.unfinished import finish, unfinished, write_registry
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import LocalStore
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, train_model
from tests.conftest import Bt
from tests.test_registry import local_registry, make_record, register

KEPT = "the trained model is kept on this machine: `bt registry reconcile` registers it"


def kept() -> list[Path]:
    return sorted(state_directory().glob("*/*/"))


class Failing(LocalRegistry):
    """A backend that fails in one method with an error of any kind."""

    def __init__(self, where: str, error: Exception) -> None:
        super().__init__("models")
        self._where, self._error = where, error

    def append(self, record: ModelRecord) -> None:
        if self._where == "append":
            raise self._error
        super().append(record)

    def upload(self, directory: Path, **words: Any) -> str:
        if self._where == "upload":
            raise self._error
        return super().upload(directory, **words)


class OwnError(RegistryError):
    """An error of a third party, with arguments of its own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"shelf {code} is full")


ERRORS: dict[str, tuple[Exception, type[RegistryError], str]] = {
    "plain": (
        NotImplementedError("no arrow strings"),
        RegistryError,
        "backend 'local' failed: NotImplementedError: no arrow strings",
    ),
    "own": (OwnError(7), RegistryError, "shelf 7 is full"),
    "corrupt": (RegistryCorrupt("half a summary"), RegistryCorrupt, "half a summary"),
    "read back": (IntegrityError("differs"), IntegrityError, "differs"),
    "unavailable": (RegistryUnavailable("gone"), RegistryUnavailable, "gone"),
}


@pytest.mark.parametrize("where", ["upload", "append"])
@pytest.mark.parametrize(("error", "kind", "said"), ERRORS.values(), ids=ERRORS)
def test_whatever_a_backend_raises_the_model_is_kept_and_registered_by_reconcile(
    bt: Bt, small_counts: pd.DataFrame, where: str, error: Exception, kind: type[RegistryError], said: str
) -> None:
    plan = TrainingPlan(parameters={"n_estimators": 2}, interval=False, refit=False)
    with pytest.raises(kind, match=f"^{re.escape(f'{said}; {KEPT}')}$") as caught:
        train_model(PluginHost(only=()).pipeline("rf"), clean(small_counts), Failing(where, error), plan)
    assert (type(caught.value), caught.value.id) == (kind, "training-kept")
    (folder,) = kept()
    assert bt("registry", "reconcile").stderr.startswith(f"rf of run {folder.name[:8]}: registered as ")
    assert [record.run_id for record in local_registry().records(EVERYTHING)] == [folder.name]
    assert kept() == []


def test_a_summary_that_breaks_during_the_training_costs_nothing(small_counts: pd.DataFrame, bt: Bt) -> None:
    class Broken(LocalRegistry):
        def upload(self, directory: Path, **words: Any) -> str:
            uri = super().upload(directory, **words)
            Path("models/summary.json").write_text("[{")
            return uri

    plan = TrainingPlan(parameters={"n_estimators": 2}, interval=False, refit=False)
    with pytest.raises(RegistryCorrupt, match=f"^summary.json is not a JSON array of records.*; {re.escape(KEPT)}$"):
        train_model(PluginHost(only=()).pipeline("rf"), clean(small_counts), Broken("models"), plan)
    Path("models/summary.json").unlink()
    assert bt("registry", "reconcile").exit_code == 0
    assert len(list(local_registry().records(EVERYTHING))) == 1


def keep(run_id: str, **changes: Any) -> Path:
    """Leave a model as a training leaves it whose registration broke off."""
    registry = Failing("upload", RegistryUnavailable("gone"))
    record = make_record(run_id, **changes)
    with pytest.raises(RegistryUnavailable), unfinished(registry, run_id) as model:
        (model.files / "model.bin").write_bytes(run_id.encode())
        from bike_traffic.registry.files.artifacts import write_manifest

        model.register(attrs.evolve(record, artifacts=write_manifest(model.files, "rf")))
    return next(path for path in kept() if path.name == run_id)


@pytest.mark.parametrize("content", ["", '{"timestamp": "20', "[]", "{}", "null", "[" * 100_000, "\xff"])
def test_a_kept_model_whose_record_is_damaged_is_named_and_stops_no_other(bt: Bt, content: str) -> None:
    folder = keep("aaaa1111")
    keep("bbbb2222", timestamp="2026-03-02T12:00:00.000000+00:00")
    (folder / "record.json").write_bytes(content.encode("latin-1"))
    for expected in (["bbbb2222"], ["bbbb2222"]):
        done = bt("registry", "reconcile")
        assert done.exit_code == 1
        assert done.stderr.startswith(f"not registered: {folder}/record.json is not a record (")
        assert "; `bt registry reconcile --drop aaaa1111` drops this model, which was not registered\n" in done.stderr
        assert [record.run_id for record in local_registry().records(EVERYTHING)] == expected
    assert bt("registry", "reconcile", "--drop", "aaaa").stderr == (
        "run aaaa1111, whose record cannot be read: dropped; it was kept for local registry "
        f"{Path('models/summary.json').absolute()}\n"
    )
    assert kept() == []
    assert bt("registry", "reconcile").stderr == "nothing was pending\n"


def test_a_kept_model_in_conflict_is_named_and_stops_no_other() -> None:
    folder = keep("aaaa1111")
    keep("bbbb2222", timestamp="2026-03-02T12:00:00.000000+00:00")
    register(local_registry(), make_record("aaaa1111", timestamp="2026-03-05T12:00:00.000000+00:00"))
    error, record = finish(LocalRegistry("models"))
    assert isinstance(error, RegistryConflict)
    assert str(error) == (
        f"another record has the id aaaa1111; the trained model is kept at {folder}: `bt registry reconcile` "
        "registers it once the other one is gone, and with --drop aaaa1111 drops it"
    )
    assert isinstance(record, ModelRecord)
    assert record.run_id == "bbbb2222"


def log() -> AppendLog:
    return AppendLog(LocalStore(Path("models")), "summary.json", "records/", "run_id")


def entry(run_id: str) -> dict[str, Any]:
    return make_record(run_id).to_json()


def test_beside_a_program_that_rewrites_the_summary_in_place_every_append_succeeds(clean_place: Path) -> None:
    """It is not JSON for a moment, again and again; what that program overwrites is durable, and merged later."""
    log().append(entry("first"))
    path, stop = Path("models/summary.json"), threading.Event()

    def rewrite() -> None:
        while not stop.wait(0.01):
            with path.open("r+") as file:
                text = file.read()
                file.seek(0)
                file.truncate()
                file.write(text[: len(text) // 2])
                file.flush()
                stop.wait(0.002)
                file.write(text[len(text) // 2 :])

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        for number in range(30):
            log().append(entry(f"run-{number}"))
            assert len(log().entries()) > 0
    finally:
        stop.set()
        thread.join(timeout=600)
    log().reconcile()
    names = log().names()
    assert sorted(set(names)) == sorted(["first", *(f"run-{number}" for number in range(30))])


def test_an_array_that_breaks_after_the_record_is_durable_says_so(clean_place: Path) -> None:
    log().append(entry("first"))

    class Breaking(LocalStore):
        def create(self, path: str, data: bytes, *, vouch: bool = False) -> None:
            super().create(path, data, vouch=vouch)
            if path.startswith("records/"):
                Path("models/summary.json").write_text("[{")

        def replace(self, *words: Any, **more: Any) -> str:
            Path("models/summary.json").write_text("[{")
            return super().replace(*words, **more)

    breaking = AppendLog(Breaking(Path("models")), "summary.json", "records/", "run_id")
    with pytest.raises(MergePending, match=r"^the record is durable under records/, but summary.json is not a JSON "):
        breaking.append(entry("second"))
    Path("models/summary.json").unlink()
    log().reconcile()
    assert sorted(log().names()) == ["first", "second"]


HALF = {
    "half": b'{"run_id": "evil", "r2": 0.',
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "not text": b"\xff\xfe",
}


@pytest.mark.parametrize("damage", HALF)
def test_an_entry_that_cannot_be_read_stops_nobody_and_is_reported(bt: Bt, damage: str) -> None:
    register(local_registry(), make_record("aaaa1111"))
    Path("models/records/evil.json").write_bytes(HALF[damage])
    Path("models/pending/records").mkdir(parents=True, exist_ok=True)
    Path("models/pending/records/evil").touch()
    register(local_registry(), make_record("bbbb2222", timestamp="2026-03-02T12:00:00.000000+00:00"))
    assert bt("registry", "reconcile").exit_code == 0
    assert [record.run_id for record in local_registry().records(EVERYTHING)] == ["aaaa1111", "bbbb2222"]
    done = bt("registry", "verify", "--format", "json")
    (finding,) = json.loads(done.stdout)["findings"]
    assert (done.exit_code, finding["id"], finding["run_id"]) == (1, "malformed", "evil")
    assert finding["detail"].startswith("records/evil.json is not a record: ")


ODD = [
    "{}",
    '{"r2": 0.99}',
    '{"r2": 0.99, "timestamp": "never", "model_type": "rf", "env": "dev", "test_mode": false}',
]


@pytest.mark.parametrize("odd", ODD)
def test_an_entry_of_another_program_that_is_no_record_is_left_out_and_named(bt: Bt, odd: str) -> None:
    registry = local_registry()
    for run_id in ("aaaa1111", "bbbb2222"):
        register(registry, make_record(run_id))
    registry.promote("aaaa1111", "champion", actor="ana@desk")
    entries = json.loads(Path("models/summary.json").read_text())
    Path("models/summary.json").write_text(json.dumps([entries[0], json.loads(odd), entries[1]]))
    for words in (
        ["list"],
        ["show", "champion"],
        ["show", "bbbb"],
        ["best", "--metric", "r2"],
        ["history", "champion"],
    ):
        done = bt("registry", *words, "--format", "json")
        assert (words, done.exit_code) == (words, 0)
        json.loads(done.stdout)
    assert [one["run_id"] for one in json.loads(bt("registry", "list", "--format", "json").stdout)] == [
        "aaaa1111",
        "bbbb2222",
    ]
    noted = bt("registry", "list").stderr
    assert noted.startswith("models/summary.json: entry 2 was left out: not a record of a model (")
    (finding,) = json.loads(bt("registry", "verify", "--format", "json").stdout)["findings"]
    assert (finding["id"], finding["detail"].partition(" is not")[0]) == ("malformed", "entry 2 of summary.json")
    register(registry, make_record("cccc3333"))


def test_an_event_of_another_program_that_is_none_is_left_out_unless_it_may_withdraw(bt: Bt) -> None:
    registry = local_registry()
    register(registry, make_record("aaaa1111"))
    registry.promote("aaaa1111", "champion", actor="ana@desk")
    path = Path("models/aliases.json")
    events = json.loads(path.read_text())
    path.write_text(json.dumps([{}, *events]))
    assert bt("registry", "show", "champion").exit_code == 0
    done = bt("registry", "list")
    assert (done.exit_code, done.stderr.partition(": not an event")[0]) == (
        0,
        "models/aliases.json: entry 1 was left out",
    )
    assert bt("registry", "verify").exit_code == 1
    path.write_text(json.dumps([{"kind": "withdraw", "run_id": "aaaa1111"}, *events]))
    assert bt("registry", "best", "--metric", "r2").exit_code == 1


def test_one_id_twice_in_the_array_is_reported(bt: Bt) -> None:
    register(local_registry(), make_record("aaaa1111"))
    path = Path("models/summary.json")
    path.write_text(json.dumps(2 * json.loads(path.read_text())))
    (finding,) = json.loads(bt("registry", "verify", "--format", "json").stdout)["findings"]
    assert (finding["id"], finding["detail"]) == ("duplicate", "entries 1 and 2 of summary.json have the same id")


@pytest.mark.parametrize("value", ["true", "1" + 400 * "0", '"0.99"', "[1]"])
def test_what_is_no_number_is_no_metric(bt: Bt, value: str) -> None:
    """Its bytes are kept, and it is never the best."""
    register(local_registry(), make_record("aaaa1111"))
    text = Path("models/summary.json").read_text().rstrip().removesuffix("]")
    odd = json.dumps(make_record("bbbb2222").to_json() | {"r2": 0.5}).replace("0.5", value)
    Path("models/summary.json").write_text(f"{text},{odd}]")
    assert json.loads(bt("registry", "best", "--metric", "r2", "--format", "json").stdout)["run_id"] == "aaaa1111"
    assert bt("registry", "list").exit_code == 0
    entries = json.loads(bt("registry", "list", "--format", "json").stdout)
    assert json.dumps(entries[1]["r2"]) == value


UNREADABLE: dict[str, Any] = {
    "digits": 10**5000,
    "a surrogate": "\ud800",
    "deep": None,
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_nobody_could_read_is_not_appended(clean_place: Path, kind: str) -> None:
    value = UNREADABLE[kind]
    if kind == "deep":
        for _ in range(100_000):
            value = [value]
    register(local_registry(), make_record("aaaa1111"))
    with pytest.raises(RegistryError, match=r"^an entry cannot be written as JSON that every program reads: "):
        local_registry().append(make_record("bbbb2222", extra={"odd": value}))
    assert [record.run_id for record in local_registry().records(EVERYTHING)] == ["aaaa1111"]


def test_a_time_that_utc_does_not_have_is_no_record(bt: Bt) -> None:
    register(local_registry(), make_record("aaaa1111"))
    path = Path("models/summary.json")
    odd = make_record("bbbb2222").to_json() | {"timestamp": "9999-12-31T23:59:59-12:00"}
    path.write_text(json.dumps([*json.loads(path.read_text()), odd]))
    for words in (["list"], ["best", "--metric", "r2"], ["best", "--metric", "r2", "--as-of", "2026-06-01"]):
        assert bt("registry", *words).exit_code == 0


def words_of(run_id: str) -> str:
    """Return what messages call a model that `keep` kept."""
    return f"rf of run {run_id}, 2026-03-01T12:00 UTC"


NO_OTHER = "Error: there is no local registry other; check --registry and --backend, or let `bt train` make one there"


def test_models_that_are_kept_for_another_registry_are_named_and_can_be_taken(bt: Bt) -> None:
    keep("aaaa1111")
    keep("aaaa2222")
    where = f"local registry {Path('models/summary.json').absolute()}"
    done = bt("registry", "reconcile", "--registry", "other")
    assert (done.exit_code, done.stderr.splitlines()) == (
        1,
        [
            f"kept for another registry: {words_of('aaaa1111')}: {where}",
            f"kept for another registry: {words_of('aaaa2222')}: {where}",
            "--registry URI registers there, --take RUN_ID takes one here, --drop RUN_ID removes one",
            NO_OTHER,
        ],
    )
    done = bt("registry", "reconcile", "--registry", "other", "--take", "aaaa2")
    assert done.stderr.startswith(
        "rf of run aaaa2222: registered as other/rf/20260301_120000-aaaa2222/\nkept for another"
    )
    assert [one.run_id for one in local_registry("other").records(EVERYTHING)] == ["aaaa2222"]
    assert bt("registry", "verify", "--registry", "other").exit_code == 0
    assert [path.name for path in kept()] == ["aaaa1111"]
    assert (
        bt("registry", "reconcile").stderr
        == "rf of run aaaa1111: registered as models/rf/20260301_120000-aaaa1111/\n"
    )
    assert kept() == []


def test_a_model_that_was_taken_and_cannot_be_registered_is_kept_for_that_registry(bt: Bt) -> None:
    keep("aaaa1111")
    Path("other").mkdir()
    Path("other/rf").touch()  # in the way
    done = bt("registry", "reconcile", "--registry", "other", "--take", "aaaa1111")
    assert done.exit_code == 1
    assert bt("registry", "reconcile").stderr.startswith("kept for another registry: rf of run aaaa1111")
    Path("other/rf").unlink()
    assert bt("registry", "reconcile", "--registry", "other").stderr.startswith(
        "rf of run aaaa1111: registered as other/"
    )


def test_a_kept_model_is_dropped_also_of_a_registry_that_is_gone(bt: Bt, clean_place: Path) -> None:
    keep("aaaa1111")
    where = f"local registry {Path('models/summary.json').absolute()}"
    gone = "https://127.0.0.1:9/summary.json"  # which is never asked
    done = bt("registry", "reconcile", "--registry", gone, "--drop", "aaaa1111")
    assert (done.exit_code, done.stderr) == (0, f"{words_of('aaaa1111')}: dropped; it was kept for {where}\n")
    assert list(state_directory().glob("*/*")) == []


def test_what_is_not_kept_or_is_at_work_is_one_line(bt: Bt) -> None:
    for run_id in ("aaaa1111", "aaaa2222"):
        keep(run_id)
    end = "among the models that are kept on this machine; `bt registry reconcile` shows them"
    for word in ("--drop", "--take"):
        done = bt("registry", "reconcile", word, "bbbb")
        assert (done.exit_code, done.stderr) == (1, f"Error: there is no 'bbbb' {end}\n")
        done = bt("registry", "reconcile", word, "aaaa")
        assert (done.exit_code, done.stderr) == (1, f"Error: 'aaaa' begins 2 of them {end}\n")
    assert bt("registry", "reconcile", "--drop", "a", "--take", "b").exit_code == 2
    (folder, _) = kept()
    with FileLock(f"{folder}.lock"):
        done = bt("registry", "reconcile", "--drop", "aaaa1111")
        assert (done.exit_code, done.stderr) == (1, "Error: run aaaa1111 is being registered by another process\n")
        assert "aaaa1111" not in bt("registry", "reconcile", "--registry", "other").stderr
    assert len(kept()) == 2


def test_what_is_kept_holds_no_secret_of_the_registry(bt: Bt) -> None:
    folder = keep("aaaa1111")
    registry = local_registry()
    registry.registry_id = "https://ana:geheim@example.org/summary.json?sig=geheim"
    write_registry(folder, registry)
    assert b"geheim" not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert "local registry https://example.org/summary.json" in bt("registry", "reconcile", "--registry", "x").stderr
