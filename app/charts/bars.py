"""Flat bars: a row a name, with its number behind the bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bike_traffic.app.charts.drawing import bar_mark, lookup, tick_mark
from bike_traffic.app.charts.formats import short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bike_traffic.app.charts.theme import Theme

__all__ = ["flat_bars", "height_of", "name_axis"]


def height_of(rows: int) -> int:
    """Return the pixels of a chart of so many rows."""
    return 24 * rows + 24


def name_axis(names: Sequence[str], picked: Sequence[int], theme: Theme) -> dict[str, Any]:
    """Return the vertical axis of the field ``r``, the position of a name; long names are cut in the middle."""
    test = f"indexof({list(picked)},datum.value)>=0"
    return {
        "field": "r",
        "type": "ordinal",
        "scale": {"paddingInner": 0.3, "paddingOuter": 0.1, "domain": list(range(len(names)))},
        "axis": {
            "title": None,
            "labelLimit": 220,
            "labelExpr": lookup({at: short_name(name) for at, name in enumerate(names)}),
            "labelColor": theme.text,
            "labelFontWeight": {"condition": {"test": test, "value": "bold"}, "value": "normal"},
        },
    }


def flat_bars(top: float, texts: Sequence[str], theme: Theme, *, compared: bool = False) -> list[dict[str, Any]]:
    """Return the layers of bars of the field ``n`` with their texts ``t``; the rows of ``s`` are filled.

    Parameters
    ----------
    top : the end of the scale.
    texts : all of them, for the room behind the longest bar.
    compared : whether the field ``u`` is drawn as a line across each bar.
    """
    room = 7 * max(map(len, texts), default=1) + 14
    x = {
        "field": "n",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, top], "range": [0, {"expr": f"max(width-{room},10)"}]},
    }
    fill = {"condition": {"test": "datum.s", "value": theme.forecast}, "value": theme.band}
    number: dict[str, Any] = {"type": "text", "align": "left", "dx": 6, "aria": False}
    if compared:
        # Behind the line it would look like its number.
        number |= {"align": "right", "dx": 0}
    return [
        {"mark": bar_mark(theme), "encoding": {"x": x, "fill": fill}},
        *([{"mark": tick_mark(theme), "encoding": {"x": {**x, "field": "u"}}}] if compared else []),
        {"mark": number, "encoding": {"x": {"value": "width"} if compared else x, "text": {"field": "t"}}},
    ]
