"""The distinct values of a column, and values spread over its rows again."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.intp]
FloatT = TypeVar("FloatT", bound=np.floating[Any])


def distinct_values(column: pd.Series) -> tuple[Codes, pd.Index]:
    """Return for each row the position of its value among the distinct values, -1 if missing, and these values.

    Values that have no order and no hash, such as mappings, are compared by their text.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.intp), column.cat.categories
    try:
        codes, values = pd.factorize(column)
    except TypeError:
        codes, values = pd.factorize(column.map(str, na_action="ignore"))
    return codes, pd.Index(values)


def take(values: NDArray[FloatT], codes: Codes) -> NDArray[FloatT]:
    """Spread distinct numbers over the rows, NaN where the code is -1."""
    return np.append(values, np.asarray([np.nan], dtype=values.dtype))[codes]


def text_of(value: object) -> str:
    """Return a published value as text; bytes are UTF-8, else Windows-1252."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", errors="replace")
