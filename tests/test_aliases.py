"""Aliases: which run, since when, by whom and why; back one promotion at a time; no change of them is ever lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import (
    IntegrityError,
    NoRecord,
    RegistryError,
)
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import EventKind, RegistryEvent
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import parse_time
from tests.registry_backends.test_append_log import on_disk
from tests.test_registry import local_registry, make_record, register

A, B, C = "aaaa1111", "bbbb2222", "cccc3333"
ACTOR = "ana@desk"


def three_runs() -> RegistryBackend:
    """Return a registry of three runs, registered on the first days of January, February and March."""
    registry = local_registry()
    for month, run_id in enumerate((A, B, C), start=1):
        timestamp = f"2026-0{month}-01T00:00:00.000000+00:00"
        register(registry, make_record(run_id, timestamp=timestamp, metrics={"rmse": 50.0 - month}))
    return registry


@pytest.fixture
def registry() -> RegistryBackend:
    return three_runs()


def change(
    run_id: str,
    timestamp: str = "2026-06-01T00:00:00.000000+00:00",
    alias: str = "champion",
    kind: EventKind = "promote",
) -> RegistryEvent:
    """Return a change whose id is the same for the same change."""
    change_id = f"{alias}-{kind}-{run_id}-{timestamp[:10]}"
    return RegistryEvent(
        alias=alias, run_id=run_id, kind=kind, timestamp=timestamp, actor=ACTOR, reason="", change_id=change_id
    )


def damage(registry: RegistryBackend, run_id: str) -> str:
    """Change a model's file, and return what a check then says."""
    folder = registry.get(run_id).model_uri.rstrip("/")
    Path(folder, "model.bin").write_bytes(b"TREES")
    return f"{folder}: model.bin is not the file that was registered (its SHA-256 differs); nothing was loaded"


def exactly(message: str) -> str:
    return f"^{re.escape(message)}$"


def test_an_alias_gives_the_record_and_each_change_keeps_when_by_whom_and_why(registry: RegistryBackend) -> None:
    before = datetime.now(UTC)
    promoted = registry.promote("aaaa", "champion", actor=ACTOR, reason="the first")
    registry.promote(B, "champion", actor="bob@desk")
    back = registry.rollback("champion", actor="eve@desk", reason="B was worse")
    after = datetime.now(UTC)
    history = registry.alias_history("champion")
    assert [attrs.astuple(one)[:3] + attrs.astuple(one)[4:6] for one in history] == [
        ("champion", A, "promote", ACTOR, "the first"),
        ("champion", B, "promote", "bob@desk", ""),
        ("champion", A, "rollback", "eve@desk", "B was worse"),
    ]
    assert (history[0], history[2]) == (promoted, back)
    times = [parse_time(one.timestamp) for one in history]
    assert [before, *times, after] == sorted([before, *times, after])
    assert registry.alias("champion") == registry.get(A)


def test_two_aliases_are_independent(registry: RegistryBackend) -> None:
    for run_id, alias in ((A, "champion"), (B, "challenger"), (C, "champion"), (C, "challenger"), (A, "nightly.v-1")):
        registry.promote(run_id, alias, actor=ACTOR)
    registry.rollback("champion", actor=ACTOR)
    existing = {alias: registry.alias(alias).run_id for alias in ("champion", "challenger", "nightly.v-1")}
    assert existing == {"champion": A, "challenger": C, "nightly.v-1": A}
    assert [one.run_id for one in registry.alias_history("challenger")] == [B, C]
    assert [one.run_id for one in registry.events()] == [A, B, C, C, A, A]


def test_a_promotion_of_changed_or_missing_files_is_refused_and_not_recorded(registry: RegistryBackend) -> None:
    message = damage(registry, A)
    folder = Path(registry.get(B).model_uri)
    folder.rename("elsewhere")
    before = on_disk()
    with pytest.raises(IntegrityError, match=exactly(message)):
        registry.promote(A, "champion", actor=ACTOR)
    with pytest.raises(NoRecord, match=exactly(f"the files of run {B} are gone: {folder} does not exist")):
        registry.promote(B, "champion", actor=ACTOR)
    with pytest.raises(NoRecord, match=r"^no record with run id 'zz'; `bt registry list` shows those there are$"):
        registry.promote("zz", "champion", actor=ACTOR)
    assert on_disk() == before


def test_a_record_without_digests_cannot_be_promoted_since_nothing_can_be_checked(registry: RegistryBackend) -> None:
    Path("theirs").mkdir()
    Path("theirs/model.joblib").write_bytes(b"trees")
    registry.append(make_record("seedseed", model_uri="theirs/"))
    message = "record seedseed has no digests (it was not written by bike-traffic): its files cannot be checked"
    with pytest.raises(IntegrityError, match=f"^{re.escape(message)}"):
        registry.promote("seedseed", "champion", actor=ACTOR)
    assert registry.events() == []


@pytest.mark.parametrize("alias", ["", "../champion", "a/b", "the champion", "-champion", ".hidden", "élu", "a\n"])
def test_a_bad_name_is_refused_and_not_recorded(registry: RegistryBackend, alias: str) -> None:
    before = on_disk()
    message = f"'{alias}' cannot be an alias; it takes letters, digits, '.', '_' and '-'"
    with pytest.raises(RegistryError, match=exactly(message)):
        registry.promote(A, alias, actor=ACTOR)
    assert on_disk() == before


