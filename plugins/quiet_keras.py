"""Keras, imported without the messages that TensorFlow's libraries write to the terminal.

They write to file descriptor 2 from C++ before they read any setting, so the descriptor is redirected during the
import.

Raises
------
MissingExtra
    TensorFlow is not installed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bike_traffic.plugins import bt_pipelines


@contextmanager
def _silent_descriptor() -> Iterator[None]:
    sys.stderr.flush()
    terminal = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(null)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    with _silent_descriptor():
        import keras
except ModuleNotFoundError as error:
    if error.name not in ("keras", "tensorflow"):
        raise
    raise next(spec for spec in bt_pipelines() if spec.name == "nn").missing_extra("tensorflow") from error

__all__ = ["keras"]
