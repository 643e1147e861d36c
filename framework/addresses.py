"""Addresses as messages show them: without user and password, query, and fragment, which may hold secrets."""

from __future__ import annotations

import re

_ADDRESS = re.compile(
    r"\b([A-Za-z][A-Za-z0-9+.-]{0,40}://)"
    r"((?:[^\s/?#\"]*|[^\s/?#\"@:]*:(?!\d*(?:[/?#\s\"']|$))[^\s@]*)@)?"  # or a password with a sign of addresses
    r"([^\s?#'\"]*)([?#][^\s\"]*)?"
)
_END = re.compile(r"[?#].*?([:;,.)']*)$", re.DOTALL)
_SIGNATURE = re.compile(
    r"([?&](?:x-(?:amz|goog)-(?:signature|credential|security-token)|sig|signature|(?:access_?)?token|api_?key|secret"
    r"|password|awsaccesskeyid|googleaccessid)=)[^\s&\"']+",
    re.IGNORECASE,
)
"""Secrets of a path without its server, as in messages of libraries."""


def shown(text: str) -> str:
    """Return a text in which every address, such as ``https://…``, has lost what may be a secret."""
    if "://" in text:
        text = _ADDRESS.sub(_shown, text)
    return _SIGNATURE.sub(r"\1…", text) if "=" in text else text


def _shown(address: re.Match[str]) -> str:
    query = _END.match(address[4]) if address[4] else None
    return f"{address[1]}{address[3]}{query[1] if query else ''}"


def is_web(address: str) -> bool:
    """Return whether an address is one of a web server."""
    return address.lower().startswith(("http://", "https://"))
