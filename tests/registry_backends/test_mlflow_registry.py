"""The registry on a real MLflow server: the rules of every backend, and models that plain MLflow loads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pandas as pd
import pytest

from bike_traffic.data.cleaning import clean
from bike_traffic.errors import (
    IntegrityError,
    NoRecord,
    RegistryConflict,
    RegistryCorrupt,
    RegistryError,
    RegistryUnavailable,
    SettingsError,
)
from bike_traffic.prediction import predict
from bike_traffic.registry import upkeep
from bike_traffic.registry.aliases import AliasChange
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.findings import Finding
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import ModelRecord, parse_time
from bike_traffic.registry_backends.mlflow_registry import MlflowRegistry
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.testing.backends import records
from bike_traffic.training import TrainingPlan, train_model
from tests.mlflow_server import new_registry
from tests.servers import free_port
from tests.test_manager import built_in_host
from tests.test_registry import SEED_ENTRY, make_record, register

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

FILES = {"model.bin": b"\x00trees\xff", "sub/scaler.json": b"{}"}
EVERYTHING = Query(test_mode=None)


@pytest.fixture
def registry(mlflow_url: str) -> MlflowRegistry:
    """Return an empty registry on the server."""
    return new_registry(mlflow_url)


def again(registry: MlflowRegistry) -> MlflowRegistry:
    """Open the same registry once more, as another process would."""
    return MlflowRegistry(f"mlflow+{registry._server.uri}", prefix=registry._prefix)


def client_of(registry: MlflowRegistry) -> MlflowClient:
    """Return MLflow's client, to see and do what others do on the server."""
    return registry._server.client


def versions_of(registry: MlflowRegistry, model_type: str = "rf") -> list[ModelVersion]:
    found = client_of(registry).search_model_versions(f"name = '{registry._prefix}-{model_type}'")
    return sorted(found, key=lambda version: int(version.version))


def test_asking_creates_nothing_on_the_server(registry: MlflowRegistry) -> None:
    assert list(registry.records(EVERYTHING)) == []
    assert registry.alias_changes() == []
    with pytest.raises(NoRecord, match=r"^no record with r2 for any model$"):
        registry.best("r2", Query())
    with pytest.raises(NoRecord, match=r"^no record with run id 'abcd'; `bt registry list` shows those there are$"):
        registry.get("abcd")
    assert client_of(registry).get_experiment_by_name(f"{registry._prefix}-registry") is None
    assert client_of(registry).search_registered_models(f"name LIKE '{registry._prefix}%'") == []


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


def run_python(code: str, *words: str, **environ: str) -> subprocess.Popen[str]:
    environ = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path)} | environ
    command = [sys.executable, "-c", code, *words]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_writers_at_once_lose_nothing_and_double_nothing(registry: MlflowRegistry) -> None:
    uri = f"mlflow+{registry._server.uri}"
    writers = [run_python(WRITER, uri, registry._prefix, name) for name in ("one", "two")]
    for writer in writers:
        assert (*writer.communicate(), writer.returncode) == ("", "", 0)
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


def test_files_come_back_as_they_were_and_are_checked(registry: MlflowRegistry) -> None:
    record = register(registry, make_record(), FILES)
    (version,) = versions_of(registry)
    assert record.model_uri == f"runs:/{version.run_id}/model"
    again(registry).download(record, Path("pulled"))
    assert {name: Path("pulled", name).read_bytes() for name in FILES} == FILES
    assert Path("pulled/manifest.json").read_bytes() == Path("made-abcd1234/manifest.json").read_bytes()

    Path("model.bin").write_bytes(b"other")
    client_of(registry).log_artifact(str(version.run_id), "model.bin", "model/artifacts/files")
    message = (
        f"{record.model_uri}: model.bin is not the file that was registered (its SHA-256 differs); nothing was loaded"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(message)}$"):
        registry.download(record, Path("refused"))
    assert list(upkeep.verify(registry)) == [Finding("changed-files", record.run_id, message)]


