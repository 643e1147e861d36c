"""The command `bt` itself: its help, third parties' commands, and how errors reach people."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bike_traffic.cli.main import COMMANDS, main
from tests.conftest import HERE, Bt
from tests.test_manager import install_distribution


def walk(command: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    """Give the words that call a command and each command below it."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, *words, name)


EVERY_COMMAND = list(walk(main))

PROMISED = {
    *("train", "predict", "evaluate", "backtest", "registry", "data", "models", "plugins", "config"),
    *("registry best", "registry list", "registry show", "registry pull"),
    *("data sample", "data check", "plugins list", "plugins new"),
}


def test_every_promised_command_is_there() -> None:
    assert {" ".join(words) for words in EVERY_COMMAND} >= PROMISED


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=lambda words: " ".join(["bt", *words]))
def test_every_command_explains_itself_with_an_example_of_itself(bt: Bt, words: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        done = bt(*words, flag)
        assert (done.exit_code, done.stderr) == (0, "")
        assert f"  Example: {' '.join(['bt', *words])} " in done.stdout.replace("\n", " \n")
        assert done.stdout.splitlines()[2].strip()  # the summary is below the usage


def test_the_help_lists_every_command_with_its_summary(bt: Bt) -> None:
    listed = bt("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    found = [tuple(line.split(None, 1)) for line in listed.splitlines()]
    assert found == [(name, summary) for name, (_, summary) in COMMANDS.items()]


def test_the_version_is_the_distributions(bt: Bt) -> None:
    assert bt("--version").stdout == f"bt, version {importlib.metadata.version('bike-traffic')}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no-such"], "Error: No such command 'no-such'."),
        (["registry", "no-such"], "Error: No such command 'no-such'."),
        (["--no-such"], "Error: No such option"),
        (["registry", "best"], "Error: Missing option '--metric'."),
        (
            ["registry", "best", "--metric", "r2", "--env", "test"],
            "Error: Invalid value for '--env': 'test' is not one",
        ),
        (["registry", "list", "--format", "xml"], "Error: Invalid value for '--format': 'xml' is not one of 'table'"),
        (["registry", "show"], "Error: Missing argument 'RUN_ID|ALIAS'."),
        (["registry", "pull", "abc"], "Error: Missing argument 'DIRECTORY'."),
        (["predict", "counts.csv"], "Error: name one model: --model NAME, --run-id ID, or --alias NAME"),
    ],
)
def test_wrong_usage_has_exit_code_2_and_a_message(bt: Bt, words: list[str], message: str) -> None:
    done = bt(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_settings_are_read_from_the_file_that_config_names(bt: Bt) -> None:
    done = bt("--config", "gone.toml", "models")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: gone.toml: No such file or directory; give --config an existing file\n"


COMMAND = """
import click
from bike_traffic.errors import *

@click.command()
@click.option("--name", default="you")
def command(name):
    {body}
"""


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Install a third party's command, two broken ones, and one with a built-in's name."""
    for name, source in {
        "greet": COMMAND.format(body='"Greet."; click.echo(f"hello {name}")'),
        "broken": "import no_such_library",
        "train": COMMAND.format(body='click.echo("not our train")'),
        "no-command": "command = 5",
    }.items():
        install_distribution(
            monkeypatch,
            tmp_path / "site",
            f"{name}-dist",
            source,
            group="bike_traffic.commands",
            entry_point=name,
            attribute=":command",
        )


@pytest.mark.usefixtures("install")
def test_a_third_partys_command_is_listed_with_where_it_is_from_and_runs(bt: Bt) -> None:
    listed = [line.split(None, 1) for line in bt("--help").stdout.splitlines() if "(from " in line]
    assert listed == [
        ["broken", "(from broken-dist)"],
        ["greet", "(from greet-dist)"],
        ["no-command", "(from no-command-dist)"],
        ["train-dist:train", "(from train-dist)"],
    ]
    done = bt("greet", "--name", "world")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "hello world\n", "")


@pytest.mark.usefixtures("install")
def test_a_built_in_command_keeps_its_name(bt: Bt) -> None:
    assert "Example: bt train" in bt("train", "--help").stdout
    assert bt("train-dist:train").stdout == "not our train\n"


@pytest.mark.usefixtures("install")
def test_a_command_of_two_third_parties_is_called_by_its_distributions_name(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_distribution(
        monkeypatch,
        tmp_path / "site",
        "hello-dist",
        COMMAND.format(body='click.echo(f"good day {name}")'),
        group="bike_traffic.commands",
        entry_point="greet",
        attribute=":command",
    )
    done = bt("greet")
    line = "Error: command 'greet' is declared more than once; use greet-dist:greet or hello-dist:greet\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", line)
    assert bt("greet-dist:greet").stdout == "hello you\n"
    assert bt("hello-dist:greet").stdout == "good day you\n"
    listed = [line.split()[0] for line in bt("--help").stdout.splitlines() if "greet" in line]
    assert listed == ["greet-dist:greet", "hello-dist:greet"]


def test_what_a_command_prints_while_it_is_imported_is_none_of_its_output(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_distribution(
        monkeypatch,
        tmp_path / "site",
        "chatty-dist",
        "print('welcome')\n" + COMMAND.format(body='click.echo("[]")'),
        group="bike_traffic.commands",
        entry_point="chatty",
        attribute=":command",
    )
    done = bt("chatty")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "[]\n", "welcome\n")


@pytest.mark.usefixtures("install")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "broken",
            "command 'broken' of broken-dist cannot be imported: "
            "ModuleNotFoundError: No module named 'no_such_library'",
        ),
        ("no-command", "command 'no-command' of no-command-dist is not a click command"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--help"]])
def test_a_broken_third_party_command_gives_one_line_and_hurts_only_itself(
    bt: Bt, name: str, message: str, more: list[str]
) -> None:
    done = bt(name, *more)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")
    assert bt("--help").exit_code == 0
    assert bt("greet").stdout == "hello you\n"


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        ('SettingsError("two\\n   lines")', 1, "Error: two lines"),
        ('UnknownPipeline("rff", ["rf"])', 1, "Error: no pipeline 'rff'; there are rf (did you mean 'rf'?)"),
        ('MergePending("durable, not merged")', 3, "Error: durable, not merged"),
        ('RegistryUnavailable("models: Not a directory")', 1, "Error: models: Not a directory"),
    ],
)
def test_an_expected_error_is_one_line_with_its_own_exit_code(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raised: str, code: int, line: str
) -> None:
    source = COMMAND.format(body=f"raise {raised}")
    install_distribution(
        monkeypatch,
        tmp_path / "site",
        "fails-dist",
        source,
        group="bike_traffic.commands",
        entry_point="fails",
        attribute=":command",
    )
    done = bt("fails")
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", f"{line}\n")


def test_a_fault_of_the_program_keeps_its_traceback(bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_distribution(
        monkeypatch,
        tmp_path / "site",
        "bug-dist",
        COMMAND.format(body="1 / 0"),
        group="bike_traffic.commands",
        entry_point="bug",
        attribute=":command",
    )
    assert isinstance(bt("bug").exception, ZeroDivisionError)


def test_a_broken_plugin_is_reported_on_stderr_and_the_command_continues(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_distribution(monkeypatch, tmp_path / "site", "broken-dist", "import no_such_library")
    line = "plugin broken-dist 1.0 (main) failed at import: ModuleNotFoundError: No module named 'no_such_library'"
    done = bt("registry", "list")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{line} (see bt plugins)\nno records yet; `bt train` makes the first {HERE}\n"
    whole = bt("plugins").stdout
    assert f"\n{line}\nTraceback (most recent call last):\n" in whole
    monkeypatch.setenv("BT_STRICT_PLUGINS", "1")
    done = bt("registry", "list")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {line}\n")
    monkeypatch.setenv("BT_PLUGINS", "")
    assert bt("registry", "list").stderr == f"no records yet; `bt train` makes the first {HERE}\n"
