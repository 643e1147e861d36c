"""The docstrings of this project, before napoleon reads them as numpy's.

Here a parameter is ``name : what it is``, since its type stands in the signature; what is returned is a sentence, and
the errors raised stand beside each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

_UNDERLINE = re.compile(r"-{3,}$")
_PARAMETER = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*) : (.*)")
_ERRORS = re.compile(r"\w+(?:, \w+)+$")


def as_numpy(lines: list[str]) -> Iterator[str]:
    """Yield the lines of a docstring as napoleon expects them."""
    section = ""
    for number, line in enumerate(lines):
        if _UNDERLINE.match(line):
            section = lines[number - 1]
        elif number + 1 < len(lines) and _UNDERLINE.match(lines[number + 1]):
            section = ""
        if section == "Parameters" and (parameter := _PARAMETER.match(line)):
            yield parameter[1]
            yield f"    {parameter[2]}"
        elif section == "Raises" and _ERRORS.match(line):
            yield from line.split(", ")
        else:
            yield line


def with_returns(lines: list[str]) -> Iterator[str]:
    """Yield the lines with the section ``Returns`` as one field, whose text is a sentence without a type."""
    inside = False
    for number, line in enumerate(lines):
        underlined = number + 1 < len(lines) and bool(_UNDERLINE.match(lines[number + 1]))
        if line == "Returns" and underlined:
            inside = True
            yield from ("", "", ":returns:")  # two empty lines end the section of parameters
        elif inside and _UNDERLINE.match(line):
            continue
        else:
            inside = inside and not underlined
            yield f"    {line}" if inside and line else line


def _process(*event: Any) -> None:
    """Change the last argument of the event, which is the lines."""
    lines: list[str] = event[-1]
    lines[:] = as_numpy(list(with_returns([line.rstrip() for line in lines])))


def setup(app: Sphinx) -> dict[str, bool]:
    """Read docstrings before napoleon does, whose priority is 500."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
