"""The one door to the terminal: every line of a command goes through it, and nothing prints around it.

What is printed may come from records, files and plugins of others. Only rows of counts, which `bt predict` and others
write to standard output as CSV, are written as they are.
"""

from __future__ import annotations

import re
import shutil
import sys
from typing import IO, Any

import click

from bike_traffic.addresses import shown
from bike_traffic.visible import visible, visible_json


def echo(line: object = "", *, err: bool = False, whole: bool = False, file: IO[Any] | None = None) -> None:
    """Print one line, without control characters and secrets of addresses; see `visible` and `shown`.

    Parameters
    ----------
    whole : print addresses with all that they have; for one that a record gives, and that is itself the result.
    file : instead of standard output, or of standard error with `err`.
    """
    click.echo(visible(str(line) if whole else shown(str(line))), err=err, file=file)


def echo_lines(text: str, *, err: bool = False) -> None:
    """Print a text line by line."""
    for line in text.split("\n"):
        echo(line, err=err)


def echo_json(document: str) -> None:
    """Print a JSON document, whose texts are complete; see `visible_json`."""
    click.echo(visible_json(document))


def note(message: str, *, to_copy: bool = False) -> None:
    """Print a line on standard error, which is not part of the result; a terminal gets it broken between words.

    Parameters
    ----------
    to_copy : leave the line whole, because it has a command that people copy.
    """
    if to_copy or not sys.stderr.isatty():
        echo(message, err=True)
        return
    for line in _broken(visible(shown(message)), shutil.get_terminal_size().columns):
        echo(line, err=True)


_WORD = re.compile(r"`[^`]*`[^ ]*|[^ ]+")
"""A word, or a whole command in backticks: pasted with a line break inside it would end early."""


def _broken(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` characters, the later ones indented; a longer word stays whole."""
    if len(text) <= width:
        return [text]
    indent = " " * (len(text) - len(text.lstrip(" ")))
    lines, line = [], ""
    for word in _WORD.findall(text):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = f"{indent}  {word}"
        else:
            line = f"{line} {word}" if line else f"{indent}{word}"
    return [*lines, line]