def test_the_same_upload_twice_is_a_no_op_and_another_is_a_conflict(registry: MlflowRegistry) -> None:
    record = register(registry, make_record(), FILES)
    assert register(registry, make_record(), FILES) == record
    message = f"{record.model_uri} holds other files than those of run abcd1234"
    with pytest.raises(RegistryConflict, match=f"^{re.escape(message)}$"):
        register(registry, make_record(), {"model.bin": b"other"})
    registry.download(record, Path("pulled"))
    assert Path("pulled/model.bin").read_bytes() == FILES["model.bin"]


def test_a_record_without_files_says_that_they_are_gone(registry: MlflowRegistry) -> None:
    registry.append(make_record())
    message = f"the files of run abcd1234 are gone: {registry._server.uri} has none"
    with pytest.raises(NoRecord, match=f"^{re.escape(message)}$"):
        registry.download(make_record(), Path("pulled"))


def mlflow_aliases(registry: MlflowRegistry) -> dict[str, dict[str, str]]:
    models = client_of(registry).search_registered_models(f"name LIKE '{registry._prefix}-%'")
    found = {model.name.removeprefix(f"{registry._prefix}-"): model.aliases for model in models}
    return {name: {alias: str(version) for alias, version in aliases.items()} for name, aliases in found.items()}


def test_an_alias_moves_comes_back_and_answers_for_the_past_and_mlflows_own_follows(registry: MlflowRegistry) -> None:
    first, second, net = (
        register(registry, record, FILES)
        for record in (make_record("first"), make_record("second"), make_record("net", model_type="nn"))
    )
    changes = [registry.promote("first", "champion", actor="ana", reason="it is été")]
    assert mlflow_aliases(registry) == {"rf": {"champion": "1"}, "nn": {}}
    changes.append(registry.promote("sec", "champion", actor="bob"))
    assert mlflow_aliases(registry) == {"rf": {"champion": "2"}, "nn": {}}
    changes.append(registry.promote("net", "champion", actor="bob"))
    changes.append(registry.promote("first", "challenger", actor="bob"))
    assert mlflow_aliases(registry) == {"rf": {"challenger": "1"}, "nn": {"champion": "1"}}
    changes.append(again(registry).rollback("champion", actor="ana", reason="too slow"))
    assert mlflow_aliases(registry) == {"rf": {"champion": "2", "challenger": "1"}, "nn": {}}

    assert again(registry).alias_changes() == changes
    assert registry.alias("champion") == second
    assert [registry.alias("champion", parse_time(change.timestamp)) for change in changes[:3]] == [
        first,
        second,
        net,
    ]
    with pytest.raises(
        NoRecord, match=r"^no alias 'champions'; there are challenger, champion \(did you mean 'champion'\?\)$"
    ):
        registry.alias("champions")
    with pytest.raises(NoRecord, match=r"^no record with run id 'nobody'; .*"):
        registry.promote("nobody", "champion", actor="ana")
    for name in ("latest", "v1", "a.b"):
        message = (
            f"'{name}' cannot be an alias in MLflow; it takes letters, digits, '_' and '-', not 'latest' or 'v1'"
        )
        with pytest.raises(RegistryError, match=f"^{re.escape(message)}$"):
            registry.promote("first", name, actor="ana")
    assert registry.alias_changes() == changes


def test_of_two_promotions_at_once_both_are_kept_and_mlflows_alias_is_the_later_one(registry: MlflowRegistry) -> None:
    for run_id in ("one", "two"):
        register(registry, make_record(run_id))
    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda run_id: again(registry).promote(run_id, "champion", actor="ana"), ("one", "two")))
        existing = registry.alias("champion").run_id
        assert mlflow_aliases(registry) == {"rf": {"champion": {"one": "1", "two": "2"}[existing]}}
    assert sorted(change.run_id for change in registry.alias_changes()) == ["one"] * 3 + ["two"] * 3


