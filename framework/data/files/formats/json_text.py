"""The values of a JSON text one after the other, of which a limited part is held."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from bike_traffic.data.files.formats.refusals import LONGEST_ROW

_BLOCK_BYTES = 1 << 15
"""Small, since the parser counts the lines of the text that it was given for each error that it raises."""
_BLANK = re.compile(r"[ \t\r\n]*")
_LONGEST_LITERAL = 16
"""How near to the end of the text an error may be that more text could mend: in ``tru``, or ``\\u00``."""


class MalformedJson(Exception):
    """A value is not JSON, whatever follows."""


class ValueTooLong(Exception):
    """A value is longer than a row may be."""


class JsonText:
    """A JSON text that is read as it is needed; numbers stay texts as they are written.

    Parameters
    ----------
    file : UTF-8, with or without a byte order mark.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=lambda _: None).raw_decode
        self._text = ""
        self._at = 0
        self._passed = 0

    @property
    def position(self) -> int:
        """Return how many characters were taken."""
        return self._passed + self._at

    def sign(self) -> str:
        """Return the next character that is not blank, without taking it; the empty text at the end.

        Raises
        ------
        UnicodeDecodeError, OSError, EOFError
        """
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]  # it always matches
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read():
                return ""

    def take(self, signs: str) -> str:
        """Take the next character if it is one of some, and return it.

        Raises
        ------
        MalformedJson
            It is another one.
        EOFError
            The text ends.
        """
        sign = self.sign()
        if not sign:
            raise EOFError("the text ends in the middle")
        if sign not in signs:
            raise MalformedJson(f"expected {' or '.join(signs)}, got {sign!r}")
        self._at += 1
        return sign

    def value(self) -> Any:
        """Take the next value.

        Raises
        ------
        MalformedJson, ValueTooLong, EOFError
        """
        self.sign()
        while True:
            try:
                value, self._at = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                could_go_on = error.msg.startswith("Unterminated") or error.pos > len(self._text) - _LONGEST_LITERAL
                if not could_go_on:
                    raise MalformedJson(f"{error.msg} at character {error.pos - self._at + 1}") from None
                if len(self._text) - self._at > LONGEST_ROW:
                    raise ValueTooLong from None
                if not self._read():
                    raise EOFError("the text ends in the middle") from None
            except RecursionError:
                raise MalformedJson("values in values without end") from None
            else:
                return value

    def skip_line(self) -> None:
        """Take everything to the end of the line."""
        while (end := self._text.find("\n", self._at)) < 0:
            self._at = len(self._text)
            if not self._read():
                return
        self._at = end + 1

    def elements(self) -> Iterator[Any]:
        """Take the values of an array whose bracket was taken, and its end; raise as `value` and `take` do."""
        if self.sign() == "]":
            self.take("]")
            return
        sign = ","
        while sign == ",":
            yield self.value()
            sign = self.take(",]")

    def _read(self) -> bool:
        block = self._file.read(_BLOCK_BYTES)
        self._passed += self._at
        self._text = self._text[self._at :] + self._decode.decode(block, final=not block)
        self._at = 0
        return bool(block)
