"""The encoding of a text: UTF-8, or Windows-1252 as in some of the City's archives."""

from __future__ import annotations

import re

_WINDOWS = "cp1252"
_UTF_8_LETTER = re.compile(rb"\xc3[\x80-\xbf]")
"""A French letter with an accent in UTF-8; in Windows-1252 a capital A with a tilde and a sign, which no word has."""


class MixedEncodings(Exception):
    """A text has letters in UTF-8 and others; `position` is that of the first other one in its block."""

    def __init__(self, position: int) -> None:
        super().__init__("partly UTF-8, and partly not")
        self.position = position


class ToUtf8:
    """Turn the blocks of a text into UTF-8; the first that has other letters than ASCII decides for those after it.

    Blocks of a text that begins as UTF-8 are passed on as they are, and their parser finds what is not.
    """

    def __init__(self) -> None:
        self._is_windows: bool | None = None

    def __call__(self, block: bytes) -> bytes:
        """Return a block of whole lines in UTF-8; raise `MixedEncodings`."""
        if block.isascii():
            return block
        if self._is_windows is None:
            self._is_windows = not _is_utf_8(block)
        if not self._is_windows:
            return block
        if b"\xc3" in block and (letter := _UTF_8_LETTER.search(block)):
            raise MixedEncodings(letter.start())
        return block.decode(_WINDOWS, "replace").encode()


def text_of(value: bytes) -> str:
    """Return a text that is stored as bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode(_WINDOWS, "replace")


def require_utf_8(block: bytes) -> None:
    """Raise `MixedEncodings` if a block is not UTF-8."""
    try:
        block.decode()
    except UnicodeDecodeError as error:
        raise MixedEncodings(error.start) from None


def _is_utf_8(block: bytes) -> bool:
    try:
        require_utf_8(block)
    except MixedEncodings:
        return False
    return True
