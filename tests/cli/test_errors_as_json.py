"""Under `--format json` a command prints one document, whether it succeeds or fails, and the error keeps its id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bike_traffic.errors import MergePending
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.cli.test_main import COMMAND
from tests.conftest import Bt
from tests.test_manager import install_distribution
from tests.test_registry import local_registry, make_record, register

TINY = ("--set", "n_estimators=2")
METRICS = [
    "accuracy",
    "f1_score",
    "interval_score",
    "mae",
    "precision",
    "r2",
    "recall",
    "rmse",
    "rmsle",
    "roc_auc",
    "skill",
    "wape",
]
PIPELINES = ["ahead", "nn", "rf", "rf_class"]
TRAIN = ["train", "-m", "rf", *TINY, "--data", "counts.csv"]


@pytest.fixture
def registered() -> None:
    """Fill ``models`` with one run, ``aaaa1111``, whose files are not those of a model."""
    register(local_registry(), make_record("aaaa1111"))


@pytest.mark.usefixtures("registered", "small_file")
@pytest.mark.parametrize(
    ("words", "id_", "parts"),
    [
        (["train", "-m", "rff"], "unknown-pipeline", {"name": "rff", "known": PIPELINES}),
        ([*TRAIN, "--set", "novalue"], "parameter-without-key", {"word": "novalue"}),
        ([*TRAIN, "--holdout", "banana"], "span-malformed", {"text": "banana"}),
        ([*TRAIN[:-1], "nope.csv"], "file-not-found", {"uri": "nope.csv"}),
        (["backtest", "-m", "rf", "--horizon", "0d"], "span-malformed", {"text": "0d"}),
        (["evaluate", "--run-id", "zz", "counts.csv"], "run-id-unknown", {"run_id": "zz"}),
        (["evaluate", "--alias", "best", "counts.csv"], "alias-unknown", {"name": "best", "known": []}),
        (["registry", "best", "--metric", "r3"], "unknown-metric", {"name": "r3", "known": METRICS}),
        (["registry", "best", "--metric", "r2", "--as-of", "then"], "as-of-malformed", {"as_of": "then"}),
        (["registry", "show", "zz"], "run-id-unknown", {"run_id": "zz"}),
        (["registry", "history", "best"], "alias-unknown", {"name": "best", "known": []}),
        (["registry", "verify", "--registry", "gone"], "no-registry", {"where": "local registry gone"}),
        (["data", "check", "nope.csv"], "file-not-found", {"uri": "nope.csv"}),
        (["plugins", "check", "local"], "backend-not-checked-here", {"name": "local"}),
        (["plugins", "check", "rff"], "unknown-pipeline", {"name": "rff", "known": PIPELINES}),
        (
            ["--config", "gone.toml", "models"],
            "settings-unreadable",
            {"path": "gone.toml", "reason": "No such file or directory"},
        ),
        (
            ["--config", "gone.toml", "config"],
            "settings-unreadable",
            {"path": "gone.toml", "reason": "No such file or directory"},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_the_one_document_and_the_one_line(
    bt: Bt, words: list[str], id_: str, parts: dict[str, Any]
) -> None:
    as_table = bt(*words)
    assert (as_table.exit_code, as_table.stdout) == (1, "")
    message = as_table.stderr.removeprefix("Error: ").rstrip("\n")
    done = bt(*words, "--format", "json")
    assert (done.exit_code, done.stderr) == (1, as_table.stderr)
    assert json.loads(done.stdout) == {"error": {"id": id_, "message": message, "parts": parts}}


@pytest.mark.parametrize(
    "words",
    [
        ["no-such", "--format", "json"],
        ["registry", "best", "--format", "json"],
        ["registry", "list", "--format", "json", "--env", "test"],
        ["evaluate", "counts.csv", "--format", "json"],
        ["train", "--format", "json", "--seed", "-1"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_no_document(bt: Bt, words: list[str]) -> None:
    done = bt(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: main ")


def test_a_pending_merge_prints_the_records_and_then_only_the_line(
    bt: Bt, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def append(registry: LocalRegistry, record: ModelRecord) -> None:
        raise MergePending(f"run {record.run_id} is not merged yet", "not-merged", run_id=record.run_id)

    monkeypatch.setattr(LocalRegistry, "append", append)
    done = bt("train", "-m", "rf", *TINY, "--data", small_file, "--format", "json")
    (entry,) = json.loads(done.stdout)
    assert done.exit_code == 3
    assert done.stderr.splitlines()[1:] == [f"Error: run {entry['run_id']} is not merged yet"]


def failing(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Install the command ``fails``, which has ``--format`` and then runs `body`."""
    source = COMMAND.replace("@click.command()\n", '@click.command()\n@format_option("table", "json")\n')
    source = source.replace("def command(name)", "def command(name, output_format)").format(body=body)
    head = "import datetime, pathlib\nimport numpy as np\nfrom bike_traffic.cli.output import print_json\n"
    install_distribution(
        monkeypatch,
        folder,
        "fails-dist",
        f"{head}from bike_traffic.cli.session import format_option\n{source}",
        group="bike_traffic.commands",
        entry_point="fails",
        attribute=":command",
    )


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("pathlib.Path('a/b')", "a/b"),
        ("np.int64(3)", 3),
        ("np.float64(0.5)", 0.5),
        ("float('nan')", None),
        ("np.bool_(True)", True),
        ("np.array([1.5, np.inf])", [1.5, None]),
        ("{'b', 'a'}", ["a", "b"]),
        ("('a', 1)", ["a", 1]),
        ("{3: {'x': None}}", {"3": {"x": None}}),
        ("datetime.date(2026, 6, 1)", "2026-06-01"),
        ("ValueError('why')", "why"),
    ],
)
def test_the_parts_are_json_whatever_an_author_puts_into_them(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, printed: object
) -> None:
    failing(monkeypatch, tmp_path / "site", f'raise RegistryError("no", "my-id", part={value})')
    done = bt("fails", "--format", "json")
    assert (done.exit_code, done.stderr) == (1, "Error: no\n")
    assert json.loads(done.stdout, parse_constant=pytest.fail) == {
        "error": {"id": "my-id", "message": "no", "parts": {"part": printed}}
    }


def test_an_error_after_the_result_is_only_a_line(bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing(monkeypatch, tmp_path / "site", 'print_json([1]); raise RegistryError("no", "my-id")')
    done = bt("fails", "--format", "json")
    assert (done.exit_code, json.loads(done.stdout), done.stderr) == (1, [1], "Error: no\n")
    assert (bt("fails").exit_code, bt("fails").stderr) == (1, "Error: no\n")


def test_an_error_of_the_operating_system_has_the_file_and_the_reason(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing(monkeypatch, tmp_path / "site", "open('gone/file.txt')")
    done = bt("fails", "--format", "json")
    reason = "No such file or directory"
    assert (done.exit_code, done.stderr) == (1, f"Error: gone/file.txt: {reason}\n")
    error = {
        "id": "operating-system",
        "message": f"gone/file.txt: {reason}",
        "parts": {"path": "gone/file.txt", "reason": reason},
    }
    assert json.loads(done.stdout) == {"error": error}
