"""The hours of a day along an axis, right on days of 23 and 25 hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.drawing import lookup

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["hour_axis", "hour_labels", "hover_layer"]


def hour_labels(times: pd.Series[pd.Timestamp], words: Words) -> list[str]:
    """Return the local hours in words; where an hour comes twice, each says which time it is in."""
    local = [time.hour for time in times]
    return [_hour_label(time, words, twice=local.count(time.hour) > 1) for time in times]


def _hour_label(time: pd.Timestamp, words: Words, *, twice: bool) -> str:
    if not twice:
        return words.hour(time.hour)
    if time.dst():
        return words.say("{hour} (summer time)", hour=words.hour(time.hour))
    return words.say("{hour} (winter time)", hour=words.hour(time.hour))


def hour_axis(times: pd.Series[pd.Timestamp], words: Words) -> dict[str, Any]:
    """Return the horizontal axis of the field ``x``, the position of an hour in its day; every third has a label.

    Positions rather than times: Vega shows times in the time zone of the reader's machine.
    """
    local = [time.hour for time in times]
    labelled = {local.index(hour): words.hour(hour) for hour in sorted(set(local)) if hour % 3 == 0}
    return {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [-0.4, max(len(local) - 1, 1) + 0.4], "nice": False, "zero": False},
        "axis": {
            "title": None,
            "grid": False,
            "values": list(labelled),
            "labelExpr": lookup(labelled),
            "labelOverlap": "parity",
            "labelFlush": False,
        },
    }


def hover_layer(tooltip: list[dict[str, Any]], theme: Theme) -> dict[str, Any]:
    """Return a column for each hour, unseen until the pointer is over it, with the numbers of the hour.

    Its field ``h`` is the hour in words, which screen readers say.
    """
    return {
        "params": [{"name": "hover", "select": {"type": "point", "on": "pointerover", "clear": "pointerout"}}],
        "transform": [{"calculate": "datum.x-.5", "as": "x0"}, {"calculate": "datum.x+.5", "as": "x1"}],
        "mark": {"type": "rect", "color": theme.text},
        "encoding": {
            "x": {"field": "x0", "type": "quantitative"},
            "x2": {"field": "x1"},
            "opacity": {"condition": {"param": "hover", "empty": False, "value": 0.07}, "value": 0},
            "description": {"field": "h"},
            "tooltip": tooltip,
        },
    }
