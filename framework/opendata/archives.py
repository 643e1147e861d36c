"""The yearly archives of a city, turned into the months of a store.

An archive is read in chunks from its zip, and its rows are put aside by month on disk, so that memory does not grow
with it. In a store they fill what is missing: rows that are there stay.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from bike_traffic.cities import City
from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, TIME
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files.reading import CountsSource, open_counts
from bike_traffic.data.parsing.times import SecondHours
from bike_traffic.data.schema import COORDINATES, IDENTIFYING
from bike_traffic.errors import ReadError
from bike_traffic.http.errors import HttpError
from bike_traffic.opendata.fetching import FetchResult, MonthResult
from bike_traffic.opendata.portal.client import Portal, persistently, require_identifiers
from bike_traffic.opendata.portal.export import STORED, column_types
from bike_traffic.opendata.stores.belonging import open_target
from bike_traffic.opendata.stores.merging import merged
from bike_traffic.opendata.stores.store import Origin
from bike_traffic.progress import progress


def fetch_year(
    city: City,
    uri: str,
    year: int,
    *,
    counters: Sequence[str] = (),
    now: pd.Timestamp | None = None,
    portal: Portal | None = None,
) -> FetchResult:
    """Add the rows of a year's archive that a store lacks.

    Rows whose time cannot be read, such as those of the hour that the clock skips in spring, are left out and told,
    and so are rows of a counter and hour that came before.

    Parameters
    ----------
    uri, counters, now : as for `bike_traffic.opendata.fetching.fetch`.

    Raises
    ------
    ReadError
        The portal has no archive of the year, or it cannot be fetched whole.
    SchemaError
        It has not the columns of counts, or the store holds something else.
    WriteError
    """
    require_identifiers(counters)
    portal = portal or Portal(city)
    now = pd.Timestamp.now("UTC") if now is None else now
    name = _attachment(portal, year)
    licence = portal.licence(str(city.archives))
    target = open_target(uri, city, counters)
    store = target.store
    origin = Origin(
        city=city.name,
        base_url=city.base_url,
        dataset=city.archives,
        where=name,
        counters=target.selection,
        licence=licence,
        fetched=now.isoformat(timespec="seconds"),
    )
    results, notes = [], []
    with tempfile.TemporaryDirectory(prefix="bt-fetch-") as folder:
        archive = Path(folder) / "archive"
        _download(portal, name, archive)
        aside = _Aside(Path(folder), year, target.selection, city)
        columns = (*IDENTIFYING, COUNT)
        # A row that does not fit the table has no time, and is left out with the others that have none.
        with open_counts(str(archive), columns, name=name, on_malformed=lambda *_: None) as counts:
            aside.read(counts)
        if aside.left_out:
            notes.append(
                f"{name}: rows left out whose time is of no hour of {year}: {aside.left_out:,}{aside.example}"
            )
        for month, table in aside.months():
            before = target.months.get(month)
            every = merged(*([] if before is None else [store.table(month)]), table)
            known = 0 if before is None else before.rows
            if before is None and (repeated := table.num_rows - every.num_rows):
                notes.append(f"{name}: rows of {month} left out whose counter and hour came before: {repeated:,}")
            if before is not None and every.num_rows <= known:
                results.append(MonthResult(month=str(month), state="stored", rows=before.rows, size=before.size))
            else:
                entry = store.write(month, every, origin)
                results.append(MonthResult(month=str(month), state="fetched", rows=entry.rows, size=entry.size))
    return FetchResult(store=store.shown, city=city.name, licence=licence, months=tuple(results), notes=tuple(notes))


def _attachment(portal: Portal, year: int) -> str:
    """Return the name of the archive of hourly counts of a year; those of sites have quarter hours."""
    names = portal.attachments()
    found = [name for name in names if name.startswith(f"{year}_") and "site" not in name]
    if not found:
        years = sorted({name[:4] for name in names if re.match(r"\d{4}_", name)})
        raise ReadError(
            f"{portal.city.name}: the portal has no archive of {year}; there are {', '.join(years) or 'none'}",
            "archive-of-year-missing",
            city=portal.city.name,
            year=year,
            known=years,
        )
    return found[0]


def _download(portal: Portal, name: str, target: Path) -> None:
    try:
        persistently(lambda: portal.attachment(name, target), portal.pause)
    except HttpError as error:
        raise portal.failed(error) from None


class _Aside:
    """The rows of an archive by month of UTC, in files of a folder."""

    def __init__(self, folder: Path, year: int, selection: Sequence[str] | None, city: City) -> None:
        self._city = city
        self._folder = folder
        # The first local hour of a year may be of the last month before in UTC, and the last one of the next.
        self._months = {pd.Period(f"{year - 1}-12", "M") + number for number in range(14)}
        self._selection = selection
        self._written: set[pd.Period] = set()
        self.left_out = 0
        self.example = ""

    def read(self, counts: CountsSource) -> None:
        """Put all rows aside."""
        second_hours = SecondHours()
        writers: dict[pd.Period, Any] = {}
        with ExitStack() as closing, progress("reading the archive", None) as advance:
            for chunk in counts.frames():
                cleaned = clean(chunk, second_hours, self._city)
                table = _table(cleaned, chunk, counts.headers)
                utc = cleaned[TIME].dt.tz_convert(None).to_numpy().astype("datetime64[M]")
                wanted = np.ones(len(chunk), dtype=bool)
                if self._selection is not None and IDENTIFIER in cleaned:
                    wanted = cleaned[IDENTIFIER].isin(self._selection).to_numpy()
                inside = np.zeros(len(chunk), dtype=bool)
                for month in sorted(self._months):
                    rows = utc == np.datetime64(str(month), "M")
                    inside |= rows
                    if not (rows & wanted).any():
                        continue
                    if month not in writers:
                        path = self._folder / f"{month}.parquet"
                        writers[month] = closing.enter_context(parquet.ParquetWriter(path, table.schema))
                    writers[month].write_table(table.filter(pa.array(rows & wanted)))
                self._leave_out(chunk[counts.headers[TIME]], ~inside)
                advance(len(chunk))
        self._written = set(writers)

    def _leave_out(self, published: pd.Series, rows: Any) -> None:
        if rows.any() and not self.example:
            self.example = f", such as '{published[rows].iloc[0]}'"
        self.left_out += int(rows.sum())

    def months(self) -> Iterator[tuple[pd.Period, pa.Table]]:
        """Yield the months in their order."""
        for month in sorted(self._written):
            yield month, parquet.read_table(self._folder / f"{month}.parquet")


def _table(cleaned: pd.DataFrame, published: pd.DataFrame, headers: dict[str, str]) -> pa.Table:
    """Return rows as a store keeps them: names and counts as they were read, places as published."""
    kinds = column_types()
    missing = pd.Series(None, index=cleaned.index, dtype=object)
    places = published[headers[COORDINATES]] if COORDINATES in headers else missing
    values = {
        "identifier": cleaned.get(IDENTIFIER, missing),
        "counter": cleaned[COUNTER],
        "coordinates": places,
    }
    columns = {field: pa.array(values[field].astype(object), kinds[field], from_pandas=True) for field in values}
    columns["count"] = pa.array(cleaned[COUNT].to_numpy(), kinds["count"], from_pandas=True)
    times = cleaned[TIME].dt.tz_convert(None).to_numpy().astype("datetime64[ms]")
    columns["time"] = pa.array(times, from_pandas=True).cast(kinds["time"])
    return pa.table({name: columns[field] for field, name in STORED.items()})
