"""The log of alias changes: a plain array, durable before it is merged, and never replaced if it is corrupt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.errors import RegistryConflict, RegistryCorrupt, RegistryWarning
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import parse_time
from bike_traffic.registry_backends.store import LocalStore, Store
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.registry_backends.test_append_log import on_disk
from tests.test_aliases import ACTOR, A, B, C, change, exactly, three_runs
from tests.test_registry import SEED_ENTRY

ALIASES = Path("models/aliases.json")


@pytest.fixture
def registry() -> RegistryBackend:
    return three_runs()


def write_durable(waiting: RegistryEvent) -> RegistryEvent:
    """Leave what a promotion leaves that died between its two steps."""
    Path("models/aliases").mkdir(exist_ok=True)
    Path(f"models/aliases/{waiting.change_id}.json").write_text(json.dumps(waiting.to_json()))
    return waiting


def test_changes_stand_in_a_plain_json_array_and_each_under_aliases(registry: RegistryBackend) -> None:
    changes = [
        registry.promote(B, "champion", actor=ACTOR, reason="« été »"),
        registry.promote(A, "challenger", actor=ACTOR),
        registry.promote(C, "champion", actor=ACTOR),
        registry.rollback("champion", actor=ACTOR),
    ]
    entries = [one.to_json() for one in changes]
    assert list(entries[0]) == ["alias", "run_id", "kind", "timestamp", "actor", "reason", "change_id"]
    assert json.loads(ALIASES.read_bytes()) == entries
    assert registry.events() == changes
    for one in changes:
        assert json.loads(Path(f"models/aliases/{one.change_id}.json").read_bytes()) == one.to_json()
    assert len(list(Path("models/aliases").iterdir())) == 4


def test_the_same_change_twice_is_a_no_op_and_another_of_its_id_is_a_conflict(registry: RegistryBackend) -> None:
    registry.append_event(change(A))
    before = on_disk()
    registry.append_event(change(A))
    with pytest.raises(RegistryConflict, match=exactly(f"another record has the id {change(A).change_id}")):
        registry.append_event(attrs.evolve(change(A), run_id=B))
    assert on_disk() == before


class StoppedHalfway(LocalStore):
    """A store on which a promotion is stopped where it is durable and not yet merged."""

    def create(self, path: str, data: bytes, *, vouch: bool = False) -> None:
        if path == "aliases.json":
            raise KeyboardInterrupt
        super().create(path, data, vouch=vouch)


class Interrupted(LocalRegistry):
    def _open_store(self) -> Store:
        return StoppedHalfway(Path(self.root))


def test_a_promotion_is_durable_before_it_is_merged_and_reconcile_ends_it(registry: RegistryBackend) -> None:
    with pytest.raises(KeyboardInterrupt):
        Interrupted("models").promote(B, "champion", actor=ACTOR)
    assert not ALIASES.exists()
    assert len(list(Path("models/aliases").iterdir())) == 1
    assert (registry.reconcile(), registry.reconcile()) == (1, 0)
    assert registry.alias("champion").run_id == B


def test_the_next_change_brings_along_what_others_left_pending_the_oldest_first(registry: RegistryBackend) -> None:
    later = write_durable(change(B, "2026-06-02T00:00:00.000000+00:00"))
    earlier = write_durable(change(A, "2026-06-01T00:00:00.000000+00:00", alias="nightly"))
    promoted = registry.promote(C, "champion", actor=ACTOR)
    assert registry.events() == [earlier, later, promoted]
    assert registry.rollback("champion", actor=ACTOR).run_id == B


@pytest.mark.parametrize("content", ["", "[{", '{"alias": "champion"}', '["champion"]', "null"])
@pytest.mark.parametrize("act", ["alias", "history", "best", "promote", "rollback", "append", "reconcile"])
def test_a_corrupt_list_of_changes_is_named_and_never_replaced(
    registry: RegistryBackend, content: str, act: str
) -> None:
    registry.promote(A, "champion", actor=ACTOR)
    write_durable(change(B))
    ALIASES.write_text(content)
    before = on_disk()
    acts: dict[str, Callable[[], object]] = {
        "alias": lambda: registry.alias("champion"),
        "history": lambda: registry.alias_history("champion"),
        "best": lambda: registry.best("rmse", Query()),
        "promote": lambda: registry.promote(B, "champion", actor=ACTOR),
        "rollback": lambda: registry.rollback("champion", actor=ACTOR),
        "append": lambda: registry.append_event(change(C)),
        "reconcile": registry.reconcile,
    }
    with pytest.raises(RegistryCorrupt, match=r"^aliases\.json is not a JSON array of .+ under aliases/ is merged"):
        acts[act]()
    assert on_disk() == before
    assert [record.run_id for record in registry.records(Query())] == [A, B, C]


def test_a_corrupt_list_that_is_moved_away_is_made_anew(registry: RegistryBackend) -> None:
    changes = [registry.promote(run_id, "champion", actor=ACTOR) for run_id in (A, B)]
    ALIASES.write_text("[{")
    ALIASES.rename("models/broken.json")
    assert registry.reconcile() == 2
    assert registry.events() == changes


BROKEN: list[dict[str, Any]] = [
    SEED_ENTRY,
    {key: value for key, value in change(A).to_json().items() if key != "kind"},
    change(A).to_json() | {"timestamp": "yesterday"},
    change(A).to_json() | {"timestamp": None},
    change(A).to_json() | {"run_id": 7},
]


@pytest.mark.parametrize("entry", BROKEN, ids=["a record", "no kind", "time", "no time", "run id"])
def test_an_entry_that_is_no_change_is_left_out_with_a_warning_and_stays_where_it_is(
    registry: RegistryBackend, entry: dict[str, Any]
) -> None:
    ALIASES.write_text(json.dumps([change(A).to_json(), entry]))
    before = on_disk()
    with pytest.warns(
        RegistryWarning, match=r"^models/aliases.json: entry 2 was left out: not an event of a registry"
    ):
        assert registry.alias_history("champion") == [change(A)]
    assert on_disk() == before


def test_a_kind_of_change_that_is_not_known_is_an_error_since_it_may_withdraw_a_run(
    registry: RegistryBackend,
) -> None:
    ALIASES.write_text(json.dumps([change(A).to_json(), change(A).to_json() | {"kind": "demote"}]))
    before = on_disk()
    acts: list[Callable[[], object]] = [
        lambda: registry.alias("champion", as_of=parse_time("2026-07-01")),
        lambda: registry.alias_history("champion"),
        lambda: registry.rollback("champion", actor=ACTOR),
    ]
    for act in acts:
        with pytest.raises(RegistryCorrupt, match=r"^not an event of a registry \(.+\)$"):
            act()
    assert on_disk() == before


def test_a_key_that_is_not_known_is_kept_where_it_stands(registry: RegistryBackend) -> None:
    ALIASES.write_text(json.dumps([change(A).to_json() | {"ticket": 42}]))
    registry.promote(B, "champion", actor=ACTOR)
    assert json.loads(ALIASES.read_bytes())[0]["ticket"] == 42
    assert registry.rollback("champion", actor=ACTOR).run_id == A
