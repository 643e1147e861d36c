"""Files, aliases and copies on a real MLflow server, and models that plain MLflow loads."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import attrs
import pandas as pd
import pytest

from bike_traffic.data.cleaning import clean
from bike_traffic.errors import IntegrityError, NoRecord, RegistryConflict, RegistryError
from bike_traffic.prediction import predict
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.files import copying, upkeep
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.records import parse_time
from bike_traffic.registry_backends.mlflow_registry import MlflowRegistry
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.training import TrainingPlan, train_model
from tests.mlflow_server import PROCESS_SECONDS, again, client_of, new_registry, run_python, versions_of
from tests.registry_backends.test_mlflow_registry import FILES
from tests.test_manager import built_in_host
from tests.test_registry import make_record, register

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


@pytest.fixture
def registry(mlflow_url: str) -> MlflowRegistry:
    """Return an empty registry on the server."""
    return new_registry(mlflow_url)


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

    assert again(registry).events() == changes
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
    assert registry.events() == changes


def test_of_two_promotions_at_once_both_are_kept_and_mlflows_alias_is_the_later_one(registry: MlflowRegistry) -> None:
    for run_id in ("one", "two"):
        register(registry, make_record(run_id))
    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda run_id: again(registry).promote(run_id, "champion", actor="ana"), ("one", "two")))
        existing = registry.alias("champion").run_id
        assert mlflow_aliases(registry) == {"rf": {"champion": {"one": "1", "two": "2"}[existing]}}
    assert sorted(change.run_id for change in registry.events()) == ["one"] * 3 + ["two"] * 3


def test_writers_who_make_the_same_alias_and_the_same_tag_at_the_same_moment_all_succeed(
    registry: MlflowRegistry,
) -> None:
    versions = {run_id: str(place + 1) for place, run_id in enumerate(("one", "two", "three"))}
    aliases = {f"alias-{number}": f"new-{number}" for number in range(3)}
    for run_id in [*versions, *aliases.values()]:
        register(registry, make_record(run_id))
    for alias, withdrawn in aliases.items():
        with ThreadPoolExecutor(6) as pool:
            promote = partial(again(registry).promote, alias=alias, actor="ana")
            time = "2026-07-01T00:00:00.000000+00:00"
            withdraw = partial(RegistryEvent, run_id=withdrawn, kind="withdraw", timestamp=time)
            promotions = [pool.submit(promote, run_id) for run_id in versions]
            withdrawals = [pool.submit(again(registry).append_event, withdraw(actor=run_id)) for run_id in versions]
        assert all(promotion.result() in registry.events() for promotion in promotions)
        assert [withdrawal.result() for withdrawal in withdrawals] == [None] * 3
    assert mlflow_aliases(registry) == {"rf": {alias: versions[registry.alias(alias).run_id] for alias in aliases}}


def withdrawn_tags(registry: MlflowRegistry) -> list[str | None]:
    return [version.tags.get("bike_traffic.withdrawn") for version in versions_of(registry)]


def test_a_withdrawn_version_is_tagged_and_has_no_alias_until_it_is_restored(
    registry: MlflowRegistry,
) -> None:
    first, second = (register(registry, make_record(run_id), FILES) for run_id in ("first", "second"))
    registry.promote("second", "champion", actor="ana")
    registry.promote("first", "challenger", actor="ana")
    event = again(registry).withdraw("second", actor="bob", reason="broken counts")
    tag = f"by bob at {event.timestamp[:16]} UTC: broken counts"
    assert withdrawn_tags(registry) == [None, tag]
    assert mlflow_aliases(registry) == {"rf": {"challenger": "1"}}
    assert again(registry).withdrawn() == {"second": event}
    assert registry.best("rmse", Query()) == first
    assert list(registry.records(EVERYTHING)) == [first, second]
    assert list(upkeep.verify(registry)) == []
    assert [entry["run_id"] for entry in registry.compare("rmse", Query())[1]] == ["first"]

    again(registry).restore("second", actor="bob")
    assert withdrawn_tags(registry) == [None, None]
    assert mlflow_aliases(registry) == {"rf": {"challenger": "1", "champion": "2"}}
    assert [entry["run_id"] for entry in registry.compare("rmse", Query())[1]] == ["first", "second"]
    registry.append_event(attrs.evolve(event, change_id="gone", run_id="gone"))
    assert [(finding.kind, finding.run_id) for finding in upkeep.verify(registry)] == [("unknown-run", "gone")]


def test_a_change_of_an_alias_appended_again_is_a_no_op_and_another_content_is_a_conflict(
    registry: MlflowRegistry,
) -> None:
    change = RegistryEvent(
        alias="a.b", run_id="gone", kind="promote", timestamp="2026-03-01T12:00:00+00:00", actor="ana", change_id="c1"
    )
    registry.append_event(change)
    again(registry).append_event(change)
    with pytest.raises(RegistryConflict, match=r"^another record has the id c1$"):
        registry.append_event(attrs.evolve(change, actor="eve"))
    assert registry.events() == [change]


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
    out, err = process.communicate(timeout=PROCESS_SECONDS)
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
        assert [done.copied for done in copying.copy(one, other)] == [True, True, True]
        assert [done.copied for done in copying.copy(one, other)] == [False, False, False]
        assert list(upkeep.verify(other)) == []
        assert other.events() == source.events()
        assert other.alias("champion").run_id == "one"
        copies = [attrs.evolve(record, model_uri="") for record in other.records(EVERYTHING)]
        assert copies == [attrs.evolve(record, model_uri="") for record in source.records(EVERYTHING)]
    assert mlflow_aliases(registry) == {"rf": {"champion": "1"}, "nn": {}}
    back.download(back.get("two"), Path("pulled"))
    assert {name: Path("pulled", name).read_bytes() for name in FILES} == FILES
