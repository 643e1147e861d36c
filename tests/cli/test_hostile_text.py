"""Text of records, files and plugins cannot command a terminal, and everything printed goes through one door."""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path
from typing import Any

import attrs
import pytest

from bike_traffic.errors import RegistryWarning
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.record_parts import DataInfo, PluginInfo
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.visible import is_visible, visible, visible_json
from tests.cli.test_completion import offered
from tests.conftest import Bt
from tests.test_layers import MODULES, ROOT, module_id
from tests.test_registry import make_record, register

HOSTILE = (
    "\x1b[2J\x1b]52;c;cm0gLXJm\x07\x9b31m\u202egnp.exe\u2066\u2028\x00\x7f\ufeff\u200b\U000e0041\r\nError: forged"
)
GOOD, BAD = "aaaa1111-and-more", "bbbb2222-and-more"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Île-de-France → été, 自転車 🚲", "Île-de-France → été, 自転車 🚲"),
        ("one\u202fthird\xa0!", "one\u202fthird\xa0!"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\u202eb\u2069", r"a\u202eb\u2069"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("one \r\n  two\nthree", "one two three"),
        ("one\rtwo\ttabs", r"one\rtwo\ttabs"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_shown_by_its_escape(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_json_keeps_each_text_and_has_only_visible_characters() -> None:
    document = visible_json(json.dumps({"text": HOSTILE, "lone": "\ud800"}, ensure_ascii=False, indent=2))
    assert json.loads(document) == {"text": HOSTILE, "lone": "\ud800"}
    assert is_clean(document)


def is_clean(text: str) -> bool:
    return all(letter == "\n" or is_visible(letter) for letter in text)


def write_hostile() -> None:
    """Fill ``models`` with a good run, and one whose every text is hostile; entries of both kinds are malformed."""
    registry = LocalRegistry("models/summary.json")
    register(registry, make_record(GOOD))
    bad = make_record(BAD)
    register(
        registry,
        attrs.evolve(
            bad,
            env=HOSTILE,
            test_mode=False,
            parameters={HOSTILE: HOSTILE},
            libraries={"numpy": HOSTILE},
            plugin=PluginInfo(distribution=HOSTILE, version=HOSTILE),
            data=DataInfo(source=f"https://me:secret@h/{HOSTILE}", first_hour=HOSTILE),
            extra={HOSTILE: {HOSTILE: HOSTILE}, "note": HOSTILE},
        ),
    )
    for kind, reason in (("promote", HOSTILE), ("withdraw", HOSTILE)):
        registry.append_event(
            RegistryEvent(
                alias="champion" if kind == "promote" else "",
                run_id=BAD,
                kind=kind,  # type: ignore[arg-type]  # one of the two
                timestamp="2026-01-01T00:00:00+00:00",
                actor=HOSTILE,
                reason=reason,
            )
        )
    path = Path("models/summary.json")
    entries: list[Any] = json.loads(path.read_text(encoding="utf-8"))
    named = HOSTILE.replace("\x00", "")  # with which no file could be named
    foreign = {**make_record("cccc3333").to_json(), "model_uri": f"models/{named}/", "model_type": named}
    malformed = {**foreign, "run_id": "dddd4444", "timestamp": HOSTILE}
    path.write_text(json.dumps([*entries, foreign, malformed], ensure_ascii=False), encoding="utf-8")


COMMANDS = [
    ["registry", "list"],
    ["registry", "list", "--format", "json"],
    ["registry", "show", BAD],
    ["registry", "show", BAD, "--format", "json"],
    ["registry", "show", "cccc3333"],
    ["registry", "compare", GOOD, BAD],
    ["registry", "compare", GOOD, BAD, "--format", "json"],
    ["registry", "best", "--metric", "r2", "--env", "prod"],
    ["registry", "best", "--metric", "r2", "--format", "uri"],
    ["registry", "best", "--metric", "r2", "--model", HOSTILE],
    ["registry", "history", "champion"],
    ["registry", "history", "champion", "--format", "json"],
    ["registry", "promote", BAD, "champion"],
    ["registry", "promote", BAD, HOSTILE],
    ["registry", "rollback", "champion"],
    ["registry", "pull", BAD, "pulled"],
    ["registry", "pull", "cccc3333", "pulled"],
    ["registry", "verify"],
    ["registry", "verify", "--format", "json"],
    ["registry", "copy", "--from", "models", "--to", "copied"],
    ["predict", "--alias", "champion", "counts.csv"],
    ["predict", "--run-id", BAD, "counts.csv"],
    ["predict", "--run-id", BAD, HOSTILE.replace("\x00", "")],
    ["config", "--registry", HOSTILE],
    ["doctor", "--registry", HOSTILE],
    ["models", "--format", "json"],
    ["train", "-m", HOSTILE],
    ["data", "check", HOSTILE.replace("\x00", "")],
    ["data", "check", "counts.csv"],
    ["data", "check", "counts.csv", "--format", "json"],
    ["-v", "data", "check", "counts.csv"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words).replace(HOSTILE, "HOSTILE")[:60])
def test_no_command_prints_what_a_terminal_would_obey(bt: Bt, command: list[str]) -> None:
    write_hostile()
    header = "Identifiant du compteur;Nom du compteur;Comptage horaire;Date et heure de comptage"
    name = HOSTILE.replace("\r\n", " ").replace("\x00", "")
    rows = [f"1;{name};{hour};2026-01-0{day}T{hour:02}:00:00+01:00" for day in (1, 2) for hour in range(24)]
    Path("counts.csv").write_text("\n".join([header, *rows, f"1;{name};many;{name}"]), encoding="utf-8")
    done = bt(*command)
    assert done.stdout or done.stderr
    assert is_clean(done.stdout)
    assert is_clean(done.stderr)
    assert "secret" not in done.stderr
    assert not [line for line in (done.stdout + done.stderr).splitlines() if line == "Error: forged"]
    assert done.exception is None or isinstance(done.exception, SystemExit)
    if "json" in command:
        json.loads(done.stdout)


def test_warnings_of_others_print_no_control_characters(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(self: LocalRegistry) -> list[RegistryEvent]:
        warnings.warn(HOSTILE, RegistryWarning, stacklevel=2)
        warnings.warn(HOSTILE, FutureWarning, stacklevel=2)
        return []

    monkeypatch.setattr(LocalRegistry, "events", warn)
    write_hostile()
    with warnings.catch_warnings(record=True) as others:
        warnings.simplefilter("always")
        done = bt("registry", "list")
    assert is_clean(done.stderr)
    assert len(done.stderr.splitlines()) >= 1
    assert [is_clean(str(one.message)) for one in others if one.category is FutureWarning] == [True]


def test_a_shell_completes_no_name_with_control_characters() -> None:
    register(LocalRegistry("models/summary.json"), make_record(GOOD))
    path = Path("models/summary.json")
    entries = json.loads(path.read_text(encoding="utf-8"))
    kind = HOSTILE.replace("\x00", "")
    strange = [{**entries[0], "run_id": run_id, "model_type": kind} for run_id in ("\x1b]52;c;x\x07", BAD)]
    path.write_text(json.dumps([*entries, *strange, {}]), encoding="utf-8")
    assert offered("bt registry show ") == [BAD[:8], GOOD[:8]]


PRINTS = {"print", "echo", "secho", "echo_via_pager"}
ROWS_OF_COUNTS = {"cli/predict.py", "cli/data_clean.py", "cli/forecast.py"}
"""What hands standard output to a writer of CSV."""


@pytest.mark.parametrize("path", [path for path in MODULES if path.is_relative_to(ROOT / "cli")], ids=module_id)
def test_nothing_prints_around_the_one_door(path: Path) -> None:
    if module_id(path) == "cli/printing.py":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ways = {
        ast.unparse(node)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")
        or (isinstance(node, ast.Attribute) and ast.unparse(node.value) == "click" and node.attr in PRINTS)
        or (isinstance(node, ast.Attribute) and node.attr in ("write", "buffer") and "std" in ast.unparse(node.value))
    }
    assert ways == ({"sys.stdout.buffer"} if module_id(path) in ROWS_OF_COUNTS else set())
