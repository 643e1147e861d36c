"""Open files for reading: any path, URL or open file, unpacked, and never more of it than is allowed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from bike_traffic.addresses import shown as without_secrets
from bike_traffic.data.files.archives import open_table
from bike_traffic.data.files.formats.packing import START_BYTES, packing_of
from bike_traffic.data.files.sources import opened
from bike_traffic.errors import ReadError

BROKEN_STREAM = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError)

_LONGEST_REASON = 160


def shown_name(source: str | IO[bytes], name: str | None) -> str:
    """Return what a source is called in messages: its name if one was given, else its path or URL without secrets."""
    return name or (without_secrets(source) if isinstance(source, str) else "the file")


@contextmanager
def open_binary(
    source: str | IO[bytes], *, name: str | None = None, max_bytes: int | None = None
) -> Iterator[io.BufferedReader]:
    """Open a path, a URL or ``-`` (standard input) for reading, or take an open file; unpack it by its first bytes.

    Parameters
    ----------
    source : an open file stays open.
    name : stands for the source in messages.
    max_bytes : raise `ReadError` when more than so many unpacked bytes are read.

    Raises
    ------
    ReadError
        The file cannot be opened; while it is read, it has more bytes than are allowed.
    """
    shown = shown_name(source, name)
    with ExitStack() as closing:
        yield _unpacked(source, shown, max_bytes, closing)


@contextmanager
def seekable(file: io.BufferedReader) -> Iterator[IO[bytes]]:
    """Give a file in which one can move: the file itself, or a temporary one with the rest of its bytes."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
        copy.seek(0)
        yield copy


@contextmanager
def reading_the_start(uri: str) -> Iterator[None]:
    """Turn what breaks while the first bytes are read into one line."""
    try:
        yield
    except ReadError:
        raise
    except EOFError as error:
        raise broken_off(uri, error) from None
    except BROKEN_STREAM as error:
        reason = reason_of(error)
        raise ReadError(f"{uri}: cannot be read: {reason}", "file-not-read", uri=uri, reason=reason) from None


def reason_of(error: Exception) -> str:
    """Return in one line why a file could not be read, without the path that the operating system's errors repeat."""
    return " ".join((getattr(error, "strerror", None) or str(error)).split())[:_LONGEST_REASON]


def broken_off(uri: str, error: Exception) -> ReadError:
    """Return the error of a file that ends in the middle before a row could be read."""
    reason = reason_of(error)
    return ReadError(f"{uri}: broken off: {reason}", "file-broken-off", uri=uri, reason=reason)


def too_large(name: str, max_bytes: int) -> ReadError:
    """Return the error of a file with more than `max_bytes` unpacked bytes."""
    return ReadError(
        f"{name}: more than {max_bytes / 1e6:,.1f} MB after unpacking; divide it into smaller files",
        "file-too-large",
        uri=name,
        megabytes=round(max_bytes / 1e6, 1),
    )


def _unpacked(source: str | IO[bytes], shown: str, max_bytes: int | None, closing: ExitStack) -> io.BufferedReader:
    """Return the unpacked bytes of a source; what is opened for them is closed with `closing`."""
    try:
        plain = _Limited(opened(source, shown, closing), shown)
        file: io.BufferedReader = io.BufferedReader(plain, START_BYTES)
        packing = packing_of(file.peek(START_BYTES))
        if packing is None:
            plain.max_bytes = max_bytes
            return file
        unpacked: Any
        match packing:
            case "gzip":
                unpacked = gzip.GzipFile(fileobj=file)
            case "bz2":
                unpacked = bz2.BZ2File(file)
            case "xz":
                unpacked = lzma.LZMAFile(file)  # noqa: SIM115  # `closing` closes it
            case "zip":
                unpacked = open_table(closing.enter_context(seekable(file)), shown, closing)
            case _:
                unpacked = _with_a_library(packing, file)
        return io.BufferedReader(
            _Limited(closing.enter_context(unpacked), shown, max_bytes, packed=True), START_BYTES
        )
    except ReadError:
        raise
    except EOFError as error:
        raise broken_off(shown, error) from None
    except FileNotFoundError:
        raise ReadError(f"{shown}: no such file", "file-not-found", uri=shown) from None
    except IsADirectoryError:
        raise ReadError(f"{shown}: a folder, not a file", "file-is-folder", uri=shown) from None
    except (*BROKEN_STREAM, ValueError, ImportError, RuntimeError) as error:
        reason = reason_of(error)
        raise ReadError(f"{shown}: cannot be opened: {reason}", "file-not-opened", uri=shown, reason=reason) from None


def _with_a_library(packing: str, file: IO[bytes]) -> Any:
    from fsspec.compression import compr

    if packing not in compr:
        raise ValueError(f"no library for {packing} is installed")
    return compr[packing](file, mode="rb")


class _Limited(io.RawIOBase):
    """The bytes of a file; raises when there are more than `max_bytes` of them.

    It gives every kind of file the same methods, and fills what it is given to fill, so that the first bytes are
    there at once.
    """

    def __init__(self, file: IO[bytes], name: str, max_bytes: int | None = None, *, packed: bool = False) -> None:
        self._file = file
        self._name = name
        self._packed = packed
        self._position = 0
        self.max_bytes = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and (piece := self._file.read(len(view) - filled)):
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._position += filled
        if self.max_bytes is not None and self._position > self.max_bytes:
            raise too_large(self._name, self.max_bytes)
        return filled

    def seekable(self) -> bool:
        """Return whether moving costs nothing: in what is packed, it would begin again."""
        return not self._packed and self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._position = self._file.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._file.tell()
