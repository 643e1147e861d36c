"""Cells coloured by their bikes: the scale and its legend, the greatest cell, and cells without a value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bike_traffic.app.charts.drawing import SQUARE, Entry, key_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["TIGHT", "cell_layers", "label_of"]

TIGHT = {"paddingInner": 0, "paddingOuter": 0.02}
"""The scale of cells side by side: without any padding Vega may see the first one just outside and drop its label."""


def cell_layers(
    top: float, unit: str, text: str, words: Words, theme: Theme, *, missing: bool, gap: float = 1
) -> list[dict[str, Any]]:
    """Return the layers of cells of the field ``n``; those without it are hollow, and ``m`` marks the greatest.

    Parameters
    ----------
    top : the greatest value.
    text : an expression of Vega: what a cell is, in words, such as its day.
    missing : whether there are cells without a value, which then stand in the legend.
    gap : pixels between two cells.
    """
    stops = [top * step / (len(theme.scale) - 1) for step in range(len(theme.scale))]
    colour = {
        "field": "n",
        "type": "quantitative",
        "scale": {"domain": stops, "range": list(theme.scale), "type": "linear"},
        "legend": {
            "title": unit,
            "titleOrient": "left",
            "titleAnchor": "middle",
            "titlePadding": 10,
            "gradientLength": 130,
            "gradientThickness": 10,
            "values": [0, _round(top / 2), _round(top)],
            "format": ",d",
            "offset": 10,
        },
    }
    said = [
        {
            "calculate": f"{text}+': '+(isValid(datum.n)?format(datum.n,',d'):{json.dumps(words.say('no counts'))})",
            "as": "a",
        }
    ]
    described = {"tooltip": {"field": "a"}, "description": {"field": "a"}}
    cell = {"type": "rect", "strokeWidth": gap, "stroke": theme.background}
    hollow = {"type": "rect", "fill": "transparent", "stroke": theme.alarm, "strokeWidth": 1, "strokeDash": [2, 2]}
    layers: list[dict[str, Any]] = [
        {
            "transform": [{"filter": "isValid(datum.n)"}, *said],
            "mark": cell,
            "encoding": {"color": colour, **described},
        }
    ]
    if missing:
        layers.append({"transform": [{"filter": "!isValid(datum.n)"}, *said], "mark": hollow, "encoding": described})
        layers += key_layers([Entry(words.say("no counts"), theme.alarm, SQUARE)], below=True)
    ring = {"type": "rect", "fill": None, "stroke": theme.counted, "strokeWidth": 2.5, "aria": False}
    layers.append({"transform": [{"filter": "datum.m"}], "mark": ring})
    return layers


def label_of(labels: Sequence[str], field: str) -> str:
    """Return the expression of Vega that is the label at the position that a field holds."""
    return f"{json.dumps(list(labels), ensure_ascii=False)}[datum.{field}]"


def _round(value: float) -> float:
    """Return a value with two significant digits, for a legend."""
    return float(f"{value:.2g}")
