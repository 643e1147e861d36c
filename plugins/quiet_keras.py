"""Keras, without what TensorFlow's libraries write to the terminal while they are loaded.

They write to file descriptor 2 from C++, before any setting of theirs is read, so it is the descriptor that is
turned away for the time of the import. An import that fails raises as ever.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _silent_descriptor() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _silent_descriptor():
    import keras

__all__ = ["keras"]
