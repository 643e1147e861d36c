"""The store that is fetched into, which holds one city and one selection of counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import pandas as pd

from bike_traffic.cities import City
from bike_traffic.errors import SchemaError
from bike_traffic.opendata.stores.store import MonthStore, StoredMonth


@attrs.frozen(kw_only=True)
class Target:
    """A store to fetch into.

    Parameters
    ----------
    months : its files as they are now; see `MonthStore.settle`.
    selection : the identifiers of its counters, in their order; ``None`` is all.
    """

    store: MonthStore
    months: Mapping[pd.Period, StoredMonth | None]
    selection: tuple[str, ...] | None


def open_target(uri: str, city: City, counters: Sequence[str]) -> Target:
    """Open the store at a path or URL, or one to be made there.

    Raises
    ------
    ReadError, WriteError
    SchemaError
        It holds another city, or other counters.
    """
    store = MonthStore(uri)
    store.sweep()
    target = Target(store=store, months=store.settle(), selection=tuple(sorted(set(counters))) or None)
    _require_same(store, target.months, city, target.selection)
    return target


def _require_same(
    store: MonthStore,
    stored: Mapping[pd.Period, StoredMonth | None],
    city: City,
    selection: tuple[str, ...] | None,
) -> None:
    """Raise `SchemaError` if a store holds another city, or other counters than are asked for."""
    for month, entry in stored.items():
        if entry is None or entry.origin.city is None:
            continue
        if entry.origin.city != city.name:
            raise SchemaError(
                f"{store.shown}: month={month}.parquet is of {entry.origin.city}, not of {city.name}; "
                "give each city a store of its own",
                "store-of-other-city",
                uri=store.shown,
                month=str(month),
                city=entry.origin.city,
                other=city.name,
            )
        if entry.origin.counters != selection:
            raise SchemaError(
                f"{store.shown}: it holds {_counters(entry.origin.counters)}, not {_counters(selection)}; give the "
                "same counters, or another store",
                "store-of-other-counters",
                uri=store.shown,
                counters=list(entry.origin.counters or ()),
                other=list(selection or ()),
            )


def _counters(selection: tuple[str, ...] | None) -> str:
    return "all counters" if selection is None else f"the counters {', '.join(selection)}"
