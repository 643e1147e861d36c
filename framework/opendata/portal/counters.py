"""The portal's own data set of counters, joined to their counts by identifier: where a counter is, and its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.opendata.portal.export import STORED
from bike_traffic.places import place_of

if TYPE_CHECKING:
    import pyarrow as pa

_IDENTIFIER, _NAME, _PLACE = STORED["identifier"], STORED["counter"], STORED["coordinates"]


@attrs.frozen(kw_only=True)
class CounterEntry:
    """A counter as the portal describes it; ``None`` is what it does not say.

    Parameters
    ----------
    latitude, longitude : degrees.
    direction : such as ``"SE-NO"``.
    installed : day, ISO 8601.
    """

    name: str
    latitude: float | None
    longitude: float | None
    direction: str | None
    installed: str | None


def read_counters(entries: list[Any]) -> dict[str, CounterEntry]:
    """Return the counters of an export as JSON by identifier; an entry without identifier or name is left out."""
    found = {}
    for entry in entries:
        identifier, name = (entry.get(key) if isinstance(entry, dict) else None for key in (_IDENTIFIER, _NAME))
        if not identifier or not name:
            continue
        place = entry.get(_PLACE)
        latitude, longitude = (place.get(key) if isinstance(place, dict) else None for key in ("lat", "lon"))
        found[str(identifier)] = CounterEntry(
            name=str(name),
            latitude=latitude,
            longitude=longitude,
            direction=entry.get("channel_name"),
            installed=entry.get("installation_date"),
        )
    return dict(sorted(found.items()))


def joined(table: pa.Table, counters: Mapping[str, CounterEntry]) -> tuple[pa.Table, dict[str, str]]:
    """Give rows without a place that of their counter, and rows with a doubled name the counter's own.

    At times exports repeat the address in a name, and leave out the place. Such a name is known by two things: its
    identifier is that of another name, and without the repetition both are the same place.

    Returns
    -------
    table : the rows, whose other names stay as published.
    doubled : the counters' own names by the doubled ones.
    """
    import pyarrow as pa

    if not counters or not {_IDENTIFIER, _NAME, _PLACE} <= {*table.column_names}:
        return table, {}
    columns = {name: table.column(name) for name in table.column_names}
    identifiers, names = columns[_IDENTIFIER], columns[_NAME]
    if columns[_PLACE].null_count:
        known = {identifier: _text(entry) for identifier, entry in counters.items()}
        given = zip(columns[_PLACE].to_pylist(), identifiers.to_pylist(), strict=True)
        columns[_PLACE] = pa.array([place or known.get(identifier) for place, identifier in given], pa.string())
    pairs = pa.table({"identifier": identifiers, "name": names}).group_by(["identifier", "name"]).aggregate([])
    own = {
        (pair["identifier"], pair["name"]): entry.name
        for pair in pairs.to_pylist()
        if (entry := counters.get(pair["identifier"])) and _is_doubled(pair["name"], entry.name)
    }
    if own:
        rows = zip(identifiers.to_pylist(), names.to_pylist(), strict=True)
        columns[_NAME] = pa.array([own.get(row, row[1]) for row in rows], pa.string())
    return pa.table(columns), {name: new for (_, name), new in own.items()}


def _is_doubled(name: str | None, own: str) -> bool:
    return name is not None and name != own and len(name) > len(own) and place_of(name) == place_of(own)


def _text(entry: CounterEntry | None) -> str | None:
    if entry is None or entry.latitude is None or entry.longitude is None:
        return None
    return f"{entry.latitude!r},{entry.longitude!r}"
