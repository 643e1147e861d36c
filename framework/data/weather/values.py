"""Times and numbers of files of weather."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.data.files.formats.refusals import row_number
from bike_traffic.errors import SchemaError

_OFFSET = re.compile(r"\d[T ]\d.*(?:Z|[+-]\d\d(?::?\d\d)?)$")


SECONDS, DAY_AND_HOUR = r"\d{14}", r"\d{10}"
"""Times that are digits alone: to the second, as in the monthly files of SYNOP reports, and to the hour."""


def times_in(column: pd.Series, where: str, *, in_utc: str | None = None) -> pd.DatetimeIndex:
    """Return times in UTC; without `in_utc` a time that has no offset is an error.

    Parameters
    ----------
    in_utc : the form's times are UTC; the pattern of those that are digits alone.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(column).tz_convert("UTC")
    texts = column.astype(str).str.strip()
    if in_utc is not None:
        digits = texts.str.fullmatch(in_utc)
        texts = texts.mask(digits, texts.str.replace(r"^(\d{8})(\d+)$", r"\1T\2", regex=True))
    times = pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce"))
    refuse_values(
        np.asarray(times.isna()), where, column, "not a time", "write it as ISO 8601, like 2021-06-01T08:00:00+02:00"
    )
    if in_utc is None:
        without = ~np.array([bool(_OFFSET.search(text)) for text in texts])
        refuse_values(without, where, column, "a time without an offset", "write it like 2021-06-01T08:00:00+02:00")
    return times


def numbers_in(column: pd.Series, where: str) -> NDArray[np.float64]:
    """Return numbers, NaN where a value is empty or, as SYNOP has it, ``mq``."""
    texts = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    empty = texts.isin(["", "mq"]).to_numpy()
    values = pd.to_numeric(texts.mask(empty), errors="coerce").to_numpy(np.float64)
    refuse_values(~empty & ~np.isfinite(values), where, column, "not a number", "leave a missing value empty")
    return values


def refuse_values(broken: NDArray[np.bool_], where: str, column: pd.Series, found: str, advice: str) -> None:
    """Raise `SchemaError` for the first row that breaks a rule."""
    rows = np.flatnonzero(broken)
    if len(rows):
        row, value = row_number(int(rows[0])), str(column.iloc[rows[0]])
        more = f" and {len(rows) - 1} more rows" if len(rows) > 1 else ""
        raise SchemaError(
            f"{where}: column '{column.name}': {found} in row {row} ('{value}'){more}; {advice}",
            "weather-value",
            where=where,
            column=str(column.name),
            found=found,
            row=row,
            rows=len(rows),
            value=value,
        )
