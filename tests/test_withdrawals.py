"""A withdrawn run is kept, and is neither the best nor the run of an alias until it is restored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.app.model_registry_summary import get_best_model_from_summary
from bike_traffic.errors import NoRecord, RegistryConflict, RegistryCorrupt, RegistryError
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent, RunKind, withdrawals
from bike_traffic.registry.files.copying import copy
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.records import parse_time
from bike_traffic.workspace import Workspace
from tests.registry_backends.test_append_log import on_disk
from tests.test_aliases import ACTOR, A, B, C, exactly, three_runs
from tests.test_aliases import change as alias_change
from tests.test_registry import local_registry, make_record, register


@pytest.fixture
def registry() -> RegistryBackend:
    """Return a registry of three runs; the rmse of A is the highest, that of C the lowest."""
    return three_runs()


def event(run_id: str, kind: RunKind = "withdraw", day: int = 1, reason: str = "broken counts") -> RegistryEvent:
    """Return an event of a day of June 2026 at noon."""
    return RegistryEvent(
        run_id=run_id,
        kind=kind,
        timestamp=f"2026-06-{day:02}T12:00:00.000000+00:00",
        actor=ACTOR,
        reason=reason,
        change_id=f"{kind}-{run_id}-{day}",
    )


ORIGIN = f"by {ACTOR} at 2026-06-01T12:00 UTC: broken counts"


def test_the_best_passes_over_withdrawn_runs_and_takes_them_again_when_they_are_restored(
    registry: RegistryBackend,
) -> None:
    best = []
    registry.withdraw("cccc", actor=ACTOR, reason="broken counts")
    best.append(registry.best("rmse", Query()).run_id)
    registry.withdraw(B, actor=ACTOR, reason="broken counts")
    best.append(registry.best("rmse", Query()).run_id)
    registry.restore(C, actor=ACTOR)
    best.append(registry.best("rmse", Query()).run_id)
    assert best == [B, A, C]
    assert [record.run_id for record in registry.records(EVERYTHING)] == [A, B, C]
    assert registry.get(B).run_id == B


@pytest.mark.parametrize(
    ("time", "best"),
    [
        ("2026-06-01T11:59:59.999999", C),
        ("2026-06-01T14:00:00+02:00", B),
        ("2026-06-02T12:00:00", A),
        ("2026-06-03T12:00:00", C),
        ("2030-01-01", C),
    ],
)
def test_a_withdrawal_counts_from_its_time_until_that_of_its_end(
    registry: RegistryBackend, time: str, best: str
) -> None:
    for one in (event(C), event(B, day=2), event(C, "restore", day=3)):
        registry.append_event(one)
    assert registry.best("rmse", Query(as_of=parse_time(time))).run_id == best
    assert registry.withdrawn(parse_time("2026-06-02T12:00")) == {C: event(C), B: event(B, day=2)}
    assert registry.withdrawn() == {B: event(B, day=2)}


def test_of_two_withdrawals_at_once_the_first_is_shown_and_one_restore_ends_both() -> None:
    log = [event(A), event(A, day=2, reason="slow"), event(A, "restore", day=3), event(A, "restore", day=3)]
    assert withdrawals(log[:2]) == {A: log[0]}
    assert withdrawals(log) == {}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda registry: registry.withdraw(C, actor=ACTOR, reason="again"),
            f"run {C} is withdrawn already, {ORIGIN}",
        ),
        (lambda registry: registry.withdraw(A, actor=ACTOR, reason=" \n"), "a withdrawal needs a reason"),
        (lambda registry: registry.restore(A, actor=ACTOR), f"run {A} is not withdrawn"),
        (
            lambda registry: registry.promote(C, "champion", actor=ACTOR),
            f"run {C} was withdrawn {ORIGIN}; `bt registry restore {C}` takes it back",
        ),
        (
            lambda registry: registry.withdraw("zz", actor=ACTOR, reason="why"),
            "no record with run id 'zz'; `bt registry list` shows those there are",
        ),
        (
            lambda registry: registry.restore("zz", actor=ACTOR),
            "no record with run id 'zz'; `bt registry list` shows those there are",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    registry: RegistryBackend, act: Callable[[RegistryBackend], object], message: str
) -> None:
    registry.append_event(event(C))
    before = on_disk()
    with pytest.raises(RegistryError, match=exactly(message)):
        act(registry)
    assert on_disk() == before


def test_a_reason_of_several_lines_is_shown_in_one(registry: RegistryBackend) -> None:
    registry.append_event(event(C, reason="dead\n counter"))
    assert registry.withdrawn()[C].reason == "dead\n counter"
    assert registry.withdrawn()[C].origin == f"by {ACTOR} at 2026-06-01T12:00 UTC: dead counter"


def test_an_alias_of_a_withdrawn_run_is_refused_from_the_time_of_the_withdrawal(registry: RegistryBackend) -> None:
    registry.append_event(alias_change(C, "2026-05-01T00:00:00.000000+00:00"))
    registry.append_event(event(C))
    message = (
        f"alias 'champion' points to run {C}, which was withdrawn {ORIGIN}; "
        f"`bt registry rollback champion` goes back, `bt registry restore {C}` takes the run back"
    )
    for time in (None, parse_time("2026-06-01T12:00")):
        with pytest.raises(NoRecord, match=exactly(message)) as caught:
            registry.alias("champion", time)
        assert (caught.value.id, caught.value.parts["run_id"]) == ("alias-run-withdrawn", C)
    assert registry.alias("champion", parse_time("2026-05-31")).run_id == C
    registry.append_event(event(C, "restore", day=2))
    assert registry.alias("champion").run_id == C


def test_a_rollback_passes_over_withdrawn_runs(registry: RegistryBackend) -> None:
    for run_id in (A, B, C):
        registry.promote(run_id, "champion", actor=ACTOR)
    registry.withdraw(B, actor=ACTOR, reason="broken counts")
    assert registry.rollback("champion", actor=ACTOR).run_id == A
    registry.restore(B, actor=ACTOR)
    assert registry.alias("champion").run_id == A


@pytest.mark.parametrize("promoted", [[A, B], [B, A, B]])
def test_without_an_earlier_run_that_is_not_withdrawn_a_rollback_is_refused(
    registry: RegistryBackend, promoted: list[str]
) -> None:
    for run_id in promoted:
        registry.promote(run_id, "champion", actor=ACTOR)
    registry.withdraw(A, actor=ACTOR, reason="broken counts")
    message = "alias 'champion' has no earlier run to go back to that is not withdrawn"
    with pytest.raises(NoRecord, match=exactly(message)):
        registry.rollback("champion", actor=ACTOR)
    assert registry.alias("champion").run_id == B


def test_events_stand_in_one_array_and_entries_of_before_are_read(registry: RegistryBackend) -> None:
    promoted = registry.promote(A, "champion", actor=ACTOR)
    withdrawn = registry.withdraw(C, actor=ACTOR, reason="« été »")
    assert json.loads(Path("models/aliases.json").read_bytes()) == [promoted.to_json(), withdrawn.to_json()]
    assert list(withdrawn.to_json().items()) == [
        ("alias", ""),
        ("run_id", C),
        ("kind", "withdraw"),
        ("timestamp", withdrawn.timestamp),
        ("actor", ACTOR),
        ("reason", "« été »"),
        ("change_id", withdrawn.change_id),
    ]
    assert registry.alias_history("champion") == [promoted]
    assert registry.alias_history("") == []
    with pytest.raises(NoRecord, match=exactly("no alias ''; there are champion")):
        registry.alias("")


def test_the_same_event_twice_is_a_no_op_and_another_of_its_id_is_a_conflict(registry: RegistryBackend) -> None:
    registry.append_event(event(C))
    before = on_disk()
    registry.append_event(event(C))
    with pytest.raises(RegistryConflict, match=exactly(f"another record has the id {event(C).change_id}")):
        registry.append_event(attrs.evolve(event(C), run_id=B))
    assert on_disk() == before


def test_a_withdrawal_that_is_durable_and_not_merged_counts_once_it_is_reconciled(registry: RegistryBackend) -> None:
    Path("models/aliases").mkdir()
    Path(f"models/aliases/{event(C).change_id}.json").write_text(json.dumps(event(C).to_json()))
    assert [(finding.kind, finding.run_id) for finding in verify(registry)] == [("pending", event(C).change_id)]
    assert registry.reconcile() == 1
    assert registry.best("rmse", Query()).run_id == B


@pytest.mark.parametrize("entry", [{"kind": "deny"}, {"run_id": None}, {"timestamp": "yesterday"}], ids=str)
def test_the_best_is_not_chosen_where_an_event_cannot_be_read(
    registry: RegistryBackend, entry: dict[str, Any]
) -> None:
    Path("models/aliases.json").write_text(json.dumps([event(C).to_json() | entry]))
    with pytest.raises(RegistryCorrupt, match=r"^not an event of a registry \(.+\)$"):
        registry.best("rmse", Query())


# --- verify and copy


def test_withdrawn_runs_are_verified_as_well_and_events_of_unknown_runs_are_found(registry: RegistryBackend) -> None:
    registry.append_event(event(C))
    assert list(verify(registry)) == []
    registry.append_event(event("gone1234"))
    registry.append_event(event("gone1234", "restore", day=2))
    registry.append_event(alias_change("lost5678"))
    assert list(verify(registry)) == [
        Finding("unknown-run", "gone1234", f"an event names it (withdraw, {ORIGIN}), but no record has this run id"),
        Finding(
            "unknown-run",
            "lost5678",
            f"an event names it (promote of alias champion, by {ACTOR} at 2026-06-01T00:00 UTC), but no record has "
            "this run id",
        ),
    ]
    assert all(finding.is_error for finding in verify(registry))


def test_a_copy_brings_withdrawals_along_unless_the_target_changed_the_run_itself(registry: RegistryBackend) -> None:
    registry.append_event(event(B))
    registry.append_event(event(C))
    target = local_registry("target")
    list(copy(registry, target))
    assert target.events() == registry.events()

    target.append_event(event(C, "restore", day=2))
    registry.append_event(event(C, "restore", day=3))
    registry.append_event(event(B, "restore", day=4))
    list(copy(registry, target))
    assert target.events() == [
        event(B),
        event(C),
        event(C, "restore", day=2),
        event(B, "restore", day=4),
    ]


# --- where a model is chosen


def test_a_model_that_is_searched_is_not_a_withdrawn_one_and_a_named_one_is_loaded_with_a_note(
    registry: RegistryBackend,
) -> None:
    registry.append_event(event(C))
    notes: list[str] = []
    workspace = Workspace.open(notify=notes.append)
    assert workspace.find("rf").run_id == B
    assert notes == []
    assert workspace.find(run_id="cccc").run_id == C
    assert notes == [f"run {C} was withdrawn {ORIGIN}"]


def test_the_function_of_the_original_project_leaves_withdrawn_models_out(clean_place: Path) -> None:
    registry = local_registry()
    register(registry, make_record(env="prod"))
    registry.withdraw("abcd1234", actor=ACTOR, reason="broken counts")
    message = (
        "no record with rmse for model rf, env prod; left out: 1 withdrawn (`bt registry restore` takes them back)"
    )
    with pytest.raises(NoRecord, match=exactly(message)):
        get_best_model_from_summary("rf", "models/summary.json")
