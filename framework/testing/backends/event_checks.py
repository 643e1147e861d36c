"""The promises of a registry backend about events: aliases, and withdrawn runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import NoRecord, RegistryConflict, RegistryError
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.records import parse_time
from bike_traffic.testing.backends.records import ACTOR, CONTENDERS, at_once, make_record, register

OpenBackend = Callable[[], RegistryBackend]


class EventChecks:
    """The part of `BackendChecks` that is about events."""

    def test_an_alias_moves_goes_back_and_answers_for_the_past(
        self, open_backend: OpenBackend, tmp_path: Path
    ) -> None:
        """An alias points to the run it was promoted to, goes back by `rollback`, and is known for every time."""
        one, two, net = (
            register(open_backend(), record, tmp_path / record.run_id)
            for record in (make_record("one"), make_record("two"), make_record("net", model_type="nn"))
        )
        events = [
            open_backend().promote("one", "champion", actor=ACTOR, reason="it is été"),
            open_backend().promote("tw", "champion", actor=ACTOR),
            open_backend().promote("net", "champion", actor=ACTOR),
            open_backend().promote("one", "challenger", actor=ACTOR),
            open_backend().rollback("champion", actor=ACTOR, reason="too slow"),
        ]
        registry = open_backend()
        assert registry.events() == events
        assert registry.alias_history("champion") == [*events[:3], events[4]]
        assert (registry.alias("champion"), registry.alias("challenger")) == (two, one)
        times = [parse_time(event.timestamp) for event in events]
        assert [registry.alias("champion", as_of=time) for time in times] == [one, two, net, net, two]
        for unknown in ("champions", "challeng"):
            with pytest.raises(NoRecord):
                registry.alias(unknown)
        with pytest.raises(NoRecord):
            registry.rollback("challenger", actor=ACTOR)
        with pytest.raises(NoRecord):
            registry.promote("nobody", "champion", actor=ACTOR)
        assert open_backend().events() == events

    def test_the_version_changes_with_every_record_and_event_and_not_without(
        self, open_backend: OpenBackend, tmp_path: Path
    ) -> None:
        """`version` changes with each `append` and each event, and stays the same without, also empty."""
        versions = [open_backend().version()]

        def changes(*, expected: bool) -> bool:
            assert open_backend().version() == open_backend().version()
            versions.append(open_backend().version())
            return (versions[-1] not in versions[:-1]) is expected

        assert changes(expected=False)
        register(open_backend(), make_record("one"), tmp_path / "one")
        assert changes(expected=True)
        register(open_backend(), make_record("two", model_type="nn"), tmp_path / "two")
        assert changes(expected=True)
        open_backend().promote("one", "champion", actor=ACTOR)
        assert changes(expected=True)
        open_backend().withdraw("two", actor=ACTOR, reason="trained on broken counts")
        assert changes(expected=True)
        open_backend().restore("two", actor=ACTOR)
        assert changes(expected=True)
        open_backend().append_event(_signing("one"))
        assert changes(expected=True)
        open_backend().append(open_backend().get("one"))
        list(open_backend().records(EVERYTHING))
        assert open_backend().best("r2", Query()).run_id in ("one", "two")
        assert changes(expected=False)

    def test_the_same_event_twice_is_a_no_op_and_another_content_a_conflict(self, open_backend: OpenBackend) -> None:
        """An event is identified by its `change_id`: repeated it is a no-op, changed a conflict."""
        withdrawal = RegistryEvent(
            run_id="abcd1234",
            kind="withdraw",
            timestamp="2026-03-01T12:00:00.000000+00:00",
            actor=ACTOR,
            change_id="c1",
        )
        promotion = attrs.evolve(withdrawal, kind="promote", alias="champion", change_id="c2")
        for event in (withdrawal, promotion):
            open_backend().append_event(event)
            open_backend().append_event(event)
            with pytest.raises(RegistryConflict):
                open_backend().append_event(attrs.evolve(event, actor="eve@desk"))
        assert open_backend().events() == [withdrawal, promotion]

    def test_of_two_promotions_at_once_both_are_kept(self, open_backend: OpenBackend, tmp_path: Path) -> None:
        """Two concurrent promotions are both in the history, and the alias points to one of their runs."""
        for run_id in ("one", "two"):
            register(open_backend(), make_record(run_id), tmp_path / run_id)
        at_once(lambda run_id: open_backend().promote(run_id, "champion", actor=ACTOR), ["one", "two"])
        history = [event.run_id for event in open_backend().alias_history("champion")]
        assert sorted(history) == ["one", "two"]
        assert open_backend().alias("champion").run_id == history[-1]

    def test_a_withdrawn_record_is_not_the_best_until_it_is_restored(self, open_backend: OpenBackend) -> None:
        """A withdrawn record is kept, and is not the best from the time of its withdrawal until it is restored."""
        for record in CONTENDERS:
            open_backend().append(record)
        withdrawal = RegistryEvent(
            run_id="net", kind="withdraw", timestamp="2026-07-01T12:00:00.000000+00:00", actor=ACTOR, reason="été"
        )
        open_backend().append_event(withdrawal)
        registry = open_backend()
        assert registry.withdrawn() == {"net": withdrawal}
        assert [record.run_id for record in registry.records(EVERYTHING)] == [one.run_id for one in CONTENDERS]
        assert registry.best("r2", Query()).run_id == "late-tie"
        before, after = (Query(as_of=parse_time(f"2026-07-01T{hour}:00:00+00:00")) for hour in (11, 12))
        assert [registry.best("r2", query).run_id for query in (before, after)] == ["net", "late-tie"]
        with pytest.raises(NoRecord):
            registry.best("r2", Query(model_type="nn"))

        restored = open_backend().restore("net", actor=ACTOR)
        assert open_backend().best("r2", Query()).run_id == "net"
        again = open_backend().withdraw("net", actor=ACTOR, reason="after all")
        registry = open_backend()
        assert registry.events() == [withdrawal, restored, again]
        assert registry.withdrawn() == {"net": again}
        assert registry.best("r2", Query()).run_id == "late-tie"

    def test_a_signature_that_is_added_later_comes_back_whole(self, open_backend: OpenBackend) -> None:
        """A signature that is added to a run later comes back whole, and changes neither its record nor the best."""
        for record in CONTENDERS:
            open_backend().append(record)
        first, second = _signing("net"), _signing("net", key="another")
        for event in (first, second, first):
            open_backend().append_event(event)
        registry = open_backend()
        assert registry.events() == [first, second]
        assert registry.signatures() == {"net": [first.signature, second.signature]}
        assert registry.get("net") == next(record for record in CONTENDERS if record.run_id == "net")
        assert registry.best("r2", Query()).run_id == "net"
        assert registry.withdrawn() == {}

    def test_an_alias_does_not_answer_with_a_withdrawn_run(self, open_backend: OpenBackend, tmp_path: Path) -> None:
        """A withdrawn run is not promoted, and as the run of an alias it is refused; `rollback` passes it over."""
        one, two, three = (
            register(open_backend(), make_record(run_id), tmp_path / run_id) for run_id in ("one", "two", "three")
        )
        for record in (one, two, three):
            open_backend().promote(record.run_id, "champion", actor=ACTOR)
        for record in (three, two):
            open_backend().withdraw(record.run_id, actor=ACTOR, reason="trained on broken counts")
        with pytest.raises(NoRecord):
            open_backend().alias("champion")
        with pytest.raises(RegistryError):
            open_backend().promote("two", "challenger", actor=ACTOR)
        open_backend().rollback("champion", actor=ACTOR)
        open_backend().restore("three", actor=ACTOR)
        assert open_backend().alias("champion") == one
        assert open_backend().get("two") == two


def _signing(run_id: str, key: str = "ab" * 8) -> RegistryEvent:
    """Return the event that adds a signature, of the form that `bt registry sign` writes; no backend checks it."""
    value = f"{'q' * 86}=="
    return RegistryEvent(
        run_id=run_id,
        kind="sign",
        timestamp="2026-07-01T12:00:00.000000+00:00",
        actor=ACTOR,
        signature={"algorithm": "ed25519", "key": key, "value": value},
    )
