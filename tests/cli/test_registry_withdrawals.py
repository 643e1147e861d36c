"""`bt registry withdraw` and `restore`, and withdrawn runs in the other commands: what a user sees."""

from __future__ import annotations

import getpass
import json
import socket
from pathlib import Path

import pytest

from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.record_parts import DataInfo, SplitInfo
from bike_traffic.registry.records import utc_now
from tests.cli.test_registry import document, ok, refused, table
from tests.cli.test_registry_aliases import A, B, noted
from tests.conftest import HERE, Bt
from tests.test_registry import local_registry, make_record, register

ACTOR = f"{getpass.getuser()}@{socket.gethostname()}"


@pytest.fixture
def registry() -> RegistryBackend:
    """Fill ``models/`` with two runs, the second the better one."""
    registry = local_registry()
    register(registry, make_record(A))
    register(registry, make_record(B, metrics={"r2": 0.9, "rmse": 30.0}))
    return registry


def origin(registry: RegistryBackend, run_id: str = B) -> str:
    """Return what messages say about a withdrawal."""
    return f"by {ACTOR} at {registry.withdrawn()[run_id].timestamp[:16]} UTC: broken counts"


def test_a_withdrawal_and_its_end_are_one_note_each_and_change_the_best(bt: Bt, registry: RegistryBackend) -> None:
    assert noted(bt, "withdraw", "bbbb", "--reason", "broken counts") == "run bbbb2222 is withdrawn\n"
    assert registry.withdrawn()[B].actor == ACTOR
    assert document(bt, "best", "--metric", "rmse")["run_id"] == A
    assert noted(bt, "restore", "bbbb", "--reason", "it was another file") == "run bbbb2222 is no longer withdrawn\n"
    assert document(bt, "best", "--metric", "rmse")["run_id"] == B
    assert [(one.kind, one.reason) for one in registry.events()] == [
        ("withdraw", "broken counts"),
        ("restore", "it was another file"),
    ]


def test_an_alias_of_the_run_is_named_and_refused(bt: Bt, registry: RegistryBackend) -> None:
    for run_id in (A, B):
        registry.promote(run_id, "champion", actor="ana@desk")
    assert noted(bt, "withdraw", B, "--reason", "broken counts").splitlines() == [
        "run bbbb2222 is withdrawn",
        "alias 'champion' points to it and is refused; `bt registry rollback champion` goes back",
    ]
    message = (
        f"alias 'champion' points to run bbbb2222, which was withdrawn {origin(registry)}; `bt registry rollback "
        "champion` goes back, `bt registry restore bbbb2222` takes the run back"
    )
    assert refused(bt, "show", "champion") == message
    Path("counts.csv").touch()
    done = bt("predict", "--alias", "champion", "counts.csv")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")
    assert noted(bt, "rollback", "champion") == "champion is run aaaa1111 again\n"
    assert document(bt, "show", "champion")["run_id"] == A


def test_list_and_show_mark_a_withdrawn_run(bt: Bt, registry: RegistryBackend) -> None:
    before = utc_now()
    event = registry.withdraw(B, actor="ana@desk", reason="broken counts")
    added = {"timestamp": event.timestamp, "actor": "ana@desk", "reason": "broken counts"}
    whole = registry.get(B).to_json() | {"withdrawn": added}
    assert document(bt, "list") == [registry.get(A).to_json(), whole]
    assert document(bt, "show", "bbbb") == whole
    rows = {row[0]: row[-1] for row in table(ok(bt, "list"))}
    assert [row[3] for row in table(ok(bt, "list"))[1:]] == ["2026-03-01T12:00", "withdrawn"]
    assert list(rows) == ["run", "aaaa1111", "bbbb2222"]
    rows = {row[0]: row[-1] for row in table(ok(bt, "show", "bbbb"))}
    assert rows["withdrawn.reason"] == "broken counts"
    registry.promote(A, "champion", actor="ana@desk")
    registry.withdraw(A, actor="ana@desk", reason="x")
    registry.restore(A, actor="ana@desk")
    assert "withdrawn" not in document(bt, "show", "champion")
    assert document(bt, "best", "--metric", "rmse", "--as-of", before)["run_id"] == B
    assert json.loads(Path("models/summary.json").read_bytes())[1] == registry.get(B).to_json()


