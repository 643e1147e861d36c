"""The rows of a JSON file as Arrow tables of texts.

Read are an array of objects, objects one after the other (JSON Lines), the features of GeoJSON, and the answers of a
portal's records, in which the objects are in an array ``results`` or ``records``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from bike_traffic.data.files.formats.json_text import JsonText, MalformedJson, ValueTooLong
from bike_traffic.data.files.formats.points import object_text
from bike_traffic.data.files.formats.refusals import (
    LONGEST_ROW,
    broken_off_after,
    malformed_row,
    mixed_encodings,
    no_coordinates,
    row_number,
    row_too_long,
    unsupported_type,
)
from bike_traffic.data.files.unpacking import BROKEN_STREAM
from bike_traffic.data.schema import CITY_HEADERS, standard_name
from bike_traffic.errors import ReadError, SchemaError
from bike_traffic.http.messages import error_message, without_secrets

if TYPE_CHECKING:
    import pyarrow as pa

_ARRAYS = ("results", "records", "features")
_COORDINATES = "coordinates"
"""Name of the field that the point of a feature becomes."""
_HEAD = LONGEST_ROW
"""Characters of the rows whose fields are the columns of the table."""

_Row = Mapping[str, Any] | str
"""The fields of a row, or why they cannot be read."""


class JsonTable:
    """An open JSON file: its columns, and its rows.

    Parameters
    ----------
    address : where the file comes from; its secrets are not shown, should the file repeat them.

    Raises
    ------
    ReadError
        The file breaks off, is no table, or is an error message of a server.
    SchemaError
        There is no row, or the first rows are not JSON.
    """

    def __init__(self, uri: str, file: IO[bytes], address: str = "") -> None:
        self._uri = uri
        self._text = JsonText(file)
        self._done = 0
        self._rows = self._guarded(self._opened(address))
        self._head: list[_Row] = []
        while self._text.position < _HEAD and (row := next(self._rows, None)) is not None:
            self._head.append(row)
        self.columns = list(dict.fromkeys(name for row in self._head if isinstance(row, Mapping) for name in row))
        if not self.columns:
            raise SchemaError(f"{uri}: there is no row of counts", "file-without-rows", uri=uri)

    def tables(
        self, wanted: Sequence[str], on_malformed: Callable[[int, str], None] | None = None
    ) -> Iterator[pa.Table]:
        """Yield the rows as texts, of which empty ones and ``null`` are missing.

        Parameters
        ----------
        wanted : the fields that are read; one that a row does not have is missing there.
        on_malformed : called with the position of each row that is no object, and why, before the table is yielded in
            which all values of this row are missing.

        Raises
        ------
        ReadError
            The file breaks off, is not UTF-8, or a row is too long.
        SchemaError
            A value is a list or an object other than coordinates; or a row is no object, and `on_malformed` is not
            given.
        """
        import pyarrow as pa

        done = 0
        values: list[list[str | None]] = [[] for _ in wanted]
        begun = self._text.position

        def table() -> pa.Table:
            nonlocal done, begun
            columns = [pa.array(texts, pa.string()).dictionary_encode() for texts in values]
            done += len(values[0])
            begun = self._text.position
            for texts in values:
                texts.clear()
            return pa.table(columns, names=list(wanted))

        for row in self._all_rows():
            position = done + len(values[0])
            if isinstance(row, str):
                if on_malformed is None:
                    raise malformed_row(self._uri, row_number(position), row)
                on_malformed(position, row)
                row = {}
            for name, texts in zip(wanted, values, strict=True):
                texts.append(self._published(row.get(name), name))
            if self._text.position - begun > LONGEST_ROW:
                yield table()
        if values[0]:
            yield table()

    def _all_rows(self) -> Iterator[_Row]:
        yield from self._head
        self._head = []
        yield from self._rows

    def _published(self, value: Any, column: str) -> str | None:
        match value:
            case str():
                return value or None
            case None:
                return None
            case bool():
                return str(value).lower()
            case Mapping():
                text = object_text(value)
                if text is None:
                    raise no_coordinates(self._uri, column, list(value)[:9])
                return text
        raise unsupported_type(self._uri, column, "list")

    def _guarded(self, rows: Iterator[_Row]) -> Iterator[_Row]:
        """Turn what is wrong with the text into one line that says where."""
        try:
            for row in rows:
                self._done += 1
                yield row
        except (ReadError, SchemaError):
            raise
        except MalformedJson as error:
            raise malformed_row(self._uri, row_number(self._done), str(error)) from None
        except ValueTooLong:
            raise row_too_long(self._uri, row_number(self._done)) from None
        except UnicodeDecodeError:
            raise mixed_encodings(self._uri, row_number(self._done)) from None
        except BROKEN_STREAM as error:
            raise broken_off_after(self._uri, error, self._done) from None

    def _opened(self, address: str) -> Iterator[_Row]:
        """Take the beginning of the text, and return the rows in it."""
        if self._text.sign() == "[":
            self._text.take("[")
            yield from map(_row, self._text.elements())
            return
        alone = self._outer_object()
        if alone is None:
            yield from map(_row, self._text.elements())
            return
        message = error_message(alone)
        if message is not None and not {*map(standard_name, alone)} & CITY_HEADERS.keys():
            message = without_secrets(message, address)
            raise ReadError(
                f"{self._uri}: an error message of a server, not a table: '{message}'",
                "file-is-message",
                uri=self._uri,
                message=message,
            )
        yield _row(alone)
        while self._text.sign():
            try:
                yield _row(self._text.value())
            except MalformedJson as error:
                self._text.skip_line()
                yield str(error)

    def _outer_object(self) -> dict[str, Any] | None:
        """Take the first object of the text, or only its beginning if it holds the array of the rows: ``None``."""
        self._text.take("{")
        fields: dict[str, Any] = {}
        if self._text.sign() == "}":
            self._text.take("}")
            return fields
        sign = ","
        while sign == ",":
            name = self._text.value()
            self._text.take(":")
            if name in _ARRAYS and self._text.sign() == "[":
                self._text.take("[")
                return None
            fields[str(name)] = self._text.value()
            if self._text.position > LONGEST_ROW:
                raise ValueTooLong
            sign = self._text.take(",}")
        return fields


def _row(element: Any) -> _Row:
    """Return the fields of a row: of an object, of a feature with its point, or of a record."""
    if not isinstance(element, dict):
        return f"{_kind(element)} in place of an object"
    if element.get("type") == "Feature":
        properties, geometry = element.get("properties"), element.get("geometry")
        fields = properties if isinstance(properties, dict) else {}
        if isinstance(geometry, dict) and fields.get(_COORDINATES) is None:
            fields = {**fields, _COORDINATES: object_text(geometry)}
        return fields
    record = element.get("record", element)
    inner = record.get("fields") if isinstance(record, dict) else None
    return inner if isinstance(inner, dict) else element


def _kind(element: Any) -> str:
    return {str: "a text or number", list: "an array", bool: "a truth value"}.get(type(element), "nothing")
