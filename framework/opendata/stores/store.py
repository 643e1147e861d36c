"""A store of counts: a folder, on disk or in a bucket, of one Parquet file a month and a manifest.

Each file is written whole or not at all, and says itself what it is, so that the manifest can be made of the files.
A writer that changes a file makes the manifest afterwards, and again until no file has changed meanwhile. So the last
manifest that is written describes the files as they are, whoever wrote them, and a writer that was killed between
the two is made up for by the next one.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pandas as pd

from bike_traffic.addresses import shown
from bike_traffic.data.files.folders.filesystem import filesystem_of, reason_of
from bike_traffic.data.files.folders.listing import month_of_file
from bike_traffic.data.files.writing import TEMPORARY, write_bytes
from bike_traffic.errors import ReadError, WriteError
from bike_traffic.opendata.portal.counters import CounterEntry
from bike_traffic.opendata.portal.export import STORED

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST, COUNTERS = "manifest.json", "counters.json"
_FORMAT = 1
_ABOUT = b"bike-traffic"
"""The key of the Parquet file's own metadata."""
_MOST_ROUNDS = 20
_OLD_SECONDS = 86_400.0

Version = tuple[Any, ...]


@attrs.frozen(kw_only=True)
class Origin:
    """Where the rows of a month came from, as its file says it; ``None`` is unknown.

    Parameters
    ----------
    counters : the identifiers that were asked for; ``None`` is all.
    fetched : when, ISO 8601 in UTC.
    """

    city: str | None = None
    base_url: str | None = None
    dataset: str | None = None
    where: str | None = None
    counters: tuple[str, ...] | None = None
    licence: str | None = None
    data_processed: str | None = None
    fetched: str | None = None


