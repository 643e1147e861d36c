"""The table of settings is the source of the flags, and of what `bt config` lists."""

from __future__ import annotations

import json

import click
import pytest

from bike_traffic.cli.main import main
from bike_traffic.config import SETTINGS
from tests.cli.test_main import EVERY_COMMAND
from tests.conftest import Bt

WITH_FLAG = [name for name, setting in SETTINGS.items() if setting.metavar is not None or setting.choices]

ON_A_REGISTRY = {
    *("app", "train", "tune", "predict", "forecast", "evaluate", "config"),
    *(
        f"registry {name}"
        for name in (
            "best",
            "compare",
            "list",
            "show",
            "pull",
            "promote",
            "rollback",
            "history",
            "withdraw",
            "restore",
            "sign",
        )
    ),
    *("registry verify", "registry reconcile", "doctor"),
}
COUNTS = {"train", "tune", "backtest", "evaluate", "forecast", "registry best", "data clean"}
USERS = {
    "env": {*ON_A_REGISTRY, "mlflow", "mlflow migrate"},
    "backend": ON_A_REGISTRY,
    "registry": ON_A_REGISTRY,
    "data": {"app", "train", "tune", "backtest"},
    "weather": {"app", "train", "tune", "backtest", "forecast", "evaluate", "predict"},
    "city": {*COUNTS, "app", "predict", "data check", "data fetch", "data weather"},
    "max_left_out": {*COUNTS, "predict", "data check"},
    "keep_doubtful": COUNTS,
    "track": {"train", "tune"},
    "public_key": {"registry verify"},
}
"""The commands that use a setting which has a flag."""


def command_of(words: tuple[str, ...]) -> click.Command:
    command: click.Command | None = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    return command


def flags_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by flag: ``track`` for ``--track/--no-track``."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    return {flag.removeprefix("--"): option for option in options for flag in option.opts if flag.startswith("--")}


FLAGS = {" ".join(words): flags_of(command_of(words)) for words in EVERY_COMMAND}


def test_every_setting_with_a_flag_is_used_by_a_command() -> None:
    assert list(USERS) == WITH_FLAG


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_has_its_flag_in_the_commands_that_use_it_and_in_no_other(name: str) -> None:
    flag = name.replace("_", "-")
    assert {command for command, flags in FLAGS.items() if flag in flags} == USERS.get(name, set())


@pytest.mark.parametrize("name", WITH_FLAG)
def test_the_flag_is_as_the_table_describes_it(name: str) -> None:
    setting, flag = SETTINGS[name], name.replace("_", "-")
    for command in USERS[name]:
        option = FLAGS[command][flag]
        assert (option.name, option.help, option.to_info_dict()["default"]) == (name, setting.help, None)
        if setting.kind == "switch":
            assert option.secondary_opts == [f"--no-{flag}"]
        elif setting.choices:
            assert isinstance(option.type, click.Choice)
            assert tuple(option.type.choices) == setting.choices
        else:
            assert option.metavar == setting.metavar


def test_config_lists_every_setting_with_its_source(bt: Bt) -> None:
    document = json.loads(bt("config", "--format", "json").stdout)
    assert list(document) == list(SETTINGS)
    assert all(list(entry) == ["value", "source"] for entry in document.values())
    _, _, *rows = bt("config").stdout.splitlines()
    assert [row.split()[0] for row in rows] == list(SETTINGS)
