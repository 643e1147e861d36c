"""Text of others as a terminal may get it: a record, a file or a plugin must not move the cursor or the clipboard."""

from __future__ import annotations

import re
import unicodedata

_ASCII = bytes(range(0x20, 0x7F)) + b"\n"
"""What a terminal shows of ASCII, and line breaks."""
ELLIPSIS = "…"
_LINE_BREAK = re.compile(r"\s*\n\s*")


def visible(text: str) -> str:
    r"""Return a text on one line, in which what a terminal would obey or hide is shown by its escape, as ``\x1b``.

    These are control characters (C0, C1, DEL), formatting ones such as bidirectional controls, line and paragraph
    separators, and lone surrogates. A line break becomes a space. All other characters, letters of any script and
    no-break spaces among them, stay.
    """
    if text.isprintable():
        return text
    return "".join(one if is_visible(one) else _escape(one) for one in _LINE_BREAK.sub(" ", text))


def is_visible(letter: str) -> bool:
    """Return whether a terminal shows a character, or leaves a space for it."""
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def visible_json(document: str) -> str:
    r"""Return a JSON document in which every such character is written as JSON's own escape, as ``\u001b``."""
    if document.isascii() and not document.encode().translate(None, _ASCII):  # a sixth of the time
        return document
    if document.replace("\n", "").isprintable():
        return document
    return "".join(one if one == "\n" or is_visible(one) else _json_escape(one) for one in document)


def shortened(text: str, length: int) -> str:
    """Return a text of at most `length` characters, without its middle if it is longer: ends tell paths apart."""
    if len(text) <= length:
        return text
    end = (length - len(ELLIPSIS)) // 2
    return f"{text[: length - len(ELLIPSIS) - end]}{ELLIPSIS}{text[len(text) - end :]}"


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _json_escape(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[place : place + 2], 'big'):04x}" for place in range(0, len(units), 2))
