"""The file system of a path or URL, as fsspec opens it."""

from __future__ import annotations

import logging
import os
from typing import Any


def filesystem_of(uri: str) -> tuple[Any, str]:
    """Return the file system of a path or URL, which keeps no listing, and the path in it.

    Raises
    ------
    ImportError, ValueError, OSError
        There is no such file system, its package is not installed, or it cannot be opened.
    """
    import fsspec

    # It logs failed requests with the server's answer, which can hold a token.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    # It would ask each bucket for its kind over gRPC, which takes minutes if nothing answers.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    filesystem, path = fsspec.url_to_fs(uri, use_listings_cache=False)
    return filesystem, str(path)


def reason_of(error: Exception) -> str:
    """Return why a file system failed; what clients of clouds say of other errors may contain requests and tokens."""
    if isinstance(error, OSError | ValueError | ImportError):
        return " ".join(str(getattr(error, "strerror", None) or error).split())
    if "Credential" in type(error).__name__:
        return "no usable credentials"
    return f"the service answered with an error ({type(error).__name__})"
