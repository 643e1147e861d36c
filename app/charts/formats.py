"""Numbers and names in the reader's form, and columns and rows as the charts need them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from babel.numbers import get_decimal_symbol, get_group_symbol

if TYPE_CHECKING:
    from bike_traffic.app.words import Words

__all__ = [
    "bikes",
    "column",
    "digits_for",
    "month_labels",
    "number_locale",
    "records",
    "sentence",
    "short_name",
]


def number_locale(words: Words) -> dict[str, Any]:
    """Return how Vega writes numbers: the `number` of a chart's `config.locale`."""
    return {
        "decimal": get_decimal_symbol(words.locale),
        "thousands": get_group_symbol(words.locale),
        "grouping": [3],
        "currency": ["", ""],
        "percent": words.percent(0).removeprefix("0"),
    }


def bikes(words: Words, count: float) -> str:
    """Return a number of bikes in words, such as ``"1,234 bikes"``; below ten with one digit after the point."""
    shown = round(float(count), digits_for([count]))
    return words.plural("{count} bike", "{count} bikes", shown, count=words.number(shown, digits_for([count])))


def digits_for(values: Iterable[float]) -> int:
    """Return how many digits after the point numbers of bikes need: one where all are below ten and not whole."""
    known = np.asarray([value for value in values if pd.notna(value)], dtype=float)
    return int(known.size > 0 and bool((np.abs(known) < 10).all()) and bool((known != known.round()).any()))


def sentence(text: str) -> str:
    """Return a sentence with its first letter as a capital: French days have a small one."""
    return text[:1].upper() + text[1:]


def month_labels(months: Mapping[int, int], words: Words, least: int) -> str:
    """Return the `labelExpr` that writes months: their short names, or a letter each on a narrow page.

    Parameters
    ----------
    months : the number of the month, 1 to 12, by its value on the axis.
    least : the pixels of the chart that the short names need.
    """
    forms = words.locale.months["stand-alone"]
    texts = [
        json.dumps({str(value): str(forms[form][month]) for value, month in months.items()}, ensure_ascii=False)
        for form in ("narrow", "abbreviated")
    ]
    return f"(width<{least}?{texts[0]}:{texts[1]})[datum.value]"


def short_name(name: str, longest: int = 22) -> str:
    """Return a name cut in the middle: both ends of the name of a place tell it from others."""
    if len(name) <= longest:
        return name
    head = longest // 2
    return f"{name[:head].rstrip()}…{name[len(name) - (longest - 1 - head) :].lstrip()}"


def column(frame: pd.DataFrame, name: str) -> pd.Series[float]:
    """Return a column as floats; all NaN where the frame lacks it."""
    if name not in frame:
        return pd.Series(np.nan, index=frame.index, dtype=float)
    return pd.to_numeric(frame[name], errors="coerce").astype(float)


def records(columns: dict[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """Return rows for a chart: whole floats as integers, and without what is missing, since each byte is sent."""
    names = list(columns)
    rows = zip(*columns.values(), strict=True)
    return [{name: _plain(value) for name, value in zip(names, row, strict=True) if _known(value)} for row in rows]


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not np.isfinite(value))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value
