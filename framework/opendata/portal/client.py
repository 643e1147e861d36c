"""A portal that speaks the Explore API 2.1: what it says of a data set, how many rows it has, and its exports.

Ranges are not asked for, since exports are made when they are asked for: what breaks off is asked for again.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import attrs

from bike_traffic.addresses import shown
from bike_traffic.cities import City
from bike_traffic.data.files.sources import SILENT_SECONDS, refused
from bike_traffic.errors import ReadError, SchemaError, SettingsError, no_such
from bike_traffic.http.client import blocks
from bike_traffic.http.errors import HttpError, HttpStatus
from bike_traffic.http.messages import said_in
from bike_traffic.opendata.portal.counters import CounterEntry, read_counters

TRIES = 5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before the second try; each later pause is twice as long."""
SERVER_FAILS = 500

_API = "api/explore/v2.1/catalog/datasets"
_MOST_JSON = 16 << 20
_MOST_EXPORT = 2 << 30
"""Bytes of an answer."""

ResultT = TypeVar("ResultT")


@attrs.frozen(kw_only=True)
class Dataset:
    """What a portal says of a data set; ``None`` is what it does not say."""

    fields: tuple[str, ...]
    licence: str | None
    data_processed: str | None


@attrs.define
class Portal:
    """The data set of the hourly counts of a city.

    Parameters
    ----------
    pause : waits between two tries.
    """

    city: City
    pause: Callable[[float], None] = time.sleep

    @property
    def address(self) -> str:
        """The address of the data set, without what is asked of it."""
        return self._address(self.city.counts)

    def _address(self, dataset: str | None) -> str:
        if self.city.base_url is None or dataset is None:
            raise SettingsError(
                f"{self.city.title} has no portal that could be asked; fetch its files from where it publishes them, "
                f"or write base_url and counts under [cities.{self.city.name}] in bt.toml",
                "city-without-portal",
                city=self.city.name,
            )
        return f"{self.city.base_url.rstrip('/')}/{_API}/{quote(dataset, safe='')}"

    def dataset(self) -> Dataset:
        """Return what the portal says of the data set; raise `ReadError` or `SchemaError`.

        A column that the city's `columns` name, and the data set has not, is an error.
        """
        answer = self._object(self.address)
        fields = tuple(str(field["name"]) for field in answer.get("fields", ()) if "name" in field)
        for wanted in self.fields():
            if wanted not in fields:
                raise SchemaError(
                    f"{shown(self.address)}: {no_such('column', wanted, fields)}; say under "
                    f"[cities.{self.city.name}.columns] in bt.toml what it is called",
                    "portal-column-missing",
                    uri=shown(self.address),
                    name=wanted,
                    known=sorted(fields),
                    city=self.city.name,
                )
        about = answer.get("metas", {}).get("default", {})
        return Dataset(
            fields=fields,
            licence=about.get("license"),
            data_processed=about.get("data_processed") or answer.get("data_processed"),
        )

    def licence(self, dataset: str) -> str | None:
        """Return the licence of a data set as the portal says it; raise `ReadError`."""
        said = self._object(self._address(dataset)).get("metas", {}).get("default", {}).get("license")
        return None if said is None else str(said)

    def attachments(self) -> list[str]:
        """Return the ids of the archives, none if the city has no data set of them; raise `ReadError`."""
        if self.city.archives is None:
            return []
        listed = self._object(f"{self._address(self.city.archives)}/attachments").get("attachments", [])
        return [str(one.get("metas", {}).get("id") or one.get("href", "").rpartition("/")[2]) for one in listed]

    def attachment(self, name: str, target: Path) -> None:
        """Write an archive to a file, once; raise `HttpError`."""
        url = f"{self._address(str(self.city.archives))}/attachments/{quote(name, safe='')}"
        self._save(url, target)

    def counters(self) -> dict[str, CounterEntry]:
        """Return the counters of the city by identifier, none if it has no data set of them; raise `ReadError`."""
        if self.city.counters is None:
            return {}
        address = f"{self._address(self.city.counters)}/exports/json"
        entries = self._json(address)
        if not isinstance(entries, list):
            raise _unexpected(address, "it is no list")
        return read_counters(entries)

    def fields(self) -> list[str]:
        """Return the names of the columns that are fetched."""
        return [name for name in attrs.astuple(self.city.columns) if name is not None]

    def total(self, where: str) -> int:
        """Return how many rows answer to a condition; raise `ReadError`."""
        answer = self._object(f"{self.address}/records", where=where, limit="0", timezone="UTC")
        total = answer.get("total_count")
        if not isinstance(total, int):
            raise _unexpected(self.address, "there is no total_count in its answer")
        return total

    def export(self, where: str, form: str, target: Path) -> None:
        """Write the rows that answer to a condition to a file, once; raise `HttpError`.

        Parameters
        ----------
        form : ``"parquet"``, or ``"csv"`` with ``;`` and times in UTC.
        """
        how = {"parquet_compression": "zstd"} if form == "parquet" else {"delimiter": ";", "with_bom": "false"}
        words = {"select": ",".join(self.fields()), "where": where, "timezone": "UTC", **how}
        self._save(_url(f"{self.address}/exports/{form}", words), target)

    def _save(self, url: str, target: Path) -> None:
        with target.open("wb") as file:
            for block in blocks(url, _MOST_EXPORT, SILENT_SECONDS):
                file.write(block)

    def _object(self, address: str, **words: str) -> Mapping[str, Any]:
        answer = self._json(address, **words)
        if not isinstance(answer, dict):
            raise _unexpected(address, "it is no object")
        return answer

    def _json(self, address: str, **words: str) -> Any:
        try:
            body = persistently(
                lambda: b"".join(blocks(_url(address, words), _MOST_JSON, SILENT_SECONDS)), self.pause
            )
        except HttpError as error:
            raise self.failed(error) from None
        try:
            return json.loads(body)
        except ValueError:
            raise _unexpected(address, said_in(body)[0]) from None

    def failed(self, error: HttpError) -> ReadError:
        """Return the error of a request that failed for good, in one line with what to do."""
        where = shown(self.address)
        if isinstance(error, HttpStatus):
            return refused(where, error.status, error.said, error.again)
        other = f"; the portal is also at {self.city.also_at}" if self.city.also_at else ""
        return ReadError(
            f"{where}: {error}{other}; base_url under [cities.{self.city.name}] in bt.toml says where it is",
            "portal-unreachable",
            uri=where,
            reason=str(error),
            city=self.city.name,
            also_at=self.city.also_at,
        )


