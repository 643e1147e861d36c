"""`bt registry verify`, `reconcile` and `copy`: what a user sees, and what a script goes by."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bike_traffic.registry.backend import RegistryBackend
from tests.cli.test_registry import document, ok, refused, table
from tests.cli.test_registry_aliases import noted
from tests.conftest import Bt
from tests.registry_backends.test_append_log import on_disk
from tests.test_upkeep import SEEDS, A, B, C, change, entries, fill, folder_of, not_registered, write_entries


def as_printed(finding: dict[str, str]) -> dict[str, object]:
    """Return a finding as the document of ``bt registry verify`` has it."""
    is_error = finding["id"] not in ("pending", "unverified")
    return {**finding, "is_error": is_error, "parts": PARTS[finding["id"]]}


PARTS: dict[str, dict[str, object]] = {
    "pending": {"where": "records/"},
    "unverified": {},
    "edited": {"keys": ["r2"], "where": "summary.json"},
    "unrecorded": {"where": "summary.json"},
}


PENDING = {"id": "pending", "run_id": C, "detail": "it is under records/, but not in summary.json"}
UNVERIFIED = {
    "id": "unverified",
    "run_id": "seedseed",
    "detail": "the record has no digests; bike-traffic did not write it",
}
EDITED = {"id": "edited", "run_id": A, "detail": "r2 in summary.json and under records/ differ"}
UNRECORDED = {
    "id": "unrecorded",
    "run_id": B,
    "detail": "it is in summary.json, but not under records/",
}


@pytest.fixture
def registry() -> RegistryBackend:
    return fill("models/summary.json")


@pytest.fixture
def source() -> RegistryBackend:
    return fill("source/summary.json")


def copy(bt: Bt, *words: str) -> str:
    return noted(bt, "copy", "--from", "source/summary.json", "--to", "models/summary.json", *words)


@pytest.mark.usefixtures("registry")
def test_an_unchanged_registry_is_reported_as_unchanged(bt: Bt) -> None:
    assert ok(bt, "verify") == "every record and every file is as it was registered\n"
    assert document(bt, "verify") == {"findings": []}
    nothing = "the registry has no records to verify; check --registry and --backend"
    Path("empty").mkdir()
    Path("empty/summary.json").write_text("[]")
    assert refused(bt, "verify", "--registry", "empty") == nothing


def cut_tail() -> None:
    write_entries(entries()[:2])


def add_seeds() -> None:
    write_entries([*entries(), SEEDS])


def edit() -> None:
    first, *others = entries()
    write_entries([first | {"r2": 0.99}, *others])


def forget() -> None:
    Path(f"models/records/{B}.json").unlink()


@pytest.mark.parametrize(
    ("changes", "findings", "code"),
    [
        ([cut_tail], [PENDING], 3),
        ([add_seeds], [UNVERIFIED], 0),
        ([edit], [EDITED], 1),
        ([forget], [UNRECORDED], 1),
        ([cut_tail, add_seeds], [UNVERIFIED, PENDING], 3),
        ([edit, forget, cut_tail, add_seeds], [EDITED, UNRECORDED, UNVERIFIED, PENDING], 1),
    ],
    ids=["pending", "unverified", "edited", "unrecorded", "pending and unverified", "all"],
)
def test_the_exit_code_is_that_of_the_worst_finding_and_findings_are_a_document_or_a_table(
    bt: Bt, registry: RegistryBackend, changes: list[Any], findings: list[dict[str, str]], code: int
) -> None:
    for one in changes:
        one()
    before = on_disk()
    done = bt("registry", "verify", "--format", "json")
    assert (done.exit_code, done.stderr) == (code, "")
    assert json.loads(done.stdout) == {"findings": [as_printed(found) for found in findings]}
    done = bt("registry", "verify")
    assert (done.exit_code, done.stderr) == (code, "")
    assert table(done.stdout) == [
        ["run", "finding", "detail"],
        *([found["run_id"][:8], found["id"], found["detail"]] for found in findings),
    ]
    assert on_disk() == before


def test_changed_and_missing_files_are_wrong(bt: Bt, registry: RegistryBackend) -> None:
    changed, gone = folder_of(registry, A), folder_of(registry, B)
    change(Path(changed))
    shutil.rmtree(gone)
    done = bt("registry", "verify", "--format", "json")
    assert (done.exit_code, done.stderr) == (1, "")
    assert json.loads(done.stdout) == {
        "findings": [
            {
                "id": "changed-files",
                "run_id": A,
                "detail": not_registered(changed),
                "is_error": True,
                "parts": {"cause": "file-changed", "where": changed, "name": "model.bin"},
            },
            {
                "id": "missing-files",
                "run_id": B,
                "detail": f"the files of run {B} are gone: {gone} does not exist",
                "is_error": True,
                "parts": {"cause": "files-gone", "run_id": B, "where": gone},
            },
        ]
    }


@pytest.mark.parametrize("command", [["verify"], ["reconcile"], ["copy", "--from", "models", "--to", "elsewhere"]])
@pytest.mark.usefixtures("registry")
def test_a_corrupt_summary_is_one_line_and_left_as_it_is(bt: Bt, command: list[str]) -> None:
    Path("models/summary.json").write_text("[{")
    before = on_disk()
    assert refused(bt, *command).startswith("summary.json is not a JSON array of records: ")
    assert on_disk() == before
    assert not Path("elsewhere").exists()


@pytest.mark.usefixtures("registry")
def test_a_folder_that_was_copied_away_is_verified_from_within(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("models").rename("stick")
    monkeypatch.chdir("stick")
    assert ok(bt, "verify", "--registry", "summary.json") == "every record and every file is as it was registered\n"


@pytest.mark.usefixtures("registry")
def test_reconcile_reports_how_many_records_it_merged(bt: Bt) -> None:
    write_entries(entries()[:1])
    assert noted(bt, "reconcile") == "2 records merged\n"
    assert noted(bt, "reconcile") == "nothing was pending\n"
    assert document(bt, "verify") == {"findings": []}


@pytest.mark.usefixtures("source")
def test_a_copy_reports_how_many_models_it_copied_and_how_many_were_there(bt: Bt) -> None:
    assert copy(bt) == "3 models copied, 0 were there already\n"
    assert document(bt, "verify") == {"findings": []}
    assert document(bt, "history", "champion") == document(bt, "history", "champion", "--registry", "source")
    before = on_disk()
    assert copy(bt) == "0 models copied, 3 were there already\n"
    assert on_disk() == before


def test_a_copy_names_the_runs_that_could_not_be_checked(bt: Bt, source: RegistryBackend) -> None:
    Path(str(SEEDS["model_uri"])).mkdir(parents=True)
    Path(str(SEEDS["model_uri"]), "model.joblib").write_bytes(b"their trees")
    summary = Path("source/summary.json")
    summary.write_text(json.dumps([*json.loads(summary.read_bytes()), SEEDS]))
    unverified = "unverified, since their records have no digests: seedseed\n"
    words = ("copy", "--from", "source", "--to", "models", "--allow-unverified")
    assert noted(bt, *words) == f"4 models copied, 0 were there already\n{unverified}"
    assert copy(bt) == f"0 models copied, 4 were there already\n{unverified}"
    assert document(bt, "verify") == {"findings": [as_printed(UNVERIFIED)]}


def test_a_copy_of_changed_files_is_refused_in_one_line_and_goes_on_when_they_are_mended(
    bt: Bt, source: RegistryBackend
) -> None:
    folder = folder_of(source, B)
    kept = Path(folder, "model.bin").read_bytes()
    change(Path(folder))
    words = ("copy", "--from", "source", "--to", "models")
    assert refused(bt, *words) == not_registered(folder)
    assert [entry["run_id"] for entry in document(bt, "list")] == [A]
    Path(folder, "model.bin").write_bytes(kept)
    assert copy(bt) == "2 models copied, 1 were there already\n"


def test_a_copy_over_another_record_of_the_same_run_is_refused_in_one_line(bt: Bt, source: RegistryBackend) -> None:
    write_entries([source.get(A).to_json() | {"r2": 0.99}])
    before = on_disk()
    message = refused(bt, "copy", "--from", "source", "--to", "models")
    assert message == f"the target has another record under the run id {A}"
    assert on_disk() == before


@pytest.mark.usefixtures("registry")
def test_a_registry_copied_onto_itself_copies_nothing(bt: Bt) -> None:
    before = on_disk()
    assert noted(bt, "copy", "--from", "models", "--to", "models/summary.json") == (
        "0 models copied, 3 were there already\n"
    )
    assert on_disk() == before


@pytest.mark.parametrize(
    ("words", "missing"), [([], "--from"), (["--from", "source"], "--to"), (["--to", "models"], "--from")]
)
def test_both_ends_of_a_copy_must_be_named(bt: Bt, words: list[str], missing: str) -> None:
    done = bt("registry", "copy", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith(f"Error: Missing option '{missing}'.\n")


def test_a_copy_ignores_the_backend_of_the_settings(bt: Bt, source: RegistryBackend) -> None:
    Path("bt.toml").write_text('[profiles.dev]\nbackend = "gcs"\n[backends.gcs]\nregistry = "gs://nowhere/models"\n')
    assert copy(bt) == "3 models copied, 0 were there already\n"
