"""The rows of two tables of a store as one, each counter and hour once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bike_traffic.opendata.portal.export import STORED

if TYPE_CHECKING:
    import pyarrow as pa


def merged(*tables: pa.Table) -> pa.Table:
    """Return the rows of tables ordered by time and counter; of a counter and hour the first row stays.

    A counter is known by its identifier, or by its name where it has none. Rows without a time stay.
    """
    import pyarrow as pa
    from pyarrow import compute

    every = pa.concat_tables(tables, promote_options="default")
    names = [
        every.column(STORED[field]) for field in ("identifier", "counter") if STORED[field] in every.column_names
    ]
    keys = pa.table({"counter": compute.coalesce(*names), "time": every.column(STORED["time"])}).to_pandas()
    once = ~keys.duplicated() | keys["time"].isna()
    order = [(STORED["time"], "ascending"), (STORED["counter"], "ascending")]
    return every.filter(pa.array(once.to_numpy())).sort_by(order)
