"""The hours of one day as a classifier sees them: how likely each is a busy one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import drawing
from bike_traffic.app.charts.formats import column, records, sentence
from bike_traffic.app.charts.hours import hour_axis, hour_labels, hover_layer

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["busy_chart"]

LIKELY = 0.5
"""From which probability on an hour is predicted to be busy."""


def busy_chart(hours: pd.DataFrame, words: Words, theme: Theme, height: int) -> Chart:
    """Return the chart of the probabilities of busy hours: see `day_chart`."""
    chance = column(hours, "probability").round(3)
    labels = hour_labels(hours["time"], words)
    y = {
        "field": "p",
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1], "title": words.say("chance of a busy hour")},
    }
    tooltip = [
        {"field": "h", "title": words.say("Hour")},
        {"field": "p", "type": "quantitative", "title": words.say("Chance of a busy hour"), "format": ".0%"},
    ]
    line = {"type": "rule", "color": theme.usual, "strokeDash": [5, 3], "strokeWidth": 1.5, "aria": False}
    bar: dict[str, Any] = {
        "transform": [{"calculate": "datum.x-.38", "as": "x0"}, {"calculate": "datum.x+.38", "as": "x1"}],
        "mark": {"type": "rect", "aria": False, "cornerRadius": 2, "strokeWidth": 1, "stroke": theme.forecast},
        "encoding": {
            "x": {"field": "x0", "type": "quantitative"},
            "x2": {"field": "x1"},
            "y": y,
            "y2": {"datum": 0},
            "fill": {"condition": {"test": f"datum.p>={LIKELY}", "value": theme.forecast}, "value": theme.band},
        },
    }
    spec = drawing(
        words,
        theme,
        height=height,
        rows=records({"x": range(len(hours)), "h": labels, "p": chance}),
        encoding={"x": hour_axis(hours["time"], words)},
        layers=[
            bar,
            {"mark": line, "encoding": {"x": {"value": 0}, "x2": {"value": "width"}, "y": {"datum": LIKELY}}},
            hover_layer(tooltip, theme),
        ],
    )
    table = pd.DataFrame(
        {
            words.say("Hour"): labels,
            words.say("Chance of a busy hour"): [words.percent(one) if pd.notna(one) else "" for one in chance],
        }
    )
    return Chart(spec, _say_busy(hours, chance, labels, words), table)


def _say_busy(hours: pd.DataFrame, chance: pd.Series[float], labels: list[str], words: Words) -> str:
    at = int(chance.argmax())
    said = words.say(
        "{day}: {hour} is the most likely busy hour, with a chance of {chance}.",
        day=words.date(hours["time"].iloc[0], "full"),
        hour=labels[at],
        chance=words.percent(float(chance.iloc[at])),
    )
    busy = int((chance >= LIKELY).sum())
    several = words.plural(
        "{count} hour is predicted to be busy.", "{count} hours are predicted to be busy.", busy, count=busy
    )
    return f"{sentence(said)} {several}"
