"""What a clean frame holds: its extent, and a digest."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.checking.seen import seconds_of


def describe(cleaned: pd.DataFrame) -> dict[str, object]:
    """Return rows, counters, and first and last hour of a clean frame, as in a record and in `bt data check`."""
    times = cleaned[TIME]
    known = times.notna().any()
    return {
        "rows": len(cleaned),
        "counters": int(cleaned[COUNTER].nunique()),
        "first_hour": times.min().isoformat() if known else None,
        "last_hour": times.max().isoformat() if known else None,
    }


def fingerprint(cleaned: pd.DataFrame) -> str:
    """Return the SHA-256 of a clean frame's counters, hours and counts, row by row: the same for any file format."""
    names = pd.util.hash_pandas_object(cleaned[COUNTER], index=False)
    columns = [names.to_numpy(), seconds_of(cleaned[TIME]), cleaned[COUNT].to_numpy(np.float64)]
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()
