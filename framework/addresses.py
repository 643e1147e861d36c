"""Addresses as messages show them: without user and password, query, and fragment, which may hold secrets."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,40}://)([^\s/?#\"]*@)?([^\s?#'\"]*)([?#][^\s\"]*)?")
_END = re.compile(r"[?#].*?([:;,.)']*)$", re.DOTALL)


def shown(text: str) -> str:
    """Return a text in which every address, such as ``https://…``, has lost what may be a secret."""
    return _ADDRESS.sub(_shown, text) if "://" in text else text


def _shown(address: re.Match[str]) -> str:
    query = _END.match(address[4]) if address[4] else None
    return f"{address[1]}{address[3]}{query[1] if query else ''}"


def is_web(address: str) -> bool:
    """Return whether an address is one of a web server."""
    return address.lower().startswith(("http://", "https://"))
