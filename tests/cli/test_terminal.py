"""On a terminal notes and errors are broken between words, and not inside a command; elsewhere they are one line."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from bike_traffic.cli.printing import _broken
from bike_traffic.cli.table import shortened_apart

WIDTH = 60


BT = ("-m", "bike_traffic.cli.main")


def on_terminal(*words: str) -> list[str]:
    """Run Python on a terminal of `WIDTH` columns, and return the lines that it shows."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen([sys.executable, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:  # Linux: the other end was closed
        pass
    os.close(ours)
    process.wait(timeout=600)
    return shown.decode().splitlines()


@pytest.mark.usefixtures("clean_place")
def test_an_error_on_a_terminal_is_broken_between_words() -> None:
    Path("bt.toml").write_text('registry = "s3://models/summary.json"\nsigning_keys = "a"\n')
    lines = on_terminal(*BT, "config")
    piped = subprocess.run(
        [sys.executable, *BT, "config"], capture_output=True, text=True, check=False, timeout=600
    ).stderr
    assert piped.count("\n") == 1
    assert " ".join(line.strip() for line in lines) == piped.rstrip("\n")
    assert len(lines) > 1
    assert all(len(line) <= WIDTH for line in lines)
    assert [line[:2] for line in lines[1:]] == ["  "] * (len(lines) - 1)


@pytest.mark.parametrize(("total", "shown"), [("None", "2,500"), ("5000", "50%")])
def test_work_of_unknown_length_shows_what_is_done_and_no_share_of_it(total: str, shown: str) -> None:
    code = (
        f"from bike_traffic.progress import progress\nwith progress('reading', {total}) as add: add(500); add(2000)"
    )
    last = [line for line in "\n".join(on_terminal("-c", code)).split("\n") if "reading" in line][-1]
    assert f" {shown} " in last
    assert (last.count("%") == 1) is (total != "None")


@pytest.mark.parametrize(("total", "shown"), [("None", "1,234,500"), ("1234500", "100%")])
def test_what_is_done_stays_whole_beside_a_long_name(total: str, shown: str) -> None:
    name = "gcs: downloading gs://bucket/models/nn/20261129_062548-44ffc2e6/and/a/path/that/is/longer"
    code = f"from bike_traffic.progress import progress\nwith progress('{name}', {total}) as add: add(1234500)"
    last = [line for line in "\n".join(on_terminal("-c", code)).split("\n") if "gcs: " in line][-1]
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", last)
    assert re.search(rf"gcs: downl\S*…\S*is/longer .* {shown} 0:00:0\d", plain)
    assert plain.count("…") == 1


def test_a_command_stays_whole_and_a_longer_word_too() -> None:
    text = (
        "run 4f2a91c0 was withdrawn; `bt registry restore 4f2a91c0` takes it back [at /a/very/long/path/of/all.json]"
    )
    assert _broken(text, 40) == [
        "run 4f2a91c0 was withdrawn;",
        "  `bt registry restore 4f2a91c0` takes",
        "  it back [at",
        "  /a/very/long/path/of/all.json]",
    ]
    assert _broken("  indented, and as short as it is", 40) == ["  indented, and as short as it is"]
    assert _broken("  indented, and longer than the line", 30) == ["  indented, and longer than", "    the line"]


def test_names_of_places_are_whole_where_there_is_room() -> None:
    names = ["Totem 64 rue de Rivoli N-S", "Totem 64 rue de Rivoli S-N"]
    assert shortened_apart(names, 26) == names
    assert shortened_apart(names, 24) == ["Totem 64 rue de R…li N-S", "Totem 64 rue de R…li S-N"]


def test_names_that_the_end_tells_apart_keep_as_much_of_it() -> None:
    names = [f"27 quai de la Tournelle {number} quai {side} NE-SO" for number in (1, 2) for side in ("sud", "nord")]
    short = shortened_apart(names, 30)
    assert len(set(short)) == len(names)
    assert {len(name) for name in short} == {30}
    assert all(name.endswith(" NE-SO") for name in short)
    assert shortened_apart(["a" * 50, "a" * 50, "b"], 30) == [f"{'a' * 23}…{'a' * 6}"] * 2 + ["b"]
