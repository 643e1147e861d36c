"""Fetch the months that a store lacks, and those that may have changed since."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import pandas as pd

from bike_traffic.addresses import shown
from bike_traffic.cities import City
from bike_traffic.errors import BikeTrafficError, ReadError, SchemaError
from bike_traffic.http.errors import HttpError, HttpStatus
from bike_traffic.opendata.portal.client import (
    SERVER_FAILS,
    TRIES,
    Portal,
    condition,
    may_pass,
    pause_after,
    require_identifiers,
)
from bike_traffic.opendata.portal.counters import CounterEntry, joined
from bike_traffic.opendata.portal.export import read_export
from bike_traffic.opendata.stores.belonging import open_target
from bike_traffic.opendata.stores.merging import merged
from bike_traffic.opendata.stores.store import MonthStore, Origin, StoredMonth
from bike_traffic.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

WINDOW_MONTHS = 13
"""Whole months before this one that Paris keeps."""
OPEN_MONTHS = 2
"""The newest months, of which a portal still corrects hours."""
LEAST_SHARE = 0.9
"""Of the stored rows, that a portal must still have: with fewer it has begun to drop the month."""

_PARQUET_TRIES = 3
"""Tries after which the others are for CSV."""
_FOR_GOOD = ("http-too-many", "http-refused", "portal-unreachable")
"""Ids of errors after which no other month can be fetched."""

State = Literal["fetched", "stored", "kept", "absent", "failed"]


@attrs.frozen(kw_only=True)
class MonthResult:
    """What became of a month.

    Parameters
    ----------
    state : fetched now; stored before, and final; kept, because the portal has dropped it or begun to; absent from
        portal and store; or failed.
    rows : that the store has now.
    size : bytes of its file.
    """

    month: str
    state: State
    rows: int = 0
    size: int = 0


@attrs.frozen(kw_only=True)
class FetchResult:
    """What a fetch did, month by month, and the first error of a month that failed.

    Parameters
    ----------
    renamed : the names of counters that have another one since the last fetch, and the new ones.
    doubled : names that repeat their address, and those under which their rows were stored.
    notes : what a person should know, one line for each thing.
    """

    store: str
    city: str
    licence: str | None
    months: tuple[MonthResult, ...]
    renamed: Mapping[str, str] = attrs.field(factory=dict)
    doubled: Mapping[str, str] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()
    error: BikeTrafficError | None = None


def fetch(
    city: City,
    uri: str,
    *,
    since: pd.Period | None = None,
    counters: Sequence[str] = (),
    now: pd.Timestamp | None = None,
    portal: Portal | None = None,
) -> FetchResult:
    """Bring a store up to date with the portal of its city, one request a month, the oldest month first.

    A month is fetched again on each run until one that comes when it is no longer among the `OPEN_MONTHS`. What the
    portal has dropped stays. A month is complete only if it has as many rows as the portal counts.

    Parameters
    ----------
    uri : path or URL of the store, which is made.
    since : the first month; by default `WINDOW_MONTHS` before this one. Older ones that are stored stay.
    counters : identifiers of the only counters that are wanted; a store has one selection.
    now : in UTC, instead of the clock.

    Returns
    -------
    Also of months that failed; only what makes all others fail too is raised.

    Raises
    ------
    ReadError
        The portal cannot be reached, refuses, or takes no more requests until a time that the message says.
    SchemaError
        The portal has not the columns of the city, or the store holds something else.
    WriteError
    """
    require_identifiers(counters)
    portal = portal or Portal(city)
    now = pd.Timestamp.now("UTC") if now is None else now
    dataset = portal.dataset()
    target = open_target(uri, city, counters)
    store = target.store
    last = pd.Period(now.tz_localize(None), "M")
    first = last - WINDOW_MONTHS if since is None else since
    origin = Origin(
        city=city.name,
        base_url=city.base_url,
        dataset=city.counts,
        counters=target.selection,
        licence=dataset.licence,
        data_processed=dataset.data_processed,
        fetched=now.isoformat(timespec="seconds"),
    )
    known, renamed, notes = _counters_of(portal, store)
    doubled: dict[str, str] = {}
    results = []
    error: BikeTrafficError | None = None
    months = pd.period_range(first, last, freq="M")
    with progress(f"fetching {city.name}", len(months)) as advance:
        for month in months:
            before = target.months.get(month)
            try:
                result, found = _fetch_month(portal, store, month, before, origin, known)
                results.append(result)
                doubled |= found
            except (ReadError, SchemaError) as failed:
                if failed.id in _FOR_GOOD:
                    raise
                error = error or failed
                results.append(_result(month, "failed", before))
            advance(1)
    return FetchResult(
        store=store.shown,
        city=city.name,
        licence=dataset.licence,
        months=tuple(results),
        renamed=renamed,
        doubled=doubled,
        notes=tuple(notes),
        error=error,
    )


def _counters_of(portal: Portal, store: MonthStore) -> tuple[dict[str, CounterEntry], dict[str, str], list[str]]:
    """Return the counters, former ones too, which the store keeps; the new names by the old ones; and notes."""
    before = store.counters()
    try:
        now = portal.counters()
    except ReadError as failed:
        if failed.id in _FOR_GOOD:
            raise
        return before, {}, [f"the positions of counters are those of an earlier fetch: {failed}"]
    renamed = {
        before[identifier].name: entry.name
        for identifier, entry in now.items()
        if identifier in before and before[identifier].name != entry.name
    }
    every = {**before, **now}
    if every != before:
        store.write_counters(every)
    return every, renamed, []


def _fetch_month(
    portal: Portal,
    store: MonthStore,
    month: pd.Period,
    before: StoredMonth | None,
    origin: Origin,
    counters: Mapping[str, CounterEntry],
) -> tuple[MonthResult, Mapping[str, str]]:
    """Bring a month up to date, and return what became of it, and the doubled names; see `joined`."""
    is_archived = before is not None and before.origin.dataset not in (None, portal.city.counts)
    if before is not None and not is_archived and _is_final(month, before):
        return _result(month, "stored", before), {}
    days = month.start_time.date().isoformat(), (month + 1).start_time.date().isoformat()
    where = condition(portal.city, *days, origin.counters or ())
    table = _complete(portal, where, month)
    if before is not None and (table is None or table.num_rows < LEAST_SHARE * before.rows):
        return _result(month, "kept", before), {}
    if table is None:
        return _result(month, "absent", None), {}
    table, doubled = joined(table, counters)
    if is_archived:  # it may lack hours, and have hours that the portal has dropped
        table = merged(table, store.table(month))
    stored = store.write(month, table, attrs.evolve(origin, where=where))
    return _result(month, "fetched", stored), doubled


def _is_final(month: pd.Period, stored: StoredMonth) -> bool:
    """Return whether a month was fetched when it was no longer among the open ones."""
    fetched = stored.origin.fetched
    return fetched is not None and pd.Timestamp(fetched).tz_localize(None) >= (month + OPEN_MONTHS).start_time


def _complete(portal: Portal, where: str, month: pd.Period) -> pa.Table | None:
    """Return all rows of a month, tried several times, by Parquet and then by CSV; ``None`` if there is none."""
    name = f"{shown(portal.address)} {month}"
    forms = ["parquet"] * _PARQUET_TRIES + ["csv"] * (TRIES - _PARQUET_TRIES)
    failed: BikeTrafficError | None = None
    with tempfile.TemporaryDirectory(prefix="bt-fetch-") as folder:
        path = Path(folder) / "export"
        while forms:
            form = forms.pop(0)
            if failed is not None:
                portal.pause(pause_after(TRIES - len(forms) - 1))
            total = portal.total(where)
            if not total:
                return None
            try:
                portal.export(where, form, path)
                table = read_export(path, name, portal.city.columns)
            except HttpStatus as error:
                failed = portal.failed(error)
                if form == "parquet" and error.status not in (401, 403, 429):
                    if error.status < SERVER_FAILS:  # it has no Parquet
                        forms = [one for one in forms if one == "csv"]
                elif not may_pass(error):
                    raise failed from None
            except HttpError as error:
                failed = portal.failed(error)
            except (ReadError, SchemaError) as error:
                failed = error
            else:
                if table.num_rows == total:
                    return table
                failed = ReadError(
                    f"{name}: the export has {table.num_rows:,} of {total:,} rows; try again later",
                    "export-incomplete",
                    uri=name,
                    rows=table.num_rows,
                    total=total,
                )
    assert failed is not None  # for mypy: the loop ran
    raise failed


def _result(month: pd.Period, state: State, stored: StoredMonth | None) -> MonthResult:
    if stored is None:
        return MonthResult(month=str(month), state=state)
    return MonthResult(month=str(month), state=state, rows=stored.rows, size=stored.size)
