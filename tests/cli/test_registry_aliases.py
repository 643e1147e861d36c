"""`bt registry promote`, `rollback`, `history`, and `--alias` where a model is named: what a user sees."""

from __future__ import annotations

import getpass
import json
import os
import socket
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bike_traffic.registry.backend import RegistryBackend
from tests.cli.test_registry import document, ok, refused, table
from tests.conftest import HERE, Bt
from tests.test_registry import local_registry, make_record, register

A, B = "aaaa1111-and-more", "bbbb2222-and-more"


@pytest.fixture
def registry() -> RegistryBackend:
    """Fill ``models/`` with two runs."""
    registry = local_registry()
    for run_id in (A, B):
        register(registry, make_record(run_id))
    return registry


def noted(bt: Bt, *words: str | Path) -> str:
    """Run a command that must succeed and print nothing, and return its note."""
    done = bt("registry", *words)
    assert (done.exit_code, done.stdout) == (0, "")
    return done.stderr


@pytest.mark.usefixtures("registry")
def test_promotions_and_rollbacks_print_one_note_and_keep_actor_and_reason(bt: Bt) -> None:
    assert noted(bt, "promote", "aaaa", "champion", "--reason", "beats « nn »") == "champion is now run aaaa1111\n"
    assert noted(bt, "promote", B, "champion") == "champion is now run bbbb2222\n"
    assert noted(bt, "rollback", "champion", "--reason", "worse") == "champion is run aaaa1111 again\n"
    history = document(bt, "history", "champion")
    actor = f"{getpass.getuser()}@{socket.gethostname()}"
    assert [(one["run_id"], one["kind"], one["actor"], one["reason"]) for one in history] == [
        (A, "promote", actor, "beats « nn »"),
        (B, "promote", actor, ""),
        (A, "rollback", actor, "worse"),
    ]
    assert history == json.loads(Path("models/aliases.json").read_bytes())
    assert table(ok(bt, "history", "champion")) == [
        ["time (UTC)", "change", "run", "by", "reason"],
        [history[0]["timestamp"][:16], "promote", "aaaa1111", actor, "beats « nn »"],
        [history[1]["timestamp"][:16], "promote", "bbbb2222", actor],
        [history[2]["timestamp"][:16], "rollback", "aaaa1111", actor, "worse"],
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["promote", "zz", "champion"],
            f"no record with run id 'zz'; `bt registry list` shows those there are {HERE}",
        ),
        (
            ["promote", "aaaa", "../champion"],
            "'../champion' cannot be an alias; it takes letters, digits, '.', '_' and '-'",
        ),
        (["rollback", "champion"], "alias 'champion' has no earlier run to go back to"),
        (
            ["history", "champoin"],
            f"no alias 'champoin'; there are champion, nightly (did you mean 'champion'?) {HERE}",
        ),
        (
            ["history", "champion", "--registry", "empty"],
            "no alias 'champion'; there are none [local registry empty]",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    bt: Bt, registry: RegistryBackend, words: list[str], message: str
) -> None:
    for alias in ("champion", "nightly"):
        registry.promote(A, alias, actor="ana@desk")
    Path("empty").mkdir()
    Path("empty/summary.json").write_text("[]")
    before = registry.events()
    assert refused(bt, *words) == message
    assert registry.events() == before


def test_a_promotion_of_changed_files_is_refused(bt: Bt, registry: RegistryBackend) -> None:
    folder = registry.get(A).model_uri.rstrip("/")
    Path(folder, "model.bin").write_bytes(b"TREES")
    message = refused(bt, "promote", "aaaa", "champion")
    assert message == (
        f"{folder}: model.bin is not the file that was registered (its SHA-256 differs); nothing was loaded"
    )
    assert not Path("models/aliases.json").exists()