def test_the_marks_of_a_record_say_why_it_is_not_the_best(bt: Bt, clean_place: Path) -> None:
    registry = local_registry()
    records = [
        make_record("sampled1", data=DataInfo(source="sample")),
        make_record("random12", split=SplitInfo(kind="random")),
        make_record("behind12", beats_baseline=False),
        make_record("test1234", test_mode=True, beats_baseline=False),
        make_record("good1234", beats_baseline=True, data=DataInfo(source="counts.csv")),
    ]
    for record in records:
        registry.append(record)
    assert [row[3] for row in table(ok(bt, "list"))[1:]] == [
        "sample",
        "random split",
        "behind mean",
        "test, behind mean",
        "2026-03-01T12:00",
    ]
    assert table(ok(bt, "best", "--metric", "rmse"))[1][3] == "behind mean"
    assert document(bt, "best", "--metric", "rmse", "--sample")["run_id"] == "sampled1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["withdraw", "bbbb", "--reason", "x"], "run bbbb2222 is withdrawn already, {origin}"),
        (["withdraw", "aaaa", "--reason", " "], "a withdrawal needs a reason"),
        (
            ["withdraw", "zz", "--reason", "x"],
            f"no record with run id 'zz'; `bt registry list` shows those there are {HERE}",
        ),
        (["restore", "aaaa"], "run aaaa1111 is not withdrawn"),
        (
            ["promote", "bbbb", "champion"],
            "run bbbb2222 was withdrawn {origin}; `bt registry restore bbbb2222` takes it back",
        ),
        (
            ["best", "--metric", "rmse", "--model", "rf", "--env", "prod"],
            f"no record with rmse for model rf, env prod {HERE}",
        ),
        (
            ["best", "--metric", "rmse", "--as-of", "2026-02-01T00:00Z"],
            f"no record with rmse for as of 2026-02-01T00:00:00+00:00 {HERE}",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    bt: Bt, registry: RegistryBackend, words: list[str], message: str
) -> None:
    noted(bt, "withdraw", B, "--reason", "broken counts")
    before = registry.events()
    assert refused(bt, *words) == message.replace("{origin}", origin(registry))
    assert registry.events() == before


def test_a_withdrawal_without_a_reason_is_a_wrong_usage(bt: Bt) -> None:
    done = bt("registry", "withdraw", "aaaa")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith("Error: Missing option '--reason'.\n")


def test_a_withdrawn_run_is_pulled_with_a_note(bt: Bt, registry: RegistryBackend) -> None:
    registry.withdraw(B, actor=ACTOR, reason="broken counts")
    assert noted(bt, "pull", "bbbb", "pulled").splitlines() == [
        f"run bbbb2222 was withdrawn {origin(registry)}",
        "rf of run bbbb2222: files in pulled",
    ]


def test_a_withdrawn_run_predicts_if_it_is_named_with_a_note_and_is_not_searched(bt: Bt, small_file: Path) -> None:
    bt("train", "-m", "rf", "--set", "n_estimators=1", "--data", small_file)
    (entry,) = document(bt, "list")
    run_id = entry["run_id"]
    noted(bt, "withdraw", run_id, "--reason", "broken counts")
    done = bt("predict", "--run-id", run_id, small_file, "-o", "out.csv")
    assert done.exit_code == 0
    first, second = done.stderr.splitlines()
    assert first == f"run {run_id[:8]} was withdrawn {origin(local_registry(), run_id)}"
    assert second.startswith(f"rf of run {run_id[:8]}: ")
    done = bt("evaluate", "--model", "rf", small_file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: no record with rmse for model rf; left out: 1 withdrawn (`bt registry restore` takes them back) "
        f"{HERE}\n"
    )


# --- records that were measured on different rows


def test_best_notes_where_the_records_were_measured_on_different_rows(bt: Bt, clean_place: Path) -> None:
    registry = local_registry()
    july, august = (f"2021-{month:02}-12T23:00:00+02:00" for month in (7, 8))
    month = SplitInfo(training_until=july, measured_until=august, held_out_rows=34_000, held_out_digest="ab")
    day = SplitInfo(training_until=august, held_out_rows=480)
    registry.append(make_record("whole1", split=month))
    registry.append(make_record("whole2", model_type="nn", split=month, metrics={"rmse": 44.0}))
    assert bt("registry", "best", "--metric", "rmse").stderr == ""
    registry.append(make_record("short", split=day, metrics={"rmse": 25.0}))
    for output in ("table", "json", "uri"):
        done = bt("registry", "best", "--metric", "rmse", "--format", output)
        assert (done.exit_code, done.stderr.splitlines()) == (
            0,
            [
                "the records were measured on different rows; their rmse says little about which model is better:",
                "  1 record of rf: 480 rows after 2021-08-12T23:00; best rmse 25.000",
                "  2 records of nn, rf: 34,000 rows after 2021-07-12T23:00 until 2021-08-12T23:00; best rmse 40.000",
                "compare them by --metric skill, or on the same counts by --on COUNTS",
            ],
        )
    assert bt("registry", "best", "--metric", "rmse", "--model", "nn").stderr == ""
    for number in range(4):
        split = SplitInfo(training_until=july, held_out_rows=100 + number)
        registry.append(make_record(f"other{number}", split=split, metrics={"rmse": 26.0 + number}))
    lines = bt("registry", "best", "--metric", "rmse").stderr.splitlines()
    assert (len(lines), lines[-2]) == (8, "  and 1 more")


def test_best_without_a_metric_is_a_wrong_usage(bt: Bt) -> None:
    done = bt("registry", "best")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith("Error: Missing option '--metric'.\n")
