"""Shells complete commands, options and the values that are cheap to know; nothing fails into the prompt."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete

from bike_traffic.cli.main import main
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.conftest import Bt
from tests.test_registry import make_record, register


class _Completion(BashComplete):
    @staticmethod
    def _check_version() -> None:
        """Need no bash: only what it would be told is looked at."""


def offered(words: str) -> list[str]:
    """Return what is offered for the last word; a file is ``FILE``."""
    *before, incomplete = words.split(" ")
    items = _Completion(main, {}, "bt", "_BT_COMPLETE").get_completions(before[1:], incomplete)
    return ["FILE" if item.type in ("file", "dir") else str(item.value) for item in items]


@pytest.fixture
def registry() -> None:
    registry = LocalRegistry("models/summary.json")
    for run_id in ("aaaa1111", "bbbb2222"):
        register(registry, make_record(run_id))
    registry.promote("aaaa1111", "champion", actor="ana@desk")


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("bt tra", ["train"]),
        ("bt registry com", ["compare"]),
        ("bt train -m rf", ["rf", "rf_class"]),
        ("bt predict -m n", ["nn"]),
        ("bt registry best --metric r", ["r2", "rmse", "rmsle", "recall", "roc_auc"]),
        ("bt train --backend ", ["local", "gcs", "s3", "web", "mlflow"]),
        ("bt train --env ", ["dev", "prod"]),
        ("bt predict --run-id ", ["bbbb2222", "aaaa1111"]),
        ("bt predict --alias ", ["champion"]),
        ("bt registry show ", ["champion", "bbbb2222", "aaaa1111"]),
        ("bt registry show --registry gs://bucket/models/summary.json ", []),
        ("bt registry show --registry gone/summary.json ", []),
        ("bt predict ", ["FILE"]),
        ("bt predict counts.csv -o ", ["FILE"]),
        ("bt train --data ", ["FILE"]),
        ("bt registry pull aaaa ", ["FILE"]),
        ("bt completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_values_are_offered(words: str, names: list[str]) -> None:
    assert offered(words) == names


def test_what_cannot_be_read_offers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("models").mkdir()
    Path("models/summary.json").write_text("broken", encoding="utf-8")
    assert offered("bt registry show ") == []
    Path("bt.toml").write_text("nonsense = 3", encoding="utf-8")
    assert offered("bt train -m ") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_calls_bt(bt: Bt, shell: str) -> None:
    done = bt("completion", shell)
    assert done.exit_code == 0
    assert f"_BT_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_with_the_script(bt: Bt) -> None:
    scripts = Path(sys.executable).parent
    script = bt("completion", "bash").stdout
    script += '\nCOMP_WORDS=(bt trai) COMP_CWORD=1; _bt_completion bt; echo "${COMPREPLY[@]}"'
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == ("train\n", "")


def test_every_option_that_takes_a_file_or_a_name_offers_something() -> None:
    """An option with these words for its value has a completion of its own."""

    def options(command: click.Command, path: str) -> list[str]:
        context = click.Context(command)
        if isinstance(command, click.Group):
            inner = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
            return [one for name, found in inner if found for one in options(found, f"{path} {name}")]
        return [
            f"{path} {parameter.name}"
            for parameter in command.params
            if parameter.metavar in ("FILE", "COUNTS", "OUTPUT", "INPUT", "RUN_ID|ALIAS")
            and not parameter.shell_complete(context, "")
            and "RUN_ID" not in str(parameter.metavar)
        ]

    assert options(main, "bt") == []