def persistently(action: Callable[[], ResultT], pause: Callable[[float], None]) -> ResultT:
    """Return what an action returns, tried up to `TRIES` times; raise `HttpError` if it fails for good."""
    tried = 1
    while True:
        try:
            return action()
        except HttpError as error:
            if tried == TRIES or not may_pass(error):
                raise
        pause(pause_after(tried))
        tried += 1


def pause_after(tried: int) -> float:
    """Return how many seconds to wait after a number of tries: longer each time, and not in step with others."""
    return min(FIRST_PAUSE * float(2 ** (tried - 1)), LONGEST_PAUSE) * random.uniform(0.5, 1.5)


def may_pass(error: HttpError) -> bool:
    """Return whether the same request may succeed a little later: not after a refusal, nor over a quota."""
    return not isinstance(error, HttpStatus) or error.status >= SERVER_FAILS


def condition(city: City, first: str, end: str, counters: Sequence[str]) -> str:
    """Return the condition of the rows of some days in UTC, and of some counters if any are named.

    Parameters
    ----------
    first, end : days in ISO 8601, the first one and that after the last one.
    counters : identifiers, or names where the portal has no identifiers; see `require_identifiers`.
    """
    columns = city.columns
    parts = [f"{columns.time} >= date'{first}'", f"{columns.time} < date'{end}'"]
    if counters:
        name = columns.identifier or columns.counter
        parts.append("(" + " OR ".join(f'{name} = "{counter}"' for counter in counters) + ")")
    return " AND ".join(parts)


def require_identifiers(counters: Sequence[str]) -> None:
    """Raise `SchemaError` for what would be more of a condition than an identifier."""
    for counter in counters:
        if '"' in counter or "\\" in counter:
            raise SchemaError(
                f"'{counter}' is no identifier of a counter; write one such as 100003096-353242251",
                "counter-malformed",
                name=counter,
            )


def _url(address: str, words: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(words, quote_via=quote)}" if words else address


def _unexpected(address: str, said: str) -> ReadError:
    where = shown(address)
    return ReadError(
        f"{where}: the server does not answer as the Explore API does: {said}",
        "portal-answer",
        uri=where,
        reason=said,
    )
