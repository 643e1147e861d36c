"""What a store has, how old it is, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import pandas as pd

from bike_traffic.addresses import is_web
from bike_traffic.errors import ReadError
from bike_traffic.opendata.stores.store import MonthStore, Origin, StoredMonth


@attrs.frozen(kw_only=True)
class StoreStatus:
    """The state of a store; hours are ISO 8601 in UTC.

    Parameters
    ----------
    age_hours : whole hours since the newest hour began; ``None`` without one.
    missing : months between the first and the last that were never stored.
    damaged : months whose file is lost, cannot be read, or is not as the manifest says.
    """

    store: str
    city: str | None
    base_url: str | None
    dataset: str | None
    licence: str | None
    data_processed: str | None
    rows: int
    size: int
    first_hour: str | None
    last_hour: str | None
    age_hours: int | None
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    months: Mapping[str, StoredMonth]


def store_status(uri: str, now: pd.Timestamp | None = None, *, read_files: bool = True) -> StoreStatus:
    """Return the state of a store.

    Parameters
    ----------
    now : in UTC, instead of the clock.
    read_files : whether every file is read; else one is believed to be as the manifest says if it has its size.

    Raises
    ------
    ReadError
        There is no store.
    """
    store = MonthStore(uri)
    now = pd.Timestamp.now("UTC") if now is None else now
    damaged = store.verify() if read_files else []
    found = store.months()
    if not found and not store.exists():
        raise ReadError(
            f"{store.shown}: no store; `bt data fetch --to {store.shown}` makes one", "store-missing", uri=store.shown
        )
    months = {month: entry for month, entry in found.items() if entry is not None}
    newest = max(months.values(), key=lambda one: one.origin.fetched or "", default=None)
    firsts = [one.first_hour for one in months.values() if one.first_hour is not None]
    lasts = [one.last_hour for one in months.values() if one.last_hour is not None]
    known = {*found, *damaged}
    every = list(pd.period_range(min(known), max(known), freq="M")) if known else []
    origin = Origin() if newest is None else newest.origin
    return StoreStatus(
        store=store.shown,
        city=origin.city,
        base_url=origin.base_url,
        dataset=origin.dataset,
        licence=origin.licence,
        data_processed=origin.data_processed,
        rows=sum(one.rows for one in months.values()),
        size=sum(one.size for one in months.values()),
        first_hour=min(firsts, default=None),
        last_hour=max(lasts, default=None),
        age_hours=int((now - pd.Timestamp(max(lasts))) // pd.Timedelta(hours=1)) if lasts else None,
        missing=tuple(str(month) for month in every if month not in found and month not in damaged),
        damaged=tuple(map(str, damaged)),
        months={str(month): entry for month, entry in months.items()},
    )


def status_of_counts(source: str) -> StoreStatus | None:
    """Return the state of counts that are a store, without reading its files; ``None`` if they are something else."""
    if is_web(source):
        return None
    try:
        return store_status(source, read_files=False)
    except ReadError:
        return None