@attrs.frozen(kw_only=True)
class StoredMonth:
    """A file of a store: its rows, hours and digest."""

    rows: int
    size: int
    sha256: str
    first_hour: str | None
    last_hour: str | None
    origin: Origin

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the manifest."""
        entry = attrs.asdict(self)
        return {**{key: value for key, value in entry.items() if key != "origin"}, **entry["origin"]}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> StoredMonth:
        """Read an entry of a manifest; raise `ValueError` or `TypeError` if it is none."""
        own = {field.name for field in attrs.fields(cls)} - {"origin"}
        origin = {field.name: entry.get(field.name) for field in attrs.fields(Origin)}
        counters = origin["counters"]
        origin["counters"] = None if counters is None else tuple(counters)
        return cls(**{name: entry[name] for name in own}, origin=Origin(**origin))


class MonthStore:
    """The files and the manifest at a path or URL; raises `ReadError` and `WriteError`."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.removeprefix("file://").rstrip("/") or uri
        self.shown = shown(self.uri)
        with self._reading():
            self._filesystem, self._root = filesystem_of(self.uri)
        self._known: dict[pd.Period, tuple[Version, StoredMonth | None]] = {}
        self._begin()

    def _begin(self) -> None:
        """Believe the manifest of files that have their size; the others are read when they are asked for."""
        entries = self.manifest()
        for month, version in self._listing().items():
            entry = entries.get(month)
            if entry is not None and entry.size == version[0]:
                self._known[month] = version, entry

    def manifest(self) -> dict[pd.Period, StoredMonth]:
        """Return the months of the manifest; none if it is missing or broken, since it can be made again."""
        content = self._read(MANIFEST)
        try:
            document: Any = json.loads(content or b'{"format": 1, "months": {}}')
            newer = document["format"] > _FORMAT
            months = {} if newer else document["months"]
            entries = {pd.Period(name, "M"): StoredMonth.from_json(entry) for name, entry in months.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}
        if newer:
            raise ReadError(
                f"{self.shown}: its manifest is of a later version of bike-traffic; install that one",
                "store-too-new",
                uri=self.shown,
            )
        return entries

    def exists(self) -> bool:
        """Return whether there is a manifest."""
        return self._read(MANIFEST) is not None

    def months(self) -> dict[pd.Period, StoredMonth | None]:
        """Return the files as they are, in order of months; ``None`` is one that cannot be read."""
        return self._described(self._listing())

    def table(self, month: pd.Period) -> pa.Table:
        """Return the rows of a month that can be read."""
        from pyarrow import parquet

        content = self._read(f"month={month}.parquet") or b""
        return parquet.read_table(io.BytesIO(content)).replace_schema_metadata(None)

    def write(self, month: pd.Period, table: pa.Table, origin: Origin) -> StoredMonth:
        """Write a month, then the manifest, and return its entry."""
        from pyarrow import parquet

        about = {_ABOUT: json.dumps(attrs.asdict(origin), ensure_ascii=False).encode()}
        buffer = io.BytesIO()
        parquet.write_table(table.replace_schema_metadata(about), buffer, compression="zstd")
        self._write(f"month={month}.parquet", buffer.getvalue())
        stored = self.settle().get(month)
        if stored is None:
            raise WriteError(
                f"{self.shown}: month={month}.parquet cannot be read back", "store-not-read-back", target=self.shown
            )
        return stored

    def counters(self) -> dict[str, CounterEntry]:
        """Return the counters by identifier; none if they are not stored, or not as they were written."""
        try:
            return {one: CounterEntry(**entry) for one, entry in json.loads(self._read(COUNTERS) or b"{}").items()}
        except (ValueError, TypeError, AttributeError):
            return {}

    def write_counters(self, counters: Mapping[str, CounterEntry]) -> None:
        """Write the counters by identifier."""
        entries = {identifier: attrs.asdict(entry) for identifier, entry in sorted(counters.items())}
        self._write(COUNTERS, (json.dumps(entries, ensure_ascii=False, indent=1) + "\n").encode())

    def sweep(self) -> None:
        """Remove what killed writers left in a local folder; a younger file may be that of a writer at work."""
        if "://" not in self.uri:
            for path in Path(self.uri).glob(f"{TEMPORARY}*"):
                with suppress(OSError):
                    if time.time() - path.stat().st_mtime > _OLD_SECONDS:
                        path.unlink()

    def settle(self) -> dict[pd.Period, StoredMonth | None]:
        """Make the manifest of the files until it describes them, and return them."""
        for _ in range(_MOST_ROUNDS):
            listing = self._listing()
            months = self._described(listing)
            content = _manifest(months)
            if content != self._read(MANIFEST):
                self._write(MANIFEST, content)
            if self._listing() == listing and self._read(MANIFEST) == content:
                return months
        raise WriteError(
            f"{self.shown}: others write to it all the time; try again later", "store-busy", target=self.shown
        )

    def verify(self) -> list[pd.Period]:
        """Read every file, and return the months whose file is not as the manifest says, or has no entry."""
        entries = self.manifest()
        self._known.clear()
        found = self.months()
        return sorted(month for month in {*entries, *found} if found.get(month) != entries.get(month))

    def _described(self, listing: Mapping[pd.Period, Version]) -> dict[pd.Period, StoredMonth | None]:
        for month, version in listing.items():
            if month not in self._known or self._known[month][0] != version:
                content = self._read(f"month={month}.parquet")
                self._known[month] = version, None if content is None else _describe(content)
        return {month: self._known[month][1] for month in sorted(listing)}

    def _listing(self) -> dict[pd.Period, Version]:
        """Return the files of months, each with what changes when it is replaced; its size comes first."""
        found = {}
        with self._reading():
            try:
                entries = self._filesystem.ls(self._root, detail=True)
            except FileNotFoundError:
                return {}
        for entry in entries:
            month = month_of_file(entry["name"])
            if month is not None and entry["type"] == "file":
                marks = ("ETag", "etag", "generation", "mtime", "LastModified", "updated", "ino")
                found[month] = (entry["size"], *(str(entry.get(mark)) for mark in marks))
        return found

    def _read(self, name: str) -> bytes | None:
        with self._reading():
            try:
                content: bytes = self._filesystem.cat_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return None
        return content

    def _write(self, name: str, content: bytes) -> None:
        with self._writing():
            if "://" not in self.uri:
                Path(self.uri).mkdir(parents=True, exist_ok=True)
            write_bytes(content, f"{self.uri}/{name}")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each kind of storage has its own errors
            reason = reason_of(error)
            raise ReadError(
                f"{self.shown}: cannot be opened: {reason}", "file-not-opened", uri=self.shown, reason=reason
            ) from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except WriteError:
            raise
        except Exception as error:
            reason = reason_of(error)
            raise WriteError(
                f"{self.shown}: cannot be written: {reason}", "file-not-written", target=self.shown, reason=reason
            ) from None


def _manifest(months: Mapping[pd.Period, StoredMonth | None]) -> bytes:
    """Return the manifest of files, the same bytes for the same files."""
    entries = {str(month): entry.to_json() for month, entry in months.items() if entry is not None}
    newest = max(entries.values(), key=lambda entry: entry["fetched"] or "", default={})
    names = ("city", "base_url", "dataset", "licence", "data_processed")
    of_all: dict[str, Any] = {name: newest.get(name) for name in names}
    document = {"format": _FORMAT, **of_all, "months": entries}
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _describe(content: bytes) -> StoredMonth | None:
    """Return the entry of a file; ``None`` if it is no table of counts."""
    import pyarrow as pa
    from pyarrow import compute, parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        about = (file.schema_arrow.metadata or {}).get(_ABOUT, b"{}")
        fields = {field.name for field in attrs.fields(Origin)}
        known = {name: value for name, value in json.loads(about).items() if name in fields}
        if known.get("counters") is not None:
            known["counters"] = tuple(known["counters"])
        times = file.read([STORED["time"]]).column(0)
        ends = compute.min_max(times)
        return StoredMonth(
            rows=file.metadata.num_rows,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            first_hour=_hour(ends["min"]),
            last_hour=_hour(ends["max"]),
            origin=Origin(**known),
        )
    except (pa.ArrowException, OSError, ValueError, AttributeError):
        return None


def _hour(value: Any) -> str | None:
    time = value.as_py()
    return None if time is None else pd.Timestamp(time).isoformat()
