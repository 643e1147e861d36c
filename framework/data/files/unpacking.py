"""Open files for reading: any path, URL or open file, unpacked, and never more of it than is allowed."""

from __future__ import annotations

import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from bike_traffic.errors import ReadError

BROKEN_STREAM = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError)

_STANDARD_INPUT = "-"
_LONGEST_REASON = 160
_UNPACKABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def shown_name(source: str | IO[bytes], name: str | None) -> str:
    """Return what a source is called in messages: its name if one was given, else its path or URL."""
    return name or (source if isinstance(source, str) else "the file")


@contextmanager
def open_binary(
    source: str | IO[bytes], *, name: str | None = None, max_bytes: int | None = None
) -> Iterator[IO[bytes]]:
    """Open a path, a URL or ``-`` (standard input) for reading, or take an open file; unpack it by its ending.

    Parameters
    ----------
    source : an open file stays open.
    name : stands for the source in messages; its ending says how the source is packed.
    max_bytes : raise `ReadError` when more than so many unpacked bytes are read.

    Raises
    ------
    ReadError
        The file cannot be opened; while it is read, it has more bytes than are allowed.
    """
    shown = shown_name(source, name)
    with ExitStack() as closing:
        yield io.BufferedReader(_Unpacked(_opened(source, shown, closing), shown, max_bytes))


def is_packed(name: str) -> bool:
    """Return whether the ending of a name says that the file is compressed."""
    return _packing(name) is not None


def reason_of(error: Exception) -> str:
    """Return in one line why a file could not be read, without the path that the operating system's errors repeat."""
    return " ".join((getattr(error, "strerror", None) or str(error)).split())[:_LONGEST_REASON]


def too_large(name: str, max_bytes: int) -> ReadError:
    """Return the error of a file with more than `max_bytes` unpacked bytes."""
    return ReadError(
        f"{name}: more than {max_bytes / 1e6:,.1f} MB after unpacking; divide it into smaller files",
        "file-too-large",
        uri=name,
        megabytes=round(max_bytes / 1e6, 1),
    )


def _packing(name: str) -> str | None:
    from fsspec.utils import infer_compression

    packing: str | None = infer_compression(name)
    return packing


def _opened(source: str | IO[bytes], shown: str, closing: ExitStack) -> IO[bytes]:
    """Return the unpacked bytes of a source; what is opened for them is closed with `closing`."""
    if source == _STANDARD_INPUT:
        return sys.stdin.buffer
    import fsspec
    from fsspec.compression import compr

    try:
        file: Any = closing.enter_context(fsspec.open(source, "rb").open()) if isinstance(source, str) else source
        packing = _packing(shown)
        if packing == "zip":
            return closing.enter_context(_first_member(closing.enter_context(zipfile.ZipFile(file))))
        if packing is not None and packing not in compr:
            raise ValueError(f"no library for {packing} is installed")
        unpacked: IO[bytes] = closing.enter_context(compr[packing](file, mode="rb")) if packing else file
        return unpacked
    except FileNotFoundError:
        raise ReadError(f"{shown}: no such file", "file-not-found", uri=shown) from None
    except IsADirectoryError:
        raise ReadError(f"{shown}: a folder, not a file", "file-is-folder", uri=shown) from None
    except (*BROKEN_STREAM, ValueError, ImportError, RuntimeError) as error:
        reason = reason_of(error)
        raise ReadError(f"{shown}: cannot be opened: {reason}", "file-not-opened", uri=shown, reason=reason) from None


def _first_member(archive: zipfile.ZipFile) -> IO[bytes]:
    """Open the first file of an archive.

    Python unpacks a piece of a member at once, however long it becomes, unless the member is deflated or stored.
    """
    members = [member for member in archive.infolist() if not member.is_dir()]
    if not members:
        raise ValueError("the archive holds no file")
    if members[0].compress_type not in _UNPACKABLE:
        raise ValueError("the archive is neither deflated nor stored; pack it again without special options")
    return archive.open(members[0])


class _Unpacked(io.RawIOBase):
    """The bytes of a file; raises when more than `max_bytes` of them are read.

    It gives every kind of file the same methods: the files of some of fsspec's systems take no limit in `readline`.
    """

    def __init__(self, file: IO[bytes], name: str, max_bytes: int | None) -> None:
        self._file = file
        self._name = name
        self._left = self._max_bytes = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._file.read(len(view))
        view[: len(piece)] = piece
        if self._left is not None:
            self._left -= len(piece)
            if self._max_bytes is not None and self._left < 0:
                raise too_large(self._name, self._max_bytes)
        return len(piece)

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
