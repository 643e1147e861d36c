"""Tables for a terminal of any width: ids and numbers stay whole, and the last columns go first."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Literal

import attrs

from bike_traffic.cli.printing import echo, note
from bike_traffic.visible import ELLIPSIS, shortened, visible

_UNBOUNDED = 10_000
_LEAST_TEXT, _LEAST_PATH = 20, 24
"""Fewest characters of a line of text, and of a shortened path."""
_GAP, _NARROW_GAP = 3, 2
_LEAST_END = 6
"""Fewest characters of the end of a name: its direction, such as ``NE-SO``."""


@attrs.frozen
class _Column:
    title: str
    cells: list[str]
    numeric: bool

    @cached_property
    def width(self) -> int:
        return max(len(self.title), max(map(len, self.cells), default=0))

    @cached_property
    def is_text(self) -> bool:
        """Whether its lines may be broken between words."""
        return self._has(" ", _LEAST_TEXT) and not self.numeric

    @cached_property
    def is_path(self) -> bool:
        return self._has("/", _LEAST_PATH) and not self.is_text

    def _has(self, letter: str, least: int) -> bool:
        """Return whether a cell longer than `least` has a letter; a list has many cells."""
        return self.width > least and any(letter in cell and len(cell) > least for cell in self.cells)

    @property
    def least(self) -> int:
        """The width that it needs."""
        if self.is_text:
            return min(self.width, max(_LEAST_TEXT, len(self.title)))
        return min(self.width, max(_LEAST_PATH, len(self.title))) if self.is_path else self.width


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are aligned to the right.

    Only a terminal limits the width. Where it is too narrow, text is broken between words and paths are shortened in
    the middle; if that is not enough, the last columns are left out, and named on standard error.
    """
    width = terminal_width()
    lines, left_out = table_lines(columns, rows, width)
    for line in lines:
        echo(line)
    if left_out:
        note(f"left out, since the terminal has {width} columns: {', '.join(left_out)}")


def terminal_width() -> int:
    """Return the width of the terminal; where standard output is none, more than any line has."""
    if not sys.stdout.isatty():
        return _UNBOUNDED
    from rich.console import Console

    return Console().width


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[object]], width: int) -> tuple[list[str], list[str]]:
    """Return the lines of a table at most `width` characters wide, and the titles of the columns left out."""
    table_rows = [list(row) for row in rows]
    whole = [_column(title, [row[place] for row in table_rows]) for place, title in enumerate(columns)]
    kept, gap = _fitting(whole, width)
    room = width - sum(column.least for column in kept) - gap * (len(kept) - 1)
    for place, column in enumerate(kept):
        if column.is_path:
            length = min(column.width, column.least + room)
            room -= length - column.least
            kept[place] = attrs.evolve(column, cells=[shortened(cell, length) for cell in column.cells])
    left_out = [column.title for column in whole[len(kept) :]]
    if sum(column.width for column in kept) + gap * (len(kept) - 1) <= width and all(map(_is_narrow, kept)):
        return _plain_lines(kept, gap), left_out
    return _wrapped_lines(kept, gap, width), left_out


def _is_narrow(column: _Column) -> bool:
    """Return whether each letter takes one place: ASCII does, and what is shortened by us."""
    return all(text.isascii() or text.replace(ELLIPSIS, "").isascii() for text in [column.title, *column.cells])


def _plain_lines(columns: Sequence[_Column], gap: int) -> list[str]:
    """Return the lines of a table in which every cell fits, as `_wrapped_lines` would: a list has many rows."""
    padded = []
    for column in columns:
        width, pad = column.width, str.rjust if column.numeric else str.ljust
        padded.append([pad(text, width) for text in (column.title, *column.cells)])
    head, *lines = ((" " * gap).join(cells).rstrip() for cells in zip(*padded, strict=True))
    rule = "─" * (sum(column.width for column in columns) + gap * (len(columns) - 1))
    return [head, rule, *lines]


def _wrapped_lines(columns: Sequence[_Column], gap: int, width: int) -> list[str]:
    """Return the lines of a table in which text is broken between words."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, gap - 2))
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        table.add_column(column.title, justify=justify, overflow="fold", no_wrap=not column.is_text)
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def _fitting(columns: list[_Column], width: int) -> tuple[list[_Column], int]:
    """Return the first columns, as many as there is room for, two at least; and the gap between them."""

    def needed(some: list[_Column], gap: int) -> int:
        return sum(column.least for column in some) + gap * (len(some) - 1)

    if needed(columns, _GAP) <= width:
        return list(columns), _GAP
    kept = list(columns)
    while len(kept) > 2 and needed(kept, _NARROW_GAP) > width:
        kept.pop()
    return kept, _NARROW_GAP


def shortened_apart(texts: Sequence[str], length: int) -> list[str]:
    """Return texts of at most `length` characters, of the longer ones only so much of the end that all differ.

    The ends tell counters of one place apart. Texts that no end tells apart are shortened in the middle.
    """
    length = max(length, _LEAST_TEXT)
    for end in range(_LEAST_END, length - 1):
        start = length - len(ELLIPSIS) - end
        short = [one if len(one) <= length else f"{one[:start]}{ELLIPSIS}{one[len(one) - end :]}" for one in texts]
        if len(set(short)) == len(set(texts)):
            return short
    return [shortened(one, length) for one in texts]


def _column(title: str, values: list[object]) -> _Column:
    numeric = bool(values) and all(isinstance(value, int | float | None) for value in values)
    return _Column(title, [visible(_cell(value)) for value in values], numeric)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