@pytest.mark.parametrize(
    ("promoted", "asked", "message"),
    [
        ([], "champion", "no alias 'champion'; there are none"),
        (["champion", "best"], "x", "no alias 'x'; there are best, champion"),
        (
            ["champion", "best"],
            "champoin",
            "no alias 'champoin'; there are best, champion (did you mean 'champion'?)",
        ),
    ],
)
@pytest.mark.parametrize("act", ["alias", "rollback"])
def test_an_unknown_alias_lists_those_there_are(
    registry: RegistryBackend, promoted: list[str], asked: str, message: str, act: str
) -> None:
    for alias in promoted:
        registry.promote(A, alias, actor=ACTOR)
    with pytest.raises(NoRecord, match=exactly(message)):
        registry.alias(asked) if act == "alias" else registry.rollback(asked, actor=ACTOR)
    assert registry.alias_history(asked) == []


def test_a_rollback_goes_back_one_promotion_at_a_time_and_no_further_than_the_first(
    registry: RegistryBackend,
) -> None:
    for run_id in (A, B, C):
        registry.promote(run_id, "champion", actor=ACTOR)
    for run_id in (B, A):
        assert registry.rollback("champion", actor=ACTOR).run_id == run_id
        assert registry.alias("champion").run_id == run_id
    before = on_disk()
    with pytest.raises(NoRecord, match=r"^alias 'champion' has no earlier run to go back to$"):
        registry.rollback("champion", actor=ACTOR)
    assert on_disk() == before


def test_after_a_rollback_a_promotion_stands_on_what_was_gone_back_to(registry: RegistryBackend) -> None:
    registry.promote(A, "champion", actor=ACTOR)
    registry.promote(B, "champion", actor=ACTOR)
    registry.rollback("champion", actor=ACTOR)
    registry.promote(C, "champion", actor=ACTOR)
    assert registry.alias("champion").run_id == C
    assert registry.rollback("champion", actor=ACTOR).run_id == A
    registry.promote(B, "champion", actor=ACTOR)
    assert registry.alias("champion").run_id == B
    assert [one.run_id for one in registry.alias_history("champion")] == [A, B, A, C, A, B]


def test_a_rollback_checks_the_files_it_goes_back_to_and_else_leaves_the_alias(registry: RegistryBackend) -> None:
    registry.promote(A, "champion", actor=ACTOR)
    registry.promote(B, "champion", actor=ACTOR)
    message = damage(registry, A)
    before = on_disk()
    with pytest.raises(IntegrityError, match=exactly(message)):
        registry.rollback("champion", actor=ACTOR)
    assert on_disk() == before
    assert registry.alias("champion").run_id == B


def test_an_alias_stands_for_the_run_that_its_last_change_names(registry: RegistryBackend) -> None:
    """Two operators who roll back at the same moment both read C, and both go back to B."""
    for day, run_id in enumerate((A, B, C), start=1):
        registry.append_event(change(run_id, f"2026-06-0{day}T00:00:00.000000+00:00"))
    for day in (4, 5):
        registry.append_event(change(B, f"2026-06-0{day}T00:00:00.000000+00:00", kind="rollback"))
    assert registry.alias("champion").run_id == B


@pytest.mark.parametrize(
    ("time", "run_id"),
    [
        ("2026-06-01T12:00:00.000001+00:00", A),
        ("2026-06-02", A),
        ("2026-06-03T11:59:59.999999+00:00", A),
        ("2026-06-03T12:00:00+00:00", B),
        ("2026-06-03T14:00:00+02:00", B),
        ("2026-06-03T13:59:59+02:00", A),
        ("2026-06-06", A),
        ("2026-06-08", C),
        ("2030-01-01", C),
    ],
)
def test_what_an_alias_stood_for_at_a_time_is_known(registry: RegistryBackend, time: str, run_id: str) -> None:
    registry.append_event(change(A, "2026-06-01T12:00:00.000000+00:00"))
    registry.append_event(change(B, "2026-06-03T12:00:00.000000+00:00"))
    registry.append_event(change(A, "2026-06-05T12:00:00.000000+00:00", kind="rollback"))
    registry.append_event(change(C, "2026-06-07T12:00:00.000000+00:00"))
    assert registry.alias("champion", as_of=parse_time(time)).run_id == run_id


def test_an_alias_that_is_younger_than_the_time_asked_for_is_not_called_unknown(registry: RegistryBackend) -> None:
    registry.append_event(change(A))
    message = "alias 'champion' pointed to no run at 2026-05-01T00:00:00+00:00"
    with pytest.raises(NoRecord, match=exactly(message)) as caught:
        registry.alias("champion", as_of=parse_time("2026-05-01"))
    assert caught.value.parts == {"alias": "champion", "as_of": "2026-05-01T00:00:00+00:00"}


@pytest.mark.parametrize(("time", "run_id"), [("2026-01-31", A), ("2026-02-01", B), ("2026-06-01", C)])
def test_what_was_best_at_a_time_is_known(registry: RegistryBackend, time: str, run_id: str) -> None:
    assert registry.best("rmse", Query(as_of=parse_time(time))).run_id == run_id
