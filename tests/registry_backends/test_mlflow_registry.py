"""Records in a registry on a real MLflow server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bike_traffic.errors import (
    NoRecord,
    RegistryConflict,
    RegistryCorrupt,
    RegistryError,
    RegistryUnavailable,
    SettingsError,
)
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files import upkeep
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import ModelRecord, parse_time
from bike_traffic.registry_backends.mlflow_registry import MlflowRegistry
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.testing.backends import records
from tests.mlflow_server import PROCESS_SECONDS, again, client_of, new_prefix, new_registry, run_python, versions_of
from tests.proxy import Proxy, proxied
from tests.servers import free_port
from tests.test_registry import SEED_ENTRY, make_record, register

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

FILES = {"model.bin": b"\x00trees\xff", "sub/scaler.json": b"{}"}
EVERYTHING = Query(test_mode=None)


@pytest.fixture
def registry(mlflow_url: str) -> MlflowRegistry:
    """Return an empty registry on the server."""
    return new_registry(mlflow_url)


def test_asking_creates_nothing_on_the_server(registry: MlflowRegistry) -> None:
    assert list(registry.records(EVERYTHING)) == []
    assert registry.events() == []
    with pytest.raises(NoRecord, match=r"^no record with r2 for any model$"):
        registry.best("r2", Query())
    with pytest.raises(NoRecord, match=r"^no record with run id 'abcd'; `bt registry list` shows those there are$"):
        registry.get("abcd")
    assert client_of(registry).get_experiment_by_name(f"{registry._prefix}-registry") is None
    assert client_of(registry).search_registered_models(f"name LIKE '{registry._prefix}%'") == []


def test_records_that_another_metric_must_measure_too_are_searched_alone(registry: MlflowRegistry) -> None:
    for run_id, model, metrics in (
        ("labels", "rf_class", {"accuracy": 0.9, "skill": 0.6}),
        ("bikes", "rf", {"rmse": 30.0, "skill": 0.2}),
    ):
        registry.append(make_record(run_id, model_type=model, metrics=metrics))
    assert registry.best("skill", Query(measured_by="rmse")).run_id == "bikes"


def test_records_come_back_whole_and_in_the_order_of_their_appending(registry: MlflowRegistry) -> None:
    foreign = {"note": "é ☃ 𝄞 \x00 '\"", "long": ["word " * 4000, None, 1.0, {"b": 1, "a": 2}], "bike_traffic": {}}
    records = [
        ModelRecord.from_json(SEED_ENTRY | foreign),
        make_record("zz"),
        make_record("aa", model_type="rf_class", metrics={"accuracy": 0.1 + 0.2, "f1_score": 1 / 3}),
        make_record("mm", env="prod", test_mode=True, extra=foreign),
    ]
    for record in records:
        registry.append(record)
    records.append(register(registry, make_record("bb"), FILES))
    found = list(again(registry).records(EVERYTHING))
    assert found == records
    assert [list(record.to_json()) for record in found] == [list(record.to_json()) for record in records]
    assert list(registry.records(Query(model_type="rf"))) == [records[1], records[4]]


def test_people_see_the_record_in_mlflows_pages(registry: MlflowRegistry) -> None:
    registry.append(make_record())
    (version,) = versions_of(registry)
    record = version.tags.pop("bike_traffic.record.0")
    assert json.loads(record) == make_record().to_json()
    assert version.tags == {
        "bike_traffic.run_id": "abcd1234",
        "bike_traffic.model_type": "rf",
        "bike_traffic.env": "dev",
        "bike_traffic.test_mode": "false",
        "bike_traffic.timestamp": "2026-03-01T12:00:00.000000+00:00",
        "bike_traffic.r2": "0.8",
        "bike_traffic.rmse": "40.0",
    }
    assert version.description == "rf, dev: r2 0.8, rmse 40"
    run = client_of(registry).get_run(str(version.run_id))
    assert run.info.run_name == "rf/20260301_120000-abcd1234"
    assert {name: value for name, value in run.data.metrics.items() if "." not in name} == {"r2": 0.8, "rmse": 40.0}


def test_a_record_appended_again_is_a_no_op_and_another_content_is_a_conflict(registry: MlflowRegistry) -> None:
    registry.append(make_record(metrics={"rmse": 40, "r2": 0.8}))
    for record in list(registry.records(EVERYTHING)):
        again(registry).append(record)
    for other in (make_record(metrics={"r2": 0.9}), make_record(model_type="nn")):
        with pytest.raises(RegistryConflict, match=r"^another record has the id abcd1234$"):
            registry.append(other)
    assert list(registry.records(EVERYTHING)) == [make_record()]
    assert [version.version for version in versions_of(registry)] == ["1"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (make_record("a/b"), "'a/b' cannot be a run id"),
        (make_record(model_type="it's"), "'it's' cannot be a model type"),
    ],
)
def test_names_that_would_not_hold_on_the_server_are_refused(
    registry: MlflowRegistry, record: ModelRecord, message: str
) -> None:
    with pytest.raises(RegistryError, match=f"^{re.escape(message)}$"):
        registry.append(record)


WRITER = """
import sys
from bike_traffic.registry_backends.mlflow_registry import MlflowRegistry
from tests.test_registry import make_record