@pytest.mark.parametrize("words", [["promote", "aaaa"], ["promote"], ["rollback"], ["history"]], ids=" ".join)
def test_what_is_left_out_is_a_wrong_usage(bt: Bt, words: list[str]) -> None:
    done = bt("registry", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Error: Missing argument " in done.stderr


@pytest.mark.usefixtures("registry")
def test_aliases_belong_to_the_registry_that_is_named(bt: Bt) -> None:
    Path("models").rename("moved")
    noted(bt, "promote", "aaaa", "champion", "--registry", "moved/summary.json")
    assert [one["run_id"] for one in document(bt, "history", "champion", "--registry", "moved")] == [A]
    assert not Path("models").exists()


@pytest.mark.usefixtures("registry")
def test_a_user_without_a_name_promotes_as_well(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run under an id that no password file knows."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_123_456_789)
    assert noted(bt, "promote", "aaaa", "champion") == "champion is now run aaaa1111\n"


# --- --alias


@pytest.fixture
def trained(bt: Bt, small_file: Path) -> list[str]:
    """Train two forests, the second the better one, and return their run ids."""
    for trees in ("1", "3"):
        bt("train", "-m", "rf", "--set", f"n_estimators={trees}", "--data", small_file)
    return [entry["run_id"] for entry in document(bt, "list")]


def evaluated(bt: Bt, source: Path, *words: str) -> Any:
    return json.loads(bt("evaluate", source, *words, "--format", "json").stdout)


def test_an_alias_names_the_model_that_predicts_and_is_evaluated(
    bt: Bt, trained: list[str], small_file: Path, small_counts: pd.DataFrame
) -> None:
    first, second = trained
    assert evaluated(bt, small_file, "--model", "rf")["run_id"] == second
    for run_id in (first, second):
        noted(bt, "promote", run_id, "champion")
        assert evaluated(bt, small_file, "--alias", "champion") == evaluated(bt, small_file, "--run-id", run_id)
    noted(bt, "rollback", "champion")
    done = bt("predict", "--alias", "champion", small_file, "-o", "out.csv")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"rf of run {first[:8]}: {len(small_counts):,} rows predicted into out.csv\n"
    bt("predict", "--run-id", first, small_file, "-o", "expected.csv")
    assert Path("out.csv").read_bytes() == Path("expected.csv").read_bytes()


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_an_unknown_alias_is_one_line(bt: Bt, registry: RegistryBackend, small_file: Path, command: str) -> None:
    registry.promote(A, "champion", actor="ana@desk")
    done = bt(command, "--alias", "champoin", small_file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: no alias 'champoin'; there are champion (did you mean 'champion'?) {HERE}\n"


WAYS = {"--model": "rf", "--run-id": "aaaa", "--alias": "champion"}


@pytest.mark.parametrize(
    "named",
    [[], ["--model", "--alias"], ["--run-id", "--alias"], ["--model", "--run-id"], [*WAYS]],
    ids=lambda named: " ".join(named) or "none",
)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_model_is_named_in_one_way_only(bt: Bt, command: str, named: list[str]) -> None:
    done = bt(command, *(word for way in named for word in (way, WAYS[way])), "counts.csv")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith("Error: name one model: --model NAME, --run-id ID, or --alias NAME\n")


def test_show_and_pull_take_an_alias_and_show_what_it_stood_for_at_a_time(bt: Bt, registry: RegistryBackend) -> None:
    first = registry.promote(A, "champion", actor="a")
    registry.promote(B, "champion", actor="a")
    now = json.loads(bt("registry", "show", "champion", "--format", "json").stdout)
    then = json.loads(bt("registry", "show", "champion", "--as-of", first.timestamp, "--format", "json").stdout)
    assert (now["run_id"], then["run_id"]) == (B, A)
    assert noted(bt, "pull", "champion", "pulled") == "rf of run bbbb2222: files in pulled\n"


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("alias", ["a", "aaaa1111", A, "bbbb"])
def test_no_alias_is_called_like_the_first_letters_of_a_run(bt: Bt, alias: str) -> None:
    message = f"'{alias}' cannot be an alias, since it begins the id of a run, which it would hide"
    assert refused(bt, "promote", B, alias) == message
    assert not Path("models/aliases.json").exists()


def test_an_alias_hides_no_run_that_came_later_and_can_still_be_moved(bt: Bt, registry: RegistryBackend) -> None:
    noted(bt, "promote", A, "cafe")
    register(registry, make_record("cafe2222"))
    message = (
        "'cafe' is an alias, and also begins run id cafe2222; write more letters of the id, or that of the alias, "
        "which `bt registry history cafe` shows"
    )
    for words in (["show", "cafe"], ["pull", "cafe", "pulled"], ["compare", "cafe", A]):
        assert refused(bt, *words) == message
    assert document(bt, "show", "cafe22")["run_id"] == "cafe2222"
    assert document(bt, "show", "cafe", "--as-of", "2100-01-01T00:00Z")["run_id"] == A
    assert noted(bt, "promote", "cafe2222", "cafe") == "cafe is now run cafe2222\n"
    assert document(bt, "show", "cafe")["run_id"] == "cafe2222"
    register(registry, make_record("cafe3333"))
    assert "also begins several run ids" in refused(bt, "show", "cafe")


def test_a_whole_run_id_is_that_run_whatever_is_called_like_it(bt: Bt, registry: RegistryBackend) -> None:
    noted(bt, "promote", A, "cafe")
    register(registry, make_record("cafe"))
    assert document(bt, "show", "cafe")["run_id"] == "cafe"
