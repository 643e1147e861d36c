"""How deeply an entry may be nested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEEPEST = 100
"""Levels of objects and arrays inside a record."""


def require_shallow(entry: Mapping[str, Any]) -> None:
    """Raise `ValueError` for what is nested so deeply that comparing or printing it could fail."""
    level: list[Any] = list(entry.values())
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