uri, prefix, writer = sys.argv[1:]
registry = MlflowRegistry(uri, prefix=prefix)
for number in range(8):
    registry.append(make_record(f"{writer}-{number}"))
    registry.append(make_record(f"both-{number}"))
"""


@pytest.mark.slow
def test_two_writers_at_once_lose_nothing_and_double_nothing(registry: MlflowRegistry) -> None:
    uri = f"mlflow+{registry._server.uri}"
    writers = [run_python(WRITER, uri, registry._prefix, name) for name in ("one", "two")]
    for writer in writers:
        assert (*writer.communicate(timeout=PROCESS_SECONDS), writer.returncode) == ("", "", 0)
    found = [record.run_id for record in registry.records(EVERYTHING)]
    assert sorted(found) == sorted(f"{name}-{number}" for name in ("one", "two", "both") for number in range(8))
    for name in ("one", "two", "both"):
        assert [run_id for run_id in found if run_id.startswith(name)] == [f"{name}-{number}" for number in range(8)]
    assert sorted(version.tags["bike_traffic.run_id"] for version in versions_of(registry)) == sorted(found)


CONTENDERS = [*records.CONTENDERS, make_record("quoted", env="it's prod", metrics={"accuracy": 0.7})]
QUERIES = [
    Query(),
    EVERYTHING,
    Query(test_mode=True),
    Query(env="prod"),
    Query(env="dev"),
    Query(env="it's prod", test_mode=None),
    Query(model_type="rf"),
    Query(model_type="nn", env="dev"),
    Query(model_type="rf", as_of=parse_time("2026-02-01T12:00:00.123457+00:00")),
    Query(model_type="rf", as_of=parse_time("2026-02-01T13:00:00.123456+01:00")),
    Query(as_of=datetime(2025, 1, 1, tzinfo=UTC)),
]


def answer(registry: RegistryBackend, metric: str, query: Query) -> ModelRecord | str:
    try:
        return registry.best(metric, query)
    except NoRecord as error:
        return str(error)


def test_the_best_is_what_the_local_registry_says_for_every_metric_and_query(registry: MlflowRegistry) -> None:
    local = LocalRegistry("models")
    for record in CONTENDERS:
        local.append(record)
        registry.append(record)
    asked = [(metric, query) for metric in ("r2", "rmse", "accuracy", "f1_score") for query in QUERIES]
    found = [answer(registry, *question) for question in asked]
    assert found == [answer(local, *question) for question in asked]
    assert found[0] == CONTENDERS[2]


def test_the_best_comes_from_the_servers_search_alone(
    registry: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for record in CONTENDERS:
        registry.append(record)
    monkeypatch.setattr(registry, "_versions", None)  # what reading all records goes through
    assert registry.best("rmse", Query(model_type="rf")) == CONTENDERS[0]


def test_a_run_whose_metric_was_changed_does_not_win(registry: MlflowRegistry) -> None:
    for record in CONTENDERS:
        registry.append(record)
    client_of(registry).log_metric(str(versions_of(registry)[-1].run_id), "r2", 1.0)
    assert registry.best("r2", Query()) == CONTENDERS[2]


def test_verify_sees_a_record_that_was_edited_or_never_noted(registry: MlflowRegistry) -> None:
    whole, edited = register(registry, make_record("whole")), register(registry, make_record("edited"))
    assert list(upkeep.verify(registry)) == []
    forged = json.dumps(edited.to_json() | {"r2": 0.99})
    name = f"{registry._prefix}-rf"
    client_of(registry).set_model_version_tag(name, "2", "bike_traffic.record.0", forged)
    assert list(upkeep.verify(registry)) == [
        Finding("edited", "edited", f"r2 in version 2 of {name} and in record.json differ")
    ]
    client_of(registry).set_model_version_tag(name, "2", "bike_traffic.record.0", "[]")
    message = f"version 2 of {name} is not a record: it holds a list"
    with pytest.raises(RegistryCorrupt, match=f"^{re.escape(message)}$"):
        list(registry.records(EVERYTHING))
    assert again(registry).best("r2", Query()) == whole


def test_versions_that_others_registered_are_left_alone(registry: MlflowRegistry) -> None:
    registry.append(make_record())
    run_id = str(versions_of(registry)[0].run_id)
    client_of(registry).create_model_version(f"{registry._prefix}-rf", f"runs:/{run_id}/model", run_id)
    client_of(registry).create_registered_model(f"{registry._prefix}-by-hand")
    neighbour = MlflowRegistry(f"mlflow+{registry._server.uri}", prefix=f"{registry._prefix}-b")
    neighbour.append(make_record(metrics={"r2": 1.0}))
    assert list(registry.records(EVERYTHING)) == [make_record()]
    assert registry.best("r2", Query()) == make_record()


def test_a_server_that_is_gone_is_said_in_one_line_and_without_the_password() -> None:
    address = f"127.0.0.1:{free_port()}"
    registry = MlflowRegistry(f"mlflow+http://ana:secret@{address}")
    with pytest.raises(RegistryUnavailable, match=f"^http://{address}: no MLflow server answers$") as raised:
        registry.append(make_record())
    assert raised.value.parts == {"uri": f"http://{address}", "reason": "no MLflow server answers"}
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.slow
def test_an_sqlite_file_is_a_registry_without_a_server(clean_place: Path) -> None:
    registry = MlflowRegistry("mlflow+sqlite:///folder/mlflow.db")
    assert list(registry.records(EVERYTHING)) == []
    assert registry.events() == []
    assert list(clean_place.iterdir()) == []
    record = register(registry, make_record(), FILES)
    registry.promote("abcd", "champion", actor="ana")
    assert registry.alias("champion") == registry.best("r2", Query()) == record
    assert list(upkeep.verify(registry)) == []
    assert sorted(path.name for path in clean_place.iterdir()) == ["folder", "made-abcd1234"]
    assert versions_of(registry)[0].name == "bike-traffic-rf"


@pytest.mark.parametrize(
    ("uri", "options", "message"),
    [
        ("mlflow+http://host", {"prefix": "a/b"}, "backend 'mlflow': 'a/b' cannot be a prefix of names"),
        *(
            (
                uri,
                {},
                "backend 'mlflow' keeps a registry at mlflow+http://…, mlflow+https://… or mlflow+sqlite:///…, "
                f"not at {uri}",
            )
            for uri in ("models", "mlflow+file:///mlruns", "mlflow+http://", "mlflow+sqlite:///")
        ),
    ],
)
def test_what_the_backend_cannot_use_is_refused(uri: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        MlflowRegistry(uri, **options)


@pytest.fixture
def cut(mlflow_url: str, tmp_path: Path) -> Iterator[MlflowRegistry]:
    """Return a registry whose server was killed before the last call of a registration."""
    proxy = Proxy(mlflow_url, refuses=re.compile(rb"^PUT .*record\.json"))
    with proxied(proxy) as url:  # to the end: MLflow remembers where a run's files go
        registry = MlflowRegistry(f"mlflow+{url}", prefix=new_prefix())
        with pytest.raises(RegistryUnavailable):
            records.register(registry, make_record(), tmp_path / "made")
        proxy.refuses = None
        yield registry


def test_what_a_killed_server_did_not_come_to_is_finished_by_reconcile(cut: MlflowRegistry) -> None:
    """The last call writes the copy of the record; without it `verify` would never be content."""
    assert [finding.kind for finding in upkeep.verify(cut)] == ["unrecorded"]
    assert cut.reconcile() == 1
    assert list(upkeep.verify(cut)) == []
    assert cut.reconcile() == 0


def test_a_version_that_says_something_else_than_its_run_is_not_finished(cut: MlflowRegistry) -> None:
    (version,) = cut._versions()
    text = version.tags["bike_traffic.record.0"].replace("0.8", "0.9")
    cut._server.client.set_model_version_tag(version.name, version.version, "bike_traffic.record.0", text)
    assert cut.reconcile() == 0
    assert [finding.kind for finding in upkeep.verify(cut)] == ["unrecorded"]
