"""Counters that the City has renamed: the identifier stays, and the newest name stands for it."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bike_traffic.columns import COUNTER, IDENTIFIER, TIME
from bike_traffic.places import Counter

TOGETHER = 0.1
"""Two names that share more of the hours than this, of the one with fewer, are two counters and no rename."""


def newest_names(cleaned: pd.DataFrame) -> dict[str, str]:
    """Return the newest name of each counter that was renamed, by its older names; nothing without identifiers."""
    if IDENTIFIER not in cleaned:
        return {}
    if not _several_names(cleaned):
        return {}
    known = cleaned[[IDENTIFIER, COUNTER, TIME]].dropna()
    known = known[((known[IDENTIFIER] != "") & (known[COUNTER] != "")).to_numpy(dtype=bool)]
    pairs = known.groupby([IDENTIFIER, COUNTER], observed=True)[TIME].agg(["min", "max", "size"]).reset_index()
    several = pairs[pairs[IDENTIFIER].duplicated(keep=False)]
    newest: dict[str, str] = {}
    for identifier, names in several.groupby(IDENTIFIER, observed=True):
        ordered = names.sort_values("max")[COUNTER].astype("str").tolist()
        rows = known[(known[IDENTIFIER] == identifier).to_numpy()]
        times = [set(rows.loc[(rows[COUNTER] == name).to_numpy(), TIME]) for name in ordered]
        for name, own in zip(ordered[:-1], times[:-1], strict=True):
            if len(own & times[-1]) <= TOGETHER * min(len(own), len(times[-1])):
                newest[name] = ordered[-1]
    # A name that another identifier bears as well stays: it is nobody's old name.
    return {old: new for old, new in newest.items() if (pairs[COUNTER] == old).sum() == 1}


def _several_names(cleaned: pd.DataFrame) -> bool:
    """Return whether any identifier is borne by several names, which a glance at the distinct pairs tells."""
    identifiers, names = cleaned[IDENTIFIER].cat, cleaned[COUNTER].cat
    if not len(identifiers.categories) or not len(names.categories):
        return False
    identifier, name = identifiers.codes.to_numpy(np.int64), names.codes.to_numpy(np.int64)
    missing = max(len(identifiers.categories) * len(names.categories), 1)
    pair = np.where((identifier < 0) | (name < 0), missing, identifier * len(names.categories) + name)
    borne = np.bincount(pd.unique(pair[pair < missing]) // len(names.categories), minlength=1)
    return bool((borne > 1).any())


def names_by_identifier(cleaned: pd.DataFrame, counters: Mapping[str, Counter]) -> dict[str, str]:
    """Return the name under which counters are known, by names that are unknown but have a known identifier.

    Parameters
    ----------
    counters : known ones, by name.
    """
    borne = Tally(counter.identifier for counter in counters.values())
    own = {one.identifier: name for name, one in counters.items() if one.identifier and borne[one.identifier] == 1}
    if IDENTIFIER not in cleaned or not own:
        return {}
    unknown = cleaned[[COUNTER, IDENTIFIER]][~cleaned[COUNTER].isin(list(counters)).to_numpy()]
    pairs = unknown.dropna().drop_duplicates().astype("str")
    pairs = pairs[pairs[IDENTIFIER].isin(list(own)).to_numpy()]
    return {name: own[identifier] for name, identifier in zip(pairs[COUNTER], pairs[IDENTIFIER], strict=True)}


def renamed(cleaned: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return clean rows with other names for some counters; the same frame if there is none of them."""
    if not names:
        return cleaned
    categories = cleaned[COUNTER].cat.categories
    new = [names.get(str(name), str(name)) for name in categories]
    positions, distinct = pd.factorize(np.array(new, dtype=object))
    codes = np.append(positions, -1)[cleaned[COUNTER].cat.codes.to_numpy()]
    return cleaned.assign(**{COUNTER: pd.Categorical.from_codes(codes, categories=pd.Index(distinct))})


def under_known_names(cleaned: pd.DataFrame, counters: Mapping[str, Counter]) -> pd.DataFrame:
    """Return clean rows with known counters under the name by which they are known; see `names_by_identifier`."""
    return renamed(cleaned, names_by_identifier(cleaned, counters))
