"""The promises of a registry backend: a class of tests that a backend's own tests inherit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import IntegrityError, NoRecord, RegistryConflict, UnknownMetric
from bike_traffic.registry.files.artifacts import FileDigest, digest_directory
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.record_parts import SplitInfo
from bike_traffic.registry.records import ModelRecord
from bike_traffic.testing.backends.event_checks import EventChecks, OpenBackend
from bike_traffic.testing.backends.records import (
    BEST,
    CONTENDERS,
    FEBRUARY,
    FILES,
    FOREIGN,
    at_once,
    make_record,
    pulled_files,
    register,
)


class BackendChecks(EventChecks):
    """Every promise of a registry backend; a backend's tests inherit it. The whole test is::

        class TestMyRegistry(BackendChecks):
            @pytest.fixture
            def open_backend(self, tmp_path):
                return lambda: MyRegistry(f"my://{tmp_path}")

    `open_backend` gives a function that opens the same registry each time it is called; before the first write the
    registry is empty. A promise that a backend does not keep is overridden with ``pytest.mark.xfail(strict=True)``.
    """

    @pytest.fixture
    def open_backend(self) -> OpenBackend:
        """Return a function that opens the same, at first empty, registry each time it is called."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture `open_backend`; see BackendChecks")

    def test_an_empty_registry_answers_and_says_what_is_not_there(self, open_backend: OpenBackend) -> None:
        """An empty registry has no records and no events; the best record and an id raise `NoRecord`."""
        registry = open_backend()
        assert list(registry.records(EVERYTHING)) == []
        assert registry.events() == []
        with pytest.raises(NoRecord):
            registry.best("r2", Query())
        with pytest.raises(NoRecord):
            registry.get("abcd1234")
        with pytest.raises(NoRecord):
            registry.alias("champion")

    def test_records_come_back_whole_and_in_the_order_of_their_appending(self, open_backend: OpenBackend) -> None:
        """After `append` returned, whoever opens the registry sees the whole record, in the order of appending."""
        digests = {"model.bin": FileDigest("ab" * 32, 12)}
        records = [
            make_record("zz"),
            make_record("aa", model_type="rf_class", metrics={"accuracy": 0.1 + 0.2, "f1_score": 1 / 3}),
            make_record("mm", env="prod", test_mode=True, artifacts=digests),
        ]
        for record in records:
            open_backend().append(record)
        assert list(open_backend().records(EVERYTHING)) == records

    def test_foreign_keys_are_kept_as_they_were(self, open_backend: OpenBackend) -> None:
        """Unknown keys come back unchanged and in their order."""
        record = make_record(extra=FOREIGN)
        open_backend().append(record)
        (stored,) = open_backend().records(EVERYTHING)
        assert stored == record
        assert list(stored.to_json().items()) == list(record.to_json().items())

    def test_an_entry_of_the_original_project_is_a_record(self, open_backend: OpenBackend) -> None:
        """An entry without digests, its time without an offset, is kept as it is."""
        record = ModelRecord.from_json(
            {
                "timestamp": "2025-06-18T22:59:26.111358",
                "model_type": "nn",
                "env": "prod",
                "test_mode": False,
                "run_id": "abcd",
                "r2": 0.71,
                "rmse": 54.9,
                "model_uri": "gs://bucket/models/nn/20250619_005924/",
            }
        )
        open_backend().append(record)
        assert open_backend().best("r2", Query()) == record

    def test_the_same_record_twice_is_a_no_op(self, open_backend: OpenBackend) -> None:
        """Appending a record again changes nothing, whatever the order of its keys."""
        record = make_record(metrics={"rmse": 40, "r2": 0.8}, extra={"zeta": 1, "alpha": [2]})
        open_backend().append(record)
        for again in [record, *open_backend().records(EVERYTHING)]:
            open_backend().append(again)
        assert list(open_backend().records(EVERYTHING)) == [record]

    def test_another_content_under_one_run_id_is_a_conflict(self, open_backend: OpenBackend) -> None:
        """Another record with the same `run_id` raises `RegistryConflict`, and the first one is kept."""
        open_backend().append(make_record())
        for other in (make_record(metrics={"r2": 0.9}), make_record(model_type="nn")):
            with pytest.raises(RegistryConflict):
                open_backend().append(other)
        assert list(open_backend().records(EVERYTHING)) == [make_record()]

    def test_two_writers_at_once_lose_nothing_and_double_nothing(self, open_backend: OpenBackend) -> None:
        """Two concurrent writers, of some equal records, lose nothing and duplicate nothing."""
        own = [[f"{name}-{number}" for number in range(5)] for name in ("one", "two")]
        both = [f"both-{number}" for number in range(3)]

        def write(run_ids: Iterable[str]) -> None:
            registry = open_backend()
            for run_id in run_ids:
                registry.append(make_record(run_id))

        at_once(write, [[*run_ids, *both] for run_ids in own])
        stored = [record.run_id for record in open_backend().records(EVERYTHING)]
        assert sorted(stored) == sorted([*own[0], *own[1], *both])
        for run_ids in own:
            assert [run_id for run_id in stored if run_id in run_ids] == run_ids

    def test_of_two_contents_written_at_once_one_stands(self, open_backend: OpenBackend) -> None:
        """Of two concurrent records of one `run_id` one is kept, and the other writer gets `RegistryConflict`."""

        def write(words: tuple[str, float]) -> float | None:
            try:
                open_backend().append(make_record(words[0], metrics={"r2": words[1]}))
            except RegistryConflict:
                return None
            return words[1]

        for run_id in ("race-0", "race-1", "race-2"):
            kept = [r2 for r2 in at_once(write, [(run_id, 0.1), (run_id, 0.2)]) if r2 is not None]
            assert [open_backend().get(run_id).metrics] == [{"r2": r2} for r2 in kept]

    def test_records_are_filtered_by_model_environment_test_mode_sample_split_and_time(
        self, open_backend: OpenBackend
    ) -> None:
        """A query leaves out test mode, the sample and random splits unless requested, and records after its time.

        A record without a split is never left out because of it.
        """
        self._register_contenders(open_backend)
        expected = {
            Query(): ["late-tie", "early-tie", "net", "old", "labels", "endless"],
            Query(model_type="rf", env="dev"): ["late-tie", "early-tie", "old", "endless"],
            Query(env="prod"): ["net"],
            Query(test_mode=True): ["trial"],
            Query(sample=True): ["invented"],
            Query(split="random"): ["late-tie", "early-tie", "net", "old", "labels", "flattered", "endless"],
            Query(as_of=FEBRUARY): ["early-tie", "old"],
            EVERYTHING: [record.run_id for record in CONTENDERS],
        }
        registry = open_backend()
        assert {query: [record.run_id for record in registry.records(query)] for query in expected} == expected

    def test_the_best_goes_by_the_metrics_direction_and_the_query(self, open_backend: OpenBackend) -> None:
        """The best record has the highest r2, or the lowest rmse, among those that the query admits."""
        self._register_contenders(open_backend)
        registry = open_backend()
        for metric, query, run_id in BEST:
            if run_id is None:
                with pytest.raises(NoRecord):
                    registry.best(metric, query)
            else:
                assert (metric, query, registry.best(metric, query).run_id) == (metric, query, run_id)

    def test_an_unknown_metric_is_refused(self, open_backend: OpenBackend) -> None:
        """An unknown metric raises `UnknownMetric`."""
        open_backend().append(make_record())
        with pytest.raises(UnknownMetric):
            open_backend().best("rsme", Query())

    def _register_contenders(self, open_backend: OpenBackend) -> None:
        registry = open_backend()
        for record in CONTENDERS:
            registry.append(record)

    def test_a_record_is_found_by_its_id_or_its_first_letters(self, open_backend: OpenBackend) -> None:
        """`get` accepts a whole id, or a prefix of exactly one id, and otherwise raises `NoRecord`."""
        records = {run_id: make_record(run_id) for run_id in ("aabb", "aacc", "aac")}
        records["aabb"] = make_record("aabb", test_mode=True, split=SplitInfo(kind="random"))
        for record in records.values():
            open_backend().append(record)
        registry = open_backend()
        assert [registry.get(run_id) for run_id in ("aab", "aacc", "aac")] == list(records.values())
        for run_id in ("aa", "zz"):
            with pytest.raises(NoRecord):
                registry.get(run_id)

    def test_files_come_back_byte_for_byte(self, open_backend: OpenBackend, tmp_path: Path) -> None:
        """The files of a model come back byte for byte, in their folders, with the manifest."""
        record = register(open_backend(), make_record(), tmp_path / "made", FILES)
        pulled = pulled_files(open_backend(), record, tmp_path / "pulled")
        assert pulled.pop("manifest.json") == (tmp_path / "made/manifest.json").read_bytes()
        assert pulled == FILES
        assert digest_directory(tmp_path / "pulled") == record.artifacts
        assert list(verify(open_backend())) == []

    def test_files_are_uploaded_once_and_never_replaced(self, open_backend: OpenBackend, tmp_path: Path) -> None:
        """The same upload again changes nothing; other files for a registered run raise `RegistryConflict`."""
        record = register(open_backend(), make_record(), tmp_path / "made", FILES)
        assert register(open_backend(), make_record(), tmp_path / "made", FILES) == record
        with pytest.raises(RegistryConflict):
            register(open_backend(), make_record(), tmp_path / "other", {"model.bin": b"other"})
        pulled = pulled_files(open_backend(), record, tmp_path / "pulled")
        assert {name: pulled[name] for name in FILES} == FILES

    def test_files_that_differ_from_their_digests_are_not_handed_out(
        self, open_backend: OpenBackend, tmp_path: Path
    ) -> None:
        """Files that differ from the record's digests raise `IntegrityError`, in `download` and in `verify_files`."""
        record = register(open_backend(), make_record(), tmp_path / "made", FILES)
        digests = dict(record.artifacts or {})
        for wrong in (
            digests | {"model.bin": FileDigest("00" * 32, len(FILES["model.bin"]))},
            digests | {"more.bin": FileDigest("00" * 32, 1)},
            {name: digest for name, digest in digests.items() if name != "empty.txt"},
        ):
            forged = attrs.evolve(record, artifacts=wrong)
            with pytest.raises(IntegrityError):
                pulled_files(open_backend(), forged, tmp_path / "refused")
            with pytest.raises(IntegrityError):
                open_backend().verify_files(forged)

    def test_a_record_whose_files_are_not_there_says_so(self, open_backend: OpenBackend, tmp_path: Path) -> None:
        """A request for files that were never stored raises `NoRecord`."""
        record = make_record(artifacts={"model.bin": FileDigest("ab" * 32, 12)})
        open_backend().append(record)
        with pytest.raises(NoRecord):
            pulled_files(open_backend(), record, tmp_path / "pulled")
