"""What all drawings share: fonts, axes, number formats, legends with their own shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.app.charts.formats import number_locale

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = [
    "ABOVE_TITLE",
    "CROSS",
    "DASHED_RANGE",
    "DASHES",
    "FONT",
    "LINE",
    "RANGE",
    "SQUARE",
    "THICK_LINE",
    "Entry",
    "bar_mark",
    "drawing",
    "halo",
    "key_layers",
    "lookup",
    "tick_mark",
]

FONT = '"Source Sans", "Source Sans Pro", system-ui, sans-serif'
"""Streamlit's own font, which its server sends; the others are the reader's."""

_ROOM = "M-1.3,-.8M1.3,.8"  # of one size, or Vega would set the labels at different heights
CROSS = "M-.7,-.7L.7,.7M-.7,.7L.7,-.7"
LINE = f"{_ROOM}M-1.3,0L1.3,0"
THICK_LINE = f"{_ROOM}M-1.3,-.12L1.3,-.12L1.3,.12L-1.3,.12Z"
DASHES = f"{_ROOM}M-1.3,0L-.7,0M-.3,0L.3,0M.7,0L1.3,0"
RANGE = "M-1.3,-.8L1.3,-.8L1.3,.8L-1.3,.8Z"
SQUARE = "M-.7,-.7L.7,-.7L.7,.7L-.7,.7Z"
DASHED_RANGE = f"{RANGE}M-1.3,0L-.7,0M-.3,0L.3,0M.7,0L1.3,0"
"""Shapes of the legend as SVG paths, which Vega scales."""

ABOVE_TITLE = 30


@attrs.frozen
class Entry:
    """An entry of a legend: its words, and how it is drawn."""

    label: str
    stroke: str
    shape: str
    fill: str = "transparent"


def drawing(
    words: Words, theme: Theme, rows: list[dict[str, Any]], layers: list[Any], **parts: Any
) -> dict[str, Any]:
    """Return a whole Vega-Lite dictionary: the rows and layers of one chart, and what all charts share.

    Parameters
    ----------
    rows : of the layers that bring none of their own.
    parts : `encoding` that all layers share, and keys of the outermost level, such as `height`.
    """
    encoding = {"encoding": parts.pop("encoding")} if "encoding" in parts else {}
    return {
        "width": "container",
        "background": "transparent",
        "padding": {"left": 4, "right": 8, "top": 6, "bottom": 4},
        # Streamlit sends rows of the outermost level apart and draws without them first, of which Vega then warns.
        "layer": [{"data": {"values": rows}, **encoding, "layer": layers}],
        **parts,
        "config": {
            "font": FONT,
            "locale": {"number": number_locale(words)},
            "mark": {"tooltip": None, "opacity": 1},
            "text": {"color": theme.text, "fontSize": 12},
            "view": {"stroke": None},
            "axis": {
                "domain": False,
                "ticks": False,
                "gridColor": theme.grid,
                "labelColor": theme.muted,
                "labelFontSize": 12,
                "labelPadding": 6,
                "labelSeparation": 6,
                "titleColor": theme.muted,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
                "labelFont": FONT,
                "titleFont": FONT,
            },
            # The title of the vertical axis stands level above it, where it is read first and takes no width.
            "axisY": {
                "titleAngle": 0,
                "titleAlign": "left",
                "titleAnchor": "end",
                "titleBaseline": "bottom",
                "titleX": 0,
                "titleY": -8,
                "tickCount": 4,
            },
            "legend": {
                "labelColor": theme.text,
                "labelFontSize": 12,
                "labelFont": FONT,
                "titleColor": theme.muted,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
                "titleFont": FONT,
                "labelLimit": 0,
                "orient": "top",
                "direction": "horizontal",
                "columnPadding": 16,
                "rowPadding": 4,
                "padding": 0,
            },
            "title": {
                "color": theme.muted,
                "font": FONT,
                "fontSize": 12,
                "fontWeight": "normal",
                "anchor": "start",
            },
        },
    }


def key_layers(entries: list[Entry], *, room: int = 10, below: bool = False) -> list[dict[str, Any]]:
    """Return the layer that draws nothing and makes the legend, in as many columns as the page has room for.

    Parameters
    ----------
    room : pixels between the legend and the chart: `ABOVE_TITLE` where something stands there.
    below : whether the legend stands below the chart rather than above it.
    """
    if not entries:
        return []
    labels = [entry.label for entry in entries]
    widths = [7 * len(label) + 46 for label in labels]
    legend = {
        "title": None,
        "orient": "bottom" if below else "top",
        "symbolStrokeWidth": 2,
        "symbolSize": 130,
        "symbolOpacity": 1,
        "offset": room,
        "columns": {"expr": f"width<{2 * max(widths)}?1:width<{sum(widths)}?2:{len(entries)}"},
    }

    def channel(values: list[str]) -> dict[str, Any]:
        scale = {"domain": labels, "range": values}
        return {"field": "k", "type": "nominal", "sort": None, "scale": scale, "legend": legend}

    layer = {
        "data": {"values": [{"k": label} for label in labels]},
        "mark": {"type": "point", "opacity": 0, "aria": False},
        "encoding": {
            "x": {"value": 0},
            "y": {"value": 0},
            "stroke": channel([entry.stroke for entry in entries]),
            "fill": channel([entry.fill for entry in entries]),
            "shape": channel([entry.shape for entry in entries]),
        },
    }
    return [layer]


def hit_layer(tooltip: Any, said: str, **mark: Any) -> dict[str, Any]:
    """Return unseen columns as high as the chart, which take pointer and finger.

    Parameters
    ----------
    said : the field that screen readers say.
    """
    return {
        "mark": {"type": "rect", "opacity": 0, **mark},
        "encoding": {
            "y": {"value": 0},
            "y2": {"value": "height"},
            "tooltip": tooltip,
            "description": {"field": said},
        },
    }


def halo(mark: dict[str, Any], text: dict[str, Any], theme: Theme) -> list[dict[str, Any]]:
    """Return two layers of one text: a halo of the page's colour, readable over lines, and the text itself."""
    mark = {"type": "text", "aria": False, **mark}
    behind = {"color": theme.background, "stroke": theme.background, "strokeWidth": 4, "strokeJoin": "round"}
    return [
        {"mark": {**mark, **behind}, "encoding": {"text": text}},
        {"mark": mark, "encoding": {"text": text}},
    ]


def lookup(labels: Mapping[Any, str | list[str]]) -> str:
    """Return the `labelExpr` that writes a label in the place of each value of an axis; a list is lines of text."""
    return f"({json.dumps({str(value): label for value, label in labels.items()}, ensure_ascii=False)})[datum.value]"


def bar_mark(theme: Theme) -> dict[str, Any]:
    """Return the mark of a bar, pale with an edge; the chosen one is filled by its encoding."""
    return {
        "type": "bar",
        "fill": theme.band,
        "stroke": theme.forecast,
        "strokeWidth": 1,
        "cornerRadiusEnd": 3,
        "aria": False,
    }


def tick_mark(theme: Theme) -> dict[str, Any]:
    """Return the mark of the value that a bar is compared with: a line across it, readable on the bar too."""
    return {
        "type": "tick",
        "color": theme.text,
        "thickness": 3,
        "stroke": theme.background,
        "strokeWidth": 1.5,
        "aria": False,
    }
