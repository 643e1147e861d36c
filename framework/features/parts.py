"""Clean counts in parts, for what learns from more rows than fit into memory.

`Parts` can be gone through again and again. Each part is a clean frame with all rows of some counters, those of one
place together, in the order of all rows; its index says their positions among all rows, and its categories are the
counters of all. So what concerns one counter is learned from one part, and the sums of whole bikes, which are exact,
do not depend on how counters are divided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs
import numpy as np
import pandas as pd

from bike_traffic.columns import COUNTER, TIME

Parts = Iterable[pd.DataFrame]


@attrs.frozen
class Changed:
    """Parts as a function returns them, which leaves out rows or changes their values."""

    parts: Parts
    change: Callable[[pd.DataFrame], pd.DataFrame]

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Return an iterator over the parts that have rows."""
        return (changed for part in self.parts if len(changed := self.change(part)))


def as_parts(counts: pd.DataFrame | Parts) -> Parts:
    """Return parts as they are, and a frame as a single one."""
    return [counts] if isinstance(counts, pd.DataFrame) else counts


def counters_in(part: pd.DataFrame) -> pd.Index:
    """Return the names of the counters of some rows, in their order."""
    names: list[str] = sorted(part[COUNTER].cat.remove_unused_categories().cat.categories.astype(str))
    return pd.Index(names)


def positions_of(part: pd.DataFrame, counters: pd.Index) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return each row's position among some counters, -1 for any other counter."""
    names = part[COUNTER].cat
    places = counters.get_indexer(names.categories.astype(str))
    return np.asarray(np.append(places, -1)[names.codes.to_numpy()], dtype=np.intp)


def span_of(parts: Parts) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last hour of all rows."""
    spans = [(part[TIME].min(), part[TIME].max()) for part in parts]
    return min(first for first, _ in spans), max(last for _, last in spans)
