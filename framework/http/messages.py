"""What a server says in place of what was asked for: an error message as JSON, or a page."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

LONGEST_MESSAGE = 160

_NAMES = ("message", "error_description", "detail", "title", "reason", "error", "errors")
"""Where servers put the text of an error, the most telling first."""
_MARKS = {"error", "errors", "error_code", "errorcode", "error_description", "message", "detail"}
"""An object with one of these fields is an error."""
_AGAIN = ("reset_time", "retry_after")

_HARMLESS = {
    "select", "where", "order_by", "group_by", "limit", "offset", "refine", "exclude", "lang", "timezone", "format",
    "use_labels", "use_labels_for_header", "delimiter", "csv_separator", "epsg", "with_bom",
}  # fmt: skip
"""Parameters of portals, whose values an error message explains."""

_TITLE = re.compile(r"<(title|message|h1)\b[^>]*>(.*?)</\1\s*>", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style)\b.*?(</\1\s*>|$)|<[^>]*>?", re.IGNORECASE | re.DOTALL)


def without_secrets(text: str, url: str) -> str:
    """Return what a server says without what it repeats of the secrets of an address: user, password, and keys."""
    parts = urlsplit(url)
    user = unquote(parts.netloc.rpartition("@")[0])
    secrets = [b64encode(user.encode()).decode(), user, *user.split(":")]
    secrets += [value for name, value in parse_qsl(parts.query) if name.lower() not in _HARMLESS]
    for secret in sorted({*secrets, *map(quote, secrets)}, key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, "…")
    return text


def one_line(text: str) -> str:
    """Return a text with single spaces, cut where it is long."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:LONGEST_MESSAGE]


def error_message(answer: Mapping[str, Any]) -> str | None:
    """Return the text of an error that a server sent as JSON; ``None`` if the object is no error."""
    if not _MARKS & answer.keys():
        return None
    for name in _NAMES:
        value = answer.get(name)
        if isinstance(value, Mapping):
            return error_message({"message": None, **value})
        if isinstance(value, str) and value.strip():
            return one_line(value)
    return one_line(json.dumps(dict(answer), ensure_ascii=False, default=str))


def page_title(page: str) -> str:
    """Return the title of a page of HTML or XML, or else its first words."""
    title = _TITLE.search(page)
    return one_line(html.unescape(_UNSEEN.sub(" ", title[2] if title else page)))


def said_in(body: bytes) -> tuple[str, str | None]:
    """Return what a body says in one line, and when its server takes requests again if it says that."""
    text = body.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return page_title(text), None
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return one_line(text), None
    if not isinstance(answer, Mapping):
        return "", None
    again = next((str(answer[name]) for name in _AGAIN if answer.get(name)), None)
    return error_message(answer) or "", again and one_line(again)
