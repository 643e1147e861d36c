"""Valid names of plugins and runs, the tasks of a pipeline, and what it may need."""

from __future__ import annotations

import re
from typing import Literal, get_args

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""A valid name of a pipeline, backend, alias or run: it becomes a folder and a part of URIs."""

DISTRIBUTION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
"""A valid name of a package, as PEP 508 has it."""
VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.!+_-]*[A-Za-z0-9])?")
"""What a version of a package consists of."""

Task = Literal["regression", "classification"]
TASKS: tuple[Task, ...] = get_args(Task)

Need = Literal["history", "weather"]
"""What a pipeline may need in addition to the rows to predict: recent counts, or the weather of their hours."""
NEEDS: tuple[Need, ...] = get_args(Need)


def bare_name(name: str) -> str:
    """Return the name that records use for a pipeline, given as ``name`` or ``distribution:name``."""
    return name.rpartition(":")[2]