def test_a_change_of_an_alias_appended_again_is_a_no_op_and_another_content_is_a_conflict(
    registry: MlflowRegistry,
) -> None:
    change = AliasChange(
        alias="a.b", run_id="gone", kind="promote", timestamp="2026-03-01T12:00:00+00:00", actor="ana", change_id="c1"
    )
    registry.append_alias_change(change)
    again(registry).append_alias_change(change)
    with pytest.raises(RegistryConflict, match=r"^another record has the id c1$"):
        registry.append_alias_change(attrs.evolve(change, actor="eve"))
    assert registry.alias_changes() == [change]


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


PLAIN_MLFLOW = """
import sys
import mlflow.pyfunc
import pandas as pd

model = mlflow.pyfunc.load_model(sys.argv[1])
print(model.predict(pd.read_csv(sys.argv[2], sep=";")).to_json(orient="split"))
print(model.metadata.get_input_schema().input_names())
"""


@pytest.mark.slow
def test_plain_mlflow_loads_the_champion_and_predicts_the_citys_counts(
    registry: MlflowRegistry, small_counts: pd.DataFrame, small_file: Path
) -> None:
    plan = TrainingPlan(parameters={"n_estimators": 3})
    result = train_model(built_in_host().pipeline("rf"), clean(small_counts), registry, plan)
    registry.promote(result.record.run_id, "champion", actor="ana")

    uri = f"models:/{registry._prefix}-rf@champion"
    process = run_python(PLAIN_MLFLOW, uri, str(small_file), MLFLOW_TRACKING_URI=registry._server.uri)
    out, err = process.communicate()
    assert process.returncode == 0, err
    predicted, names = out.splitlines()
    expected = predict(result.pipeline, clean(small_counts))
    assert json.loads(predicted) == json.loads(expected.to_json(orient="split"))
    headers = ["Nom du compteur", "Date et heure de comptage", "Coordonnées géographiques"]
    assert names == str(headers)


@pytest.mark.slow
def test_a_registry_copied_there_and_back_is_the_same(registry: MlflowRegistry) -> None:
    source, back = LocalRegistry("source"), LocalRegistry("back")
    for record in (
        make_record("one"),
        make_record("two", model_type="nn", extra={"note": "é"}),
        make_record("three"),
    ):
        register(source, record, FILES)
    source.promote("one", "champion", actor="ana")
    source.promote("two", "champion", actor="ana")
    source.promote("three", "v1.0", actor="ana")
    source.rollback("champion", actor="bob")

    for one, other in ((source, registry), (registry, back)):
        assert [done.copied for done in upkeep.copy(one, other)] == [True, True, True]
        assert [done.copied for done in upkeep.copy(one, other)] == [False, False, False]
        assert list(upkeep.verify(other)) == []
        assert other.alias_changes() == source.alias_changes()
        assert other.alias("champion").run_id == "one"
        copies = [attrs.evolve(record, model_uri="") for record in other.records(EVERYTHING)]
        assert copies == [attrs.evolve(record, model_uri="") for record in source.records(EVERYTHING)]
    assert mlflow_aliases(registry) == {"rf": {"champion": "1"}, "nn": {}}
    back.download(back.get("two"), Path("pulled"))
    assert {name: Path("pulled", name).read_bytes() for name in FILES} == FILES


def test_a_server_that_is_gone_is_said_in_one_line_and_without_the_password() -> None:
    address = f"127.0.0.1:{free_port()}"
    registry = MlflowRegistry(f"mlflow+http://ana:secret@{address}")
    with pytest.raises(RegistryUnavailable, match=f"^http://{address}: no MLflow server answers$") as raised:
        registry.append(make_record())
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.slow
def test_an_sqlite_file_is_a_registry_without_a_server(clean_place: Path) -> None:
    registry = MlflowRegistry("mlflow+sqlite:///folder/mlflow.db")
    assert list(registry.records(EVERYTHING)) == []
    assert registry.alias_changes() == []
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
